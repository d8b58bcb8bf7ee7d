#include "drain.h"

#include "attempt.h"
#include "check.h"
#include "dead_letter.h"
#include "ownership.h"

bool drain_has_begun(const struct delivery_core *core)
{
    return core->drain != DRAIN_NONE;
}

static void set_deadline(struct delivery_core *core, int64_t deadline_ms)
{
    core->drain_deadline_ms = deadline_ms;
    timer_queue_set(&core->timers, &core->drain_timer, TIMER_DRAIN, deadline_ms);
}

void drain_on_requested(struct delivery_core *core, const struct delivery_event *event)
{
    int64_t deadline_ms = event->drain_requested.deadline_ms;
    if (core->drain == DRAIN_NONE) {
        core->drain = DRAIN_AWAITING;
        set_deadline(core, deadline_ms);
    } else if (core->drain == DRAIN_AWAITING && deadline_ms < core->drain_deadline_ms) {
        set_deadline(core, deadline_ms);
    }
}

static void cut(struct delivery_core *core, struct delivery *delivery)
{
    if (delivery->state == DELIVERY_IN_AIR) {
        attempt_cut(core, delivery);
    } else if (delivery->state == DELIVERY_DEAD_LETTER_WRITING) {
        dead_letter_cut(core, delivery);
    }
}

static void cut_partition(struct delivery_core *core, struct partition *partition)
{
    struct ledger_entry *entry = NULL;
    TAILQ_FOREACH(entry, &partition->ledger.entries, link)
    {
        struct delivery *delivery = NULL;
        LIST_FOREACH(delivery, &CONTAINER_OF(entry, struct record, entry)->deliveries, of_record)
        {
            cut(core, delivery);
        }
    }
}

void drain_advance(struct delivery_core *core)
{
    if (core->drain != DRAIN_AWAITING) {
        return;
    }
    bool is_air_empty = core->stats.deliveries_in_air == 0 && core->stats.dead_letters_writing == 0;
    if (!is_air_empty && core->now_ms < core->drain_deadline_ms) {
        return;
    }
    for (uint32_t i = 0; i < core->limits.partitions_max; i++) {
        if (core->partitions[i].state == PARTITION_ASSIGNED) {
            cut_partition(core, &core->partitions[i]);
            ownership_close(core, &core->partitions[i]);
        }
    }
    core->drain = DRAIN_COMMITTING;
    set_deadline(core, core->now_ms + DELIVERY_COMMIT_WAIT_MS);
}

void drain_finish(struct delivery_core *core)
{
    if (core->drain != DRAIN_COMMITTING) {
        return;
    }
    for (uint32_t i = 0; i < core->limits.partitions_max && core->now_ms < core->drain_deadline_ms; i++) {
        const struct partition *partition = &core->partitions[i];
        if (partition->state != PARTITION_FREE && !ownership_is_closed(partition)) {
            return;
        }
    }
    core->drain = DRAIN_DONE;
    timer_queue_cancel(&core->timers, &core->drain_timer);
    core_act(core, ACTION_DRAINED);
}
