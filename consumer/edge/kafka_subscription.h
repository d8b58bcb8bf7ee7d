/* kafka_subscription.h: one member of the consumer group.
 *
 * Joins the group, turns each assignment into partition slots, finds where each of them starts, hands over records one
 * by one as they are asked for, and commits. Everything it has to say is an event to the listener, called from the
 * loop's thread between two turns of work, never from inside a call of this header.
 *
 * Each partition's queue is taken out of the group's queue before the partition is assigned, and read only by
 * kafka_subscription_take: whoever takes no more has back-pressure without pausing (pausing purges what was fetched).
 */
#ifndef RELAY_KAFKA_SUBSCRIPTION_H
#define RELAY_KAFKA_SUBSCRIPTION_H

#include "event_loop.h"
#include "kafka_client.h"
#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

enum start_from_kind { START_FROM_EARLIEST, START_FROM_LATEST, START_FROM_TIME };

struct start_from {
    enum start_from_kind kind;
    int64_t time_ms; /* START_FROM_TIME: Unix milliseconds */
};

/* A partition of which the log may have lost what was to be read next: reading goes on at the log's start. */
struct accepted_gap {
    const char *topic;
    int32_t partition;
};

struct kafka_subscription_settings {
    const struct kafka_properties *properties; /* borrowed for the call of _create */
    const char *group;
    const char *const *topics; /* borrowed for the subscription's life */
    size_t topic_count;
    struct start_from start_from;             /* obeyed where no partition of a topic has a commit in the group */
    const struct accepted_gap *accepted_gaps; /* borrowed for the subscription's life */
    size_t accepted_gap_count;
    uint32_t partitions_max; /* slots; more than that assigned is reported as MEMBER_FAILED */
};

enum kafka_subscription_event_kind {
    SUBSCRIPTION_PARTITION_ASSIGNED, /* slot, assignment, offset: where reading starts (it is committed already) */
    SUBSCRIPTION_PARTITION_REVOKED,  /* slot, assignment, lost: answer with kafka_subscription_release */
    SUBSCRIPTION_COMMIT_FINISHED,    /* slot, assignment, offset, ok */
    SUBSCRIPTION_MEMBER_FAILED,      /* this member cannot go on (text says why): stop it */
};

struct kafka_subscription_event {
    enum kafka_subscription_event_kind kind;
    uint32_t slot;
    uint64_t assignment; /* grows with each assignment; never 0 */
    int64_t offset;
    bool lost;
    bool ok;
    const char *text; /* valid during the call */
};

typedef void kafka_subscription_listener(void *context, const struct kafka_subscription_event *event);

struct kafka_subscription;

/* Errors: STATUS_INVALID when librdkafka refuses the settings. */
WARN_UNUSED enum status kafka_subscription_create(struct event_loop *loop,
                                                  const struct kafka_subscription_settings *settings,
                                                  kafka_subscription_listener *listener, void *context,
                                                  struct kafka_subscription **ret_subscription,
                                                  struct error *ret_error);

/* Joins the group; a broker that is away is waited for. Errors: STATUS_REFUSED with librdkafka's reason. */
WARN_UNUSED enum status kafka_subscription_start(struct kafka_subscription *subscription, struct error *ret_error);

/* Leaves the group and closes the handle within `wait_ms`; a close that hangs is left behind (librdkafka before
 * 2.6.1 can hang there) and said. No event comes afterwards. The loop is not running. */
void kafka_subscription_stop(struct kafka_subscription *subscription, int64_t wait_ms);
void kafka_subscription_destroy(struct kafka_subscription *subscription);

/* True once an assignment (an empty one too) has been taken up. */
bool kafka_subscription_has_joined(const struct kafka_subscription *subscription);

enum kafka_take {
    KAFKA_TAKE_RECORD,  /* *ret_message is a record; destroy it with rd_kafka_message_destroy */
    KAFKA_TAKE_NOTHING, /* the queue is empty; the loop turns when something has come */
    KAFKA_TAKE_GAP,     /* the log does not have the wanted offset: *ret_offset is the one that was asked for */
};

/* The next record of an assigned partition. Never blocks. */
enum kafka_take kafka_subscription_take(struct kafka_subscription *subscription, uint32_t slot,
                                        rd_kafka_message_t **ret_message, int64_t *ret_offset);

/* Commits `offset` as the next one to be read. One commit per slot may be outstanding; the answer is
 * SUBSCRIPTION_COMMIT_FINISHED, unless the assignment ends first. The slot must be assigned. */
void kafka_subscription_commit(struct kafka_subscription *subscription, uint32_t slot, uint64_t assignment,
                               int64_t offset);

/* The answer to SUBSCRIPTION_PARTITION_REVOKED: the owner is done with the slot. When the last slot of an
 * assignment is released, the group is told. */
void kafka_subscription_release(struct kafka_subscription *subscription, uint32_t slot, uint64_t assignment);

/* Slots in use now: 0 … count - 1. */
uint32_t kafka_subscription_slots(const struct kafka_subscription *subscription);

/* Where a slot stands; the topic is one of the settings' strings. */
const char *kafka_subscription_topic(const struct kafka_subscription *subscription, uint32_t slot);
int32_t kafka_subscription_partition(const struct kafka_subscription *subscription, uint32_t slot);

/* The oldest offset that the log still has, as last heard (-1: not yet); never blocks. */
int64_t kafka_subscription_log_start(struct kafka_subscription *subscription, uint32_t slot);

#endif
