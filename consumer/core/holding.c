#include "holding.h"

#include "check.h"
#include "dead_letter.h"
#include "delivery.h"
#include "drain.h"
#include "lane.h"

void holding_on_gap_found(struct delivery_core *core, const struct delivery_event *event)
{
    struct partition *partition = core_owned_partition(core, event->gap_found.partition, event->gap_found.assignment);
    if (partition == NULL) {
        return;
    }
    partition->has_gap = true;
    partition->gap_offset = event->gap_found.offset;
    core_touch(core, partition);
}

/* ---- unknown schemas ---- */

static bool has_expired(const struct partition *partition, const struct record *record)
{
    for (uint32_t i = 0; i < partition->expired_count && i < DELIVERY_SCHEMAS_EXPIRED_MAX; i++) {
        if (partition->expired[i].schema == record->schema &&
            partition->expired[i].is_registry_id == record->schema_is_registry_id) {
            return true;
        }
    }
    return false;
}

void holding_await_schema(struct delivery_core *core, struct delivery *delivery)
{
    struct partition *partition = delivery->record->partition;
    if (has_expired(partition, delivery->record)) {
        dead_letter_begin(core, delivery, DEAD_LETTER_SCHEMA_UNKNOWN);
        return;
    }
    delivery->reason = DEAD_LETTER_SCHEMA_UNKNOWN;
    delivery->awaits_schema = true;
    delivery->dead_letter_wait_ms = DEAD_LETTER_WAIT_FIRST_MS;
    partition->schemas_awaited++;
    partition->schema_offset = delivery->record->entry.offset;
    delivery_move(core, delivery, DELIVERY_DEAD_LETTER_WAITING);
    timer_queue_set(&core->timers, &delivery->timer, TIMER_DELIVERY, core->now_ms + core->policy.schema_wait_ms);
}

void holding_schema_expired(struct delivery_core *core, struct delivery *delivery)
{
    struct partition *partition = delivery->record->partition;
    CHECK(partition->schemas_awaited > 0);
    partition->schemas_awaited--;
    delivery->awaits_schema = false;
    if (!has_expired(partition, delivery->record)) {
        partition->expired[partition->expired_count++ % DELIVERY_SCHEMAS_EXPIRED_MAX] = (struct schema_key){
            .schema = delivery->record->schema, .is_registry_id = delivery->record->schema_is_registry_id};
    }
    core_touch(core, partition);
}

/* ---- what holds it ---- */

uint32_t holding_credit(const struct delivery_core *core, const struct partition *partition)
{
    if (partition->state != PARTITION_ASSIGNED || drain_has_begun(core) || partition->has_gap ||
        partition->schemas_awaited > 0) {
        return 0;
    }
    return hand_credit(&core->hand, &partition->load);
}

struct holder {
    enum partition_held_cause cause;
    uint32_t subscription;
    int64_t offset;
};

static enum partition_held_cause cause_of(const struct delivery_core *core, const struct delivery *delivery)
{
    const struct lane *lane = delivery->lane;
    switch (delivery->state) {
    case DELIVERY_READY:
        if (lane_is_halted(lane)) {
            return PARTITION_HELD_LANE_HALTED;
        }
        return lane->hold_until_ms > core->now_ms ? PARTITION_HELD_LANE_WAITING : PARTITION_HELD_NOT;
    case DELIVERY_IN_AIR:
        return lane_is_halted(lane) ? PARTITION_HELD_LANE_HALTED : PARTITION_HELD_NOT;
    case DELIVERY_WAITING:
        return PARTITION_HELD_LANE_WAITING;
    case DELIVERY_DEAD_LETTER_WAITING:
        return PARTITION_HELD_DEAD_LETTER;
    default:
        return PARTITION_HELD_NOT;
    }
}

/* Who keeps the frontier where it is, if it is somebody in trouble. */
static struct holder holder_of_frontier(const struct delivery_core *core, const struct partition *partition)
{
    struct holder holder = {PARTITION_HELD_NOT, DELIVERY_NO_SUBSCRIPTION,
                            partition_ledger_frontier(&partition->ledger)};
    struct ledger_entry *entry = TAILQ_FIRST(&partition->ledger.entries);
    const struct delivery *delivery = NULL;
    if (entry == NULL) {
        return holder;
    }
    LIST_FOREACH(delivery, &CONTAINER_OF(entry, struct record, entry)->deliveries, of_record)
    {
        enum partition_held_cause cause = cause_of(core, delivery);
        if (cause != PARTITION_HELD_NOT && (holder.cause == PARTITION_HELD_NOT || cause < holder.cause)) {
            holder.cause = cause;
            holder.subscription = delivery->lane != NULL ? delivery->lane->subscription : DELIVERY_NO_SUBSCRIPTION;
        }
    }
    return holder;
}

static bool hand_is_full(const struct delivery_core *core, const struct partition *partition)
{
    /* Once held it takes more than a little room to call it flowing, or it would be said for every record. */
    uint32_t enough = partition->held == PARTITION_HELD_NOT ? 0 : hand_record_share(&core->hand) / 8;
    return hand_credit(&core->hand, &partition->load) <= enough;
}

static struct holder find_holder(const struct delivery_core *core, const struct partition *partition)
{
    if (partition->has_gap) {
        return (struct holder){PARTITION_HELD_GAP, DELIVERY_NO_SUBSCRIPTION, partition->gap_offset};
    }
    int64_t frontier = partition_ledger_frontier(&partition->ledger);
    if (partition->schemas_awaited > 0) {
        return (struct holder){PARTITION_HELD_SCHEMA_UNKNOWN, DELIVERY_NO_SUBSCRIPTION, partition->schema_offset};
    }
    if (!hand_is_full(core, partition)) {
        return (struct holder){PARTITION_HELD_NOT, DELIVERY_NO_SUBSCRIPTION, frontier};
    }
    struct holder holder = holder_of_frontier(core, partition);
    bool is_trying_again =
        holder.cause == PARTITION_HELD_NOT && partition->held_offset == frontier &&
        (partition->held == PARTITION_HELD_LANE_WAITING || partition->held == PARTITION_HELD_DEAD_LETTER);
    if (is_trying_again) {
        /* The attempt or the write may fail like the one before: not worth a word until it has not. */
        holder = (struct holder){partition->held, partition->held_by, frontier};
    }
    return holder;
}

static void report(struct delivery_core *core, const struct partition *partition, enum delivery_action_kind kind)
{
    struct delivery_action *action = core_act(core, kind);
    action->report_partition.partition = core_slot_of(core, partition);
    action->report_partition.cause = partition->held;
    action->report_partition.subscription = partition->held_by;
    action->report_partition.offset = partition->held_offset;
}

void holding_refresh(struct delivery_core *core, struct partition *partition)
{
    if (drain_has_begun(core)) {
        return;
    }
    struct holder holder = find_holder(core, partition);
    bool is_same = holder.cause == partition->held && holder.subscription == partition->held_by;
    bool is_over = holder.cause == PARTITION_HELD_NOT && partition->held != PARTITION_HELD_NOT;
    if (is_over) {
        report(core, partition, ACTION_REPORT_PARTITION_FLOWING);
        holding_end(core, partition);
    } else if (holder.cause != PARTITION_HELD_NOT) {
        core->stats.partitions_held += partition->held == PARTITION_HELD_NOT;
        partition->held = holder.cause;
        partition->held_by = holder.subscription;
        partition->held_offset = holder.offset;
        if (!is_same) {
            report(core, partition, ACTION_REPORT_PARTITION_HELD);
        }
    }
}

void holding_end(struct delivery_core *core, struct partition *partition)
{
    core->stats.partitions_held -= partition->held != PARTITION_HELD_NOT;
    partition->held = PARTITION_HELD_NOT;
    partition->held_by = DELIVERY_NO_SUBSCRIPTION;
    partition->held_offset = -1;
}
