/* holding.h: what keeps a partition from being read further, when it is more than a moment's work. */
#ifndef RELAY_HOLDING_H
#define RELAY_HOLDING_H

#include "core_parts.h"

/* Answers EVENT_GAP_FOUND. */
void holding_on_gap_found(struct delivery_core *core, const struct delivery_event *event);

/* A record with an unknown schema: waits for it, or not where that schema was waited for before. */
void holding_await_schema(struct delivery_core *core, struct delivery *delivery);

/* The schema has not come in time: from now on its records wait no more. */
void holding_schema_expired(struct delivery_core *core, struct delivery *delivery);

/* Records that the partition may take; 0 while it is held. */
uint32_t holding_credit(const struct delivery_core *core, const struct partition *partition);

/* Says it when the partition has become held, held by something else, or free. */
void holding_refresh(struct delivery_core *core, struct partition *partition);

/* The partition is given up: nothing holds it any more, without a word. */
void holding_end(struct delivery_core *core, struct partition *partition);

#endif
