/* replacement.h: takes over a new set of subscriptions while everything goes on. */
#ifndef RELAY_REPLACEMENT_H
#define RELAY_REPLACEMENT_H

#include "core_parts.h"

/* Answers EVENT_SUBSCRIPTIONS_REPLACED. */
void replacement_on_replaced(struct delivery_core *core, const struct delivery_event *event);

#endif
