#include "storm_world.h"

#include "check.h"
#include "random.h"
#include "storm_checker.h"

#include <string.h>

enum { STORM_STEPS = 1000, FAIR_STEPS_MAX = 20000, SCHEMAS_MAX = 6 };

enum mood { MOOD_WELL, MOOD_FLAKY, MOOD_DEAD, MOOD_REFUSING, MOOD_LYING, MOODS };

enum ending { ENDING_REVOKE, ENDING_DRAIN, ENDING_CRASH, ENDINGS };

struct storm_world {
    struct random_source random;
    struct storm_checker checker;
    struct delivery_core *core;
    enum mood moods[STORM_SUBSCRIPTIONS_MAX];
    bool has_gap[STORM_PARTITIONS_MAX];
    bool is_fair;
    bool may_be_gone;
    uint64_t last_assignment;
    struct storm_result result;
};

static uint32_t below(struct storm_world *world, uint32_t bound)
{
    return (uint32_t)random_below(&world->random, bound);
}

static uint32_t between(struct storm_world *world, uint32_t low, uint32_t high)
{
    return low + below(world, high - low + 1);
}

static bool one_in(struct storm_world *world, uint32_t n)
{
    return below(world, n) == 0;
}

/* ---- making a world ---- */

static void make_policy(struct storm_world *world, struct delivery_policy *policy)
{
    policy->schedule_count = between(world, 1, 4);
    policy->refused_count = between(world, 1, 3);
    for (size_t i = 1; i < 4; i++) {
        policy->schedule_ms[i] = between(world, 0, 8000);
        policy->refused_ms[i] = between(world, 0, 8000);
    }
    policy->jitter_permille = one_in(world, 2) ? 200 : 0;
    policy->halt_after = between(world, 1, 4);
    policy->probe_first_ms = between(world, 1, 5000);
    policy->probe_max_ms = policy->probe_first_ms + between(world, 0, 20000);
    policy->commit_interval_ms = between(world, 0, 2000);
    policy->schema_wait_ms = between(world, 0, 20000);
}

/* The most of one tenant; a little more is fine. */
static uint32_t fanout_of(struct storm_world *world, const struct storm_set *set)
{
    uint32_t most = one_in(world, 4) ? 2 : 0;
    for (int64_t tenant = 1; tenant <= 2; tenant++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < set->count; i++) {
            const struct delivery_subscription *subscription = &set->subscriptions[set->numbers[i]];
            count += subscription->tenant == tenant && !subscription->is_disabled;
        }
        most = count > most ? count : most;
    }
    return most;
}

/* At random places of the set. */
static void add_to_set(struct storm_world *world, struct storm_set *set, uint32_t number)
{
    uint32_t index = below(world, set->count + 1);
    set->numbers[set->count++] = set->numbers[index];
    set->numbers[index] = number;
}

static void make_subscriptions(struct storm_world *world, uint32_t tenants)
{
    struct storm_checker *checker = &world->checker;
    checker->subscription_count = between(world, 1, STORM_SUBSCRIPTIONS_MAX);
    for (uint32_t i = 0; i < checker->subscription_count; i++) {
        checker->set.subscriptions[i] = (struct delivery_subscription){.tenant = between(world, 1, tenants),
                                                                       .ordering = (enum ordering)below(world, 3),
                                                                       .max_in_flight = between(world, 1, 4)};
        if (!one_in(world, 6)) {
            add_to_set(world, &checker->set, i);
        }
        world->moods[i] = (enum mood)below(world, MOODS);
    }
}

/* The set in force with some of everything changed. */
static struct storm_set make_set(struct storm_world *world)
{
    const struct storm_checker *checker = &world->checker;
    struct storm_set set = {.count = 0};
    for (uint32_t i = 0; i < checker->subscription_count; i++) {
        struct delivery_subscription *subscription = &set.subscriptions[i];
        *subscription = checker->set.subscriptions[i];
        if (one_in(world, 4)) {
            subscription->ordering = (enum ordering)below(world, 3);
        }
        if (one_in(world, 3)) {
            subscription->max_in_flight = between(world, 1, 4);
        }
        if (one_in(world, subscription->is_disabled ? 2 : 8)) {
            subscription->is_disabled = !subscription->is_disabled;
        }
        set.restarts[i] = one_in(world, 3);
        if (!one_in(world, storm_set_has(&checker->set, i) ? 8 : 2)) {
            add_to_set(world, &set, i);
        }
    }
    return set;
}

static struct storm_record make_record(struct storm_world *world, int64_t offset, uint32_t tenants)
{
    const struct storm_checker *checker = &world->checker;
    struct storm_record record = {.offset = offset,
                                  .tenant = between(world, 1, tenants),
                                  .incident = between(world, 1, 3),
                                  .bytes = between(world, 1, STORM_BYTES_MAX),
                                  .reading = READING_READABLE};
    uint32_t kind = below(world, 30);
    if (kind < 3) {
        record.reading = kind == 0 ? READING_SCHEMA_UNKNOWN : READING_UNREADABLE;
        record.schema = between(world, 1, SCHEMAS_MAX);
        record.matches = UINT32_C(1) << STORM_NOBODY;
        return record;
    }
    for (uint32_t i = 0; i < checker->subscription_count; i++) {
        if (checker->set.subscriptions[i].tenant == record.tenant && !one_in(world, 4)) {
            record.matches |= UINT32_C(1) << i;
        }
    }
    return record;
}

static void make_logs(struct storm_world *world, uint32_t tenants)
{
    for (uint32_t p = 0; p < world->checker.limits.partitions_max; p++) {
        struct storm_partition *partition = &world->checker.partitions[p];
        int64_t offset = between(world, 0, 1000);
        partition->committed = offset;
        partition->log.count = between(world, 10, STORM_LOG_MAX);
        for (uint32_t i = 0; i < partition->log.count; i++) {
            offset += one_in(world, 10) ? between(world, 1, 5) : 0;
            partition->log.records[i] = make_record(world, offset++, tenants);
        }
    }
}

static void make_core(struct storm_world *world)
{
    struct storm_checker *checker = &world->checker;
    struct delivery_subscription subscriptions[STORM_SUBSCRIPTIONS_MAX];
    for (uint32_t i = 0; i < checker->set.count; i++) {
        subscriptions[i] = checker->set.subscriptions[checker->set.numbers[i]];
    }
    delivery_core_destroy(world->core);
    world->core =
        delivery_core_create(&checker->limits, &checker->policy, subscriptions, checker->set.count, checker->seed);
    checker->lanes_are_remembered = storm_checker_remembers_lanes(checker);
}

static void make_world(struct storm_world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    struct storm_checker *checker = &world->checker;
    checker->seed = seed;
    random_init(&world->random, seed);
    checker->now_ms = 1000000;
    world->may_be_gone = one_in(world, 3);
    uint32_t tenants = between(world, 1, 2);
    make_policy(world, &checker->policy);
    make_subscriptions(world, tenants);
    checker->limits = (struct delivery_limits){.partitions_max = between(world, 1, STORM_PARTITIONS_MAX),
                                               .records_max = between(world, 1, 12),
                                               .bytes_max = between(world, 50, 600),
                                               .attempts_max = between(world, 1, 8),
                                               .fanout_max = fanout_of(world, &checker->set)};
    make_logs(world, tenants);
    make_core(world);
}

/* ---- one step ---- */

static void step(struct storm_world *world, struct delivery_event *event)
{
    struct storm_checker *checker = &world->checker;
    checker->step++;
    event->now_ms = checker->now_ms;
    delivery_core_step(world->core, event);
    delivery_core_check(world->core);
    size_t count = 0;
    const struct delivery_action *actions = delivery_core_actions(world->core, &count);
    for (size_t i = 0; i < count; i++) {
        storm_checker_take_action(checker, &actions[i]);
        const unsigned char *bytes = (const unsigned char *)&actions[i];
        for (size_t b = 0; b < sizeof(actions[i]); b++) {
            world->result.trace = (world->result.trace ^ bytes[b]) * 0x100000001b3ULL;
        }
        world->result.halts += actions[i].kind == ACTION_REPORT_LANE_HALTED;
        world->result.dead_letters += actions[i].kind == ACTION_WRITE_DEAD_LETTER;
    }
    storm_checker_end_step(checker, world->core);
}

static void assign(struct storm_world *world, uint32_t slot)
{
    struct storm_partition *partition = &world->checker.partitions[slot];
    /* A commit that was never answered may have been taken all the same. */
    if (partition->is_commit_outstanding && one_in(world, 2)) {
        partition->committed = partition->commit_asked;
    }
    world->has_gap[slot] = false;
    storm_checker_on_assigned(&world->checker, slot, ++world->last_assignment);
    struct delivery_event event = {.kind = EVENT_PARTITION_ASSIGNED};
    event.partition_assigned.partition = slot;
    event.partition_assigned.assignment = world->last_assignment;
    event.partition_assigned.next_offset = partition->committed;
    step(world, &event);
}

static void revoke(struct storm_world *world, uint32_t slot, bool lost)
{
    storm_checker_on_revoked(&world->checker, slot, lost);
    world->result.revokes++;
    struct delivery_event event = {.kind = EVENT_PARTITION_REVOKED};
    event.partition_revoked.partition = slot;
    event.partition_revoked.assignment = world->checker.partitions[slot].assignment;
    event.partition_revoked.lost = lost;
    step(world, &event);
}

static bool fetch(struct storm_world *world, uint32_t slot)
{
    struct storm_checker *checker = &world->checker;
    struct storm_partition *partition = &checker->partitions[slot];
    if (!partition->is_owned || partition->is_revoked || world->has_gap[slot] ||
        partition->next >= partition->log.count || delivery_core_credit(world->core, slot) == 0) {
        return false;
    }
    uint32_t ticket = 0;
    while (checker->tickets[ticket].is_taken) {
        ticket++;
        CHECK(ticket < STORM_TICKETS_MAX);
    }
    const struct storm_record *record = &partition->log.records[partition->next];
    storm_checker_on_fetched(checker, slot, ticket);
    uint32_t matches[STORM_SUBSCRIPTIONS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < checker->set.count; i++) {
        uint32_t number = checker->set.numbers[i];
        if ((record->matches >> number & 1) != 0 && storm_set_takes(&checker->set, number)) {
            matches[count++] = i;
        }
    }
    struct delivery_event event = {.kind = EVENT_RECORD_FETCHED};
    event.record_fetched.partition = slot;
    event.record_fetched.assignment = partition->assignment;
    event.record_fetched.offset = record->offset;
    event.record_fetched.ticket = ticket;
    event.record_fetched.bytes = record->bytes;
    event.record_fetched.reading = record->reading;
    event.record_fetched.tenant = record->tenant;
    event.record_fetched.incident = record->incident;
    event.record_fetched.schema = record->schema;
    event.record_fetched.matches = matches;
    event.record_fetched.match_count = count;
    step(world, &event);
    return true;
}

static enum delivery_verdict pick_verdict(struct storm_world *world, uint32_t subscription)
{
    if (world->is_fair) {
        return VERDICT_DELIVERED;
    }
    switch (world->moods[subscription]) {
    case MOOD_WELL:
        return VERDICT_DELIVERED;
    case MOOD_FLAKY:
        return one_in(world, 2) ? VERDICT_DELIVERED : VERDICT_FAILED;
    case MOOD_DEAD:
        return VERDICT_FAILED;
    case MOOD_REFUSING:
        return one_in(world, 3) ? VERDICT_DELIVERED : VERDICT_REFUSED;
    default:
        break;
    }
    enum delivery_verdict verdict = (enum delivery_verdict)below(world, VERDICT_CUT + 1);
    return verdict == VERDICT_GONE && (!world->may_be_gone || !one_in(world, 4)) ? VERDICT_PACED : verdict;
}

static void answer(struct storm_world *world, struct storm_run *run)
{
    struct delivery_event event = {.kind = EVENT_ATTEMPT_FINISHED};
    event.attempt_finished.delivery = run->delivery;
    event.attempt_finished.attempt = run->attempt;
    event.attempt_finished.verdict = pick_verdict(world, run->subscription);
    bool may_hold = event.attempt_finished.verdict == VERDICT_PACED || event.attempt_finished.verdict == VERDICT_FAILED;
    event.attempt_finished.retry_after_ms = may_hold && one_in(world, 4) ? (int64_t)below(world, 10000) : -1;
    storm_checker_on_answer(&world->checker, run, event.attempt_finished.verdict,
                            event.attempt_finished.retry_after_ms);
    step(world, &event);
}

static void write_answer(struct storm_world *world, struct storm_run *run)
{
    struct delivery_event event = {.kind = EVENT_DEAD_LETTER_WRITTEN};
    event.dead_letter_written.delivery = run->delivery;
    event.dead_letter_written.attempt = run->attempt;
    event.dead_letter_written.ok = world->is_fair || !one_in(world, 3);
    storm_checker_on_written(&world->checker, run, event.dead_letter_written.ok);
    step(world, &event);
}

/* Answers one that is open, or with `is_late` one that is not: the core must not care. */
static bool answer_some(struct storm_world *world, bool is_late)
{
    struct storm_checker *checker = &world->checker;
    uint32_t start = checker->run_count > 0 ? below(world, checker->run_count) : 0;
    for (uint32_t i = 0; i < checker->run_count; i++) {
        struct storm_run *run = &checker->runs[(start + i) % checker->run_count];
        if (run->is_open == is_late) {
            continue;
        }
        if (run->is_write) {
            write_answer(world, run);
        } else {
            answer(world, run);
        }
        return true;
    }
    return false;
}

static bool commit_answer(struct storm_world *world, uint32_t slot)
{
    struct storm_partition *partition = &world->checker.partitions[slot];
    if (!partition->is_commit_outstanding || !partition->is_owned) {
        return false;
    }
    struct delivery_event event = {.kind = EVENT_COMMIT_FINISHED};
    event.commit_finished.partition = slot;
    event.commit_finished.assignment = partition->assignment;
    event.commit_finished.offset = partition->commit_asked;
    event.commit_finished.ok = !partition->is_lost && (world->is_fair || !one_in(world, 4));
    storm_checker_on_committed(&world->checker, slot, event.commit_finished.ok);
    step(world, &event);
    return true;
}

static void pass_time(struct storm_world *world)
{
    struct storm_checker *checker = &world->checker;
    int64_t deadline_ms = delivery_core_next_deadline(world->core);
    if (deadline_ms != DELIVERY_NO_DEADLINE && (world->is_fair || !one_in(world, 3))) {
        checker->now_ms = deadline_ms > checker->now_ms ? deadline_ms : checker->now_ms;
    } else {
        checker->now_ms += below(world, 3000);
    }
    struct delivery_event event = {.kind = EVENT_TIME_PASSED};
    step(world, &event);
}

static void replace(struct storm_world *world)
{
    struct storm_checker *checker = &world->checker;
    if (checker->is_draining && checker->now_ms >= checker->drain_deadline_ms) {
        return; /* writes are cut without a word: the checker would take them for awaited */
    }
    struct storm_set set = make_set(world);
    struct delivery_subscription subscriptions[STORM_SUBSCRIPTIONS_MAX];
    uint32_t new_indexes[STORM_SUBSCRIPTIONS_MAX];
    bool restarts[STORM_SUBSCRIPTIONS_MAX] = {false};
    for (uint32_t i = 0; i < checker->set.count; i++) {
        new_indexes[i] = DELIVERY_NO_SUBSCRIPTION;
    }
    for (uint32_t i = 0; i < set.count; i++) {
        subscriptions[i] = set.subscriptions[set.numbers[i]];
        restarts[i] = set.restarts[set.numbers[i]];
        for (uint32_t old = 0; old < checker->set.count; old++) {
            new_indexes[old] = checker->set.numbers[old] == set.numbers[i] ? i : new_indexes[old];
        }
    }
    struct delivery_event event = {.kind = EVENT_SUBSCRIPTIONS_REPLACED};
    event.subscriptions_replaced.subscriptions = subscriptions;
    event.subscriptions_replaced.count = set.count;
    event.subscriptions_replaced.fanout_max = fanout_of(world, &set);
    event.subscriptions_replaced.new_indexes = new_indexes;
    event.subscriptions_replaced.old_count = checker->set.count;
    event.subscriptions_replaced.restarts = restarts;
    storm_checker_on_replaced(checker, &set, event.subscriptions_replaced.fanout_max);
    step(world, &event);
    storm_checker_check_dropped(checker, world->core);
    world->result.replacements++;
}

static void change_owner(struct storm_world *world, uint32_t slot)
{
    struct storm_partition *partition = &world->checker.partitions[slot];
    if (!partition->is_owned) {
        assign(world, slot);
    } else if (one_in(world, 12)) {
        revoke(world, slot, one_in(world, 3));
    } else if (one_in(world, 25) && !partition->is_revoked) {
        world->has_gap[slot] = true;
        struct delivery_event event = {.kind = EVENT_GAP_FOUND};
        event.gap_found.partition = slot;
        event.gap_found.assignment = partition->assignment;
        event.gap_found.offset = 7;
        step(world, &event);
    }
}

static void rage(struct storm_world *world)
{
    uint32_t slot = below(world, world->checker.limits.partitions_max);
    uint32_t what = below(world, 100);
    if (what < 35) {
        fetch(world, slot);
    } else if (what < 65) {
        answer_some(world, false);
    } else if (what < 68) {
        answer_some(world, true);
    } else if (what < 75) {
        commit_answer(world, slot);
    } else if (what < 88) {
        pass_time(world);
    } else if (what < 97) {
        change_owner(world, slot);
    } else if (what < 98) {
        replace(world);
    } else {
        world->moods[below(world, world->checker.subscription_count)] = (enum mood)below(world, MOODS);
    }
}

/* ---- the end ---- */

static bool all_released(const struct storm_world *world)
{
    for (uint32_t i = 0; i < world->checker.limits.partitions_max; i++) {
        if (world->checker.partitions[i].is_owned) {
            return false;
        }
    }
    return true;
}

static void revoke_all(struct storm_world *world)
{
    for (uint32_t i = 0; i < world->checker.limits.partitions_max; i++) {
        if (world->checker.partitions[i].is_owned) {
            revoke(world, i, false);
        }
    }
    int64_t by_ms = world->checker.now_ms + DELIVERY_COMMIT_WAIT_MS;
    while (!all_released(world)) {
        commit_answer(world, below(world, world->checker.limits.partitions_max));
        if (one_in(world, 3)) {
            pass_time(world);
        }
        if (world->checker.now_ms > by_ms + 3000) {
            storm_checker_fail(&world->checker, "a revoked partition is released in time");
        }
    }
}

static void drain(struct storm_world *world)
{
    struct storm_checker *checker = &world->checker;
    int64_t deadline_ms = checker->now_ms + between(world, 0, 8000);
    struct delivery_event event = {.kind = EVENT_DRAIN_REQUESTED};
    event.drain_requested.deadline_ms = deadline_ms;
    checker->is_draining = true;
    checker->drain_deadline_ms = deadline_ms;
    step(world, &event);
    while (!checker->is_drained) {
        rage(world);
        /* Each of the two deadlines may be passed by a jump of the clock. */
        if (checker->now_ms > deadline_ms + DELIVERY_COMMIT_WAIT_MS + 6000) {
            storm_checker_fail(checker, "a drain ends in time");
        }
    }
    revoke_all(world);
}

/* The process is gone; another one starts at what the broker has. */
static void start_anew(struct storm_world *world)
{
    struct storm_checker *checker = &world->checker;
    make_core(world);
    for (uint32_t i = 0; i < checker->limits.partitions_max; i++) {
        checker->partitions[i].is_owned = false;
    }
    memset(checker->tickets, 0, sizeof(checker->tickets));
    checker->run_count = 0;
    checker->in_air = 0;
    checker->last_attempt = 0;
    checker->is_draining = checker->is_drained = false;
}

static bool is_all_committed(const struct storm_world *world)
{
    for (uint32_t i = 0; i < world->checker.limits.partitions_max; i++) {
        const struct storm_partition *partition = &world->checker.partitions[i];
        if (partition->committed <= partition->log.records[partition->log.count - 1].offset) {
            return false;
        }
    }
    return true;
}

/* Everything works: what is owed must be settled in the end, and committed. */
static void enjoy_fair_weather(struct storm_world *world)
{
    struct storm_checker *checker = &world->checker;
    world->is_fair = true;
    for (uint32_t i = 0; i < checker->limits.partitions_max; i++) {
        assign(world, i);
    }
    for (uint32_t i = 0; !is_all_committed(world); i++) {
        uint32_t slot = i % checker->limits.partitions_max;
        bool has_moved = fetch(world, slot) || answer_some(world, false) || commit_answer(world, slot);
        if (!has_moved || one_in(world, 10)) {
            pass_time(world);
        }
        if (i < 500 && one_in(world, 30)) {
            replace(world);
        }
        if (i > FAIR_STEPS_MAX) {
            storm_checker_fail(checker, "everything owed is settled in the end");
        }
    }
    for (uint32_t p = 0; p < checker->limits.partitions_max; p++) {
        for (uint32_t i = 0; i < checker->partitions[p].log.count; i++) {
            const struct storm_partition *partition = &checker->partitions[p];
            uint32_t matches = partition->log.records[i].matches;
            if ((partition->settled_ever[i] | partition->excused_ever[i]) != matches ||
                (partition->settled_ever[i] & ~matches) != 0) {
                storm_checker_fail(checker, "every event is settled for each of its subscriptions, and no other");
            }
        }
    }
}

struct storm_result storm_world_run(uint64_t seed)
{
    static struct storm_world world; /* large */
    make_world(&world, seed);
    for (uint32_t i = 0; i < STORM_STEPS; i++) {
        rage(&world);
    }
    switch ((enum ending)(seed % ENDINGS)) {
    case ENDING_DRAIN:
        drain(&world);
        start_anew(&world);
        break;
    case ENDING_CRASH:
        start_anew(&world);
        break;
    default:
        revoke_all(&world);
        break;
    }
    enjoy_fair_weather(&world);
    world.result.steps = world.checker.step;
    world.result.settled = world.checker.settled_count;
    delivery_core_destroy(world.core);
    return world.result;
}
