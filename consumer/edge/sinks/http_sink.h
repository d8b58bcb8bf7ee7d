/* http_sink.h: webhook attempts over HTTP/1.1, on libcurl's multi interface inside a libuv loop.
 *
 * One sink serves one loop and one thread. An attempt takes a slot (there are `connections_max`), sends one
 * request and ends in exactly one call of `done`, at the latest 250 ms after its time-out, or in a cancel.
 * Connections are pooled by host across attempts, whoever's they are; nothing else of one goes into the next.
 *
 * What a receiver may not do: redirect us, have us read more than HTTP_SINK_BODY_MAX of a body or
 * HTTP_SINK_HEADER_MAX of header fields (interim answers and trailers count), or be at an address that the gate
 * denies. (One header field that arrives faster than it is read may take 100 KiB before it is cut off: libcurl shows
 * whole lines only.) Once a final status was read it stands, whatever comes after it.
 *
 * One attempt, two requests: when a pooled connection turns out to be closed before one byte of an answer came,
 * the request is sent once more on another connection. The receiver may have closed it while idle, which costs it
 * nothing, or after it read the request, and then it sees the same webhook-id twice, as it may after any failed
 * attempt. Both count as one attempt; http_answer.requests says 2. A second such end is TRANSPORT_CONNECT. */
#ifndef RELAY_HTTP_SINK_H
#define RELAY_HTTP_SINK_H

#include "address_gate.h"
#include "bytes.h"
#include "status.h"
#include "webhook_request.h"
#include "webhook_verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_SINK_BODY_MAX = 16 * 1024,
    HTTP_SINK_HEADER_MAX = 32 * 1024,
};

struct uv_loop_s;
struct http_sink;

struct http_sink_limits {
    uint32_t connections_max; /* attempts in the air, and open connections, pooled ones included */
    const char *ca_file;      /* certificates to trust instead of the system's; NULL: the system's. Copied. */
};

struct http_answer {
    struct webhook_answer answer; /* its view is valid inside `done` */
    const char *detail;    /* for a log line: why there is no status; never from the receiver. Valid inside `done` */
    uint32_t header_bytes; /* read, at most HTTP_SINK_HEADER_MAX */
    uint32_t body_bytes;   /* read, at most HTTP_SINK_BODY_MAX */
    uint32_t requests;     /* sent: 0 where there was no connection, 2 after a pooled one was dead */
};

/* An attempt has ended. Called from the loop, never from inside a function of this page; may call start_attempt,
 * cancel and stop. */
typedef void http_sink_done(void *context, uint64_t attempt, const struct http_answer *answer);

/* `gate` and `context` must outlive the sink. The process must ignore SIGPIPE. */
struct http_sink *http_sink_create(struct uv_loop_s *loop, const struct http_sink_limits *limits,
                                   const struct address_gate *gate, http_sink_done *done, void *context);

/* Starts an attempt under a number that no attempt in the air has. `request` is copied; `body` is borrowed until
 * `done` or cancel. `timeout_ms` > 0 is for everything, from the look-up of the name to the end of the answer.
 * Errors: STATUS_FULL when every slot is taken; nothing has started then. */
WARN_UNUSED enum status http_sink_start_attempt(struct http_sink *sink, uint64_t attempt,
                                                const struct webhook_request *request, struct bytes_view body,
                                                int64_t timeout_ms);

/* Ends an attempt at once, its connection closed; no `done` follows. One that is not in the air is ignored. */
void http_sink_cancel(struct http_sink *sink, uint64_t attempt);

uint32_t http_sink_in_flight(const struct http_sink *sink);

/* Cancels everything and closes every connection; no `done` follows, nothing may be started. The sink's handles
 * leave the loop in its next turn. May be called again. */
void http_sink_stop(struct http_sink *sink);

/* Stops if need be. The memory is given back when the loop has turned: run it until it ends. NULL is fine. */
void http_sink_destroy(struct http_sink *sink);

#endif
