/* delivery.h: one event on its way to one subscription; the one mover of its states. */
#ifndef RELAY_DELIVERY_H
#define RELAY_DELIVERY_H

#include "core_parts.h"

/* Earlier on the log first: the order of a lane's ready heap. */
bool delivery_comes_first(const struct heap_node *a, const struct heap_node *b);

/* A new delivery of the record, FREE and not yet owed to anybody's order. `lane` may be NULL. */
struct delivery *delivery_create(struct delivery_core *core, struct record *record, struct lane *lane);

/* FREE → READY or BLOCKED, as the ordering of its subscription wants. */
void delivery_queue(struct delivery_core *core, struct delivery *delivery);

/* Moves to WAITING until now + wait_ms. */
void delivery_wait(struct delivery_core *core, struct delivery *delivery, int64_t wait_ms);

/* The only place that changes a state: aborts on a move that the picture in consumer/README.md does not have, keeps
 * lists, heaps, counts and gauges. */
void delivery_move(struct delivery_core *core, struct delivery *delivery, enum delivery_state to);

/* Settles: those behind it may go, the record's payload and the frontier follow. The delivery and perhaps its record
 * are gone afterwards. */
void delivery_settle(struct delivery_core *core, struct delivery *delivery);

/* Forgets it unsettled, because its partition is no longer ours. An attempt in the air is cancelled. */
void delivery_forget(struct delivery_core *core, struct delivery *delivery);

/* The timer of a WAITING or DEAD_LETTER_WAITING delivery has come. */
void delivery_on_timer(struct delivery_core *core, struct delivery *delivery);

#endif
