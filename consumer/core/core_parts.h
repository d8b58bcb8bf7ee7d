/* core_parts.h: the structs inside the delivery core, for its own files only.
 *
 * A record in hand has one delivery for each subscription that it matches. A delivery belongs to a record and to a
 * lane; a lane is a subscription on one partition. Records, deliveries and lanes live in pools that are sized when a
 * set of subscriptions is taken over. */
#ifndef RELAY_CORE_PARTS_H
#define RELAY_CORE_PARTS_H

#include "delivery_core.h"
#include "hand.h"
#include "heap.h"
#include "order_chain.h"
#include "partition_ledger.h"
#include "pool.h"
#include "random.h"
#include "retry_schedule.h"
#include "timer_queue.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* ---- a record ---- */

struct record {
    struct ledger_entry entry;
    struct partition *partition;
    uint32_t ticket;
    bool has_payload; /* the ticket is not released yet */
    uint64_t bytes;
    int64_t incident;
    uint64_t schema; /* of a record with an unknown one */
    bool schema_is_registry_id;
    LIST_HEAD(record_deliveries, delivery) deliveries; /* those not settled */
};

/* ---- a delivery ---- */

enum delivery_state {
    DELIVERY_FREE,
    DELIVERY_BLOCKED,             /* behind an earlier one of its ordering key */
    DELIVERY_READY,               /* may be sent as soon as its lane may send */
    DELIVERY_WAITING,             /* for the time of its next attempt */
    DELIVERY_IN_AIR,              /* an attempt is running */
    DELIVERY_DEAD_LETTER_WAITING, /* for the time of its next write, or for its schema */
    DELIVERY_DEAD_LETTER_WRITING, /* a write is running */
    DELIVERY_SETTLED,
    DELIVERY_STATES
};

struct delivery {
    enum delivery_state state;
    struct record *record;
    struct lane *lane; /* NULL: a record that nobody could read */
    uint64_t attempt;  /* the number of the attempt or write that is running */
    struct retry_history history;
    int64_t first_attempt_at_ms;
    int32_t last_error;
    enum dead_letter_reason reason;
    bool awaits_schema;
    bool is_dropped; /* its subscription has left while it was in the air or written: any answer settles it */
    bool is_let_go;  /* it was free to go when its subscription's ordering changed: it waits for nobody */
    int64_t dead_letter_wait_ms; /* after the next failed write */
    struct timer timer;          /* WAITING, DEAD_LETTER_WAITING */
    struct heap_node ready;      /* READY: in its lane's heap */
    struct order_link order;
    LIST_ENTRY(delivery) of_record;
    TAILQ_ENTRY(delivery) of_lane; /* WAITING: in its lane's list */
};

/* ---- a lane ---- */

enum lane_state {
    LANE_FREE,
    LANE_OPEN,
    LANE_HALTED,  /* nothing starts; a probe when its time has come and nothing is in the air */
    LANE_PROBING, /* the probe is in the air */
    LANE_GONE,    /* nothing starts any more */
    LANE_STATES
};

struct lane {
    enum lane_state state;
    struct partition *partition;
    uint32_t subscription;  /* DELIVERY_NO_SUBSCRIPTION when it was removed: then in no bucket */
    enum ordering ordering; /* by which its deliveries are chained */
    bool is_leaving;        /* its subscription was removed or disabled: it owes dropped deliveries only, then ends */
    uint32_t owed;          /* deliveries that are not settled */
    uint32_t in_air;
    uint32_t failures;  /* endpoint failures in a row */
    uint64_t successes; /* 2xx */
    enum lane_halt_cause cause;
    int64_t probe_wait_ms;
    int64_t probe_at_ms;
    int64_t hold_until_ms; /* Retry-After */
    struct heap ready;     /* by offset */
    TAILQ_HEAD(lane_waiting, delivery) waiting;
    struct timer timer; /* when it may send again */
    bool is_runnable;
    bool is_idle;
    TAILQ_ENTRY(lane) runnable;
    TAILQ_ENTRY(lane) idle;
    LIST_ENTRY(lane) of_partition;
    LIST_ENTRY(lane) found; /* in its bucket */
};

LIST_HEAD(lane_bucket, lane);

/* ---- a partition ---- */

enum partition_state {
    PARTITION_FREE,
    PARTITION_ASSIGNED,
    PARTITION_REVOKING, /* nothing in hand; the last commit is awaited */
    PARTITION_STATES
};

struct schema_key {
    uint64_t schema;
    bool is_registry_id;
};

struct partition {
    enum partition_state state;
    uint64_t assignment; /* the last one, also when free */
    struct partition_ledger ledger;
    struct hand_load load;
    int64_t next_commit_ms;
    bool is_closing; /* a revoke or a drain: commit at once, and only once more */
    bool is_last_commit_begun;
    int64_t release_by_ms; /* REVOKING */
    struct timer timer;    /* the next commit, or release_by_ms */
    LIST_HEAD(partition_lanes, lane) lanes;
    bool has_gap;
    int64_t gap_offset;
    uint32_t schemas_awaited; /* records that hold it */
    int64_t schema_offset;    /* the last of them */
    struct schema_key expired[DELIVERY_SCHEMAS_EXPIRED_MAX];
    uint32_t expired_count; /* ever; the last ones are kept */
    enum partition_held_cause held;
    uint32_t held_by; /* a subscription */
    int64_t held_offset;
    bool is_touched;
    TAILQ_ENTRY(partition) touched;
};

/* ---- the core ---- */

enum drain_phase { DRAIN_NONE, DRAIN_AWAITING, DRAIN_COMMITTING, DRAIN_DONE };

struct delivery_core {
    struct delivery_limits limits;
    struct delivery_policy policy;
    struct delivery_subscription *subscriptions;
    uint32_t subscription_count;
    struct delivery_dropped *dropped; /* what the last replacement cost; room for one per subscription replaced */
    uint32_t dropped_count;           /* 0 but for the step of a replacement */
    struct random_source random;
    int64_t now_ms;
    uint64_t last_attempt; /* attempt numbers given out */

    struct hand hand;
    struct pool records;
    struct pool deliveries;
    struct pool lanes;
    struct partition *partitions;
    struct timer_queue timers;
    struct order_chains chains;
    struct lane_bucket *lane_buckets;
    uint32_t lane_bucket_count;                /* a power of two */
    TAILQ_HEAD(lanes_runnable, lane) runnable; /* the next one to send is the first */
    TAILQ_HEAD(lanes_idle, lane) idle;         /* owe nothing; the first is given up first */
    TAILQ_HEAD(partitions_touched, partition) touched;

    enum drain_phase drain;
    int64_t drain_deadline_ms;
    struct timer drain_timer;

    struct delivery_action *actions;
    size_t action_count;
    size_t actions_max;
    struct delivery_stats stats;
    delivery_core_watcher *watcher;
    void *watcher_context;
};

/* ---- helpers that every file needs ---- */

/* Room for one more action, its kind set and the rest zeroed. */
struct delivery_action *core_act(struct delivery_core *core, enum delivery_action_kind kind);

/* Room for all that one step can ask for with the tables as they are; never less than before. */
void core_reserve_actions(struct delivery_core *core);

/* The partition is looked at again at the end of the step: commits, timers, what holds it. */
void core_touch(struct delivery_core *core, struct partition *partition);

/* Tells the watcher, if there is one. */
void core_tell_move(struct delivery_core *core, const char *machine, uint32_t index, const char *from, const char *to);

/* The slot if the assignment is still the one in force (revoking or not); NULL, and counted as late, otherwise. */
struct partition *core_owned_partition(struct delivery_core *core, uint32_t slot, uint64_t assignment);

uint32_t core_slot_of(const struct delivery_core *core, const struct partition *partition);

#endif
