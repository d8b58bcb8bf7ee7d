/* admin_http.h: the admin listener: GET and HEAD of /metrics, /livez, /readyz, on a thread of its own.
 *
 * 404 for other paths, 405 for other methods. 200 or 503 with one line of text for the two health paths. A
 * connection ends ADMIN_HTTP_DEADLINE_MS after it began, however it behaves; at most ADMIN_HTTP_CONNECTIONS_MAX are
 * held at once. */
#ifndef RELAY_ADMIN_HTTP_H
#define RELAY_ADMIN_HTTP_H

#include "bytes.h"
#include "metrics.h"

#include <stdbool.h>
#include <stdint.h>

enum { ADMIN_HTTP_DEADLINE_MS = 5000, ADMIN_HTTP_CONNECTIONS_MAX = 64 };

struct admin_http;

/* Called on the listener's thread; may not block. When the answer is false, `why` gets one line. */
struct admin_http_health {
    bool (*is_live)(void *context, struct bytes *why);
    bool (*is_ready)(void *context, struct bytes *why);
    void *context;
};

/* Is `listen` an address this listener takes: `127.0.0.1:9464`, `[::1]:9464`, `:9464` (any address); port 0 is any
 * free one? Fits as an option_check. Errors: STATUS_INVALID. */
WARN_UNUSED enum status admin_http_check_listen(const char *listen, struct error *ret_error);

/* Binds and serves from now on. The registry must outlive it.
 * Errors: STATUS_INVALID as above; STATUS_IO when the address cannot be bound (the text says why). */
WARN_UNUSED enum status admin_http_start(const char *listen, struct metrics *metrics,
                                         const struct admin_http_health *health, struct admin_http **ret_admin,
                                         struct error *ret_error);

/* The port it is bound to. */
uint16_t admin_http_port(const struct admin_http *admin);

/* Closes every connection, ends the thread, frees. NULL is fine. */
void admin_http_stop(struct admin_http *admin);

#endif
