/* kafka_topic.h: what a broker says about a topic, and the making of topics of our own.
 *
 * These block for at most their time-out, which is for start-up and for waiting commands. None of them makes a broker
 * create a topic by being asked about it. */
#ifndef RELAY_KAFKA_TOPIC_H
#define RELAY_KAFKA_TOPIC_H

#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

/* The broker did not tell (the mock cluster answers no such question; a user may lack the right to ask). */
#define KAFKA_TOPIC_UNKNOWN INT64_MIN

struct kafka_topic_facts {
    int32_t partition_count;
    int64_t message_bytes_max; /* max.message.bytes; or KAFKA_TOPIC_UNKNOWN, as all below */
    int64_t retention_ms;      /* -1: for ever */
    int64_t retention_bytes;   /* -1: unlimited */
};

/* Partition count only.
 * Errors: STATUS_NOT_FOUND: no such topic, the text has the command that makes it; STATUS_REFUSED: not authorised, the
 * text has the command that allows it; STATUS_UNAVAILABLE: no broker answered in time. */
WARN_UNUSED enum status kafka_topic_partitions(rd_kafka_t *rk, const char *topic, int timeout_ms,
                                               int32_t *ret_partition_count, struct error *ret_error);

/* The same, and the topic's configuration where the broker tells it, for which it gets 2 s more at most. Not being told
 * is no error. */
WARN_UNUSED enum status kafka_topic_facts(rd_kafka_t *rk, const char *topic, int timeout_ms,
                                          struct kafka_topic_facts *ret_facts, struct error *ret_error);

struct kafka_topic_config {
    const char *name;
    const char *value;
};

/* Makes the topic with the broker's own replication factor, and waits until the broker knows it. One that is there
 * already is fine, whatever its configuration.
 * Errors: STATUS_REFUSED with the broker's reason; STATUS_UNAVAILABLE when it did not answer or the topic did not
 * appear in time. */
WARN_UNUSED enum status kafka_topic_create(rd_kafka_t *rk, const char *topic, int32_t partition_count,
                                           const struct kafka_topic_config *configs, size_t config_count,
                                           int timeout_ms, struct error *ret_error);

#endif
