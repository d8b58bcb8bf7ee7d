#include "ownership.h"

#include "check.h"
#include "drain.h"
#include "holding.h"
#include "lane.h"
#include "record.h"

static const char *const state_names[PARTITION_STATES] = {
    [PARTITION_FREE] = "free", [PARTITION_ASSIGNED] = "assigned", [PARTITION_REVOKING] = "revoking"};

#define TO(state) (1U << PARTITION_##state)

static const unsigned legal_moves[PARTITION_STATES] = {
    [PARTITION_FREE] = TO(ASSIGNED),
    [PARTITION_ASSIGNED] = TO(REVOKING),
    [PARTITION_REVOKING] = TO(FREE),
};

/* The one mover. */
static void move(struct delivery_core *core, struct partition *partition, enum partition_state to)
{
    enum partition_state from = partition->state;
    CHECK((legal_moves[from] & (1U << to)) != 0);
    partition->state = to;
    core_tell_move(core, "partition", core_slot_of(core, partition), state_names[from], state_names[to]);
    core_touch(core, partition);
}

void ownership_touch_all(struct delivery_core *core)
{
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        if (core->partitions[i].state == PARTITION_ASSIGNED) {
            core_touch(core, &core->partitions[i]);
        }
    }
}

void ownership_on_assigned(struct delivery_core *core, const struct delivery_event *event)
{
    uint32_t slot = event->partition_assigned.partition;
    CHECK(slot < core->limits.partitions_max);
    struct partition *partition = &core->partitions[slot];
    CHECK(partition->state == PARTITION_FREE && event->partition_assigned.assignment > partition->assignment);
    partition->assignment = event->partition_assigned.assignment;
    partition_ledger_init(&partition->ledger, event->partition_assigned.next_offset);
    partition->load = (struct hand_load){0};
    partition->next_commit_ms = core->now_ms;
    partition->is_closing = core->drain == DRAIN_COMMITTING || core->drain == DRAIN_DONE;
    partition->is_last_commit_begun = false;
    partition->has_gap = false;
    partition->schemas_awaited = 0;
    partition->expired_count = 0;
    core->hand.partitions++;
    core->stats.partitions_assigned++;
    move(core, partition, PARTITION_ASSIGNED);
    ownership_touch_all(core);
}

static void release(struct delivery_core *core, struct partition *partition)
{
    timer_queue_cancel(&core->timers, &partition->timer);
    struct delivery_action *action = core_act(core, ACTION_RELEASE_PARTITION);
    action->release_partition.partition = core_slot_of(core, partition);
    action->release_partition.assignment = partition->assignment;
    action->release_partition.is_commit_unanswered = partition->ledger.is_commit_outstanding;
    move(core, partition, PARTITION_FREE);
}

/* What was in hand will be read again by the next owner. */
static void empty_hand(struct delivery_core *core, struct partition *partition)
{
    struct ledger_entry *entry = NULL;
    while ((entry = partition_ledger_drop(&partition->ledger)) != NULL) {
        record_forget(core, CONTAINER_OF(entry, struct record, entry));
    }
    struct lane *lane = NULL;
    while ((lane = LIST_FIRST(&partition->lanes)) != NULL) {
        lane_close(core, lane);
    }
    holding_end(core, partition);
    CHECK(partition->load.records == 0 && partition->load.deliveries == 0 && partition->load.bytes == 0);
}

void ownership_on_revoked(struct delivery_core *core, const struct delivery_event *event)
{
    struct partition *partition =
        core_owned_partition(core, event->partition_revoked.partition, event->partition_revoked.assignment);
    if (partition == NULL) {
        return;
    }
    if (partition->state == PARTITION_ASSIGNED) {
        empty_hand(core, partition);
        core->hand.partitions--;
        core->stats.partitions_assigned--;
        partition->release_by_ms = core->now_ms + DELIVERY_COMMIT_WAIT_MS;
        ownership_close(core, partition);
        move(core, partition, PARTITION_REVOKING);
        ownership_touch_all(core);
    }
    if (event->partition_revoked.lost) {
        release(core, partition);
    }
}

void ownership_on_commit_finished(struct delivery_core *core, const struct delivery_event *event)
{
    struct partition *partition =
        core_owned_partition(core, event->commit_finished.partition, event->commit_finished.assignment);
    if (partition == NULL) {
        return;
    }
    partition_ledger_end_commit(&partition->ledger, event->commit_finished.offset, event->commit_finished.ok);
    if (event->commit_finished.ok) {
        core->stats.commits_finished++;
    } else {
        core->stats.commits_failed++;
        partition->next_commit_ms = core->now_ms + core->policy.commit_interval_ms;
    }
    core_touch(core, partition);
}

void ownership_close(struct delivery_core *core, struct partition *partition)
{
    partition->is_closing = true;
    core_touch(core, partition);
}

bool ownership_is_closed(const struct partition *partition)
{
    return !partition->ledger.is_commit_outstanding &&
           (partition->is_last_commit_begun || !partition_ledger_may_commit(&partition->ledger));
}

static bool commit_is_due(const struct delivery_core *core, const struct partition *partition)
{
    if (!partition_ledger_may_commit(&partition->ledger)) {
        return false;
    }
    return partition->is_closing ? !partition->is_last_commit_begun : core->now_ms >= partition->next_commit_ms;
}

static void commit(struct delivery_core *core, struct partition *partition)
{
    struct delivery_action *action = core_act(core, ACTION_COMMIT_OFFSET);
    action->commit_offset.partition = core_slot_of(core, partition);
    action->commit_offset.assignment = partition->assignment;
    action->commit_offset.offset = partition_ledger_begin_commit(&partition->ledger);
    partition->next_commit_ms = core->now_ms + core->policy.commit_interval_ms;
    partition->is_last_commit_begun = partition->is_closing;
}

/* When the partition must be looked at again though nothing happens to it. */
static int64_t wakes_at(const struct partition *partition)
{
    if (partition->state == PARTITION_REVOKING) {
        return partition->release_by_ms;
    }
    bool waits = !partition->is_closing && partition_ledger_may_commit(&partition->ledger);
    return waits ? partition->next_commit_ms : DELIVERY_NO_DEADLINE;
}

static void refresh(struct delivery_core *core, struct partition *partition)
{
    if (partition->state == PARTITION_FREE) {
        return;
    }
    if (commit_is_due(core, partition)) {
        commit(core, partition);
    }
    if (partition->state == PARTITION_ASSIGNED) {
        holding_refresh(core, partition);
    } else if (ownership_is_closed(partition) || core->now_ms >= partition->release_by_ms) {
        release(core, partition);
        return;
    }
    int64_t at_ms = wakes_at(partition);
    if (at_ms == DELIVERY_NO_DEADLINE) {
        timer_queue_cancel(&core->timers, &partition->timer);
    } else if (!partition->timer.is_set || partition->timer.due_ms != at_ms) {
        timer_queue_set(&core->timers, &partition->timer, TIMER_PARTITION, at_ms);
    }
}

void ownership_refresh_touched(struct delivery_core *core)
{
    struct partition *partition = NULL;
    while ((partition = TAILQ_FIRST(&core->touched)) != NULL) {
        refresh(core, partition);
        TAILQ_REMOVE(&core->touched, partition, touched);
        partition->is_touched = false;
    }
}
