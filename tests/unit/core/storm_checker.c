#include "storm_checker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMISE(checker, condition, promise)                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            storm_checker_fail((checker), (promise));                                                                  \
        }                                                                                                              \
    } while (0)

void storm_checker_fail(const struct storm_checker *checker, const char *promise)
{
    fprintf(stderr, "storm: seed %" PRIu64 ", step %" PRIu64 ": broken: %s\n", checker->seed, checker->step, promise);
    abort();
}

/* ---- sets ---- */

bool storm_set_has(const struct storm_set *set, uint32_t number)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

bool storm_set_takes(const struct storm_set *set, uint32_t number)
{
    return storm_set_has(set, number) && !set->subscriptions[number].is_disabled;
}

static uint32_t number_of(const struct storm_checker *checker, uint32_t index)
{
    PROMISE(checker, index < checker->set.count, "indexes are those of the set in force");
    return checker->set.numbers[index];
}

bool storm_checker_remembers_lanes(const struct storm_checker *checker)
{
    uint32_t lanes = checker->limits.partitions_max * checker->set.count;
    for (uint32_t i = 0; i < checker->run_count; i++) {
        lanes += checker->runs[i].is_open && checker->runs[i].is_orphan;
    }
    return lanes <= 4 * delivery_core_tickets_max(&checker->limits) + checker->limits.fanout_max;
}

/* ---- what the world tells ---- */

void storm_checker_on_assigned(struct storm_checker *checker, uint32_t slot, uint64_t assignment)
{
    struct storm_partition *partition = &checker->partitions[slot];
    partition->assignment = assignment;
    partition->is_owned = true;
    partition->is_revoked = partition->is_lost = partition->is_commit_outstanding = false;
    partition->commit_asked = partition->committed;
    partition->first = 0;
    while (partition->first < partition->log.count &&
           partition->log.records[partition->first].offset < partition->committed) {
        partition->first++;
    }
    partition->next = partition->first;
    memset(partition->places, 0, sizeof(partition->places));
    memset(partition->lanes, 0, sizeof(partition->lanes));
}

void storm_checker_on_revoked(struct storm_checker *checker, uint32_t slot, bool lost)
{
    struct storm_partition *partition = &checker->partitions[slot];
    if (!partition->is_revoked) {
        partition->revoked_at_ms = checker->now_ms;
    }
    partition->is_revoked = true;
    partition->is_lost = partition->is_lost || lost;
    for (uint32_t i = 0; i < checker->run_count; i++) {
        /* Attempts are cancelled one by one; writes are given up without a word. */
        if (checker->runs[i].is_write && checker->runs[i].partition == slot) {
            checker->runs[i].is_open = false;
        }
    }
}

void storm_checker_on_fetched(struct storm_checker *checker, uint32_t slot, uint32_t ticket)
{
    struct storm_partition *partition = &checker->partitions[slot];
    checker->tickets[ticket] = (struct storm_ticket){true, slot, partition->next};
    const struct storm_record *record = &partition->log.records[partition->next];
    struct storm_place *place = &partition->places[partition->next];
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t bit = UINT32_C(1) << i;
        bool is_known = i == STORM_NOBODY || (i < checker->subscription_count && storm_set_takes(&checker->set, i));
        place->owed |= is_known ? record->matches & bit : 0;
    }
    partition->excused_ever[partition->next] |= record->matches & ~place->owed;
    partition->places[partition->next].is_fetched = true;
    partition->places[partition->next].has_ticket = true;
    partition->next++;
}

static void settle(struct storm_checker *checker, const struct storm_run *run)
{
    struct storm_partition *partition = &checker->partitions[run->partition];
    uint32_t bit = UINT32_C(1) << run->subscription;
    PROMISE(checker, (partition->places[run->index].settled & bit) == 0, "settled exactly once");
    partition->places[run->index].settled |= bit;
    partition->settled_ever[run->index] |= bit;
    checker->settled_count++;
}

/* The answer to something whose subscription has left. */
static bool settle_dropped(struct storm_checker *checker, const struct storm_run *run)
{
    struct storm_partition *partition = &checker->partitions[run->partition];
    uint32_t bit = UINT32_C(1) << run->subscription;
    if ((partition->places[run->index].dropped & bit) == 0) {
        return false;
    }
    partition->places[run->index].settled |= bit;
    partition->excused_ever[run->index] |= bit;
    return true;
}

static void leave_air(struct storm_checker *checker, struct storm_run *run)
{
    struct storm_partition *partition = &checker->partitions[run->partition];
    run->is_open = false;
    partition->places[run->index].in_air &= ~(UINT32_C(1) << run->subscription);
    partition->lanes[run->subscription].in_air -= !run->is_orphan;
    checker->in_air--;
}

void storm_checker_on_answer(struct storm_checker *checker, struct storm_run *run, enum delivery_verdict verdict,
                             int64_t retry_after_ms)
{
    if (!run->is_open) {
        return; /* late: means nothing */
    }
    struct storm_partition *partition = &checker->partitions[run->partition];
    struct storm_lane *lane = &partition->lanes[run->subscription];
    leave_air(checker, run);
    bool is_dropped = (partition->places[run->index].dropped & UINT32_C(1) << run->subscription) != 0;
    if (verdict == VERDICT_DELIVERED) {
        lane->failures = is_dropped ? lane->failures : 0;
        settle(checker, run);
    } else if (settle_dropped(checker, run)) {
        return; /* says nothing about the lane */
    } else if (verdict == VERDICT_REFUSED) {
        partition->places[run->index].refusals[run->subscription]++;
    } else if (verdict != VERDICT_CUT) {
        lane->failures++;
        lane->must_halt =
            lane->failures >= checker->policy.halt_after || verdict == VERDICT_GONE || verdict == VERDICT_DENIED;
        int64_t hold_ms = retry_after_ms < DELIVERY_RETRY_AFTER_MAX_MS ? retry_after_ms : DELIVERY_RETRY_AFTER_MAX_MS;
        if (checker->now_ms + hold_ms > lane->hold_until_ms) {
            lane->hold_until_ms = checker->now_ms + hold_ms;
        }
    }
}

void storm_checker_on_written(struct storm_checker *checker, struct storm_run *run, bool ok)
{
    if (!run->is_open) {
        return;
    }
    run->is_open = false;
    checker->partitions[run->partition].places[run->index].writing &= ~(UINT32_C(1) << run->subscription);
    if (ok) {
        settle(checker, run);
    } else {
        settle_dropped(checker, run);
    }
}

void storm_checker_on_committed(struct storm_checker *checker, uint32_t slot, bool ok)
{
    struct storm_partition *partition = &checker->partitions[slot];
    partition->is_commit_outstanding = false;
    if (ok) {
        partition->committed = partition->commit_asked;
    }
}

/* ---- another set ---- */

static bool is_same_key(const struct storm_partition *partition, enum ordering ordering, uint32_t a, uint32_t b)
{
    const struct storm_record *records = partition->log.records;
    return ordering == ORDERING_TENANT || (ordering == ORDERING_INCIDENT && records[a].incident == records[b].incident);
}

/* Nobody of its key is before it. */
static bool is_free(const struct storm_partition *partition, uint32_t index, uint32_t bit, enum ordering ordering)
{
    if (ordering == ORDERING_NONE || (partition->places[index].let_go & bit) != 0) {
        return true;
    }
    for (uint32_t i = partition->first; i < index; i++) {
        const struct storm_place *place = &partition->places[i];
        if (is_same_key(partition, ordering, i, index) &&
            (place->owed & ~place->settled & ~place->orphaned & bit) != 0) {
            return false;
        }
    }
    return true;
}

/* What is owed by a subscription that goes, or is ordered anew. */
static void change_place(struct storm_checker *checker, struct storm_partition *partition, uint32_t index,
                         uint32_t number, const struct storm_set *set)
{
    struct storm_place *place = &partition->places[index];
    const struct storm_set *old = &checker->set;
    uint32_t bit = UINT32_C(1) << number;
    if ((place->owed & ~place->settled & ~place->orphaned & bit) == 0) {
        return;
    }
    bool is_reordered = old->subscriptions[number].ordering != set->subscriptions[number].ordering;
    if (is_reordered && is_free(partition, index, bit, old->subscriptions[number].ordering)) {
        place->let_go |= bit;
    }
    if (!storm_set_takes(set, number) && (place->dropped & bit) == 0) {
        if (((place->in_air | place->writing) & bit) != 0) {
            place->dropped |= bit;
            checker->cost[number].awaited++;
        } else {
            place->settled |= bit;
            partition->excused_ever[index] |= bit;
            checker->cost[number].dropped++;
        }
    }
    if (!storm_set_has(set, number) && (place->settled & bit) == 0) {
        place->orphaned |= bit;
    }
}

static void change_partition(struct storm_checker *checker, struct storm_partition *partition,
                             const struct storm_set *set)
{
    for (uint32_t number = 0; number < checker->subscription_count; number++) {
        struct storm_lane *lane = &partition->lanes[number];
        /* From the last one back: who is free is a matter of those before. */
        for (uint32_t i = partition->next; i > partition->first; i--) {
            change_place(checker, partition, i - 1, number, set);
        }
        if (!storm_set_has(set, number)) {
            *lane = (struct storm_lane){0};
        } else if (!storm_set_takes(set, number)) {
            *lane = (struct storm_lane){.in_air = lane->in_air};
        }
        lane->must_resume = lane->is_halted && lane->cause == LANE_HALT_GONE && set->restarts[number];
    }
}

void storm_checker_on_replaced(struct storm_checker *checker, const struct storm_set *set, uint32_t fanout_max)
{
    memset(checker->cost, 0, sizeof(checker->cost));
    for (uint32_t i = 0; i < checker->limits.partitions_max; i++) {
        if (checker->partitions[i].is_owned && !checker->partitions[i].is_revoked) {
            change_partition(checker, &checker->partitions[i], set);
        }
    }
    for (uint32_t i = 0; i < checker->run_count; i++) {
        struct storm_run *run = &checker->runs[i];
        run->is_orphan =
            run->is_orphan || (run->subscription != STORM_NOBODY && !storm_set_has(set, run->subscription));
    }
    checker->before = checker->set;
    checker->set = *set;
    checker->limits.fanout_max = fanout_max;
    checker->lanes_are_remembered = checker->lanes_are_remembered && storm_checker_remembers_lanes(checker);
}

void storm_checker_check_dropped(const struct storm_checker *checker, const struct delivery_core *core)
{
    uint32_t count = 0;
    const struct delivery_dropped *dropped = delivery_core_dropped(core, &count);
    uint32_t next = 0;
    for (uint32_t i = 0; i < checker->before.count; i++) {
        const struct delivery_dropped *cost = &checker->cost[checker->before.numbers[i]];
        if (cost->dropped + cost->awaited == 0) {
            continue;
        }
        PROMISE(checker,
                next < count && dropped[next].subscription == i && dropped[next].dropped == cost->dropped &&
                    dropped[next].awaited == cost->awaited,
                "what a replacement costs is said");
        next++;
    }
    PROMISE(checker, next == count, "what a replacement does not cost is not said");
}

/* ---- what the core asks for ---- */

static struct storm_run *open_run(struct storm_checker *checker, uint32_t ticket, uint32_t delivery, uint64_t attempt)
{
    PROMISE(checker, ticket < STORM_TICKETS_MAX && checker->tickets[ticket].is_taken, "a ticket in use");
    PROMISE(checker, attempt > checker->last_attempt, "attempt numbers grow");
    PROMISE(checker, checker->run_count < STORM_RUNS_MAX, "an end");
    checker->last_attempt = attempt;
    struct storm_run *run = &checker->runs[checker->run_count++];
    *run = (struct storm_run){.is_open = true, .delivery = delivery, .attempt = attempt};
    run->partition = checker->tickets[ticket].partition;
    run->index = checker->tickets[ticket].index;
    const struct storm_partition *partition = &checker->partitions[run->partition];
    PROMISE(checker, partition->is_owned && !partition->is_revoked, "nothing starts for a partition that is not ours");
    PROMISE(checker, !checker->is_draining, "nothing starts in a drain");
    return run;
}

/* Everything of the same key before it is settled; nothing of it is in the air. */
static void check_order(const struct storm_checker *checker, const struct storm_run *run)
{
    const struct storm_partition *partition = &checker->partitions[run->partition];
    enum ordering ordering = checker->set.subscriptions[run->subscription].ordering;
    uint32_t bit = UINT32_C(1) << run->subscription;
    bool is_let_go = (partition->places[run->index].let_go & bit) != 0;
    for (uint32_t i = partition->first; i < partition->next && !is_let_go; i++) {
        const struct storm_place *place = &partition->places[i];
        if (i == run->index || !is_same_key(partition, ordering, i, run->index) ||
            (place->owed & ~place->orphaned & bit) == 0) {
            continue;
        }
        PROMISE(checker, (place->in_air & ~place->let_go & bit) == 0, "one delivery of an ordering key in the air");
        PROMISE(checker, i > run->index || (place->settled & bit) != 0, "order within an ordering key");
    }
}

static void check_lane(struct storm_checker *checker, const struct storm_run *run, bool is_probe)
{
    const struct storm_lane *lane = &checker->partitions[run->partition].lanes[run->subscription];
    PROMISE(checker, lane->in_air < checker->set.subscriptions[run->subscription].max_in_flight, "max_in_flight");
    PROMISE(checker, checker->in_air < checker->limits.attempts_max, "attempts_max");
    if (!checker->lanes_are_remembered) {
        return;
    }
    PROMISE(checker, is_probe == lane->is_halted, "only probes in a halt, and only there");
    PROMISE(checker, !lane->is_halted || (lane->in_air == 0 && lane->cause != LANE_HALT_GONE), "one probe at a time");
    PROMISE(checker, checker->now_ms >= lane->hold_until_ms, "Retry-After holds the lane");
}

static void take_start(struct storm_checker *checker, const struct delivery_action *action)
{
    struct storm_run *run =
        open_run(checker, action->start_attempt.ticket, action->start_attempt.delivery, action->start_attempt.attempt);
    run->subscription = number_of(checker, action->start_attempt.subscription);
    struct storm_partition *partition = &checker->partitions[run->partition];
    struct storm_place *place = &partition->places[run->index];
    const struct storm_record *record = &partition->log.records[run->index];
    uint32_t bit = UINT32_C(1) << run->subscription;
    PROMISE(checker, (place->owed & bit) != 0, "only to subscriptions that match");
    PROMISE(checker, storm_set_takes(&checker->set, run->subscription), "only to subscriptions that are enabled");
    PROMISE(checker, ((place->dropped | place->orphaned) & bit) == 0, "what was dropped is not sent");
    PROMISE(checker, checker->set.subscriptions[run->subscription].tenant == record->tenant, "only to its own tenant");
    PROMISE(checker, ((place->settled | place->writing | place->in_air) & bit) == 0, "sent only while it is owed");
    check_order(checker, run);
    check_lane(checker, run, action->start_attempt.is_probe);
    place->in_air |= bit;
    partition->lanes[run->subscription].in_air++;
    checker->in_air++;
}

static void take_cancel(struct storm_checker *checker, const struct delivery_action *action)
{
    for (uint32_t i = checker->run_count; i > 0; i--) {
        struct storm_run *run = &checker->runs[i - 1];
        if (run->attempt == action->cancel_attempt.attempt) {
            const struct storm_partition *partition = &checker->partitions[run->partition];
            PROMISE(checker, run->is_open && !run->is_write && run->delivery == action->cancel_attempt.delivery,
                    "only what is in the air is cancelled");
            PROMISE(checker, partition->is_revoked || checker->is_draining, "cancelled only for a revoke or a drain");
            leave_air(checker, run);
            return;
        }
    }
    storm_checker_fail(checker, "cancelled what never started");
}

static void take_write(struct storm_checker *checker, const struct delivery_action *action)
{
    struct storm_run *run = open_run(checker, action->write_dead_letter.ticket, action->write_dead_letter.delivery,
                                     action->write_dead_letter.attempt);
    bool is_nobodys = action->write_dead_letter.subscription == DELIVERY_NO_SUBSCRIPTION;
    run->is_write = true;
    run->subscription = is_nobodys ? STORM_NOBODY : number_of(checker, action->write_dead_letter.subscription);
    struct storm_place *place = &checker->partitions[run->partition].places[run->index];
    const struct storm_record *record = &checker->partitions[run->partition].log.records[run->index];
    uint32_t bit = UINT32_C(1) << run->subscription;
    PROMISE(checker, (place->owed & bit) != 0, "a dead letter of what was owed");
    PROMISE(checker, ((place->dropped | place->orphaned) & bit) == 0, "no dead letter of what was dropped");
    PROMISE(checker, ((place->settled | place->writing | place->in_air) & bit) == 0, "one dead letter at a time");
    enum dead_letter_reason reason = action->write_dead_letter.reason;
    if (is_nobodys) {
        PROMISE(checker, (reason == DEAD_LETTER_UNREADABLE) == (record->reading == READING_UNREADABLE), "its reason");
    } else if (reason == DEAD_LETTER_REFUSED) {
        PROMISE(checker, place->refusals[run->subscription] == checker->policy.refused_count,
                "refused after refused_count refusals");
    } else {
        PROMISE(checker, reason == DEAD_LETTER_EXHAUSTED && action->write_dead_letter.attempts > 0, "its reason");
    }
    place->writing |= bit;
}

static void take_commit(struct storm_checker *checker, const struct delivery_action *action)
{
    struct storm_partition *partition = &checker->partitions[action->commit_offset.partition];
    int64_t offset = action->commit_offset.offset;
    PROMISE(checker, partition->is_owned && !partition->is_lost, "commits only of what is ours");
    PROMISE(checker, partition->assignment == action->commit_offset.assignment, "commits of the assignment in force");
    PROMISE(checker, !partition->is_commit_outstanding, "one commit outstanding");
    PROMISE(checker, offset > partition->committed, "commits go forward");
    for (uint32_t i = partition->first; i < partition->log.count; i++) {
        const struct storm_record *record = &partition->log.records[i];
        if (record->offset < offset) {
            PROMISE(checker, partition->places[i].is_fetched, "no commit past what was not read");
            PROMISE(checker, partition->places[i].settled == partition->places[i].owed,
                    "no commit past an unsettled event");
        }
    }
    partition->is_commit_outstanding = true;
    partition->commit_asked = offset;
}

static void take_release(struct storm_checker *checker, const struct delivery_action *action)
{
    uint32_t ticket = action->release_payload.ticket;
    PROMISE(checker, ticket < STORM_TICKETS_MAX && checker->tickets[ticket].is_taken, "a payload is released once");
    checker->tickets[ticket].is_taken = false;
    struct storm_partition *partition = &checker->partitions[checker->tickets[ticket].partition];
    uint32_t index = checker->tickets[ticket].index;
    struct storm_place *place = &partition->places[index];
    place->has_ticket = false;
    PROMISE(checker, partition->is_revoked || place->settled == place->owed,
            "a payload stays until its last delivery settles");
    PROMISE(checker, place->in_air == 0, "no payload is released while it is sent");
}

/* The lowest offset that is not settled for all; after the last one fetched when there is none. */
static int64_t frontier_of(const struct storm_partition *partition)
{
    int64_t frontier = partition->commit_asked;
    for (uint32_t i = partition->first; i < partition->next; i++) {
        if (partition->places[i].settled != partition->places[i].owed) {
            return partition->log.records[i].offset;
        }
        frontier = partition->log.records[i].offset + 1;
    }
    return frontier;
}

static void take_partition_release(struct storm_checker *checker, const struct delivery_action *action)
{
    struct storm_partition *partition = &checker->partitions[action->release_partition.partition];
    PROMISE(checker, partition->is_owned && partition->is_revoked, "a partition is released after its revoke");
    PROMISE(checker, partition->assignment == action->release_partition.assignment, "released once");
    PROMISE(checker, action->release_partition.is_commit_unanswered == partition->is_commit_outstanding,
            "an unanswered commit is named");
    PROMISE(checker,
            !partition->is_commit_outstanding || partition->is_lost ||
                checker->now_ms >= partition->revoked_at_ms + DELIVERY_COMMIT_WAIT_MS,
            "an outstanding commit is awaited");
    PROMISE(checker,
            partition->commit_asked >= frontier_of(partition) || partition->is_lost || checker->is_draining ||
                checker->now_ms >= partition->revoked_at_ms + DELIVERY_COMMIT_WAIT_MS,
            "a revoke commits what is settled");
    for (uint32_t i = partition->first; i < partition->next; i++) {
        PROMISE(checker, !partition->places[i].has_ticket && partition->places[i].in_air == 0,
                "a released partition holds nothing");
    }
    partition->is_owned = false;
    for (uint32_t i = 0; i < checker->run_count; i++) {
        if (checker->runs[i].partition == action->release_partition.partition) {
            checker->runs[i].is_open = false;
        }
    }
}

static void take_lane_report(struct storm_checker *checker, const struct delivery_action *action)
{
    struct storm_partition *partition = &checker->partitions[action->report_lane.partition];
    uint32_t number = number_of(checker, action->report_lane.subscription);
    struct storm_lane *lane = &partition->lanes[number];
    bool is_halt = action->kind == ACTION_REPORT_LANE_HALTED;
    PROMISE(checker, storm_set_takes(&checker->set, number), "no word about a subscription that is disabled");
    PROMISE(checker, is_halt || lane->cause != LANE_HALT_GONE || lane->must_resume || !checker->lanes_are_remembered,
            "gone stays gone until its document changes");
    lane->failures = lane->must_resume && !is_halt ? 0 : lane->failures;
    PROMISE(checker, is_halt || lane->is_halted, "only a halted lane resumes");
    PROMISE(checker, !is_halt || !lane->is_halted || lane->cause != action->report_lane.cause, "a halt is said once");
    if (is_halt && action->report_lane.cause == LANE_HALT_FAILING && checker->lanes_are_remembered) {
        PROMISE(checker, lane->is_halted || lane->failures >= checker->policy.halt_after, "a halt has its failures");
    }
    lane->is_halted = is_halt;
    lane->cause = action->report_lane.cause;
}

void storm_checker_take_action(struct storm_checker *checker, const struct delivery_action *action)
{
    PROMISE(checker,
            !checker->is_drained || action->kind == ACTION_RELEASE_PAYLOAD ||
                action->kind == ACTION_RELEASE_PARTITION || action->kind == ACTION_COMMIT_OFFSET,
            "drained is the last word");
    switch (action->kind) {
    case ACTION_START_ATTEMPT:
        take_start(checker, action);
        break;
    case ACTION_CANCEL_ATTEMPT:
        take_cancel(checker, action);
        break;
    case ACTION_WRITE_DEAD_LETTER:
        take_write(checker, action);
        break;
    case ACTION_COMMIT_OFFSET:
        take_commit(checker, action);
        break;
    case ACTION_RELEASE_PAYLOAD:
        take_release(checker, action);
        break;
    case ACTION_RELEASE_PARTITION:
        take_partition_release(checker, action);
        break;
    case ACTION_REPORT_LANE_HALTED:
    case ACTION_REPORT_LANE_RESUMED:
        take_lane_report(checker, action);
        break;
    case ACTION_REPORT_PARTITION_HELD:
    case ACTION_REPORT_PARTITION_FLOWING:
        if (action->report_partition.subscription != DELIVERY_NO_SUBSCRIPTION) {
            number_of(checker, action->report_partition.subscription);
        }
        break;
    case ACTION_DRAINED:
        PROMISE(checker, checker->is_draining && checker->in_air == 0, "nothing is in the air when drained");
        checker->is_drained = true;
        break;
    }
}

static void check_hand(const struct storm_checker *checker, const struct delivery_core *core)
{
    uint32_t tickets = 0;
    uint64_t bytes = 0;
    uint32_t assigned = 0;
    for (uint32_t i = 0; i < STORM_TICKETS_MAX; i++) {
        if (checker->tickets[i].is_taken) {
            tickets++;
            bytes += checker->partitions[checker->tickets[i].partition].log.records[checker->tickets[i].index].bytes;
        }
    }
    for (uint32_t i = 0; i < checker->limits.partitions_max; i++) {
        const struct storm_partition *partition = &checker->partitions[i];
        assigned += partition->is_owned;
        bool may_take = partition->is_owned && !partition->is_revoked && !checker->is_draining;
        PROMISE(checker, may_take || delivery_core_credit(core, i) == 0, "no credit for what is not ours");
    }
    PROMISE(checker, tickets <= delivery_core_tickets_max(&checker->limits), "hand.records");
    PROMISE(checker, bytes <= checker->limits.bytes_max + (uint64_t)(assigned + 1) * STORM_BYTES_MAX, "hand.bytes");
}

void storm_checker_end_step(struct storm_checker *checker, const struct delivery_core *core)
{
    check_hand(checker, core);
    for (uint32_t i = 0; i < checker->limits.partitions_max; i++) {
        for (uint32_t s = 0; s < checker->subscription_count; s++) {
            struct storm_lane *lane = &checker->partitions[i].lanes[s];
            PROMISE(checker, !lane->must_halt || lane->is_halted, "a full count, a 410 or a denied address halts");
            PROMISE(checker, !lane->must_resume || !lane->is_halted, "a changed document opens a lane that was gone");
            lane->must_halt = lane->must_resume = false;
        }
    }
}
