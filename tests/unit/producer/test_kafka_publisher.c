/* The publisher against librdkafka's mock cluster: what is written, and what each error is taken for. */
#include "bytes.h"
#include "check.h"
#include "kafka_publisher.h"
#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>

enum { API_PRODUCE = 0, REPORT_WAIT_MS = 20000, RECORDS_MAX = 8 };

struct fixture {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_properties properties;
    struct kafka_publisher *publisher;
};

static void open_publisher(struct fixture *fixture)
{
    const struct kafka_publisher_settings settings = {.properties = &fixture->properties,
                                                      .topic = "incident.events",
                                                      .records_max = RECORDS_MAX,
                                                      .bytes_max = 1024 * 1024};
    assert_int_equal(kafka_publisher_create(&settings, &fixture->publisher, NULL), STATUS_OK);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char reason[256];
    fixture->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
    fixture->cluster = rd_kafka_mock_cluster_new(fixture->owner, 1);
    if (fixture->cluster == NULL ||
        rd_kafka_mock_topic_create(fixture->cluster, "incident.events", 4, 1) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 1;
    }
    kafka_properties_put(&fixture->properties, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster),
                         "test");
    kafka_properties_put(&fixture->properties, "linger.ms", "50", "test"); /* several records make one batch */
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kafka_publisher_destroy(fixture->publisher);
    kafka_properties_free(&fixture->properties);
    rd_kafka_mock_cluster_destroy(fixture->cluster);
    rd_kafka_destroy(fixture->owner);
    free(fixture);
    return 0;
}

/* The mock cluster does not answer the question about the topic's configuration: that one always takes its time. */
static void ask(struct kafka_publisher *publisher)
{
    enum status status = STATUS_UNAVAILABLE;
    for (int i = 0; i < 20 && status != STATUS_OK; i++) {
        status = kafka_publisher_ask(publisher, 500, NULL);
    }
    assert_int_equal(status, STATUS_OK);
    assert_true(kafka_publisher_is_ready(publisher));
}

static struct outgoing_record a_record(const char *value)
{
    return (struct outgoing_record){
        .key = BYTES_LITERAL("2050"),
        .value = bytes_view_of_text(value),
        .headers = {{"ce_id", BYTES_LITERAL("id-1")}, {"content-type", BYTES_LITERAL("application/avro")}},
        .header_count = 2,
        .timestamp_ms = 1770112682077,
    };
}

static struct publish_report wait_for_report(struct kafka_publisher *publisher)
{
    struct publish_report report = {0};
    while (!kafka_publisher_next_report(publisher, &report)) {
        struct pollfd ready = {.fd = kafka_publisher_fd(publisher), .events = POLLIN};
        assert_true(poll(&ready, 1, REPORT_WAIT_MS) == 1);
        kafka_publisher_poll(publisher);
        if (kafka_publisher_is_broken(publisher)) {
            break;
        }
    }
    return report;
}

static void test_what_is_written(void **state)
{
    struct fixture *fixture = *state;
    open_publisher(fixture);
    assert_false(kafka_publisher_is_ready(fixture->publisher));
    ask(fixture->publisher);
    struct outgoing_record record = a_record("the value");
    assert_int_equal(kafka_publisher_send(fixture->publisher, 41, &record), STATUS_OK);
    struct publish_report report = wait_for_report(fixture->publisher);
    assert_int_equal(report.place, 41);
    assert_int_equal(report.verdict, PUBLISH_DELIVERED);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster),
                                       reason, sizeof(reason)),
                     RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", "g", reason, sizeof(reason)), RD_KAFKA_CONF_OK);
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(4);
    for (int32_t i = 0; i < 4; i++) {
        rd_kafka_topic_partition_list_add(all, "incident.events", i)->offset = 0;
    }
    assert_int_equal(rd_kafka_assign(reader, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 10000);
    assert_non_null(message);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    /* murmur2("2050") by Java's org.apache.kafka.common.utils.Utils, modulo 4. */
    assert_int_equal(message->partition, rd_kafka_msg_partitioner_murmur2(NULL, "2050", 4, 4, NULL, NULL));
    assert_int_equal(message->key_len, 4);
    assert_memory_equal(message->key, "2050", 4);
    assert_int_equal(message->len, 9);
    assert_memory_equal(message->payload, "the value", 9);
    rd_kafka_timestamp_type_t kind;
    assert_int_equal(rd_kafka_message_timestamp(message, &kind), 1770112682077);
    assert_int_equal(kind, RD_KAFKA_TIMESTAMP_CREATE_TIME);
    rd_kafka_headers_t *headers = NULL;
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_cnt(headers), 2);
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    assert_int_equal(rd_kafka_header_get_all(headers, 0, &name, &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_string_equal(name, "ce_id");
    assert_int_equal(size, 4);
    assert_memory_equal(value, "id-1", 4);
    rd_kafka_message_destroy(message);
    rd_kafka_destroy(reader);
}

static void assert_verdict(struct fixture *fixture, rd_kafka_resp_err_t error, enum publish_verdict expected)
{
    struct outgoing_record record = a_record("v");
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1, error);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 5, &record), STATUS_OK);
    struct publish_report report = wait_for_report(fixture->publisher);
    if (report.verdict != expected || report.place != 5) {
        fail_msg("%s: verdict %d for %s, expected %d", rd_kafka_err2name(error), (int)report.verdict,
                 rd_kafka_err2name((rd_kafka_resp_err_t)report.error), (int)expected);
    }
}

static void test_verdicts(void **state)
{
    struct fixture *fixture = *state;
    open_publisher(fixture);
    ask(fixture->publisher);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_NO_ERROR, PUBLISH_DELIVERED);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, PUBLISH_BATCH_REFUSED);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_INVALID_RECORD, PUBLISH_BATCH_REFUSED);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, PUBLISH_CLOCK_WRONG);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, PUBLISH_TOPIC_AWAY);
    /* From then on the library says it by itself, until the topic is asked about again. */
    assert_int_equal(kafka_publisher_ask(fixture->publisher, 500, NULL), STATUS_OK);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, PUBLISH_FAILED);
    /* What the library itself sends again is no business of ours. */
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, PUBLISH_DELIVERED);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, PUBLISH_DELIVERED);
    assert_verdict(fixture, RD_KAFKA_RESP_ERR_NO_ERROR, PUBLISH_DELIVERED);
}

static void test_too_large_for_the_client_is_refused_alone(void **state)
{
    struct fixture *fixture = *state;
    kafka_properties_put(&fixture->properties, "message.max.bytes", "1000", "test");
    open_publisher(fixture);
    ask(fixture->publisher);
    char *large = calloc(1, 2001);
    memset(large, 'x', 2000);
    struct outgoing_record small = a_record("small"), record = a_record(large);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 1, &small), STATUS_OK);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 2, &record), STATUS_OK);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 3, &small), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        struct publish_report report = wait_for_report(fixture->publisher);
        assert_int_equal(report.verdict, report.place == 2 ? PUBLISH_REFUSED : PUBLISH_DELIVERED);
        if (report.place == 2) {
            assert_string_equal(kafka_publisher_rule(report.error), "kafka.message_too_large");
        }
    }
    free(large);
}

static void test_full_queue(void **state)
{
    struct fixture *fixture = *state;
    kafka_properties_put(&fixture->properties, "queue.buffering.max.messages", "2", "test");
    open_publisher(fixture);
    ask(fixture->publisher);
    struct outgoing_record record = a_record("v");
    assert_int_equal(kafka_publisher_send(fixture->publisher, 0, &record), STATUS_OK);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 1, &record), STATUS_OK);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 2, &record), STATUS_FULL);
    assert_int_equal(wait_for_report(fixture->publisher).verdict, PUBLISH_DELIVERED);
    assert_int_equal(wait_for_report(fixture->publisher).verdict, PUBLISH_DELIVERED);
    assert_int_equal(kafka_publisher_send(fixture->publisher, 2, &record), STATUS_OK);
    assert_int_equal(wait_for_report(fixture->publisher).place, 2);
}

static void test_no_broker(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    kafka_properties_put(&fixture->properties, "bootstrap.servers", "127.0.0.1:1", "test");
    open_publisher(fixture);
    assert_int_equal(kafka_publisher_ask(fixture->publisher, 300, &error), STATUS_UNAVAILABLE);
    assert_false(kafka_publisher_is_ready(fixture->publisher));
}

static void test_replaced_client(void **state)
{
    struct fixture *fixture = *state;
    open_publisher(fixture);
    ask(fixture->publisher);
    struct outgoing_record record = a_record("v");
    for (uint64_t place = 0; place < RECORDS_MAX; place++) {
        assert_int_equal(kafka_publisher_send(fixture->publisher, place, &record), STATUS_OK);
    }
    assert_int_equal(kafka_publisher_replace(fixture->publisher, NULL), STATUS_OK);
    assert_false(kafka_publisher_is_ready(fixture->publisher));
    struct publish_report report;
    kafka_publisher_poll(fixture->publisher);
    assert_false(kafka_publisher_next_report(fixture->publisher, &report)); /* nothing of the old one */
    ask(fixture->publisher);
    for (uint64_t place = 0; place < RECORDS_MAX; place++) {
        assert_int_equal(kafka_publisher_send(fixture->publisher, place, &record), STATUS_OK);
    }
    for (uint64_t place = 0; place < RECORDS_MAX; place++) {
        assert_int_equal(wait_for_report(fixture->publisher).verdict, PUBLISH_DELIVERED);
    }
}

static void test_advice(void **state)
{
    struct fixture *fixture = *state;
    open_publisher(fixture);
    static const struct {
        rd_kafka_resp_err_t error;
        const char *part;
    } cases[] = {
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "kafka-topics.sh --bootstrap-server 127.0.0.1:"},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "kafka-acls.sh --bootstrap-server 127.0.0.1:"},
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, "compare the clocks"},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "Message size too large"},
        {RD_KAFKA_RESP_ERR__QUEUE_FULL, "queue.buffering.max.kbytes"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes text = {0};
        kafka_publisher_append_advice(fixture->publisher, cases[i].error, &text);
        assert_non_null(memmem(text.data, text.size, cases[i].part, strlen(cases[i].part)));
        bytes_free(&text);
    }
    assert_string_equal(kafka_publisher_rule(RD_KAFKA_RESP_ERR_INVALID_RECORD), "kafka.invalid_record");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written), TEST(test_verdicts),  TEST(test_too_large_for_the_client_is_refused_alone),
        TEST(test_full_queue),      TEST(test_no_broker), TEST(test_replaced_client),
        TEST(test_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
