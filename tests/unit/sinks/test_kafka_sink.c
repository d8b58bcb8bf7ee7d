/* The kafka sink's own promises, against librdkafka's mock cluster: what a record holds, what is refused, a client that
 * has failed for good. */
#include "check.h"
#include "kafka_sink.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    API_PRODUCE = 0,
    API_INIT_PRODUCER_ID = 22,
    ANSWERS_MAX = 64,
    HANG_MS = 60000,
    RECORDS_MAX = 16,
};

struct bench {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_properties properties;
    struct event_loop *loop;
    struct sink sink;
    struct sink_answer answers[ANSWERS_MAX]; /* without the detail */
    uint64_t numbers[ANSWERS_MAX];
    unsigned count;
    unsigned wanted;
    int64_t give_up_ms;
    rd_kafka_t *reader;
};

static void on_answer(void *context, uint64_t number, const struct sink_answer *answer)
{
    struct bench *bench = context;

    CHECK(bench->count < ANSWERS_MAX);
    bench->numbers[bench->count] = number;
    bench->answers[bench->count++] = *answer;
}

static void on_turn(void *context, int64_t now_ms)
{
    struct bench *bench = context;

    if (bench->count >= bench->wanted || now_ms > bench->give_up_ms) {
        event_loop_stop(bench->loop);
    }
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    const struct kafka_sink_limits limits = {.records_max = RECORDS_MAX};
    char reason[128];

    bench->host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
    bench->cluster = rd_kafka_mock_cluster_new(bench->host, 1);
    CHECK(rd_kafka_mock_topic_create(bench->cluster, "out", 1, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
    kafka_properties_put(&bench->properties, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bench->cluster), "");
    bench->loop = event_loop_create(&(struct event_loop_hooks){.on_turn = on_turn, .context = bench});
    bench->sink = kafka_sink_create(bench->loop, &bench->properties, &limits, on_answer, bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    if (bench->reader != NULL) {
        rd_kafka_consumer_close(bench->reader);
        rd_kafka_destroy(bench->reader);
    }
    bench->sink.ops->destroy(bench->sink.self);
    event_loop_destroy(bench->loop);
    kafka_properties_free(&bench->properties);
    rd_kafka_mock_cluster_destroy(bench->cluster);
    rd_kafka_destroy(bench->host);
    free(bench);
    return 0;
}

static const struct record_header headers[] = {
    {.name = "ce_id", .value = {(const uint8_t *)"theirs", 6}},
    {.name = "Content-Type", .value = {(const uint8_t *)"application/avro", 16}},
    {.name = "ce_type", .value = {(const uint8_t *)"incident.instance.create", 24}},
    {.name = "x-null", .value_is_null = true},
    {.name = "x-empty"},
    {.name = "ce_id", .value = {(const uint8_t *)"again", 5}},
};

static enum status start_one(struct bench *bench, uint64_t number, enum kafka_format format, const char *topic)
{
    char copy[32];
    struct subscription subscription = {.tenant = 7, .sink = SINK_KAFKA, .kafka = {.topic = copy, .format = format}};
    const struct record_in record = {.key = BYTES_LITERAL("7"),
                                     .value = BYTES_LITERAL("\xc3\x01\0avro"),
                                     .headers = headers,
                                     .header_count = ARRAY_COUNT(headers),
                                     .timestamp_ms = 1770112682077};
    const struct sink_delivery delivery = {.number = number,
                                           .subscription = &subscription,
                                           .record = &record,
                                           .tenant = 7,
                                           .id = BYTES_LITERAL("ours"),
                                           .body = BYTES_LITERAL("{\"a\":1}")};

    snprintf(copy, sizeof(copy), "%s", topic);
    return bench->sink.ops->start_attempt(bench->sink.self, &delivery, NULL);
}

static void await(struct bench *bench, unsigned count)
{
    bench->wanted = count;
    bench->give_up_ms = event_loop_now_ms(bench->loop) + HANG_MS;
    event_loop_run(bench->loop);
    assert_int_equal(bench->count, count);
}

static rd_kafka_message_t *read_one(struct bench *bench)
{
    rd_kafka_message_t *message;

    if (bench->reader == NULL) {
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(1);
        char reason[128];

        rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bench->cluster), NULL, 0);
        rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
        bench->reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
        rd_kafka_topic_partition_list_add(all, "out", 0)->offset = 0;
        assert_int_equal(rd_kafka_assign(bench->reader, all), RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_topic_partition_list_destroy(all);
    }
    message = rd_kafka_consumer_poll(bench->reader, 20000);
    assert_non_null(message);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    return message;
}

static void assert_header(const rd_kafka_message_t *message, size_t index, const char *name, const char *value)
{
    rd_kafka_headers_t *all = NULL;
    const char *found_name;
    const void *found;
    size_t size;

    assert_int_equal(rd_kafka_message_headers(message, &all), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_get_all(all, index, &found_name, &found, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_string_equal(found_name, name);
    assert_int_equal(found == NULL, value == NULL);
    if (value != NULL) {
        assert_true(bytes_view_equal_text(bytes_view_of(found, size), value));
    }
}

static size_t header_count(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *all = NULL;

    assert_int_equal(rd_kafka_message_headers(message, &all), RD_KAFKA_RESP_ERR_NO_ERROR);
    return rd_kafka_header_cnt(all);
}

static void assert_key_and_time(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;

    assert_true(bytes_view_equal_text(bytes_view_of(message->key, message->key_len), "7"));
    assert_true(rd_kafka_message_timestamp(message, &type) == 1770112682077);
    assert_int_equal(type, RD_KAFKA_TIMESTAMP_CREATE_TIME);
}

static void avro_passes_the_record_on_as_it_is(void **state)
{
    struct bench *bench = *state;
    rd_kafka_message_t *message;

    assert_int_equal(start_one(bench, 1, KAFKA_FORMAT_AVRO, "out"), STATUS_OK);
    await(bench, 1);
    assert_int_equal(bench->answers[0].verdict, VERDICT_DELIVERED);
    message = read_one(bench);
    assert_key_and_time(message);
    assert_true(bytes_view_equal(bytes_view_of(message->payload, message->len), BYTES_LITERAL("\xc3\x01\0avro")));
    assert_int_equal(header_count(message), 6);
    assert_header(message, 0, "ce_id", "theirs");
    assert_header(message, 1, "Content-Type", "application/avro");
    assert_header(message, 2, "ce_type", "incident.instance.create");
    assert_header(message, 3, "x-null", NULL);
    assert_header(message, 4, "x-empty", "");
    assert_header(message, 5, "ce_id", "again");
    rd_kafka_message_destroy(message);
}

static void json_writes_the_body_under_the_same_key(void **state)
{
    struct bench *bench = *state;
    rd_kafka_message_t *message;

    assert_int_equal(start_one(bench, 1, KAFKA_FORMAT_JSON, "out"), STATUS_OK);
    await(bench, 1);
    message = read_one(bench);
    assert_key_and_time(message);
    assert_true(bytes_view_equal_text(bytes_view_of(message->payload, message->len), "{\"a\":1}"));
    assert_int_equal(header_count(message), 5);
    assert_header(message, 0, "ce_type", "incident.instance.create");
    assert_header(message, 1, "x-null", NULL);
    assert_header(message, 2, "x-empty", "");
    assert_header(message, 3, "ce_id", "ours");
    assert_header(message, 4, "content-type", "application/json");
    rd_kafka_message_destroy(message);
}

/* The broker refuses one; those started with it are none the worse. */
static void what_is_too_large_is_refused_alone(void **state)
{
    struct bench *bench = *state;
    char text[SINK_ERROR_MAX];
    unsigned refused = 0;

    rd_kafka_mock_push_request_errors(bench->cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(start_one(bench, i, KAFKA_FORMAT_AVRO, "out"), STATUS_OK);
    }
    await(bench, 5);
    for (size_t i = 0; i < 5; i++) {
        if (bench->answers[i].verdict == VERDICT_REFUSED) {
            sink_error_text(bench->answers[i].error, text);
            assert_string_equal(text, "too-large");
            refused++;
        } else {
            assert_int_equal(bench->answers[i].verdict, VERDICT_DELIVERED);
        }
    }
    assert_int_equal(refused, 1);
}

static void a_topic_that_is_not_ours_is_a_failure(void **state)
{
    struct bench *bench = *state;
    char text[SINK_ERROR_MAX];

    rd_kafka_mock_push_request_errors(bench->cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(start_one(bench, 1, KAFKA_FORMAT_AVRO, "out"), STATUS_OK);
    await(bench, 1);
    assert_int_equal(bench->answers[0].verdict, VERDICT_FAILED);
    sink_error_text(bench->answers[0].error, text);
    assert_string_equal(text, "kafka TOPIC_AUTHORIZATION_FAILED");
}

static void a_client_that_failed_for_good_is_replaced(void **state)
{
    struct bench *bench = *state;
    char text[SINK_ERROR_MAX];

    rd_kafka_mock_push_request_errors(bench->cluster, API_INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    assert_int_equal(start_one(bench, 1, KAFKA_FORMAT_AVRO, "out"), STATUS_OK);
    await(bench, 1);
    assert_int_equal(bench->answers[0].verdict, VERDICT_FAILED);
    sink_error_text(bench->answers[0].error, text);
    assert_string_equal(text, "kafka CLUSTER_AUTHORIZATION_FAILED");
    assert_int_equal(start_one(bench, 2, KAFKA_FORMAT_AVRO, "out"), STATUS_OK);
    await(bench, 2);
    assert_int_equal(bench->answers[1].verdict, VERDICT_DELIVERED);
}

static void what_waits_for_the_broker_is_bounded(void **state)
{
    struct bench *bench = *state;

    rd_kafka_mock_broker_set_down(bench->cluster, 1);
    for (uint64_t i = 0; i < RECORDS_MAX; i++) {
        assert_int_equal(start_one(bench, i, KAFKA_FORMAT_AVRO, "out"), STATUS_OK);
        bench->sink.ops->cancel(bench->sink.self, i); /* is in the producer's hands all the same */
    }
    assert_int_equal(start_one(bench, 99, KAFKA_FORMAT_AVRO, "out"), STATUS_FULL);
    assert_int_equal(bench->count, 0);
}

static void settings_that_librdkafka_refuses_are_said(void **state)
{
    struct bench *bench = *state;

    kafka_properties_put(&bench->properties, "no.such.property", "1", "");
    assert_int_equal(start_one(bench, 1, KAFKA_FORMAT_AVRO, "out"), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(avro_passes_the_record_on_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_writes_the_body_under_the_same_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_refused_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_is_not_ours_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_failed_for_good_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_for_the_broker_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_that_librdkafka_refuses_are_said, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
