/* lane.h: a subscription on one partition: when it may send, and its halts. */
#ifndef RELAY_LANE_H
#define RELAY_LANE_H

#include "core_parts.h"

/* How many lanes are needed at most: one for every delivery; one for every pair and for each of those `leaving`, whose
 * subscription was removed, at most. */
uint32_t lane_bound(const struct delivery_core *core, uint32_t subscriptions, uint32_t leaving);

/* Room for that many lanes at least. */
void lane_reserve(struct delivery_core *core, uint32_t lanes);

/* The lane of this pair, or NULL. */
struct lane *lane_find(const struct delivery_core *core, const struct partition *partition, uint32_t subscription);

/* The lane of this pair, made if it is not there. A lane that owes nothing may be given up for it. */
struct lane *lane_open(struct delivery_core *core, struct partition *partition, uint32_t subscription);

/* A delivery more is owed, or one less. */
void lane_owe(struct delivery_core *core, struct lane *lane);
void lane_pay(struct delivery_core *core, struct lane *lane);

/* Whether it is halted in any way. */
bool lane_is_halted(const struct lane *lane);

/* Works out anew whether it may send now, later (its timer), or not; to be called after whatever bears on it. */
void lane_refresh(struct delivery_core *core, struct lane *lane);

/* The next delivery to send; the lane is runnable. */
struct delivery *lane_next(const struct lane *lane);

/* What starts next is a probe. */
bool lane_wants_probe(const struct lane *lane);
void lane_probe_started(struct delivery_core *core, struct lane *lane);

/* Answers of its endpoint, in the order in which they arrive. While a probe is in the air nothing else of the lane is,
 * so an answer to a PROBING lane is the probe's. */
void lane_succeeded(struct delivery_core *core, struct lane *lane);
void lane_refused(struct delivery_core *core, struct lane *lane);
void lane_cut(struct delivery_core *core, struct lane *lane);

/* FAILED, PACED, GONE or DENIED: holds it for a Retry-After (-1: none), counts, halts it when that is due. */
void lane_failed(struct delivery_core *core, struct lane *lane, enum delivery_verdict verdict, int64_t retry_after_ms);

/* Gives it up: it owes nothing. */
void lane_close(struct delivery_core *core, struct lane *lane);

/* Its subscription leaves: whatever it knew of the endpoint is forgotten, without a word. Ends at once when it owes
 * nothing, else with its last delivery. */
void lane_leave(struct delivery_core *core, struct lane *lane);

/* Takes it out of the table of pairs and puts it back as that subscription's, which may have joined again. */
void lane_unlist(struct lane *lane);
void lane_list(struct delivery_core *core, struct lane *lane, uint32_t subscription);

/* Its subscription's document has changed: a 410 is forgotten, a halt's next probe is due. */
void lane_restart(struct delivery_core *core, struct lane *lane);

#endif
