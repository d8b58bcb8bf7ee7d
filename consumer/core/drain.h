/* drain.h: the way to a stop: await what is in the air, cut the rest, commit once more. */
#ifndef RELAY_DRAIN_H
#define RELAY_DRAIN_H

#include "core_parts.h"

/* Answers EVENT_DRAIN_REQUESTED. */
void drain_on_requested(struct delivery_core *core, const struct delivery_event *event);

/* True from the first request on: nothing new starts. */
bool drain_has_begun(const struct delivery_core *core);

/* Goes on to the last commits once nothing is in the air or the deadline has come. */
void drain_advance(struct delivery_core *core);

/* Says ACTION_DRAINED once the last commits are answered or have had their time. */
void drain_finish(struct delivery_core *core);

#endif
