#include "story_trace.h"

#include "check.h"

#include <inttypes.h>
#include <string.h>

static const char *const halt_causes[] = {"failing", "gone", "denied"};
static const char *const reasons[] = {"refused", "exhausted", "unreadable", "schema unknown"};
static const char *const held_causes[] = {
    "nothing", "hand full, lane halted", "hand full, lane waiting", "hand full, dead letter", "schema unknown", "gap"};

void story_trace_seconds(struct bytes *trace, int64_t ms)
{
    if (ms % 1000 == 0) {
        bytes_append_format(trace, "%" PRId64 "s", ms / 1000);
    } else {
        bytes_append_format(trace, "%" PRId64 ".%03ds", ms / 1000, (int)(ms % 1000));
    }
}

static const char *name_of(const struct story_world *world, uint32_t subscription)
{
    return subscription == DELIVERY_NO_SUBSCRIPTION ? "nobody" : world->set.names[subscription];
}

/* crm@p0:100 */
static void print_delivery(struct story_world *world, const char *name, uint32_t ticket)
{
    const struct story_record *record = &world->records[ticket];
    CHECK(ticket < world->record_count && !record->is_released);
    bytes_append_format(world->trace, "%s@p%" PRIu32 ":%" PRId64, name, record->partition, record->offset);
}

static void note_run(struct story_world *world, const char *name, struct story_run run)
{
    CHECK(world->run_count < STORY_RUNS_MAX && strlen(name) < STORY_NAME_MAX);
    memcpy(run.name, name, strlen(name));
    world->runs[world->run_count++] = run;
}

static void print_start(struct story_world *world, const struct delivery_action *action)
{
    bytes_append_text(world->trace, "start ");
    const char *name = name_of(world, action->start_attempt.subscription);
    print_delivery(world, name, action->start_attempt.ticket);
    bytes_append_format(world->trace, " attempt %" PRIu32 "%s", action->start_attempt.attempt_count,
                        action->start_attempt.is_probe ? ", a probe" : "");
    note_run(world, name,
             (struct story_run){.ticket = action->start_attempt.ticket,
                                .delivery = action->start_attempt.delivery,
                                .attempt = action->start_attempt.attempt});
}

static void print_cancel(struct story_world *world, const struct delivery_action *action)
{
    for (uint32_t i = 0; i < world->run_count; i++) {
        if (world->runs[i].attempt == action->cancel_attempt.attempt) {
            CHECK(!world->runs[i].is_write && world->runs[i].delivery == action->cancel_attempt.delivery);
            bytes_append_text(world->trace, "cancel ");
            print_delivery(world, world->runs[i].name, world->runs[i].ticket);
            return;
        }
    }
    CHECK(false);
}

static void print_write(struct story_world *world, const struct delivery_action *action)
{
    bytes_append_text(world->trace, "write dead letter ");
    const char *name = name_of(world, action->write_dead_letter.subscription);
    print_delivery(world, name, action->write_dead_letter.ticket);
    bytes_append_format(world->trace, ": %s", reasons[action->write_dead_letter.reason]);
    if (action->write_dead_letter.attempts > 0) {
        bytes_append_format(world->trace, ", %" PRIu32 " attempts, the first at ", action->write_dead_letter.attempts);
        story_trace_seconds(world->trace, action->write_dead_letter.first_attempt_at_ms - STORY_START_MS);
        bytes_append_format(world->trace, ", last error %" PRId32, action->write_dead_letter.last_error);
    } else {
        CHECK(action->write_dead_letter.first_attempt_at_ms == -1);
    }
    note_run(world, name,
             (struct story_run){.is_write = true,
                                .ticket = action->write_dead_letter.ticket,
                                .delivery = action->write_dead_letter.delivery,
                                .attempt = action->write_dead_letter.attempt});
}

static void print_commit(struct story_world *world, const struct delivery_action *action)
{
    struct story_partition *partition = &world->partitions[action->commit_offset.partition];
    CHECK(partition->assignment == action->commit_offset.assignment);
    partition->commit_asked = action->commit_offset.offset;
    bytes_append_format(world->trace, "commit p%" PRIu32 " at %" PRId64, action->commit_offset.partition,
                        action->commit_offset.offset);
}

static void print_release(struct story_world *world, const struct delivery_action *action)
{
    struct story_record *record = &world->records[action->release_payload.ticket];
    CHECK(action->release_payload.ticket < world->record_count && !record->is_released);
    record->is_released = true;
    bytes_append_format(world->trace, "release payload p%" PRIu32 ":%" PRId64, record->partition, record->offset);
}

static void print_lane_report(struct story_world *world, const struct delivery_action *action, bool is_halt)
{
    bytes_append_format(world->trace, "report %s on p%" PRIu32 " %s", name_of(world, action->report_lane.subscription),
                        action->report_lane.partition, is_halt ? "halted: " : "resumed");
    if (is_halt) {
        bytes_append_text(world->trace, halt_causes[action->report_lane.cause]);
    }
}

static void print_partition_report(struct story_world *world, const struct delivery_action *action, const char *what)
{
    bytes_append_format(world->trace, "report p%" PRIu32 " %s: %s (%s), at %" PRId64,
                        action->report_partition.partition, what, held_causes[action->report_partition.cause],
                        name_of(world, action->report_partition.subscription), action->report_partition.offset);
}

static void print_action(struct story_world *world, const struct delivery_action *action)
{
    switch (action->kind) {
    case ACTION_START_ATTEMPT:
        print_start(world, action);
        break;
    case ACTION_CANCEL_ATTEMPT:
        print_cancel(world, action);
        break;
    case ACTION_WRITE_DEAD_LETTER:
        print_write(world, action);
        break;
    case ACTION_COMMIT_OFFSET:
        print_commit(world, action);
        break;
    case ACTION_RELEASE_PAYLOAD:
        print_release(world, action);
        break;
    case ACTION_RELEASE_PARTITION:
        bytes_append_format(world->trace, "release partition p%" PRIu32 "%s", action->release_partition.partition,
                            action->release_partition.is_commit_unanswered ? ", a commit unanswered" : "");
        break;
    case ACTION_REPORT_LANE_HALTED:
    case ACTION_REPORT_LANE_RESUMED:
        print_lane_report(world, action, action->kind == ACTION_REPORT_LANE_HALTED);
        break;
    case ACTION_REPORT_PARTITION_HELD:
        print_partition_report(world, action, "held");
        break;
    case ACTION_REPORT_PARTITION_FLOWING:
        print_partition_report(world, action, "flowing");
        break;
    case ACTION_DRAINED:
        bytes_append_text(world->trace, "drained");
        break;
    }
}

void story_trace_step(struct story_world *world)
{
    size_t count = 0;
    const struct delivery_action *actions = delivery_core_actions(world->core, &count);
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(world->trace, "    ");
        print_action(world, &actions[i]);
        bytes_append_text(world->trace, "\n");
    }
    for (uint32_t i = 0; i < world->limits.partitions_max; i++) {
        uint32_t credit = delivery_core_credit(world->core, i);
        if (credit != world->partitions[i].credit) {
            bytes_append_format(world->trace, "    credit p%" PRIu32 " %" PRIu32 "\n", i, credit);
            world->partitions[i].credit = credit;
        }
    }
    delivery_core_check(world->core);
}

void story_trace_dropped(struct story_world *world, const struct story_set *before)
{
    uint32_t count = 0;
    const struct delivery_dropped *dropped = delivery_core_dropped(world->core, &count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(dropped[i].subscription < before->count);
        bytes_append_format(world->trace, "    dropped of %s: %" PRIu32 ", awaited %" PRIu32 "\n",
                            before->names[dropped[i].subscription], dropped[i].dropped, dropped[i].awaited);
    }
}

void story_trace_stats(struct story_world *world)
{
    const struct delivery_stats *stats = delivery_core_stats(world->core);
    bytes_append_format(world->trace, "    hand: %" PRIu32 " records, %" PRIu64 " bytes, %" PRIu32 " deliveries\n",
                        stats->records_in_hand, stats->bytes_in_hand, stats->deliveries_in_hand);
    bytes_append_format(world->trace,
                        "    deliveries: %" PRIu32 " blocked, %" PRIu32 " ready, %" PRIu32 " waiting, %" PRIu32
                        " in air; dead letters: %" PRIu32 " writing, %" PRIu32 " waiting\n",
                        stats->deliveries_blocked, stats->deliveries_ready, stats->deliveries_waiting,
                        stats->deliveries_in_air, stats->dead_letters_writing, stats->dead_letters_waiting);
    bytes_append_format(world->trace,
                        "    delivered %" PRIu64 ", dead letters %" PRIu64 ", late %" PRIu64 "; lanes %" PRIu32
                        ", halted %" PRIu32 "\n",
                        stats->deliveries_delivered, stats->dead_letters_written, stats->late_events, stats->lanes,
                        stats->lanes_halted);
    for (uint32_t i = 0; i < world->limits.partitions_max; i++) {
        struct delivery_partition_stats partition = delivery_core_partition_stats(world->core, i);
        if (partition.is_assigned) {
            bytes_append_format(world->trace,
                                "    p%" PRIu32 ": committed %" PRId64 ", frontier %" PRId64 ", next %" PRId64 "\n", i,
                                partition.committed, partition.frontier, partition.next_offset);
        }
    }
}

static void print_move(void *context, const struct delivery_move *move)
{
    struct story_world *world = context;
    bytes_append_format(world->trace, "    (%s %" PRIu32 ": %s -> %s)\n", move->machine, move->index, move->from,
                        move->to);
}

void story_trace_moves(struct story_world *world)
{
    delivery_core_watch(world->core, print_move, world);
}
