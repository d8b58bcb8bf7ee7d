/* delivery.h: one event on its way to one subscription; the one mover of its states. */
#ifndef RELAY_DELIVERY_H
#define RELAY_DELIVERY_H

#include "core_parts.h"

/* Earlier on the log first: the order of a lane's ready heap. */
bool delivery_comes_first(const struct heap_node *a, const struct heap_node *b);

/* A new delivery of the record, FREE and not yet owed to anybody's order. `lane` may be NULL. */
struct delivery *delivery_create(struct delivery_core *core, struct record *record, struct lane *lane);

/* FREE → READY or BLOCKED, as the ordering of its lane wants. */
void delivery_queue(struct delivery_core *core, struct delivery *delivery);

/* Chains a delivery that is in no chain by another ordering. One that was free to go stays so; a BLOCKED one is READY
 * when nobody is before it. To be called for all that a lane owes, in log order. */
void delivery_queue_anew(struct delivery_core *core, struct delivery *delivery, enum ordering ordering);

/* Moves to WAITING until now + wait_ms. */
void delivery_wait(struct delivery_core *core, struct delivery *delivery, int64_t wait_ms);

/* The only place that changes a state: aborts on a move that the picture in consumer/README.md does not have, keeps
 * lists, heaps, counts and gauges. */
void delivery_move(struct delivery_core *core, struct delivery *delivery, enum delivery_state to);

/* Settles: those behind it may go, the record's payload and the frontier follow. The delivery and perhaps its record
 * are gone afterwards. */
void delivery_settle(struct delivery_core *core, struct delivery *delivery);

/* Its subscription has left: settles it as not matching, or lets what is running finish (false): any answer settles it
 * then. */
bool delivery_drop(struct delivery_core *core, struct delivery *delivery);

/* Forgets it unsettled, because its partition is no longer ours. An attempt in the air is cancelled. */
void delivery_forget(struct delivery_core *core, struct delivery *delivery);

/* The timer of a WAITING or DEAD_LETTER_WAITING delivery has come. */
void delivery_on_timer(struct delivery_core *core, struct delivery *delivery);

#endif
