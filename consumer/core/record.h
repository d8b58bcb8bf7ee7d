/* record.h: one record in hand, from its fetch until the frontier passes it. */
#ifndef RELAY_RECORD_H
#define RELAY_RECORD_H

#include "core_parts.h"

/* Answers EVENT_RECORD_FETCHED. */
void record_on_fetched(struct delivery_core *core, const struct delivery_event *event);

/* One of its deliveries is settled. The record may be gone afterwards. */
void record_settle_one(struct delivery_core *core, struct record *record);

/* Its last delivery is settled, or it never had one: gives the payload back and moves the frontier. */
void record_settled(struct delivery_core *core, struct record *record);

/* Forgets the record (already off its ledger) and its deliveries, because its partition is no longer ours. */
void record_forget(struct delivery_core *core, struct record *record);

#endif
