/* kafka_sink.h: deliveries to topics.
 *
 * Each event is one record under its own key, written by an idempotent producer and acknowledged by all in-sync
 * replicas: that is delivered. At least once: an attempt that is given up after KAFKA_SINK_TIMEOUT_MS may have arrived.
 *   avro: key, value, headers and timestamp as they were read.
 *   json: the body of the webhook under the same key, with the same timestamp and headers, but that `content-type` is
 *         application/json and `ce_id` is there exactly once and is the event's id.
 * Refused: a record that is larger than broker, topic or librdkafka take (`too-large`), or that the broker's own rules
 * for the topic do not let in. Anything else is the target's failure: no such topic, no permission, no answer. */
#ifndef RELAY_KAFKA_SINK_H
#define RELAY_KAFKA_SINK_H

#include "event_loop.h"
#include "kafka_client.h"
#include "sink.h"

#include <stdint.h>

enum { KAFKA_SINK_TIMEOUT_MS = 30000 };

struct kafka_sink_limits {
    uint32_t records_max; /* not answered yet, cancelled ones included */
};

/* `properties` and `context` must outlive the sink. The producer is made at the first delivery, so that who has no
 * kafka sink has no connection for it; after a fatal error it is made anew, and what it held has failed. Cancel
 * leaves the record in the producer's hands. reopen has nothing to do. */
struct sink kafka_sink_create(struct event_loop *loop, const struct kafka_properties *properties,
                              const struct kafka_sink_limits *limits, sink_listener *listener, void *context);

#endif
