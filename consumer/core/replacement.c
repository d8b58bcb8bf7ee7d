#include "replacement.h"

#include "check.h"
#include "delivery.h"
#include "lane.h"
#include "memory.h"
#include "ownership.h"

#include <stdlib.h>

typedef void lane_visitor(struct delivery_core *core, struct lane *lane, const struct delivery_event *event);

/* `visit` may close the lane. */
static void visit_lanes(struct delivery_core *core, const struct delivery_event *event, lane_visitor *visit)
{
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        struct lane *next = NULL;
        for (struct lane *lane = LIST_FIRST(&core->partitions[i].lanes); lane != NULL; lane = next) {
            next = LIST_NEXT(lane, of_partition);
            visit(core, lane, event);
        }
    }
}

static void check_set(const struct delivery_core *core, const struct delivery_event *event)
{
    const struct delivery_subscription *subscriptions = event->subscriptions_replaced.subscriptions;
    uint32_t count = event->subscriptions_replaced.count;
    CHECK(event->subscriptions_replaced.old_count == core->subscription_count);
    bool *is_taken = memory_alloc(count > 0 ? count : 1, sizeof(bool));
    for (uint32_t i = 0; i < core->subscription_count; i++) {
        uint32_t index = event->subscriptions_replaced.new_indexes[i];
        if (index != DELIVERY_NO_SUBSCRIPTION) {
            CHECK(index < count && !is_taken[index]);
            /* Its lane's events are the old tenant's. */
            CHECK(subscriptions[index].tenant == core->subscriptions[i].tenant);
            is_taken[index] = true;
        }
    }
    free(is_taken);
}

/* ---- room ---- */

static uint32_t count_removed(const struct delivery_core *core, const struct delivery_event *event)
{
    uint32_t removed = 0;
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        const struct lane *lane = NULL;
        LIST_FOREACH(lane, &core->partitions[i].lanes, of_partition)
        {
            removed += lane->subscription == DELIVERY_NO_SUBSCRIPTION ||
                       event->subscriptions_replaced.new_indexes[lane->subscription] == DELIVERY_NO_SUBSCRIPTION;
        }
    }
    return removed;
}

static void make_room(struct delivery_core *core, const struct delivery_event *event)
{
    core->limits.fanout_max = event->subscriptions_replaced.fanout_max;
    hand_set_fanout(&core->hand, &core->limits);
    pool_reserve(&core->deliveries, core->hand.deliveries_max);
    order_chain_reserve(&core->chains, core->hand.deliveries_max);
    lane_reserve(core, lane_bound(core, event->subscriptions_replaced.count, count_removed(core, event)));
    core_reserve_actions(core);
}

/* ---- those that leave; indexes are the old ones ---- */

static bool leaves(const struct delivery_event *event, uint32_t subscription)
{
    uint32_t index = event->subscriptions_replaced.new_indexes[subscription];
    return index == DELIVERY_NO_SUBSCRIPTION || event->subscriptions_replaced.subscriptions[index].is_disabled;
}

static void let_leave(struct delivery_core *core, struct lane *lane, const struct delivery_event *event)
{
    if (!lane->is_leaving && leaves(event, lane->subscription)) {
        lane_leave(core, lane);
    }
}

static void drop_of_record(struct delivery_core *core, struct record *record)
{
    struct delivery *next = NULL;
    for (struct delivery *delivery = LIST_FIRST(&record->deliveries); delivery != NULL; delivery = next) {
        /* With its last delivery the record may be gone. */
        next = LIST_NEXT(delivery, of_record);
        if (delivery->lane != NULL && delivery->lane->is_leaving && !delivery->is_dropped) {
            struct delivery_dropped *dropped = &core->dropped[delivery->lane->subscription];
            bool is_settled = delivery_drop(core, delivery);
            dropped->dropped += is_settled;
            dropped->awaited += !is_settled;
        }
    }
}

static void drop_all(struct delivery_core *core)
{
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        /* From the last one back: so nobody is woken who is dropped next, and the frontier moves at the end, when no
         * record is left to look at. */
        struct ledger_entry *previous = NULL;
        struct ledger_entries *entries = &core->partitions[i].ledger.entries;
        for (struct ledger_entry *entry = TAILQ_LAST(entries, ledger_entries); entry != NULL; entry = previous) {
            previous = TAILQ_PREV(entry, ledger_entries, link);
            drop_of_record(core, CONTAINER_OF(entry, struct record, entry));
        }
    }
}

static void begin_account(struct delivery_core *core)
{
    free(core->dropped);
    core->dropped = memory_alloc(core->subscription_count > 0 ? core->subscription_count : 1, sizeof(*core->dropped));
}

/* Keeps those that owed something. */
static void end_account(struct delivery_core *core)
{
    for (uint32_t i = 0; i < core->subscription_count; i++) {
        struct delivery_dropped dropped = core->dropped[i];
        if (dropped.dropped > 0 || dropped.awaited > 0) {
            dropped.subscription = i;
            core->dropped[core->dropped_count++] = dropped;
        }
    }
}

/* ---- those that stay ---- */

static void unlist(struct delivery_core *core, struct lane *lane, const struct delivery_event *event)
{
    (void)core;
    (void)event;
    lane_unlist(lane);
}

static void list(struct delivery_core *core, struct lane *lane, const struct delivery_event *event)
{
    if (lane->subscription != DELIVERY_NO_SUBSCRIPTION) {
        lane_list(core, lane, event->subscriptions_replaced.new_indexes[lane->subscription]);
    }
}

static void renumber(struct delivery_core *core, const struct delivery_event *event)
{
    uint32_t count = event->subscriptions_replaced.count;
    visit_lanes(core, event, unlist);
    free(core->subscriptions);
    core->subscriptions = memory_alloc(count > 0 ? count : 1, sizeof(*core->subscriptions));
    core->subscription_count = count;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(event->subscriptions_replaced.subscriptions[i].max_in_flight > 0);
        core->subscriptions[i] = event->subscriptions_replaced.subscriptions[i];
    }
    visit_lanes(core, event, list);
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        struct partition *partition = &core->partitions[i];
        if (partition->held_by != DELIVERY_NO_SUBSCRIPTION) {
            partition->held_by = event->subscriptions_replaced.new_indexes[partition->held_by];
        }
    }
}

static enum ordering ordering_wanted(const struct delivery_core *core, const struct lane *lane)
{
    bool is_removed = lane->subscription == DELIVERY_NO_SUBSCRIPTION;
    return is_removed ? lane->ordering : core->subscriptions[lane->subscription].ordering;
}

/* Both times in log order: chains are as the log is. */
static void chain_anew(struct delivery_core *core, struct partition *partition, bool is_unchaining)
{
    struct ledger_entry *entry = NULL;
    TAILQ_FOREACH(entry, &partition->ledger.entries, link)
    {
        struct delivery *delivery = NULL;
        LIST_FOREACH(delivery, &CONTAINER_OF(entry, struct record, entry)->deliveries, of_record)
        {
            struct lane *lane = delivery->lane;
            if (lane == NULL || ordering_wanted(core, lane) == lane->ordering) {
                continue;
            }
            if (is_unchaining) {
                order_chain_forget(&core->chains, &delivery->order);
            } else {
                delivery_queue_anew(core, delivery, ordering_wanted(core, lane));
            }
        }
    }
}

static void finish(struct delivery_core *core, struct lane *lane, const struct delivery_event *event)
{
    lane->ordering = ordering_wanted(core, lane);
    if (lane->subscription != DELIVERY_NO_SUBSCRIPTION && event->subscriptions_replaced.restarts != NULL &&
        event->subscriptions_replaced.restarts[lane->subscription]) {
        lane_restart(core, lane);
    }
    lane_refresh(core, lane);
}

void replacement_on_replaced(struct delivery_core *core, const struct delivery_event *event)
{
    check_set(core, event);
    make_room(core, event);
    begin_account(core);
    visit_lanes(core, event, let_leave);
    drop_all(core);
    end_account(core);
    renumber(core, event);
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        chain_anew(core, &core->partitions[i], true);
        chain_anew(core, &core->partitions[i], false);
    }
    visit_lanes(core, event, finish);
    ownership_touch_all(core);
}
