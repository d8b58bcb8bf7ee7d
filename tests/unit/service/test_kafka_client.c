#include "bytes.h"
#include "kafka_client.h"
#include "kafka_topic.h"
#include "kafka_wake.h"
#include "log.h"
#include "log_budget.h"
#include "monotonic_clock.h"

#include <fcntl.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000, STEP_MS = 20 };

static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;

static int set_up(void **state)
{
    (void)state;
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    mock = mock_client == NULL ? NULL : rd_kafka_mock_cluster_new(mock_client, 1);
    return mock == NULL || rd_kafka_mock_topic_create(mock, "events", 3, 1) != RD_KAFKA_RESP_ERR_NO_ERROR ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_client);
    return 0;
}

/* Standard error goes to a file from here to stop_capture, which gives what was written. */
static int captured_fd, before_fd;

static void start_capture(void)
{
    char path[] = "/tmp/test_kafka_client_XXXXXX";
    captured_fd = mkstemp(path);
    assert_true(captured_fd >= 0);
    unlink(path);
    before_fd = dup(STDERR_FILENO);
    assert_true(dup2(captured_fd, STDERR_FILENO) >= 0);
}

static char *captured(void)
{
    struct bytes text = {0};
    off_t size = lseek(captured_fd, 0, SEEK_END);
    bytes_reserve(&text, (size_t)size + 1);
    assert_int_equal(pread(captured_fd, text.data, (size_t)size, 0), size);
    text.size = (size_t)size;
    char *result = bytes_view_to_text(bytes_as_view(&text));
    bytes_free(&text);
    return result;
}

static size_t count_captured(const char *needle)
{
    char *text = captured();
    size_t count = 0;
    for (const char *at = strstr(text, needle); at != NULL; at = strstr(at + 1, needle)) {
        count++;
    }
    free(text);
    return count;
}

static char *stop_capture(void)
{
    char *text = captured();
    assert_true(dup2(before_fd, STDERR_FILENO) >= 0);
    close(before_fd);
    close(captured_fd);
    return text;
}

static rd_kafka_t *make(enum kafka_client_kind kind, void *context, void (*on_fatal)(void *, const char *))
{
    struct kafka_properties properties = {0};
    kafka_properties_put(&properties, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock), "test");
    const struct kafka_client_spec spec = {
        .kind = kind, .properties = &properties, .group = "g", .context = context, .on_fatal = on_fatal};
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    struct error error = {0};
    bool is_producer = kind == KAFKA_CLIENT_PRODUCER || kind == KAFKA_CLIENT_WRITER;
    assert_int_equal(kafka_client_conf(&spec, &conf, &error), STATUS_OK);
    assert_int_equal(kafka_client_new_take(conf, is_producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, &rk, &error),
                     STATUS_OK);
    kafka_properties_free(&properties);
    return rk;
}

static void expect_setting(const rd_kafka_conf_t *conf, const char *name, const char *wanted)
{
    char value[256];
    size_t size = sizeof(value);
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, wanted);
}

static rd_kafka_conf_t *conf_of(enum kafka_client_kind kind, const struct kafka_properties *properties)
{
    const struct kafka_client_spec spec = {.kind = kind, .properties = properties, .group = "relay"};
    rd_kafka_conf_t *conf;
    struct error error = {0};
    assert_int_equal(kafka_client_conf(&spec, &conf, &error), STATUS_OK);
    return conf;
}

static void promises_are_set_and_defaults_give_way(void **state)
{
    (void)state;
    struct kafka_properties properties = {0};
    kafka_properties_put(&properties, "linger.ms", "77", "test");
    kafka_properties_put(&properties, "session.timeout.ms", "9000", "test");
    kafka_properties_put(&properties, "message.max.bytes", "2000", "test");
    rd_kafka_conf_t *conf = conf_of(KAFKA_CLIENT_PRODUCER, &properties);
    expect_setting(conf, "enable.idempotence", "true");
    expect_setting(conf, "acks", "-1");
    expect_setting(conf, "partitioner", "murmur2_random");
    expect_setting(conf, "message.timeout.ms", "2147483647");
    expect_setting(conf, "allow.auto.create.topics", "false");
    expect_setting(conf, "client.id", "incident-producer");
    expect_setting(conf, "linger.ms", "77");
    expect_setting(conf, "message.max.bytes", "2000");
    rd_kafka_conf_destroy(conf);
    conf = conf_of(KAFKA_CLIENT_CONSUMER, &properties);
    expect_setting(conf, "enable.auto.commit", "false");
    expect_setting(conf, "enable.auto.offset.store", "false");
    expect_setting(conf, "auto.offset.reset", "error");
    expect_setting(conf, "isolation.level", "read_committed");
    expect_setting(conf, "partition.assignment.strategy", "range");
    expect_setting(conf, "group.id", "relay");
    expect_setting(conf, "session.timeout.ms", "9000");
    expect_setting(conf, "queued.max.messages.kbytes", "1024");
    rd_kafka_conf_destroy(conf);
    conf = conf_of(KAFKA_CLIENT_WRITER, &properties);
    expect_setting(conf, "enable.idempotence", "true");
    expect_setting(conf, "message.max.bytes", "1000000000"); /* over the user's, for dead letters */
    expect_setting(conf, "client.id", "incident-consumer");
    rd_kafka_conf_destroy(conf);
    kafka_properties_free(&properties);
}

static void a_wrong_property_is_named_with_its_place(void **state)
{
    (void)state;
    static const char *const names[] = {"acks", "no.such.thing", "linger.ms"};
    static const char *const wanted[] = {"c.yaml:3:7: kafka.x: is always all",
                                         "c.yaml:3:7: kafka.x: No such configuration",
                                         "c.yaml:3:7: kafka.x: Invalid value"};
    for (size_t i = 0; i < 3; i++) {
        struct kafka_properties properties = {0};
        kafka_properties_put(&properties, names[i], "nonsense", "c.yaml:3:7: kafka.x");
        const struct kafka_client_spec spec = {.kind = KAFKA_CLIENT_PRODUCER, .properties = &properties};
        rd_kafka_conf_t *conf;
        struct error error = {0};
        assert_int_equal(kafka_client_conf(&spec, &conf, &error), STATUS_INVALID);
        assert_null(conf);
        assert_int_equal(strncmp(error.text, wanted[i], strlen(wanted[i])), 0);
        kafka_properties_free(&properties);
    }
}

/* Serves the handle until the text has been logged so often; false after PATIENCE_MS. */
static bool wait_for_line(rd_kafka_t *rk, const char *text, size_t count)
{
    int64_t until_ms = monotonic_clock_ms() + PATIENCE_MS;
    while (count_captured(text) < count && monotonic_clock_ms() < until_ms) {
        (void)rd_kafka_poll(rk, STEP_MS);
    }
    return count_captured(text) >= count;
}

/* The line may be due to another client that meets the same outage: this one learns it a moment later. */
static bool wait_for_answer(rd_kafka_t *rk)
{
    int64_t until_ms = monotonic_clock_ms() + PATIENCE_MS;
    while (!kafka_client_is_answered(rk) && monotonic_clock_ms() < until_ms) {
        (void)rd_kafka_poll(rk, STEP_MS);
    }
    return kafka_client_is_answered(rk);
}

static void a_broker_away_is_one_line_and_back_is_one(void **state)
{
    (void)state;
    assert_int_equal(rd_kafka_mock_broker_set_down(mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    start_capture();
    rd_kafka_t *rk = make(KAFKA_CLIENT_PRODUCER, NULL, NULL);
    rd_kafka_t *second = make(KAFKA_CLIENT_WRITER, NULL, NULL); /* meets the same outage */
    bool is_away_said = wait_for_line(rk, "broker unreachable, waiting for it", 1);
    bool is_answered_before = kafka_client_is_answered(rk);
    /* Several attempts fail meanwhile; they say nothing new. */
    int64_t until_ms = monotonic_clock_ms() + 3000;
    while (monotonic_clock_ms() < until_ms) {
        (void)rd_kafka_poll(rk, STEP_MS);
        (void)rd_kafka_poll(second, 0);
    }
    assert_int_equal(rd_kafka_mock_broker_set_up(mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    bool is_back_said = wait_for_line(rk, "broker answers again", 1);
    bool is_answered_after = wait_for_answer(rk);
    assert_int_equal(rd_kafka_mock_broker_set_down(mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    bool is_away_again = wait_for_line(rk, "broker unreachable, waiting for it", 2);
    assert_int_equal(rd_kafka_mock_broker_set_up(mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    bool is_back_again = wait_for_line(rk, "broker answers again", 2);
    rd_kafka_destroy(rk);
    rd_kafka_destroy(second);
    char *text = stop_capture();
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    assert_true(is_away_said && is_back_said && is_away_again && is_back_again);
    assert_false(is_answered_before);
    assert_true(is_answered_after);
    assert_int_equal(lines, 4);
    assert_non_null(strstr(text, "\"broker\":\"127.0.0.1:"));
    assert_non_null(strstr(text, "Connection refused\""));
    free(text);
}

static void other_lines_are_limited_and_counted(void **state)
{
    (void)state;
    rd_kafka_t *rk = make(KAFKA_CLIENT_PRODUCER, NULL, NULL);
    start_capture();
    void (*log_cb)(const rd_kafka_t *, int, const char *, const char *) = NULL;
    /* The way in is the conf's own log callback. */
    char value[64];
    size_t size = sizeof(value);
    assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(rk), "log_cb", value, &size), RD_KAFKA_CONF_OK);
    void *address = NULL;
    assert_int_equal(sscanf(value, "%p", &address), 1);
    memcpy(&log_cb, &address, sizeof(log_cb));
    for (int i = 0; i < 500; i++) {
        log_cb(rk, 4, "TEST", "a line of librdkafka");
    }
    log_cb(rk, 7, "TEST", "a debug line"); /* below the level: neither written nor counted */
    rd_kafka_destroy(rk);
    char *text = stop_capture();
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "left out\",\"count\":%d}", 500 - LOG_BUDGET_LINES);
    assert_non_null(strstr(text, wanted));
    assert_null(strstr(text, "a debug line"));
    size_t lines = 0;
    for (const char *at = strstr(text, "a line of"); at != NULL; at = strstr(at + 1, "a line of")) {
        lines++;
    }
    assert_int_equal(lines, LOG_BUDGET_LINES);
    free(text);
}

struct context {
    int fatal_count;
    int delivered_count;
};

static void on_fatal(void *context, const char *text)
{
    struct context *own = context;
    assert_true(strlen(text) > 0);
    own->fatal_count++;
}

static void a_fatal_error_is_told_once(void **state)
{
    (void)state;
    struct context context = {0};
    start_capture();
    rd_kafka_t *rk = make(KAFKA_CLIENT_PRODUCER, &context, on_fatal);
    bool is_own_context = kafka_client_context_of(rk) == &context;
    (void)rd_kafka_test_fatal_error(rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
    (void)rd_kafka_test_fatal_error(rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
    int64_t until_ms = monotonic_clock_ms() + PATIENCE_MS;
    while (context.fatal_count == 0 && monotonic_clock_ms() < until_ms) {
        (void)rd_kafka_poll(rk, STEP_MS);
    }
    (void)rd_kafka_poll(rk, 0);
    rd_kafka_destroy(rk);
    char *text = stop_capture();
    assert_true(is_own_context);
    assert_int_equal(context.fatal_count, 1);
    assert_non_null(strstr(text, "the Kafka client has failed for good"));
    free(text);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct context *own = kafka_client_context(opaque);
    own->delivered_count += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void a_wake_tells_of_a_delivery_report(void **state)
{
    (void)state;
    struct context context = {0};
    struct kafka_properties properties = {0};
    kafka_properties_put(&properties, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock), "test");
    const struct kafka_client_spec spec = {
        .kind = KAFKA_CLIENT_PRODUCER, .properties = &properties, .context = &context};
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    struct error error;
    assert_int_equal(kafka_client_conf(&spec, &conf, &error), STATUS_OK);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    assert_int_equal(kafka_client_new_take(conf, RD_KAFKA_PRODUCER, &rk, &error), STATUS_OK);
    struct kafka_wake wake;
    kafka_wake_init(&wake);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    kafka_wake_attach(&wake, queue);
    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("events"), RD_KAFKA_V_END), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t until_ms = monotonic_clock_ms() + PATIENCE_MS;
    int wakes = 0;
    while (context.delivered_count == 0 && monotonic_clock_ms() < until_ms) {
        struct pollfd waiting = {.fd = kafka_wake_fd(&wake), .events = POLLIN};
        if (poll(&waiting, 1, 1000) == 1) {
            kafka_wake_clear(&wake);
            wakes++;
            (void)rd_kafka_poll(rk, 0); /* only when woken */
        }
    }
    assert_int_equal(context.delivered_count, 1);
    assert_true(wakes > 0);
    struct pollfd waiting = {.fd = kafka_wake_fd(&wake), .events = POLLIN};
    kafka_wake_clear(&wake); /* an empty one too */
    assert_int_equal(poll(&waiting, 1, 0), 0);
    kafka_wake_up(&wake);
    assert_int_equal(poll(&waiting, 1, 0), 1);
    kafka_wake_detach(queue);
    rd_kafka_queue_destroy(queue);
    kafka_wake_destroy(&wake);
    rd_kafka_destroy(rk);
    kafka_properties_free(&properties);
}

static void a_topic_has_facts_or_a_command_that_makes_it(void **state)
{
    (void)state;
    rd_kafka_t *rk = make(KAFKA_CLIENT_PRODUCER, NULL, NULL);
    struct error error = {0};
    int32_t count = 0;
    assert_int_equal(kafka_topic_partitions(rk, "events", 10000, &count, &error), STATUS_OK);
    assert_int_equal(count, 3);
    rd_kafka_mock_topic_set_error(mock, "missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(kafka_topic_partitions(rk, "missing", 10000, &count, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.text, "kafka-topics.sh --bootstrap-server 127.0.0.1:"));
    assert_non_null(strstr(error.text, "--create --topic missing"));
    rd_kafka_mock_topic_set_error(mock, "forbidden", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    start_capture(); /* librdkafka has its own things to say about it */
    assert_int_equal(kafka_topic_partitions(rk, "forbidden", 10000, &count, &error), STATUS_REFUSED);
    free(stop_capture());
    assert_non_null(strstr(error.text, "kafka-acls.sh"));
    assert_non_null(strstr(error.text, "--producer"));
    struct kafka_topic_facts facts;
    assert_int_equal(kafka_topic_facts(rk, "events", 200, &facts, &error), STATUS_OK);
    assert_int_equal(facts.partition_count, 3);
    assert_true(facts.message_bytes_max == KAFKA_TOPIC_UNKNOWN); /* the mock cluster does not tell */
    rd_kafka_destroy(rk);
}

static void a_broker_away_is_no_missing_topic(void **state)
{
    (void)state;
    start_capture();
    assert_int_equal(rd_kafka_mock_broker_set_down(mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_t *rk = make(KAFKA_CLIENT_CONSUMER, NULL, NULL);
    struct error error = {0};
    int32_t count = 0;
    int64_t start_ms = monotonic_clock_ms();
    enum status status = kafka_topic_partitions(rk, "events", 500, &count, &error);
    int64_t took_ms = monotonic_clock_ms() - start_ms;
    enum status creation = kafka_topic_create(rk, "events", 1, NULL, 0, 300, &error);
    rd_kafka_mock_broker_set_up(mock, 1);
    rd_kafka_destroy(rk);
    free(stop_capture());
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_in_range(took_ms, 450, 5000);
    assert_int_equal(creation, STATUS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_are_set_and_defaults_give_way),
        cmocka_unit_test(a_wrong_property_is_named_with_its_place),
        cmocka_unit_test(a_broker_away_is_one_line_and_back_is_one),
        cmocka_unit_test(other_lines_are_limited_and_counted),
        cmocka_unit_test(a_fatal_error_is_told_once),
        cmocka_unit_test(a_wake_tells_of_a_delivery_report),
        cmocka_unit_test(a_topic_has_facts_or_a_command_that_makes_it),
        cmocka_unit_test(a_broker_away_is_no_missing_topic),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
