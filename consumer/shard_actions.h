/* shard_actions.h: steps the core of a shard and carries out what it wants done, in its order. */
#ifndef RELAY_SHARD_ACTIONS_H
#define RELAY_SHARD_ACTIONS_H

#include "delivery_core.h"

struct shard;

void shard_step(struct shard *shard, const struct delivery_event *event);

#endif
