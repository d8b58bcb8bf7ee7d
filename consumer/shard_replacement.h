/* shard_replacement.h: another set of subscriptions takes the place of the one in force. */
#ifndef RELAY_SHARD_REPLACEMENT_H
#define RELAY_SHARD_REPLACEMENT_H

#include "delivery_core.h"
#include "subscription.h"

#include <stdint.h>

struct shard;

/* The part of the set that the core goes by; the caller frees it. */
struct delivery_subscription *shard_make_delivery_subscriptions(const struct subscription_set *set);

/* In a turn: takes over what shard_reload has left, if anything. */
void shard_take_over(struct shard *shard, int64_t now_ms);

#endif
