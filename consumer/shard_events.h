/* shard_events.h: what the edges of a shard say becomes an event of its next turn. Called from the shard's own thread.
 */
#ifndef RELAY_SHARD_EVENTS_H
#define RELAY_SHARD_EVENTS_H

#include "delivery_core.h"
#include "kafka_subscription.h"
#include "sink.h"

#include <stdbool.h>
#include <stdint.h>

struct shard;

/* A sink carries one number, the core answers to two: both in one. */
uint64_t shard_attempt_number(uint32_t delivery, uint64_t attempt);

void shard_append_attempt_finished(struct shard *shard, uint64_t number, enum delivery_verdict verdict,
                                   int64_t retry_after_ms, int32_t error);

/* The callbacks of the edges; `context` is the shard. */
void shard_on_subscription_event(void *context, const struct kafka_subscription_event *event);
void shard_on_attempt_answered(void *context, uint64_t number, const struct sink_answer *answer);
void shard_on_dead_letter_answered(void *context, uint32_t delivery, uint64_t token, bool ok);

#endif
