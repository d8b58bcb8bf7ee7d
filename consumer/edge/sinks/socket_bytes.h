/* socket_bytes.h: how much was read from a TCP socket. (A file of its own: uv.h and the kernel's header that has the
 * counter define the same names.) */
#ifndef RELAY_SOCKET_BYTES_H
#define RELAY_SOCKET_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* The bytes read from `socket` since it was connected: what arrived less what still waits. The two are looked up one
 * after the other, so while bytes arrive it may be more than *ret_bytes, never less.
 * False where the system does not say. */
bool socket_bytes_read(int socket, uint64_t *ret_bytes);

#endif
