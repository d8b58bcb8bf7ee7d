/* delivery_core.h: decides what is sent when, what counts as settled and what may be committed.
 *
 * A deterministic state machine of one shard: events go in (past tense), actions come out (imperative), and
 * delivery_core_next_deadline says when it wants to be woken. It has no clock, socket or Kafka handle, allocates only
 * when it takes a set of subscriptions over (_create, EVENT_SUBSCRIPTIONS_REPLACED), and keeps integers: the bytes of a
 * record stay with the shell under a `ticket`. The same seed and the same events give the same actions. Its life cycles
 * are drawn in consumer/README.md. */
#ifndef RELAY_DELIVERY_CORE_H
#define RELAY_DELIVERY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DELIVERY_SCHEDULE_MAX = 64,      /* entries of a retry schedule */
    DELIVERY_COMMIT_WAIT_MS = 2000,  /* how long a revoke or a drain waits for commits */
    DELIVERY_SCHEMAS_EXPIRED_MAX = 4 /* schemas per partition of which it is remembered that they never came */
};

#define DELIVERY_NO_SUBSCRIPTION UINT32_MAX /* a dead letter of a record that nobody could read */
#define DELIVERY_NO_DEADLINE INT64_MAX
#define DELIVERY_RETRY_AFTER_MAX_MS (INT64_C(86400000)) /* a longer Retry-After is taken for this */

/* ---- what it is made of ---- */

/* What may be in the air of a subscription at once. */
enum ordering {
    ORDERING_INCIDENT, /* one delivery of an incident; the later ones wait until it settles, other incidents do not */
    ORDERING_TENANT,   /* one delivery */
    ORDERING_NONE,
};

struct delivery_subscription {
    int64_t tenant; /* its events only, ever: checked at every match */
    enum ordering ordering;
    uint32_t max_in_flight; /* at least 1 */
    bool is_disabled;       /* stands in the table, but no event may match it */
};

/* Every number at least 1. */
struct delivery_limits {
    uint32_t partitions_max; /* slots; a slot is an index below it */
    uint32_t records_max;    /* hand.records: from the fetch until the frontier passes the record */
    uint64_t bytes_max;      /* hand.bytes: from the fetch until the record's last delivery settles */
    uint32_t attempts_max;   /* connections_max: in the air at once */
    uint32_t fanout_max;     /* the most subscriptions that one record can match; 0 is taken for 1 */
};

struct delivery_policy {
    /* retry.schedule: the waits before the first, second … attempt; the first is taken for 0. */
    int64_t schedule_ms[DELIVERY_SCHEDULE_MAX];
    size_t schedule_count;                     /* at least 1 */
    int64_t refused_ms[DELIVERY_SCHEDULE_MAX]; /* retry.refused: the same for an event that is refused */
    size_t refused_count;                      /* at least 1 */
    uint32_t jitter_permille;                  /* retry.jitter: 200 is ±20 %; at most 1000 */
    uint32_t halt_after;                       /* lane.halt_after; at least 1 */
    int64_t probe_first_ms;                    /* lane.probe_first; at least 1 */
    int64_t probe_max_ms;                      /* lane.probe_max; at least probe_first_ms */
    int64_t commit_interval_ms;
    int64_t schema_wait_ms;
};

/* ---- events ---- */

/* What an endpoint's answer means. */
enum delivery_verdict {
    VERDICT_DELIVERED, /* 2xx */
    VERDICT_GONE,      /* 410: the lane halts and is not probed */
    VERDICT_PACED,     /* 429: counts towards a halt, not against the event's schedule */
    VERDICT_FAILED,    /* any other endpoint failure */
    VERDICT_REFUSED,   /* this event is refused: its own short schedule, then a dead letter */
    VERDICT_DENIED,    /* the address may not be called: the lane halts at once */
    VERDICT_CUT,       /* we ended the attempt ourselves: counts for nothing */
};

enum delivery_reading {
    READING_READABLE,       /* tenant, incident and matches are filled; a null value is one without matches */
    READING_UNREADABLE,     /* one dead letter, in its place on the log */
    READING_SCHEMA_UNKNOWN, /* holds its partition for schema_wait_ms, then as unreadable */
};

enum delivery_event_kind {
    EVENT_PARTITION_ASSIGNED,
    EVENT_PARTITION_REVOKED,
    EVENT_RECORD_FETCHED,
    EVENT_GAP_FOUND,
    EVENT_ATTEMPT_FINISHED,
    EVENT_DEAD_LETTER_WRITTEN,
    EVENT_COMMIT_FINISHED,
    EVENT_TIME_PASSED, /* next_deadline has come */
    EVENT_DRAIN_REQUESTED,
    EVENT_SUBSCRIPTIONS_REPLACED,
};

struct delivery_event {
    enum delivery_event_kind kind;
    int64_t now_ms; /* Unix milliseconds of this turn; never goes back */
    union {
        struct {
            uint32_t partition; /* a slot that is not in use: never assigned, or released by ACTION_RELEASE_PARTITION */
            uint64_t assignment; /* names this ownership; greater than any before; never 0 */
            int64_t next_offset; /* where reading starts; it is the committed offset */
        } partition_assigned;

        /* Ends an ownership; the answer is ACTION_RELEASE_PARTITION, now or within DELIVERY_COMMIT_WAIT_MS. Of an
         * assignment that is not the slot's it is dropped. May be said again with `lost`. */
        struct {
            uint32_t partition;
            uint64_t assignment;
            bool lost; /* somebody else owns it already: nothing is committed any more */
        } partition_revoked;

        /* Only as delivery_core_credit allows. Offsets of an assignment grow; holes need nothing. */
        struct {
            uint32_t partition;
            uint64_t assignment; /* another than the slot's: the ticket is released, nothing else happens */
            int64_t offset;
            uint32_t ticket; /* the shell's slot of the payload; its own until ACTION_RELEASE_PAYLOAD */
            uint64_t bytes;
            enum delivery_reading reading;
            int64_t tenant;
            int64_t incident;
            uint64_t schema;            /* READING_SCHEMA_UNKNOWN: fingerprint or registry id */
            bool schema_is_registry_id; /* equal numbers of different kinds are different schemas */
            const uint32_t
                *matches;       /* indexes of subscriptions, ascending, each of this tenant; borrowed for the step */
            size_t match_count; /* at most fanout_max */
        } record_fetched;

        /* The log no longer has the offset that was to be read: the partition is held until it is revoked. */
        struct {
            uint32_t partition;
            uint64_t assignment;
            int64_t offset;
        } gap_found;

        /* The answer to ACTION_START_ATTEMPT, once. One that was cancelled needs none; it is dropped. */
        struct {
            uint32_t delivery; /* both as in the action */
            uint64_t attempt;
            enum delivery_verdict verdict;
            int64_t retry_after_ms; /* -1: the answer named none */
            int32_t error;          /* opaque: what the dead letter would say; 0 for none */
        } attempt_finished;

        /* The answer to ACTION_WRITE_DEAD_LETTER, once. */
        struct {
            uint32_t delivery; /* both as in the action */
            uint64_t attempt;
            bool ok; /* acknowledged by all in-sync replicas; otherwise it is asked for again after 1 s to 30 s */
        } dead_letter_written;

        /* The answer to ACTION_COMMIT_OFFSET, once. */
        struct {
            uint32_t partition; /* all three as in the action */
            uint64_t assignment;
            int64_t offset;
            bool ok; /* otherwise it is asked for again after commit_interval_ms */
        } commit_finished;

        /* Credit is zero and nothing starts from now on. What is in the air (attempts and dead letters) is awaited
         * until the deadline, then cut; then the last commits are awaited; the answer is ACTION_DRAINED. A second
         * request can only bring the deadline forward; one that is not after now_ms cuts at once. */
        struct {
            int64_t deadline_ms;
        } drain_requested;

        /* Another set of subscriptions is in force. Every index that the core names or is told is the new set's from
         * here on, the actions of this step included. An attempt or write in flight was asked for under an old index:
         * its answer needs none (`delivery` and `attempt` name it), and it finishes under the settings that it began
         * with.
         *
         * Carried over: its lanes keep halts, counters and what they owe; answers in flight count as usual. The new
         *   max_in_flight holds at once: with more in the air nothing starts until fewer are.
         *   The new ordering holds at once for what is fetched from now on and for what waits behind another event.
         * What was free to go under the old one stays free. An event that is not free waits for every earlier one of
         * its new key that is owed, so nothing that is fetched later overtakes an earlier one of its key. Where the new
         *   ordering is looser, those that now wait for nobody go at once.
         * Removed or disabled: nothing new starts for it. What is in the air finishes and what is being written is
         *   awaited; any answer settles it, a refusal or a failed write too. All else that it owes counts as not
         *   matching: settled in this step, dead letters that wait to be written among it. delivery_core_dropped says
         *   how many. Its lanes' halts end, and no report says so. One that is enabled again begins with no failures,
         *   and still waits for what is in the air by its ordering and its max_in_flight; one that is removed and added
         *   again is a new one that knows of nothing. What a drain cuts of it is not settled: it is read again.
         *
         * May be said at any time, in a drain too. */
        struct {
            const struct delivery_subscription *subscriptions; /* borrowed for the step, as all of these */
            uint32_t count;
            uint32_t fanout_max; /* as in the limits, of the new set; may grow and shrink */
            /* For each of the set in force its index in the new one, each once and with the same tenant, or
             * DELIVERY_NO_SUBSCRIPTION for one that is removed. */
            const uint32_t *new_indexes;
            uint32_t old_count; /* of the set in force */
            /* For each of the new set: its document has changed, so what was learned of its endpoint may be wrong. A
             * lane that is GONE opens again with no failures; of a halted one the next probe is due (a Retry-After
             * still holds both). Without it they stay as they are. NULL: none. */
            const bool *restarts;
        } subscriptions_replaced;
    };
};

/* ---- actions ---- */

enum dead_letter_reason {
    DEAD_LETTER_REFUSED,
    DEAD_LETTER_EXHAUSTED,
    DEAD_LETTER_UNREADABLE, /* the shell holds the words (`undecodable.RULE`, `key.mismatch`) with the ticket */
    DEAD_LETTER_SCHEMA_UNKNOWN,
};

enum lane_halt_cause {
    LANE_HALT_FAILING, /* halt_after endpoint failures in a row; probed */
    LANE_HALT_GONE,    /* 410; not probed: it lasts as long as this assignment and this document */
    LANE_HALT_DENIED,  /* the address may not be called; probed */
};

enum partition_held_cause {
    PARTITION_HELD_NOT,
    PARTITION_HELD_LANE_HALTED,    /* hand full; the oldest event in hand is owed by a halted lane */
    PARTITION_HELD_LANE_WAITING,   /* hand full; the oldest event in hand waits for its next attempt */
    PARTITION_HELD_DEAD_LETTER,    /* hand full; the oldest event's dead letter cannot be written */
    PARTITION_HELD_SCHEMA_UNKNOWN, /* for schema_wait_ms */
    PARTITION_HELD_GAP,
};

enum delivery_action_kind {
    ACTION_START_ATTEMPT,
    ACTION_CANCEL_ATTEMPT,
    ACTION_WRITE_DEAD_LETTER,
    ACTION_COMMIT_OFFSET,
    ACTION_RELEASE_PAYLOAD,
    ACTION_RELEASE_PARTITION,
    ACTION_REPORT_LANE_HALTED,
    ACTION_REPORT_LANE_RESUMED,
    ACTION_REPORT_PARTITION_HELD,
    ACTION_REPORT_PARTITION_FLOWING,
    ACTION_DRAINED,
};

/* The actions of a step are to be carried out in their order, before the next step. The order says, among others:
 * ACTION_CANCEL_ATTEMPT before ACTION_RELEASE_PAYLOAD of what is being sent; all of a partition's actions before its
 * ACTION_RELEASE_PARTITION; ACTION_DRAINED last. No answer may be given from inside: answers are events of a later
 * step. */
struct delivery_action {
    enum delivery_action_kind kind;
    union {
        /* Send the ticket's event to the subscription. Answer: EVENT_ATTEMPT_FINISHED. */
        struct {
            uint32_t delivery;
            uint64_t attempt; /* unique for the life of the core, growing; never 0 */
            uint32_t ticket;
            uint32_t subscription;
            uint32_t
                attempt_count; /* of this event to this subscription, this one included; a cut one is not counted */
            bool is_probe;
        } start_attempt;

        struct {
            uint32_t delivery;
            uint64_t attempt;
        } cancel_attempt;

        /* Write it durably. Answer: EVENT_DEAD_LETTER_WRITTEN. The bytes of the ticket stay until the core releases it,
         * which a revoke does before the answer. */
        struct {
            uint32_t delivery;
            uint64_t attempt; /* of this write; from the same numbers as those of START_ATTEMPT */
            uint32_t ticket;
            uint32_t subscription; /* DELIVERY_NO_SUBSCRIPTION for UNREADABLE and SCHEMA_UNKNOWN */
            enum dead_letter_reason reason;
            uint32_t attempts;           /* 0 where nothing was sent */
            int64_t first_attempt_at_ms; /* -1 where nothing was sent */
            int32_t last_error;          /* as the last ATTEMPT_FINISHED that failed gave it */
        } write_dead_letter;

        /* `offset` is the next one to read. Answer: EVENT_COMMIT_FINISHED. At most one per partition is outstanding. */
        struct {
            uint32_t partition;
            uint64_t assignment;
            int64_t offset;
        } commit_offset;

        struct {
            uint32_t ticket;
        } release_payload;

        /* The slot is free, the partition may be unassigned. */
        struct {
            uint32_t partition;
            uint64_t assignment;
            bool is_commit_unanswered; /* it may still be on its way: it must not be taken for one of a later owner */
        } release_partition;

        /* HALTED again with another cause when a probe's answer changes it. A revoke ends all reports of its partition
         * without a word, a replacement those of a subscription that it removes or disables. */
        struct {
            uint32_t partition;
            uint32_t subscription;
            enum lane_halt_cause cause;
        } report_lane; /* HALTED and RESUMED */

        /* HELD again when the cause or the subscription changes. */
        struct {
            uint32_t partition;
            enum partition_held_cause cause; /* of FLOWING: the one that has ended */
            uint32_t subscription; /* DELIVERY_NO_SUBSCRIPTION where no lane is the cause, or it was removed */
            int64_t offset;        /* the oldest unsettled one; the missing one of a gap; the schema's record */
        } report_partition;        /* HELD and FLOWING */
    };
};

/* ---- calls ---- */

struct delivery_core;

/* `subscriptions` is copied; a match names one by its index. All memory is taken here, and more in the step of
 * EVENT_SUBSCRIPTIONS_REPLACED when the new set needs it. */
struct delivery_core *delivery_core_create(const struct delivery_limits *limits, const struct delivery_policy *policy,
                                           const struct delivery_subscription *subscriptions, uint32_t count,
                                           uint64_t seed);
void delivery_core_destroy(struct delivery_core *core); /* NULL is fine */

/* Takes one event. What it borrows is not kept. */
void delivery_core_step(struct delivery_core *core, const struct delivery_event *event);

/* What the last step wants done; valid until the next step. */
const struct delivery_action *delivery_core_actions(const struct delivery_core *core, size_t *ret_count);

/* What a subscription owed that the last step removed or disabled. */
struct delivery_dropped {
    uint32_t subscription; /* its index in the set that was replaced */
    uint32_t dropped;      /* deliveries that count as not matching from now on */
    uint32_t awaited;      /* attempts and writes that are running, and settle with any answer */
};

/* After the step of EVENT_SUBSCRIPTIONS_REPLACED: one for each that was removed or disabled and owed something, by
 * index; none after any other step. Valid until the next step. */
const struct delivery_dropped *delivery_core_dropped(const struct delivery_core *core, uint32_t *ret_count);

/* When to send EVENT_TIME_PASSED at the latest, in Unix milliseconds; may be in the past; DELIVERY_NO_DEADLINE for
 * never. Ask after each step. */
int64_t delivery_core_next_deadline(const struct delivery_core *core);

/* How many records the core would take from this slot now; ask again after each RECORD_FETCHED, since the answer
 * depends on the sizes of what was taken. 0 for a slot that is not assigned. It can rise in any step, of any event. */
uint32_t delivery_core_credit(const struct delivery_core *core, uint32_t partition);

/* The most tickets that can be held at once under these limits. */
uint32_t delivery_core_tickets_max(const struct delivery_limits *limits);

struct delivery_stats {
    /* gauges */
    uint32_t partitions_assigned;
    uint32_t partitions_held;
    uint32_t records_in_hand;
    uint64_t bytes_in_hand;
    uint32_t deliveries_in_hand; /* the sum of the next six */
    uint32_t deliveries_blocked; /* behind an earlier one of their ordering key */
    uint32_t deliveries_ready;
    uint32_t deliveries_waiting; /* for the time of their next attempt */
    uint32_t deliveries_in_air;
    uint32_t dead_letters_writing;
    uint32_t dead_letters_waiting; /* for their turn to be written, a failed write or a schema included */
    uint32_t lanes;
    uint32_t lanes_halted;
    /* counters */
    uint64_t records_fetched;
    uint64_t attempts_started;
    uint64_t deliveries_delivered;
    uint64_t deliveries_dropped; /* not delivered, because their subscription was removed or disabled */
    uint64_t dead_letters_written;
    uint64_t dead_letter_failures;
    uint64_t commits_finished;
    uint64_t commits_failed;
    uint64_t late_events; /* answers and records of an attempt or an assignment that is over */
};

/* Valid until the next step. */
const struct delivery_stats *delivery_core_stats(const struct delivery_core *core);

struct delivery_partition_stats {
    bool is_assigned;
    uint64_t assignment;
    int64_t next_offset; /* of the log, after the last record fetched */
    int64_t frontier;    /* the lowest offset not settled for all lanes */
    int64_t committed;   /* acknowledged */
    uint32_t records_in_hand;
    uint64_t bytes_in_hand;
    enum partition_held_cause held;
};

struct delivery_partition_stats delivery_core_partition_stats(const struct delivery_core *core, uint32_t partition);

/* One move of one of the state machines inside, for traces. Texts are static. */
struct delivery_move {
    const char *machine; /* "delivery", "lane", "partition" */
    uint32_t index;
    const char *from;
    const char *to;
};

typedef void delivery_core_watcher(void *context, const struct delivery_move *move);

/* Calls `watcher` at every move from now on; NULL ends it. It must not call the core. */
void delivery_core_watch(struct delivery_core *core, delivery_core_watcher *watcher, void *context);

/* Checks every bound and link of the whole; aborts when one is broken. Slow: for tests, after each step. */
void delivery_core_check(const struct delivery_core *core);

#endif
