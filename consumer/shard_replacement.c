#include "shard_replacement.h"

#include "check.h"
#include "memory.h"
#include "shard_actions.h"
#include "shard_reports.h"
#include "shard_state.h"

#include <stdlib.h>

_Static_assert(SUBSCRIPTION_REMOVED == DELIVERY_NO_SUBSCRIPTION, "a reload hands its indexes to the core as they are");

struct delivery_subscription *shard_make_delivery_subscriptions(const struct subscription_set *set)
{
    struct delivery_subscription *subscriptions = memory_alloc(set->count, sizeof(*subscriptions));
    for (size_t i = 0; i < set->count; i++) {
        static const enum ordering orderings[] = {[SUBSCRIPTION_ORDERING_INCIDENT] = ORDERING_INCIDENT,
                                                  [SUBSCRIPTION_ORDERING_TENANT] = ORDERING_TENANT,
                                                  [SUBSCRIPTION_ORDERING_NONE] = ORDERING_NONE};
        subscriptions[i] = (struct delivery_subscription){.tenant = set->items[i].tenant,
                                                          .ordering = orderings[set->items[i].ordering],
                                                          .max_in_flight = subscription_max_in_flight(&set->items[i]),
                                                          .is_disabled = !set->items[i].enabled};
    }
    return subscriptions;
}

/* From the step on every index is the new set's. What is in the air was started from copies. */
static void replace_subscriptions(struct shard *shard, const struct subscription_set *set,
                                  const struct subscription_changes *changes, int64_t now_ms)
{
    const struct subscription_set *old_set = shard->parts.subscriptions;
    struct delivery_subscription *subscriptions = shard_make_delivery_subscriptions(set);
    struct delivery_event event = {.kind = EVENT_SUBSCRIPTIONS_REPLACED, .now_ms = now_ms};
    event.subscriptions_replaced.subscriptions = subscriptions;
    event.subscriptions_replaced.count = (uint32_t)set->count;
    event.subscriptions_replaced.fanout_max = set->largest_tenant;
    event.subscriptions_replaced.new_indexes = changes->new_index;
    event.subscriptions_replaced.old_count = (uint32_t)old_set->count;
    event.subscriptions_replaced.restarts = changes->is_changed;
    route_table_destroy(shard->routes);
    shard->routes = route_table_create(set);
    shard->parts.subscriptions = set;
    shard_step(shard, &event);
    shard_report_dropped(shard, old_set);
    free(subscriptions);
}

void shard_take_over(struct shard *shard, int64_t now_ms)
{
    CHECK(pthread_mutex_lock(&shard->next_lock) == 0);
    bool has_next = shard->has_next;
    const struct subscription_set *set = shard->next_set;
    const struct subscription_changes *changes = shard->next_changes;
    shard->has_next = false;
    CHECK(pthread_mutex_unlock(&shard->next_lock) == 0);
    if (!has_next) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(shard->sinks); i++) {
        shard->sinks[i].ops->reopen(shard->sinks[i].self);
    }
    if (set != NULL) {
        replace_subscriptions(shard, set, changes, now_ms);
        shard->parts.on_reloaded(shard->parts.context);
    }
}

void shard_reload(struct shard *shard, const struct subscription_set *set, const struct subscription_changes *changes)
{
    CHECK(pthread_mutex_lock(&shard->next_lock) == 0);
    shard->next_set = set;
    shard->next_changes = changes;
    shard->has_next = true;
    CHECK(pthread_mutex_unlock(&shard->next_lock) == 0);
    event_loop_wake(shard->loop);
}
