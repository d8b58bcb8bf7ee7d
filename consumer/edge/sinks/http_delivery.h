/* http_delivery.h: deliveries to http sinks: builds the request, signs it, and hands it to http_sink. */
#ifndef RELAY_HTTP_DELIVERY_H
#define RELAY_HTTP_DELIVERY_H

#include "address_gate.h"
#include "event_loop.h"
#include "http_sink.h"
#include "sink.h"

/* `gate` and `context` must outlive the sink. Its cancel closes the connection; its reopen has nothing to do.
 * start_attempt can also give STATUS_INVALID when the URL or an own header may not be sent. */
struct sink http_delivery_create(struct event_loop *loop, const struct http_sink_limits *limits,
                                 const struct address_gate *gate, sink_listener *listener, void *context);

#endif
