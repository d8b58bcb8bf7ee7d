/* memory.h: allocation that never returns NULL.
 *
 * Memory is bounded by settings and taken mostly at start; a failed allocation is therefore not an answer to
 * handle but the end of the process (librdkafka makes the same choice). Free with free(). */
#ifndef RELAY_MEMORY_H
#define RELAY_MEMORY_H

#include <stddef.h>

/* `count` objects of `size` bytes, zeroed. Aborts with a line on standard error when there is no memory. */
void *memory_alloc(size_t count, size_t size);

/* realloc for `count` objects of `size` bytes; the new part is not zeroed. */
void *memory_resize(void *old, size_t count, size_t size);

/* An owned copy of the NUL-terminated `text`. */
char *memory_copy_text(const char *text);

#endif
