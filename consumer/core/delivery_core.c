#include "delivery_core.h"

#include "attempt.h"
#include "check.h"
#include "core_parts.h"
#include "dead_letter.h"
#include "delivery.h"
#include "drain.h"
#include "holding.h"
#include "lane.h"
#include "memory.h"
#include "ownership.h"
#include "record.h"
#include "replacement.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static void check_settings(const struct delivery_limits *limits, const struct delivery_policy *policy)
{
    CHECK(limits->partitions_max > 0 && limits->records_max > 0 && limits->bytes_max > 0 && limits->attempts_max > 0);
    CHECK(policy->schedule_count > 0 && policy->schedule_count <= DELIVERY_SCHEDULE_MAX);
    CHECK(policy->refused_count > 0 && policy->refused_count <= DELIVERY_SCHEDULE_MAX);
    CHECK(policy->jitter_permille <= 1000 && policy->halt_after > 0);
    CHECK(policy->probe_first_ms > 0 && policy->probe_max_ms >= policy->probe_first_ms);
    CHECK(policy->commit_interval_ms >= 0 && policy->schema_wait_ms >= 0);
}

/* The most that one step can ask for: everything in the air ended and as much started; every delivery given up; every
 * payload and every partition released, committed, reported; every lane resumed; a few words more. */
static size_t actions_bound(const struct delivery_core *core)
{
    return 2 * (size_t)core->limits.attempts_max + 2 * (size_t)core->hand.deliveries_max +
           hand_records_bound(&core->limits) + core->lanes.capacity + 6 * (size_t)core->limits.partitions_max + 16;
}

void core_reserve_actions(struct delivery_core *core)
{
    size_t needed = actions_bound(core);
    if (needed > core->actions_max) {
        core->actions = memory_resize(core->actions, needed, sizeof(struct delivery_action));
        core->actions_max = needed;
    }
}

static void create_tables(struct delivery_core *core)
{
    pool_init(&core->records, hand_records_bound(&core->limits), sizeof(struct record));
    pool_init(&core->deliveries, hand_deliveries_bound(&core->limits), sizeof(struct delivery));
    lane_reserve(core, lane_bound(core, core->subscription_count, 0));
    core->partitions = memory_alloc(core->limits.partitions_max, sizeof(struct partition));
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        LIST_INIT(&core->partitions[i].lanes);
        partition_ledger_init(&core->partitions[i].ledger, 0);
        holding_end(core, &core->partitions[i]);
    }
    core_reserve_actions(core);
}

struct delivery_core *delivery_core_create(const struct delivery_limits *limits, const struct delivery_policy *policy,
                                           const struct delivery_subscription *subscriptions, uint32_t count,
                                           uint64_t seed)
{
    check_settings(limits, policy);
    struct delivery_core *core = memory_alloc(1, sizeof(*core));
    core->limits = *limits;
    core->policy = *policy;
    core->subscription_count = count;
    core->subscriptions = memory_alloc(count > 0 ? count : 1, sizeof(*core->subscriptions));
    for (uint32_t i = 0; i < count; i++) {
        CHECK(subscriptions[i].max_in_flight > 0);
        core->subscriptions[i] = subscriptions[i];
    }
    random_init(&core->random, seed);
    hand_init(&core->hand, limits);
    timer_queue_init(&core->timers);
    order_chain_init(&core->chains, hand_deliveries_bound(limits));
    TAILQ_INIT(&core->runnable);
    TAILQ_INIT(&core->idle);
    TAILQ_INIT(&core->touched);
    create_tables(core);
    return core;
}

void delivery_core_destroy(struct delivery_core *core)
{
    if (core == NULL) {
        return;
    }
    pool_destroy(&core->records);
    pool_destroy(&core->deliveries);
    pool_destroy(&core->lanes);
    order_chain_destroy(&core->chains);
    free(core->lane_buckets);
    free(core->partitions);
    free(core->subscriptions);
    free(core->dropped);
    free(core->actions);
    free(core);
}

/* ---- the step ---- */

static void take_event(struct delivery_core *core, const struct delivery_event *event)
{
    switch (event->kind) {
    case EVENT_PARTITION_ASSIGNED:
        ownership_on_assigned(core, event);
        break;
    case EVENT_PARTITION_REVOKED:
        ownership_on_revoked(core, event);
        break;
    case EVENT_RECORD_FETCHED:
        record_on_fetched(core, event);
        break;
    case EVENT_GAP_FOUND:
        holding_on_gap_found(core, event);
        break;
    case EVENT_ATTEMPT_FINISHED:
        attempt_on_finished(core, event);
        break;
    case EVENT_DEAD_LETTER_WRITTEN:
        dead_letter_on_written(core, event);
        break;
    case EVENT_COMMIT_FINISHED:
        ownership_on_commit_finished(core, event);
        break;
    case EVENT_TIME_PASSED:
        break; /* every step looks at the time */
    case EVENT_DRAIN_REQUESTED:
        drain_on_requested(core, event);
        break;
    case EVENT_SUBSCRIPTIONS_REPLACED:
        replacement_on_replaced(core, event);
        break;
    }
}

static void take_timer(struct delivery_core *core, struct timer *timer)
{
    switch (timer->kind) {
    case TIMER_DELIVERY:
        delivery_on_timer(core, CONTAINER_OF(timer, struct delivery, timer));
        break;
    case TIMER_LANE:
        lane_refresh(core, CONTAINER_OF(timer, struct lane, timer));
        break;
    case TIMER_PARTITION:
        core_touch(core, CONTAINER_OF(timer, struct partition, timer));
        break;
    case TIMER_DRAIN:
        break; /* drain_advance and drain_finish look at the deadline */
    }
}

void delivery_core_step(struct delivery_core *core, const struct delivery_event *event)
{
    CHECK(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->action_count = 0;
    core->dropped_count = 0;
    take_event(core, event);
    struct timer *timer = NULL;
    while ((timer = timer_queue_take_due(&core->timers, core->now_ms)) != NULL) {
        take_timer(core, timer);
    }
    drain_advance(core);
    attempt_start_all(core);
    ownership_refresh_touched(core);
    drain_finish(core);
}

/* ---- questions ---- */

const struct delivery_action *delivery_core_actions(const struct delivery_core *core, size_t *ret_count)
{
    *ret_count = core->action_count;
    return core->actions;
}

const struct delivery_dropped *delivery_core_dropped(const struct delivery_core *core, uint32_t *ret_count)
{
    *ret_count = core->dropped_count;
    return core->dropped;
}

int64_t delivery_core_next_deadline(const struct delivery_core *core)
{
    return timer_queue_next(&core->timers);
}

uint32_t delivery_core_credit(const struct delivery_core *core, uint32_t partition)
{
    CHECK(partition < core->limits.partitions_max);
    return holding_credit(core, &core->partitions[partition]);
}

uint32_t delivery_core_tickets_max(const struct delivery_limits *limits)
{
    return hand_records_bound(limits);
}

const struct delivery_stats *delivery_core_stats(const struct delivery_core *core)
{
    return &core->stats;
}

struct delivery_partition_stats delivery_core_partition_stats(const struct delivery_core *core, uint32_t partition)
{
    CHECK(partition < core->limits.partitions_max);
    const struct partition *slot = &core->partitions[partition];
    return (struct delivery_partition_stats){
        .is_assigned = slot->state == PARTITION_ASSIGNED,
        .assignment = slot->assignment,
        .next_offset = slot->ledger.next_offset,
        .frontier = partition_ledger_frontier(&slot->ledger),
        .committed = slot->ledger.committed,
        .records_in_hand = slot->load.records,
        .bytes_in_hand = slot->load.bytes,
        .held = slot->held,
    };
}

void delivery_core_watch(struct delivery_core *core, delivery_core_watcher *watcher, void *context)
{
    core->watcher = watcher;
    core->watcher_context = context;
}

/* ---- helpers of the core's files ---- */

struct delivery_action *core_act(struct delivery_core *core, enum delivery_action_kind kind)
{
    CHECK(core->action_count < core->actions_max);
    struct delivery_action *action = &core->actions[core->action_count++];
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

void core_touch(struct delivery_core *core, struct partition *partition)
{
    if (!partition->is_touched) {
        partition->is_touched = true;
        TAILQ_INSERT_TAIL(&core->touched, partition, touched);
    }
}

void core_tell_move(struct delivery_core *core, const char *machine, uint32_t index, const char *from, const char *to)
{
    if (core->watcher != NULL) {
        const struct delivery_move told = {.machine = machine, .index = index, .from = from, .to = to};
        core->watcher(core->watcher_context, &told);
    }
}

struct partition *core_owned_partition(struct delivery_core *core, uint32_t slot, uint64_t assignment)
{
    CHECK(slot < core->limits.partitions_max);
    struct partition *partition = &core->partitions[slot];
    if (partition->state == PARTITION_FREE || partition->assignment != assignment) {
        core->stats.late_events++;
        return NULL;
    }
    return partition;
}

uint32_t core_slot_of(const struct delivery_core *core, const struct partition *partition)
{
    return (uint32_t)(partition - core->partitions);
}
