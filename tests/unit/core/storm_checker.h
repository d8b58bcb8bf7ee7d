/* storm_checker.h: the promises of the delivery core, kept in books of their own.
 *
 * Knows what the world told the core and what the core asked for, and nothing of the core's insides. A broken promise
 * prints the seed, the step and what was broken, and aborts. */
#ifndef RELAY_STORM_CHECKER_H
#define RELAY_STORM_CHECKER_H

#include "delivery_core.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORM_PARTITIONS_MAX = 3,
    STORM_SUBSCRIPTIONS_MAX = 6,
    STORM_LOG_MAX = 60,
    STORM_TICKETS_MAX = 64,
    STORM_RUNS_MAX = 8000,
    STORM_BYTES_MAX = 100, /* of one record */
};

#define STORM_NOBODY 31 /* the bit of a record that nobody can read */

struct storm_record {
    int64_t offset;
    int64_t tenant;
    int64_t incident;
    uint64_t bytes;
    enum delivery_reading reading;
    uint64_t schema;
    uint32_t matches; /* a bit for each subscription that would match, whether it is known or not, or STORM_NOBODY's */
};

/* Which subscriptions are known, by the numbers that the storm has for them; the core knows them by their index. */
struct storm_set {
    uint32_t numbers[STORM_SUBSCRIPTIONS_MAX]; /* by index */
    uint32_t count;
    struct delivery_subscription subscriptions[STORM_SUBSCRIPTIONS_MAX]; /* these two by number */
    bool restarts[STORM_SUBSCRIPTIONS_MAX];
};

/* What a partition's log holds, from its first record on. Written before the storm. */
struct storm_log {
    struct storm_record records[STORM_LOG_MAX];
    uint32_t count;
};

/* One record in one assignment. */
struct storm_place {
    uint32_t owed; /* of `matches` those that were known when it was fetched */
    uint32_t settled;
    uint32_t dropped;  /* any answer settles it */
    uint32_t orphaned; /* of a subscription that was removed meanwhile */
    uint32_t let_go;   /* free to go when the ordering changed */
    uint32_t in_air;
    uint32_t writing;
    uint32_t refusals[STORM_SUBSCRIPTIONS_MAX];
    bool is_fetched;
    bool has_ticket;
};

struct storm_lane {
    uint32_t in_air;
    uint32_t failures;
    bool is_halted;
    bool must_halt;   /* by the end of this step */
    bool must_resume; /* the same */
    enum lane_halt_cause cause;
    int64_t hold_until_ms;
};

struct storm_partition {
    struct storm_log log;
    int64_t committed; /* at the broker */
    uint64_t assignment;
    bool is_owned; /* until it is released */
    bool is_revoked;
    bool is_lost;
    bool is_commit_outstanding;
    int64_t commit_asked;
    int64_t revoked_at_ms;
    uint32_t first; /* index of the first record of this assignment */
    uint32_t next;  /* index of the next one to fetch */
    struct storm_place places[STORM_LOG_MAX];
    struct storm_lane lanes[STORM_SUBSCRIPTIONS_MAX];
    uint32_t settled_ever[STORM_LOG_MAX]; /* through all assignments */
    uint32_t excused_ever[STORM_LOG_MAX]; /* counted as not matching, once at least */
};

struct storm_ticket {
    bool is_taken;
    uint32_t partition;
    uint32_t index;
};

/* An attempt or the write of a dead letter. */
struct storm_run {
    bool is_write;
    bool is_open; /* neither answered nor cancelled nor given up */
    uint32_t delivery;
    uint64_t attempt;
    uint32_t partition;
    uint32_t index;
    uint32_t subscription; /* or STORM_NOBODY */
    bool is_orphan;        /* its subscription was removed meanwhile */
};

struct storm_checker {
    uint64_t seed;
    uint64_t step;
    int64_t now_ms;
    struct delivery_limits limits;
    struct delivery_policy policy;
    uint32_t subscription_count; /* known or not */
    struct storm_set set;
    struct storm_set before;                               /* the set that was replaced last, and what that cost */
    struct delivery_dropped cost[STORM_SUBSCRIPTIONS_MAX]; /* by number */
    bool lanes_are_remembered; /* the lane table holds every pair: no halt is ever forgotten */
    struct storm_partition partitions[STORM_PARTITIONS_MAX];
    struct storm_ticket tickets[STORM_TICKETS_MAX];
    struct storm_run runs[STORM_RUNS_MAX];
    uint32_t run_count;
    uint64_t last_attempt;
    uint32_t in_air;
    bool is_draining;
    int64_t drain_deadline_ms;
    bool is_drained;
    uint64_t settled_count;
};

_Noreturn void storm_checker_fail(const struct storm_checker *checker, const char *promise);

/* What the world is about to tell the core. */
void storm_checker_on_assigned(struct storm_checker *checker, uint32_t slot, uint64_t assignment);
void storm_checker_on_revoked(struct storm_checker *checker, uint32_t slot, bool lost);
void storm_checker_on_fetched(struct storm_checker *checker, uint32_t slot, uint32_t ticket);
void storm_checker_on_answer(struct storm_checker *checker, struct storm_run *run, enum delivery_verdict verdict,
                             int64_t retry_after_ms);
void storm_checker_on_written(struct storm_checker *checker, struct storm_run *run, bool ok);
void storm_checker_on_committed(struct storm_checker *checker, uint32_t slot, bool ok);

/* Another set of subscriptions, under limits whose fan-out may be another one. */
void storm_checker_on_replaced(struct storm_checker *checker, const struct storm_set *set, uint32_t fanout_max);

/* After the step of a replacement: what the core says it has dropped. */
void storm_checker_check_dropped(const struct storm_checker *checker, const struct delivery_core *core);

bool storm_set_has(const struct storm_set *set, uint32_t number);

/* Known, and events may match it. */
bool storm_set_takes(const struct storm_set *set, uint32_t number);

/* Whether no lane can be forgotten under these limits; lanes of removed subscriptions that are in use included. */
bool storm_checker_remembers_lanes(const struct storm_checker *checker);

/* What the core asks for. */
void storm_checker_take_action(struct storm_checker *checker, const struct delivery_action *action);

/* After all actions of a step. */
void storm_checker_end_step(struct storm_checker *checker, const struct delivery_core *core);

#endif
