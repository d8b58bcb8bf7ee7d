/* The whole-object check of the delivery core: everything that is counted twice is counted again. */
#include "check.h"
#include "core_parts.h"
#include "lane.h"

struct census {
    uint32_t states[DELIVERY_STATES];
    uint32_t records;
    uint32_t deliveries;
    uint64_t bytes;
    uint32_t lanes;
    uint32_t lanes_halted;
    uint32_t lanes_listed;
    uint32_t lanes_idle;
    uint32_t lanes_runnable;
    uint32_t chains;
    uint32_t timers;
    uint32_t partitions_assigned;
    uint32_t partitions_held;
};

static void check_delivery(const struct delivery_core *core, const struct record *record,
                           const struct delivery *delivery, struct census *census)
{
    CHECK(delivery->record == record);
    CHECK(delivery->state != DELIVERY_FREE && delivery->state != DELIVERY_SETTLED);
    census->states[delivery->state]++;
    census->deliveries++;
    census->timers += delivery->timer.is_set;
    CHECK(delivery->timer.is_set
              ? delivery->state == DELIVERY_WAITING || delivery->state == DELIVERY_DEAD_LETTER_WAITING
              : delivery->state != DELIVERY_WAITING);
    bool is_running = delivery->state == DELIVERY_IN_AIR || delivery->state == DELIVERY_DEAD_LETTER_WRITING;
    CHECK(is_running == (delivery->attempt != 0) && delivery->attempt <= core->last_attempt);
    if (delivery->lane == NULL) {
        CHECK(delivery->state == DELIVERY_DEAD_LETTER_WAITING || delivery->state == DELIVERY_DEAD_LETTER_WRITING);
        CHECK(!delivery->order.is_linked);
        return;
    }
    CHECK(delivery->lane->partition == record->partition);
    CHECK(delivery->is_dropped || !delivery->lane->is_leaving);
    CHECK(!delivery->is_dropped || is_running || core->drain != DRAIN_NONE);
    enum ordering ordering = delivery->lane->ordering;
    CHECK(delivery->order.is_linked == (ordering != ORDERING_NONE));
    bool is_behind = delivery->order.is_linked && !delivery->order.is_first && !delivery->is_let_go;
    CHECK((delivery->state == DELIVERY_BLOCKED) == is_behind);
    CHECK(delivery->state != DELIVERY_WAITING || !lane_is_halted(delivery->lane));
    if (delivery->order.is_linked) {
        struct order_link *next = delivery->order.next;
        census->chains += delivery->order.is_first;
        CHECK(delivery->order.is_first == (delivery->order.previous == NULL));
        CHECK(next == NULL || (next->previous == &delivery->order && next->lane == delivery->order.lane &&
                               next->key == delivery->order.key));
        CHECK(next == NULL || record->entry.offset < CONTAINER_OF(next, struct delivery, order)->record->entry.offset);
        CHECK(delivery->order.lane == pool_index(&core->lanes, delivery->lane));
        CHECK(delivery->order.key == (ordering == ORDERING_INCIDENT ? record->incident : 0));
    }
}

static void check_records(const struct delivery_core *core, const struct partition *partition, struct census *census)
{
    struct hand_load load = {0};
    uint32_t schemas_awaited = 0;
    int64_t before = INT64_MIN;
    struct ledger_entry *entry = NULL;
    TAILQ_FOREACH(entry, &partition->ledger.entries, link)
    {
        const struct record *record = CONTAINER_OF(entry, struct record, entry);
        CHECK(record->partition == partition && entry->offset > before);
        CHECK(entry->owed > 0 || before != INT64_MIN); /* the frontier never stands on a settled record */
        before = entry->offset;
        uint32_t owed = 0;
        const struct delivery *delivery = NULL;
        LIST_FOREACH(delivery, &record->deliveries, of_record)
        {
            check_delivery(core, record, delivery, census);
            schemas_awaited += delivery->awaits_schema;
            owed++;
        }
        CHECK(owed == entry->owed && record->has_payload == (owed > 0));
        load.records++;
        load.deliveries += owed;
        load.bytes += record->has_payload ? record->bytes : 0;
    }
    CHECK(before < partition->ledger.next_offset && load.records == partition->ledger.count);
    CHECK(load.records == partition->load.records && load.deliveries == partition->load.deliveries);
    CHECK(load.bytes == partition->load.bytes && schemas_awaited == partition->schemas_awaited);
    census->records += load.records;
    census->bytes += load.bytes;
}

static void check_lane(const struct delivery_core *core, const struct lane *lane, struct census *census)
{
    CHECK(lane->state != LANE_FREE);
    uint32_t waiting = 0;
    const struct delivery *delivery = NULL;
    TAILQ_FOREACH(delivery, &lane->waiting, of_lane)
    {
        CHECK(delivery->state == DELIVERY_WAITING && delivery->lane == lane);
        waiting++;
    }
    CHECK(lane->ready.count + waiting + lane->in_air <= lane->owed);
    CHECK(lane->state != LANE_PROBING || lane->in_air == 1);
    if (lane->subscription == DELIVERY_NO_SUBSCRIPTION) {
        CHECK(lane->is_leaving);
    } else {
        CHECK(lane->subscription < core->subscription_count);
        const struct delivery_subscription *subscription = &core->subscriptions[lane->subscription];
        /* More than max_in_flight may be in the air only since that was lowered: nothing starts then. */
        CHECK(!lane->is_runnable || lane->in_air < subscription->max_in_flight);
        CHECK(lane->is_leaving == subscription->is_disabled && lane->ordering == subscription->ordering);
        CHECK(lane_find(core, lane->partition, lane->subscription) == lane);
        census->lanes_listed++;
    }
    CHECK(!lane->is_leaving ||
          (lane->owed > 0 && lane->state == LANE_OPEN && lane->failures == 0 && !lane->is_runnable));
    CHECK(lane->is_idle == (lane->owed == 0));
    census->lanes++;
    census->lanes_halted += lane_is_halted(lane);
    census->lanes_idle += lane->is_idle;
    census->lanes_runnable += lane->is_runnable;
    census->timers += lane->timer.is_set;
    CHECK(!lane->is_runnable || (!lane->timer.is_set && heap_top(&lane->ready) != NULL));
}

static void check_partition(const struct delivery_core *core, const struct partition *partition, struct census *census)
{
    CHECK(!partition->is_touched);
    CHECK(partition->ledger.committed <= partition_ledger_frontier(&partition->ledger));
    census->timers += partition->timer.is_set;
    if (partition->state != PARTITION_ASSIGNED) {
        CHECK(partition->load.records == 0 && LIST_EMPTY(&partition->lanes) && partition->held == PARTITION_HELD_NOT);
        return;
    }
    census->partitions_assigned++;
    census->partitions_held += partition->held != PARTITION_HELD_NOT;
    CHECK(partition->held_by == DELIVERY_NO_SUBSCRIPTION || partition->held_by < core->subscription_count);
    check_records(core, partition, census);
    const struct lane *lane = NULL;
    LIST_FOREACH(lane, &partition->lanes, of_partition)
    {
        CHECK(lane->partition == partition);
        check_lane(core, lane, census);
    }
}

static void check_counts(const struct delivery_core *core, const struct census *census)
{
    const struct delivery_stats *stats = &core->stats;
    CHECK(census->records == core->records.taken && census->records == core->hand.load.records &&
          census->records == stats->records_in_hand);
    CHECK(census->deliveries == core->deliveries.taken && census->deliveries == core->hand.load.deliveries &&
          census->deliveries == stats->deliveries_in_hand);
    CHECK(census->bytes == core->hand.load.bytes && census->bytes == stats->bytes_in_hand);
    CHECK(census->lanes == core->lanes.taken && census->lanes == stats->lanes);
    CHECK(census->lanes_halted == stats->lanes_halted);
    CHECK(census->states[DELIVERY_BLOCKED] == stats->deliveries_blocked);
    CHECK(census->states[DELIVERY_READY] == stats->deliveries_ready);
    CHECK(census->states[DELIVERY_WAITING] == stats->deliveries_waiting);
    CHECK(census->states[DELIVERY_IN_AIR] == stats->deliveries_in_air);
    CHECK(census->states[DELIVERY_DEAD_LETTER_WAITING] == stats->dead_letters_waiting);
    CHECK(census->states[DELIVERY_DEAD_LETTER_WRITING] == stats->dead_letters_writing);
    CHECK(census->chains == core->chains.chain_count);
    CHECK(census->partitions_assigned == core->hand.partitions &&
          census->partitions_assigned == stats->partitions_assigned);
    CHECK(census->partitions_held == stats->partitions_held);
    CHECK(census->timers + core->drain_timer.is_set == core->timers.heap.count);
    CHECK(stats->deliveries_in_air <= core->limits.attempts_max);
    CHECK(census->records <= hand_records_bound(&core->limits));
    CHECK(census->deliveries <= core->hand.deliveries_max && core->hand.deliveries_max <= core->deliveries.capacity);
    CHECK(hand_deliveries_bound(&core->limits) <= core->hand.deliveries_max);
}

static void check_lists(const struct delivery_core *core, const struct census *census)
{
    uint32_t runnable = 0;
    uint32_t idle = 0;
    const struct lane *lane = NULL;
    TAILQ_FOREACH(lane, &core->runnable, runnable)
    {
        CHECK(lane->is_runnable);
        runnable++;
    }
    TAILQ_FOREACH(lane, &core->idle, idle)
    {
        CHECK(lane->is_idle);
        idle++;
    }
    CHECK(runnable == census->lanes_runnable && idle == census->lanes_idle);
    uint32_t listed = 0;
    for (uint32_t i = 0; i < core->lane_bucket_count; i++) {
        LIST_FOREACH(lane, &core->lane_buckets[i], found)
        {
            listed++;
        }
    }
    CHECK(listed == census->lanes_listed);
    CHECK(TAILQ_EMPTY(&core->touched));
    /* Nothing that could start is left lying: the air is full, or a drain has begun. */
    CHECK(runnable == 0 || core->drain != DRAIN_NONE || core->stats.deliveries_in_air == core->limits.attempts_max);
}

void delivery_core_check(const struct delivery_core *core)
{
    struct census census = {0};
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        check_partition(core, &core->partitions[i], &census);
    }
    check_counts(core, &census);
    check_lists(core, &census);
    CHECK(timer_queue_next(&core->timers) > core->now_ms);
}
