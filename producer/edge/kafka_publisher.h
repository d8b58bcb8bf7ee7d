/* kafka_publisher.h: records to one topic, and what became of each.
 *
 * Every record that was sent gets exactly one report, unless the client is replaced in between. Nothing here waits,
 * but for asking about the topic, which must succeed before the first record is sent. */
#ifndef RELAY_KAFKA_PUBLISHER_H
#define RELAY_KAFKA_PUBLISHER_H

#include "kafka_properties.h"
#include "record_encode.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct kafka_publisher_settings {
    const struct kafka_properties *properties; /* both must outlive the publisher */
    const char *topic;
    uint32_t records_max; /* sent and not reported */
    int64_t bytes_max;    /* of them */
};

enum publish_verdict {
    PUBLISH_DELIVERED,
    PUBLISH_REFUSED,       /* the broker does not take this record, whatever its company was */
    PUBLISH_BATCH_REFUSED, /* it does not take this record, or another one of its batch: only sent alone will one know
                            */
    PUBLISH_TOPIC_AWAY,    /* the topic is unknown, or not ours to write: has to be put right outside */
    PUBLISH_CLOCK_WRONG,   /* its timestamp is too far from the broker's time */
    PUBLISH_FAILED,        /* anything else: not the record's fault; send it again */
};

struct publish_report {
    uint64_t place; /* as it was sent */
    enum publish_verdict verdict;
    int error; /* librdkafka's; for the functions below */
};

struct kafka_publisher;

/* Makes the client, which begins to look for its brokers.
 * Errors: STATUS_INVALID when librdkafka does not take the properties. */
WARN_UNUSED enum status kafka_publisher_create(const struct kafka_publisher_settings *settings,
                                               struct kafka_publisher **ret_publisher, struct error *ret_error);

/* Gives up what is not reported; waits for the client's end only for a moment. NULL is fine. */
void kafka_publisher_destroy(struct kafka_publisher *publisher);

/* Readable when there is something to poll. */
int kafka_publisher_fd(const struct kafka_publisher *publisher);

/* Asks about the topic, for at most about three times `timeout_ms`, and sets the client up for the largest batch that
 * it takes, so that a record that is too large fails alone. Not while a record is sent and not reported.
 * Errors: STATUS_NOT_FOUND, STATUS_REFUSED, with the command that mends it; STATUS_UNAVAILABLE: no broker answers. */
WARN_UNUSED enum status kafka_publisher_ask(struct kafka_publisher *publisher, int timeout_ms, struct error *ret_error);
bool kafka_publisher_is_ready(const struct kafka_publisher *publisher); /* the last asking has succeeded */

/* Sends a record; it is copied. `place` comes back in its report. Only when ready.
 * Errors: STATUS_FULL: librdkafka's own queue is full, try again after the next report. */
WARN_UNUSED enum status kafka_publisher_send(struct kafka_publisher *publisher, uint64_t place,
                                             const struct outgoing_record *record);

/* Lets librdkafka work off what has arrived; then the reports can be taken, in the order in which they came. */
void kafka_publisher_poll(struct kafka_publisher *publisher);
bool kafka_publisher_next_report(struct kafka_publisher *publisher, struct publish_report *ret_report);

/* The client has failed for good: replace it. */
bool kafka_publisher_is_broken(const struct kafka_publisher *publisher);

/* A new client in the place of the old. There are no reports any more for what the old one had; ask again.
 * Errors: STATUS_INVALID as when it was made; the old one is gone then too. */
WARN_UNUSED enum status kafka_publisher_replace(struct kafka_publisher *publisher, struct error *ret_error);

/* The error that stands for STATUS_FULL, for the functions below. */
int kafka_publisher_queue_full_error(void);

/* The rule of a reject: "kafka.message_too_large" …; a static string. */
const char *kafka_publisher_rule(int error);

/* Appends what a person should know and do about it, NUL not included. */
void kafka_publisher_append_advice(const struct kafka_publisher *publisher, int error, struct bytes *text);

#endif
