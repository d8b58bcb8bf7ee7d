/* route_table.h: which subscriptions an event goes to.
 *
 * Built once from a set, which must outlive it. A match looks only at the subscriptions of the event's own tenant,
 * found by a binary search over the tenants, and allocates nothing. */
#ifndef RELAY_ROUTE_TABLE_H
#define RELAY_ROUTE_TABLE_H

#include "incident.h"
#include "subscription.h"

#include <stddef.h>
#include <stdint.h>

struct route_table;

/* A table holds the buffer of its last answer: one table per thread. Free with route_table_destroy. */
struct route_table *route_table_create(const struct subscription_set *set);
void route_table_destroy(struct route_table *table); /* NULL is fine */

/* The enabled subscriptions that the event matches, as ascending indexes into the set's items; returns how many.
 * *ret_subscriptions belongs to the table and is valid until its next match. */
size_t route_table_match(struct route_table *table, const struct incident_event *event,
                         const uint32_t **ret_subscriptions);

#endif
