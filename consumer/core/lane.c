#include "lane.h"

#include "check.h"
#include "delivery.h"
#include "memory.h"

#include <stdlib.h>

static const char *const state_names[LANE_STATES] = {
    [LANE_FREE] = "free",       [LANE_OPEN] = "open", [LANE_HALTED] = "halted",
    [LANE_PROBING] = "probing", [LANE_GONE] = "gone",
};

#define TO(state) (1U << LANE_##state)

static const unsigned legal_moves[LANE_STATES] = {
    [LANE_FREE] = TO(OPEN),
    [LANE_OPEN] = TO(HALTED) | TO(GONE) | TO(FREE),
    [LANE_HALTED] = TO(PROBING) | TO(GONE) | TO(OPEN) | TO(FREE),
    [LANE_PROBING] = TO(OPEN) | TO(HALTED) | TO(GONE),
    [LANE_GONE] = TO(OPEN) | TO(FREE),
};

uint32_t lane_bound(const struct delivery_core *core, uint32_t subscriptions, uint32_t leaving)
{
    uint64_t pairs = (uint64_t)core->limits.partitions_max * (subscriptions > 0 ? subscriptions : 1) + leaving;
    return pairs < core->hand.deliveries_max ? (uint32_t)pairs : core->hand.deliveries_max;
}

bool lane_is_halted(const struct lane *lane)
{
    return lane->state == LANE_HALTED || lane->state == LANE_PROBING || lane->state == LANE_GONE;
}

/* The one mover. */
static void move(struct delivery_core *core, struct lane *lane, enum lane_state to)
{
    enum lane_state from = lane->state;
    CHECK((legal_moves[from] & (1U << to)) != 0);
    core->stats.lanes_halted -= lane_is_halted(lane);
    lane->state = to;
    core->stats.lanes_halted += lane_is_halted(lane);
    core_tell_move(core, "lane", pool_index(&core->lanes, lane), state_names[from], state_names[to]);
    core_touch(core, lane->partition);
}

static void report(struct delivery_core *core, const struct lane *lane, enum delivery_action_kind kind)
{
    struct delivery_action *action = core_act(core, kind);
    action->report_lane.partition = core_slot_of(core, lane->partition);
    action->report_lane.subscription = lane->subscription;
    action->report_lane.cause = lane->cause;
}

/* ---- opening and closing ---- */

static struct lane_bucket *bucket_of(const struct delivery_core *core, uint32_t slot, uint32_t subscription)
{
    uint64_t mixed = (((uint64_t)slot << 32) | subscription) * 0x9e3779b97f4a7c15ULL;
    mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9ULL;
    return &core->lane_buckets[(mixed >> 32) & (core->lane_bucket_count - 1)];
}

static struct lane *take_lane(struct delivery_core *core)
{
    struct lane *lane = pool_take(&core->lanes);
    if (lane == NULL) {
        /* Every lane that owes has a delivery, and there are no more of those than lanes: one is idle. */
        struct lane *idle = TAILQ_FIRST(&core->idle);
        CHECK(idle != NULL);
        if (lane_is_halted(idle)) {
            report(core, idle, ACTION_REPORT_LANE_RESUMED);
        }
        lane_close(core, idle);
        lane = pool_take(&core->lanes);
    }
    CHECK(lane != NULL && lane->state == LANE_FREE);
    return lane;
}

struct lane *lane_find(const struct delivery_core *core, const struct partition *partition, uint32_t subscription)
{
    struct lane *lane = NULL;
    LIST_FOREACH(lane, bucket_of(core, core_slot_of(core, partition), subscription), found)
    {
        if (lane->partition == partition && lane->subscription == subscription) {
            break;
        }
    }
    return lane;
}

struct lane *lane_open(struct delivery_core *core, struct partition *partition, uint32_t subscription)
{
    struct lane *lane = lane_find(core, partition, subscription);
    if (lane != NULL) {
        return lane;
    }
    lane = take_lane(core);
    *lane = (struct lane){.partition = partition,
                          .subscription = subscription,
                          .ordering = core->subscriptions[subscription].ordering,
                          .is_idle = true};
    heap_init(&lane->ready, delivery_comes_first);
    TAILQ_INIT(&lane->waiting);
    lane_list(core, lane, subscription);
    LIST_INSERT_HEAD(&partition->lanes, lane, of_partition);
    TAILQ_INSERT_HEAD(&core->idle, lane, idle);
    core->stats.lanes++;
    move(core, lane, LANE_OPEN);
    return lane;
}

void lane_close(struct delivery_core *core, struct lane *lane)
{
    CHECK(lane->owed == 0 && lane->in_air == 0 && lane->is_idle && !lane->is_runnable);
    timer_queue_cancel(&core->timers, &lane->timer);
    TAILQ_REMOVE(&core->idle, lane, idle);
    lane_unlist(lane);
    LIST_REMOVE(lane, of_partition);
    core->stats.lanes--;
    move(core, lane, LANE_FREE);
    pool_return(&core->lanes, lane);
}

void lane_owe(struct delivery_core *core, struct lane *lane)
{
    if (lane->is_idle) {
        TAILQ_REMOVE(&core->idle, lane, idle);
        lane->is_idle = false;
    }
    lane->owed++;
}

void lane_pay(struct delivery_core *core, struct lane *lane)
{
    CHECK(lane->owed > 0);
    lane->owed--;
    if (lane->owed > 0) {
        return;
    }
    lane->is_idle = true;
    bool has_memory = lane_is_halted(lane) || lane->failures > 0 || lane->hold_until_ms > core->now_ms;
    if (has_memory) {
        TAILQ_INSERT_TAIL(&core->idle, lane, idle);
    } else {
        TAILQ_INSERT_HEAD(&core->idle, lane, idle);
    }
    if (lane->is_leaving) {
        lane_close(core, lane);
    }
}

/* ---- a new set of subscriptions ---- */

void lane_reserve(struct delivery_core *core, uint32_t lanes)
{
    if (core->lane_buckets == NULL) {
        pool_init(&core->lanes, lanes, sizeof(struct lane));
    } else {
        pool_reserve(&core->lanes, lanes);
    }
    uint32_t bucket_count = 16;
    while (bucket_count < core->lanes.capacity && bucket_count < (UINT32_C(1) << 31)) {
        bucket_count *= 2;
    }
    if (bucket_count == core->lane_bucket_count) {
        return;
    }
    struct lane_bucket *old = core->lane_buckets;
    uint32_t old_count = core->lane_bucket_count;
    core->lane_buckets = memory_alloc(bucket_count, sizeof(struct lane_bucket));
    core->lane_bucket_count = bucket_count;
    for (uint32_t i = 0; i < old_count; i++) {
        struct lane *lane = NULL;
        while ((lane = LIST_FIRST(&old[i])) != NULL) {
            lane_unlist(lane);
            lane_list(core, lane, lane->subscription);
        }
    }
    free(old);
}

void lane_unlist(struct lane *lane)
{
    if (lane->subscription != DELIVERY_NO_SUBSCRIPTION) {
        LIST_REMOVE(lane, found);
    }
}

void lane_list(struct delivery_core *core, struct lane *lane, uint32_t subscription)
{
    lane->subscription = subscription;
    if (subscription != DELIVERY_NO_SUBSCRIPTION) {
        lane->is_leaving = core->subscriptions[subscription].is_disabled;
        LIST_INSERT_HEAD(bucket_of(core, core_slot_of(core, lane->partition), subscription), lane, found);
    }
}

void lane_leave(struct delivery_core *core, struct lane *lane)
{
    lane->is_leaving = true;
    lane->failures = 0;
    lane->hold_until_ms = 0;
    if (lane->state != LANE_OPEN) {
        move(core, lane, LANE_OPEN);
    }
    if (lane->is_idle) {
        lane_close(core, lane);
    }
}

void lane_restart(struct delivery_core *core, struct lane *lane)
{
    if (lane->state == LANE_GONE) {
        lane->failures = 0;
        move(core, lane, LANE_OPEN);
        report(core, lane, ACTION_REPORT_LANE_RESUMED);
    } else if (lane->state == LANE_HALTED) {
        lane->probe_wait_ms = core->policy.probe_first_ms;
        lane->probe_at_ms = core->now_ms;
    }
}

/* ---- when it may send ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When it may send next, as far as it is known now. */
static int64_t sends_at(const struct delivery_core *core, const struct lane *lane)
{
    if (heap_top(&lane->ready) == NULL || lane->is_leaving) {
        return DELIVERY_NO_DEADLINE;
    }
    if (lane->state == LANE_OPEN && lane->in_air < core->subscriptions[lane->subscription].max_in_flight) {
        return lane->hold_until_ms;
    }
    if (lane->state == LANE_HALTED && lane->in_air == 0) {
        return later(lane->probe_at_ms, lane->hold_until_ms);
    }
    return DELIVERY_NO_DEADLINE;
}

void lane_refresh(struct delivery_core *core, struct lane *lane)
{
    int64_t at_ms = sends_at(core, lane);
    bool is_runnable = at_ms <= core->now_ms;
    if (is_runnable && !lane->is_runnable) {
        TAILQ_INSERT_TAIL(&core->runnable, lane, runnable);
    } else if (!is_runnable && lane->is_runnable) {
        TAILQ_REMOVE(&core->runnable, lane, runnable);
    }
    lane->is_runnable = is_runnable;
    if (is_runnable || at_ms == DELIVERY_NO_DEADLINE) {
        timer_queue_cancel(&core->timers, &lane->timer);
    } else if (!lane->timer.is_set || lane->timer.due_ms != at_ms) {
        timer_queue_set(&core->timers, &lane->timer, TIMER_LANE, at_ms);
    }
}

struct delivery *lane_next(const struct lane *lane)
{
    struct heap_node *top = heap_top(&lane->ready);
    CHECK(lane->is_runnable && top != NULL);
    return CONTAINER_OF(top, struct delivery, ready);
}

/* ---- halts ---- */

static void set_probe_time(struct delivery_core *core, struct lane *lane, int64_t wait_ms)
{
    lane->probe_wait_ms = wait_ms;
    lane->probe_at_ms = core->now_ms + retry_schedule_jitter(&core->policy, &core->random, wait_ms);
}

/* What waits for its time is owed like the rest: a halt makes all of it one queue in log order. */
static void make_all_ready(struct delivery_core *core, struct lane *lane)
{
    struct delivery *delivery = NULL;
    while ((delivery = TAILQ_FIRST(&lane->waiting)) != NULL) {
        delivery_move(core, delivery, DELIVERY_READY);
    }
}

static void halt(struct delivery_core *core, struct lane *lane, enum lane_halt_cause cause)
{
    bool was_halted = lane_is_halted(lane);
    if (lane->state == LANE_GONE) {
        return;
    }
    if (!was_halted) {
        set_probe_time(core, lane, core->policy.probe_first_ms);
    } else if (lane->state == LANE_PROBING) {
        int64_t doubled = lane->probe_wait_ms * 2;
        set_probe_time(core, lane, doubled < core->policy.probe_max_ms ? doubled : core->policy.probe_max_ms);
    }
    enum lane_state to = cause == LANE_HALT_GONE ? LANE_GONE : LANE_HALTED;
    if (lane->state != to) {
        move(core, lane, to);
    }
    if (!was_halted || lane->cause != cause) {
        lane->cause = cause;
        report(core, lane, ACTION_REPORT_LANE_HALTED);
    }
    make_all_ready(core, lane);
}

static void resume(struct delivery_core *core, struct lane *lane)
{
    move(core, lane, LANE_OPEN);
    report(core, lane, ACTION_REPORT_LANE_RESUMED);
    lane_refresh(core, lane);
}

bool lane_wants_probe(const struct lane *lane)
{
    return lane->state == LANE_HALTED;
}

void lane_probe_started(struct delivery_core *core, struct lane *lane)
{
    move(core, lane, LANE_PROBING);
    lane_refresh(core, lane);
}

void lane_succeeded(struct delivery_core *core, struct lane *lane)
{
    lane->successes++;
    lane->failures = 0;
    if (lane->state == LANE_PROBING) {
        resume(core, lane);
    }
}

void lane_refused(struct delivery_core *core, struct lane *lane)
{
    if (lane->state != LANE_PROBING) {
        return;
    }
    if (lane->cause == LANE_HALT_FAILING) {
        resume(core, lane); /* it answers again */
    } else {
        halt(core, lane, lane->cause);
        lane_refresh(core, lane);
    }
}

void lane_cut(struct delivery_core *core, struct lane *lane)
{
    if (lane->state == LANE_PROBING) {
        set_probe_time(core, lane, lane->probe_wait_ms);
        move(core, lane, LANE_HALTED);
        lane_refresh(core, lane);
    }
}

void lane_failed(struct delivery_core *core, struct lane *lane, enum delivery_verdict verdict, int64_t retry_after_ms)
{
    lane->hold_until_ms = later(lane->hold_until_ms, core->now_ms + retry_schedule_hold(retry_after_ms));
    if (lane->failures < UINT32_MAX) {
        lane->failures++;
    }
    if (verdict == VERDICT_GONE) {
        halt(core, lane, LANE_HALT_GONE);
    } else if (verdict == VERDICT_DENIED) {
        halt(core, lane, LANE_HALT_DENIED);
    } else if (lane_is_halted(lane) || lane->failures >= core->policy.halt_after) {
        halt(core, lane, LANE_HALT_FAILING);
    }
    lane_refresh(core, lane);
}
