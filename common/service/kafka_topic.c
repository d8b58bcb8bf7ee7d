#include "kafka_topic.h"

#include "bytes.h"
#include "check.h"
#include "monotonic_clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_PAUSE_MS = 100, CONFIG_WAIT_MS = 2000, REASON_MAX = 256 };

enum status kafka_topic_check_name(const char *text, struct error *ret_error)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = strlen(text);
    bool is_dots = strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
    if (size == 0 || size > 249 || strspn(text, legal) != size || is_dots) {
        return error_set(ret_error, STATUS_INVALID,
                         "\"%s\" is no topic name: 1 to 249 letters, digits, dots, underscores and hyphens", text);
    }
    return STATUS_OK;
}

/* For the commands in our error texts. */
static void get_bootstrap(rd_kafka_t *rk, char *ret_text, size_t size)
{
    size_t got = size;
    if (rd_kafka_conf_get(rd_kafka_conf(rk), "bootstrap.servers", ret_text, &got) != RD_KAFKA_CONF_OK || got > size) {
        snprintf(ret_text, size, "BROKER");
    }
}

static enum status refuse_missing(rd_kafka_t *rk, const char *topic, struct error *ret_error)
{
    char bootstrap[128];
    get_bootstrap(rk, bootstrap, sizeof(bootstrap));
    return error_set(ret_error, STATUS_NOT_FOUND,
                     "the topic %s does not exist; make it: kafka-topics.sh --bootstrap-server %s --create --topic %s "
                     "--partitions 12",
                     topic, bootstrap, topic);
}

void kafka_topic_append_allowing(rd_kafka_t *rk, const char *const *topics, size_t topic_count, const char *group,
                                 struct bytes *text)
{
    char bootstrap[128];
    get_bootstrap(rk, bootstrap, sizeof(bootstrap));
    bytes_append_format(text, "kafka-acls.sh --bootstrap-server %s --add --allow-principal User:NAME", bootstrap);
    for (size_t i = 0; i < topic_count; i++) {
        bytes_append_format(text, " --topic %s", topics[i]);
    }
    if (rd_kafka_type(rk) == RD_KAFKA_PRODUCER) {
        bytes_append_text(text, " --producer");
    } else {
        bytes_append_format(text, " --consumer --group %s", group);
    }
}

enum status kafka_topic_refuse(rd_kafka_t *rk, const char *topic, rd_kafka_resp_err_t reason, struct error *ret_error)
{
    struct bytes command = {0};
    enum status status = STATUS_REFUSED;
    switch (reason) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        status = refuse_missing(rk, topic, ret_error);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        kafka_topic_append_allowing(rk, &topic, 1, "'*'", &command);
        error_set(ret_error, status, "not authorised for the topic %s; allow it: %.*s", topic, BYTES_PRINTF(command));
        break;
    default:
        error_set(ret_error, status, "the topic %s: %s", topic, rd_kafka_err2str(reason));
    }
    bytes_free(&command);
    return status;
}

static bool may_pass(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
        return true;
    default:
        return false;
    }
}

/* One question. STATUS_UNAVAILABLE: ask again, with the reason in *ret_error_code. */
static enum status ask_partitions(rd_kafka_t *rk, const char *topic, int timeout_ms, int32_t *ret_count,
                                  rd_kafka_resp_err_t *ret_error_code)
{
    /* Asked with a topic handle: without one the library would set the flag that lets a broker make the topic. */
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    if (handle == NULL) {
        *ret_error_code = rd_kafka_last_error();
        return STATUS_REFUSED;
    }
    const struct rd_kafka_metadata *metadata = NULL;
    *ret_error_code = rd_kafka_metadata(rk, 0, handle, &metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (*ret_error_code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return may_pass(*ret_error_code) ? STATUS_UNAVAILABLE : STATUS_REFUSED;
    }
    *ret_count = 0;
    *ret_error_code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, topic) == 0) {
            *ret_error_code = metadata->topics[i].err;
            *ret_count = metadata->topics[i].partition_cnt;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    switch (*ret_error_code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return *ret_count > 0 ? STATUS_OK : STATUS_UNAVAILABLE;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return STATUS_NOT_FOUND;
    default:
        return may_pass(*ret_error_code) ? STATUS_UNAVAILABLE : STATUS_REFUSED;
    }
}

enum status kafka_topic_partitions(rd_kafka_t *rk, const char *topic, int timeout_ms, int32_t *ret_partition_count,
                                   struct error *ret_error)
{
    int64_t until_ms = monotonic_clock_ms() + timeout_ms;
    int64_t left_ms = timeout_ms;
    rd_kafka_resp_err_t reason;
    enum status status = ask_partitions(rk, topic, (int)left_ms, ret_partition_count, &reason);
    while (status == STATUS_UNAVAILABLE && (left_ms = until_ms - monotonic_clock_ms()) > 0) {
        monotonic_clock_pause(left_ms < RETRY_PAUSE_MS ? left_ms : RETRY_PAUSE_MS);
        left_ms = until_ms - monotonic_clock_ms();
        if (left_ms > 0) {
            status = ask_partitions(rk, topic, (int)left_ms, ret_partition_count, &reason);
        }
    }
    switch (status) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_NOT_FOUND:
    case STATUS_REFUSED:
        return kafka_topic_refuse(rk, topic, reason, ret_error);
    default:
        return error_set(ret_error, STATUS_UNAVAILABLE, "no broker has answered about the topic %s: %s", topic,
                         rd_kafka_err2str(reason));
    }
}

static int64_t find_config(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        int64_t number;
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0 && value != NULL &&
            bytes_view_to_int64(bytes_view_of_text(value), &number) == STATUS_OK) {
            return number;
        }
    }
    return KAFKA_TOPIC_UNKNOWN;
}

static void read_configs(rd_kafka_event_t *event, struct kafka_topic_facts *ret_facts)
{
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources =
        result == NULL ? NULL : rd_kafka_DescribeConfigs_result_resources(result, &count);
    if (count != 1 || rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    ret_facts->message_bytes_max = find_config(resources[0], "max.message.bytes");
    ret_facts->retention_ms = find_config(resources[0], "retention.ms");
    ret_facts->retention_bytes = find_config(resources[0], "retention.bytes");
}

static rd_kafka_AdminOptions_t *make_options(rd_kafka_t *rk, rd_kafka_admin_op_t operation, int timeout_ms)
{
    char reason[REASON_MAX];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, operation);
    CHECK(options != NULL);
    CHECK(rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof(reason)) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
    return options;
}

enum status kafka_topic_facts(rd_kafka_t *rk, const char *topic, int timeout_ms, struct kafka_topic_facts *ret_facts,
                              struct error *ret_error)
{
    *ret_facts = (struct kafka_topic_facts){.message_bytes_max = KAFKA_TOPIC_UNKNOWN,
                                            .retention_ms = KAFKA_TOPIC_UNKNOWN,
                                            .retention_bytes = KAFKA_TOPIC_UNKNOWN};
    enum status status = kafka_topic_partitions(rk, topic, timeout_ms, &ret_facts->partition_count, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    /* A broker that has answered the first question answers this one at once; the mock cluster never does. */
    timeout_ms = timeout_ms < CONFIG_WAIT_MS ? timeout_ms : CONFIG_WAIT_MS;
    rd_kafka_AdminOptions_t *options = make_options(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + RETRY_PAUSE_MS);
    if (event != NULL) {
        read_configs(event, ret_facts);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    return STATUS_OK;
}

static enum status read_creation(rd_kafka_t *rk, rd_kafka_event_t *event, const char *topic, struct error *ret_error)
{
    if (event == NULL) {
        return error_set(ret_error, STATUS_UNAVAILABLE, "no broker has answered about making the topic %s", topic);
    }
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    const char *reason = rd_kafka_event_error_string(event);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        CHECK(count == 1);
        error = rd_kafka_topic_result_error(results[0]);
        reason = rd_kafka_topic_result_error_string(results[0]);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return STATUS_OK;
    }
    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        char bootstrap[128];
        get_bootstrap(rk, bootstrap, sizeof(bootstrap));
        return error_set(ret_error, STATUS_REFUSED,
                         "not authorised to make the topic %s; make it by hand, or allow it: kafka-acls.sh "
                         "--bootstrap-server %s --add --allow-principal User:NAME --operation Create --topic %s",
                         topic, bootstrap, topic);
    }
    return error_set(ret_error, may_pass(error) ? STATUS_UNAVAILABLE : STATUS_REFUSED, "cannot make the topic %s: %s",
                     topic, reason == NULL ? rd_kafka_err2str(error) : reason);
}

static enum status ask_creation(rd_kafka_t *rk, const char *topic, int32_t partition_count,
                                const struct kafka_topic_config *configs, size_t config_count, int timeout_ms,
                                struct error *ret_error)
{
    char reason[REASON_MAX];
    /* A replication factor of -1 is the broker's own default (Kafka 2.4 and newer). */
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partition_count, -1, reason, sizeof(reason));
    if (wanted == NULL) {
        return error_set(ret_error, STATUS_REFUSED, "cannot make the topic %s: %s", topic, reason);
    }
    for (size_t i = 0; i < config_count; i++) {
        CHECK(rd_kafka_NewTopic_set_config(wanted, configs[i].name, configs[i].value) == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    rd_kafka_AdminOptions_t *options = make_options(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &wanted, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + RETRY_PAUSE_MS);
    enum status status = read_creation(rk, event, topic, ret_error);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(wanted);
    return status;
}

enum status kafka_topic_create(rd_kafka_t *rk, const char *topic, int32_t partition_count,
                               const struct kafka_topic_config *configs, size_t config_count, int timeout_ms,
                               struct error *ret_error)
{
    int64_t until_ms = monotonic_clock_ms() + timeout_ms;
    enum status status = ask_creation(rk, topic, partition_count, configs, config_count, timeout_ms, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    /* The broker that made it may not be the one that is asked next. */
    int64_t left_ms = until_ms - monotonic_clock_ms();
    do {
        int32_t count;
        rd_kafka_resp_err_t reason;
        status = ask_partitions(rk, topic, left_ms < RETRY_PAUSE_MS ? RETRY_PAUSE_MS : (int)left_ms, &count, &reason);
        if (status == STATUS_OK) {
            return STATUS_OK;
        }
        monotonic_clock_pause(RETRY_PAUSE_MS);
        left_ms = until_ms - monotonic_clock_ms();
    } while (left_ms > 0 && status != STATUS_REFUSED);
    return error_set(ret_error, STATUS_UNAVAILABLE, "the topic %s was made, but no broker knows it yet", topic);
}
