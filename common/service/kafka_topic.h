/* kafka_topic.h: what a broker says about a topic, and the making of topics of our own.
 *
 * These block, for at most their time-out (kafka_topic_facts up to 2 s more, for its second question), pauses between
 * two questions among it: so they are for a loop's thread with a short time-out, for a worker thread, and for commands.
 * None of them makes a broker create a topic by being asked about it. */
#ifndef RELAY_KAFKA_TOPIC_H
#define RELAY_KAFKA_TOPIC_H

#include "bytes.h"
#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

/* The broker did not tell (the mock cluster answers no such question; a user may lack the right to ask). */
#define KAFKA_TOPIC_UNKNOWN INT64_MIN

/* Is `text` what Kafka takes as a topic's name?
 * Errors: STATUS_INVALID with the rule. */
WARN_UNUSED enum status kafka_topic_check_name(const char *text, struct error *ret_error);

/* The command that lets a user do with the topics what this client is there for: read them in `group`, or write to them
 * (a producer; `group` does not count). */
void kafka_topic_append_allowing(rd_kafka_t *rk, const char *const *topics, size_t topic_count, const char *group,
                                 struct bytes *text);

/* The error of a topic that a broker refuses for this reason. The text has the command that makes a missing one, or
 * that allows what this client's user may not do.
 * Errors: STATUS_NOT_FOUND: there is none; STATUS_REFUSED otherwise. */
enum status kafka_topic_refuse(rd_kafka_t *rk, const char *topic, rd_kafka_resp_err_t reason, struct error *ret_error);

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
