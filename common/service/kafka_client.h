/* kafka_client.h: how every librdkafka handle of ours is set up, and what is known of its brokers.
 *
 * What carries a promise is set here and refused in the settings; the rest are defaults of ours under the user's
 * properties. Logs: one line when a broker goes away, one when it is back, for all handles of the process together;
 * librdkafka's other lines at their own level, as many as a log_budget has per handle, then counted. */
#ifndef RELAY_KAFKA_CLIENT_H
#define RELAY_KAFKA_CLIENT_H

#include "kafka_properties.h"
#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kafka_client_kind {
    KAFKA_CLIENT_PRODUCER, /* writes events: idempotent, acks=all, murmur2_random, never gives an event up */
    KAFKA_CLIENT_CONSUMER, /* reads events as a group member: commits by hand only, read_committed, no silent reset */
    KAFKA_CLIENT_WRITER,   /* the consumer's producer (dead letters): as PRODUCER, with the largest message.max.bytes */
    KAFKA_CLIENT_READER,   /* reads by hand; as CONSUMER, its group id is never joined */
};

struct kafka_client_spec {
    enum kafka_client_kind kind;
    const struct kafka_properties *properties;
    const char *group; /* CONSUMER, READER: group.id; NULL otherwise */
    void *context;     /* given back by kafka_client_context */
    /* NULL, or called once by the poll that learns of a fatal error of the handle (see rd_kafka_fatal_error):
     * nothing works any more and the handle must be replaced. The line is logged already. */
    void (*on_fatal)(void *context, const char *text);
};

/* Everything set; the caller adds its callbacks and gives it to kafka_client_new_take, or destroys it. The conf's
 * opaque is ours: never call rd_kafka_conf_set_opaque; in a callback use kafka_client_context(opaque) to get your own.
 * log_cb and error_cb are ours as well.
 * Errors: STATUS_INVALID with the property's place, name and librdkafka's reason. */
WARN_UNUSED enum status kafka_client_conf(const struct kafka_client_spec *spec, rd_kafka_conf_t **ret_conf,
                                          struct error *ret_error);

/* rd_kafka_new, in place of it; `conf` is taken over, whatever comes of it. (When rd_kafka_new fails it has freed the
 * interceptors inside the conf but not forgotten them: rd_kafka_conf_destroy would then read freed memory.)
 * Errors: STATUS_INVALID with librdkafka's reason. */
WARN_UNUSED enum status kafka_client_new_take(rd_kafka_conf_t *conf, rd_kafka_type_t type, rd_kafka_t **ret_rk,
                                              struct error *ret_error);

/* rd_kafka_destroy_flags with a bound, since it can hang (until librdkafka 2.6.1): after `wait_ms` the handle is left
 * behind, with a log line. The caller has destroyed its queues; no callback of its comes any more. */
void kafka_client_destroy_within(rd_kafka_t *rk, int flags, int64_t wait_ms);

/* The context of the spec, from the opaque that librdkafka hands to a callback. */
void *kafka_client_context(const void *opaque);
void *kafka_client_context_of(const rd_kafka_t *rk);

/* Has any broker answered this handle yet? (For /readyz and startup_timeout.) From any thread. */
bool kafka_client_is_answered(const rd_kafka_t *rk);

/* Makes and drops a handle that has no brokers, so that what only rd_kafka_new finds (a missing certificate file,
 * two properties that contradict each other) is found without a connection.
 * Errors: STATUS_INVALID with librdkafka's reason. */
WARN_UNUSED enum status kafka_client_check(enum kafka_client_kind kind, const struct kafka_properties *properties,
                                           struct error *ret_error);

#endif
