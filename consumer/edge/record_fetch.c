#include "record_fetch.h"

#include "check.h"
#include "kafka_client.h"
#include "kafka_topic.h"
#include "monotonic_clock.h"

#include <inttypes.h>
#include <stdbool.h>

static enum status open_client(const struct kafka_properties *properties, const char *group, rd_kafka_t **ret_client,
                               struct error *ret_error)
{
    const struct kafka_client_spec spec = {.kind = KAFKA_CLIENT_READER, .properties = properties, .group = group};
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_client_conf(&spec, &conf, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Else a hole at the end of the log looks like a broker that is silent. */
    CHECK(rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0) == RD_KAFKA_CONF_OK);
    return kafka_client_new_take(conf, RD_KAFKA_CONSUMER, ret_client, ret_error);
}

static enum status check_range(rd_kafka_t *client, const struct record_place *place, int timeout_ms,
                               struct error *ret_error)
{
    int32_t partitions = 0;
    int64_t low = 0;
    int64_t high = 0;
    enum status status = kafka_topic_partitions(client, place->topic, timeout_ms, &partitions, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    if (place->partition >= partitions) {
        return error_set(ret_error, STATUS_NOT_FOUND, "%s has the partitions 0 to %" PRId32 ", and no %" PRId32,
                         place->topic, partitions - 1, place->partition);
    }
    rd_kafka_resp_err_t answer =
        rd_kafka_query_watermark_offsets(client, place->topic, place->partition, &low, &high, timeout_ms);
    if (answer != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(ret_error, STATUS_UNAVAILABLE, "%s, partition %" PRId32 ": %s", place->topic, place->partition,
                         rd_kafka_err2str(answer));
    }
    if (low == high) {
        return error_set(ret_error, STATUS_NOT_FOUND,
                         "%s, partition %" PRId32 " is empty; the next record gets offset %" PRId64, place->topic,
                         place->partition, high);
    }
    if (place->offset < low || place->offset >= high) {
        return error_set(ret_error, STATUS_NOT_FOUND,
                         "%s, partition %" PRId32 " has the offsets %" PRId64 " to %" PRId64 ", and no %" PRId64,
                         place->topic, place->partition, low, high - 1, place->offset);
    }
    return STATUS_OK;
}

static enum status no_record(const struct record_place *place, struct error *ret_error)
{
    return error_set(ret_error, STATUS_NOT_FOUND,
                     "%s, partition %" PRId32 " has no record at offset %" PRId64
                     ": it was compacted away, or is a transaction's marker or part of an aborted one",
                     place->topic, place->partition, place->offset);
}

/* What the first answer about the place says; STATUS_OK with *ret_message NULL: nothing yet. */
static enum status judge(rd_kafka_t *client, const struct record_place *place, rd_kafka_message_t *message,
                         rd_kafka_message_t **ret_message, struct error *ret_error)
{
    enum status status = STATUS_OK;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset == place->offset) {
        *ret_message = message;
        return STATUS_OK;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        status = no_record(place, ret_error);
    } else if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        status = kafka_topic_refuse(client, place->topic, message->err, ret_error);
    } else {
        status = error_set(ret_error, STATUS_UNAVAILABLE, "%s, partition %" PRId32 ": %s", place->topic,
                           place->partition, rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
    return status;
}

static enum status take(rd_kafka_t *client, const struct record_place *place, int timeout_ms,
                        rd_kafka_message_t **ret_message, struct error *ret_error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t deadline_ms = monotonic_clock_ms() + timeout_ms;
    enum status status = STATUS_OK;
    rd_kafka_topic_partition_list_add(list, place->topic, place->partition)->offset = place->offset;
    rd_kafka_resp_err_t answer = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (answer != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(ret_error, STATUS_UNAVAILABLE, "%s: %s", place->topic, rd_kafka_err2str(answer));
    }
    *ret_message = NULL;
    while (status == STATUS_OK && *ret_message == NULL) {
        if (monotonic_clock_ms() >= deadline_ms) {
            return error_set(ret_error, STATUS_UNAVAILABLE, "%s, partition %" PRId32 ": no answer in %d ms",
                             place->topic, place->partition, timeout_ms);
        }
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (message != NULL) {
            status = judge(client, place, message, ret_message, ret_error);
        }
    }
    return status;
}

enum status record_fetch(const struct kafka_properties *properties, const char *group, const struct record_place *place,
                         int timeout_ms, struct fetched_record *ret_record, struct error *ret_error)
{
    *ret_record = (struct fetched_record){0};
    enum status status = open_client(properties, group, &ret_record->client, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_range(ret_record->client, place, timeout_ms, ret_error);
    if (status == STATUS_OK) {
        status = take(ret_record->client, place, timeout_ms, &ret_record->message, ret_error);
    }
    if (status != STATUS_OK) {
        record_fetch_free(ret_record);
    }
    return status;
}

void record_fetch_free(struct fetched_record *record)
{
    if (record->message != NULL) {
        rd_kafka_message_destroy(record->message);
    }
    if (record->client != NULL) {
        /* It has joined nothing, so there is nothing to leave. */
        rd_kafka_destroy_flags(record->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    *record = (struct fetched_record){0};
}
