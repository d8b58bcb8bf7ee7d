/* Reading and sending together, against librdkafka's mock cluster: what the broker refuses, what is sent again, and
 * the position that comes out. */
#include "check.h"
#include "intake.h"
#include "log.h"
#include "monotonic_clock.h"
#include "producer_reader.h"
#include "producer_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <unistd.h>

enum { API_PRODUCE = 0, TURNS_MAX = 4000, EXAMPLES = 60, EVENTS_MAX = 16 };

static const char examples_path[] = SCHEMAS "/examples/incidents.ndjson";
static char folder[] = "/tmp/test_producer_flow.XXXXXX";
static char input_path[256];
static char rejects_path[256];

/* The client that was made last, by way of the linker's --wrap. */
static rd_kafka_t *newest_client;
static unsigned clients_made; /* a new client may well lie where the last one was */

/* __real_ and __wrap_ are the linker's names. */
rd_kafka_t *__real_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t size);
rd_kafka_t *__wrap_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t size);

rd_kafka_t *__wrap_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t size)
{
    newest_client = __real_rd_kafka_new(type, conf, reason, size);
    clients_made++;
    return newest_client;
}

struct fixture {
    int64_t turns; /* each a millisecond later */
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_properties properties;
    struct metrics *metrics;
    struct line_source *source;
    struct kafka_publisher *publisher;
    struct producer_work work;
    struct producer_reader *reader;
    struct producer_sender *sender;
    enum reader_state reader_state;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char reason[256];
    fixture->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
    fixture->cluster = rd_kafka_mock_cluster_new(fixture->owner, 1);
    if (fixture->cluster == NULL ||
        rd_kafka_mock_topic_create(fixture->cluster, "incident.events", 1, 1) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 1;
    }
    kafka_properties_put(&fixture->properties, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster),
                         "test");
    kafka_properties_put(&fixture->properties, "linger.ms", "20", "test");
    fixture->metrics = metrics_create();
    unlink(rejects_path);
    *state = fixture;
    return 0;
}

static void start(struct fixture *fixture, const char *input, const char *rejects)
{
    const struct publish_limits limits = {.events_max = EVENTS_MAX, .bytes_max = 1024 * 1024};
    const struct kafka_publisher_settings settings = {.properties = &fixture->properties,
                                                      .topic = "incident.events",
                                                      .records_max = limits.events_max,
                                                      .bytes_max = limits.bytes_max};
    assert_int_equal(line_source_open(input, INTAKE_LINE_MAX, &fixture->source, NULL), STATUS_OK);
    assert_int_equal(kafka_publisher_create(&settings, &fixture->publisher, NULL), STATUS_OK);
    fixture->work = (struct producer_work){
        .input = input,
        .ledger = publish_ledger_create(&limits),
        .store = record_store_create(limits.events_max),
        .rejects = rejects_file_create(rejects),
        .counts = producer_counts_create(fixture->metrics),
    };
    fixture->reader = producer_reader_create(&fixture->work, fixture->source, INTAKE_FORMAT_EVENT, "/test");
    fixture->sender = producer_sender_create(&fixture->work, fixture->publisher, "incident.events");
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    producer_sender_destroy(fixture->sender);
    producer_reader_destroy(fixture->reader);
    kafka_publisher_destroy(fixture->publisher);
    rejects_file_destroy(fixture->work.rejects);
    record_store_destroy(fixture->work.store);
    publish_ledger_destroy(fixture->work.ledger);
    producer_counts_destroy(fixture->work.counts);
    line_source_destroy(fixture->source);
    metrics_destroy(fixture->metrics);
    kafka_properties_free(&fixture->properties);
    rd_kafka_mock_cluster_destroy(fixture->cluster);
    rd_kafka_destroy(fixture->owner);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture)
{
    struct error error = {0};
    int64_t mono_ms = monotonic_clock_ms();
    producer_sender_take_reports(fixture->sender, mono_ms);
    assert_int_equal(producer_sender_reject_refused(fixture->sender, &error), STATUS_OK);
    if (fixture->reader_state == READER_WANTS_INPUT) {
        fixture->reader_state = producer_reader_fill(fixture->reader, &error);
        assert_int_equal(fixture->reader_state, READER_WANTS_INPUT);
    }
    fixture->reader_state = producer_reader_run(fixture->reader, 1770112682077 + fixture->turns++,
                                                producer_sender_is_open(fixture->sender), &error);
    assert_int_equal(producer_sender_send(fixture->sender, mono_ms, 500, &error), STATUS_OK);
    publish_ledger_check(fixture->work.ledger);
}

/* Until the input is at its end and all is settled. */
static void run(struct fixture *fixture)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        turn(fixture);
        if (fixture->reader_state == READER_IS_AT_END && publish_ledger_counts(fixture->work.ledger).places == 0) {
            return;
        }
        struct pollfd ready = {.fd = kafka_publisher_fd(fixture->publisher), .events = POLLIN};
        poll(&ready, 1, 10);
    }
    fail_msg("it does not come to an end");
}

static int64_t counted(const struct fixture *fixture, const char *name)
{
    return metric_value(metrics_counter(fixture->metrics, name, "", NULL));
}

static void assert_at_line(const struct fixture *fixture, int64_t line)
{
    assert_int_equal(publish_ledger_position(fixture->work.ledger).line, line);
}

/* How many rejects there are, and the last of them; the caller frees it. */
static int read_rejects(json_t **ret_last)
{
    FILE *file = fopen(rejects_path, "re");
    int count = 0;
    *ret_last = NULL;
    json_t *reject;
    while (file != NULL && (reject = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
        json_decref(*ret_last);
        *ret_last = reject;
        count++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static void assert_no_rejects(void)
{
    json_t *last;
    assert_int_equal(read_rejects(&last), 0);
}

static rd_kafka_t *open_log(struct fixture *fixture)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster), reason,
                      sizeof(reason));
    rd_kafka_conf_set(conf, "group.id", "g", reason, sizeof(reason));
    rd_kafka_t *log = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(all, "incident.events", 0)->offset = 0;
    assert_int_equal(rd_kafka_assign(log, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    return log;
}

/* The ids of the examples, in their order. */
static void read_example_ids(char ids[EXAMPLES][EVENT_ID_MAX + 1])
{
    FILE *file = fopen(examples_path, "re");
    char *line = NULL;
    size_t capacity = 0;
    struct intake *intake = intake_create(INTAKE_FORMAT_EVENT);
    for (int i = 0; i < EXAMPLES; i++) {
        ssize_t size = getline(&line, &capacity, file);
        assert_true(size > 0);
        struct intake_result result;
        assert_int_equal(intake_read(intake, bytes_view_of(line, (size_t)size - 1), false, 1770112682077, &result),
                         INTAKE_EVENT);
        memcpy(ids[i], result.id, sizeof(ids[i]));
    }
    intake_destroy(intake);
    free(line);
    fclose(file);
}

static bool has_id(const rd_kafka_message_t *message, const char *id)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_get_last(headers, "ce_id", &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
    return size == strlen(id) && memcmp(value, id, size) == 0;
}

/* The first `expected` examples are on the log, the first of each in their order; a second one only if it may be, with
 * the first one's sent_at. */
static void check_log(struct fixture *fixture, int expected, bool may_double)
{
    static char ids[EXAMPLES][EVENT_ID_MAX + 1];
    rd_kafka_t *log = open_log(fixture);
    rd_kafka_message_t *message;
    int64_t sent_at_ms[EXAMPLES];
    int seen = 0;
    read_example_ids(ids);
    while ((message = rd_kafka_consumer_poll(log, seen < expected ? 10000 : 200)) != NULL) {
        int64_t time_ms = rd_kafka_message_timestamp(message, NULL);
        if (seen < expected && has_id(message, ids[seen])) {
            sent_at_ms[seen++] = time_ms;
        } else {
            bool is_double = false;
            for (int i = 0; i < seen; i++) {
                is_double = is_double || (has_id(message, ids[i]) && time_ms == sent_at_ms[i]);
            }
            assert_true(may_double && is_double);
        }
        rd_kafka_message_destroy(message);
    }
    assert_int_equal(seen, expected);
    rd_kafka_destroy(log);
}

static void assert_log(struct fixture *fixture, int expected)
{
    check_log(fixture, expected, false);
}

static void assert_log_with_doubles(struct fixture *fixture, int expected)
{
    check_log(fixture, expected, true);
}

static void test_all_in_order(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, examples_path, rejects_path);
    run(fixture);
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), EXAMPLES);
    assert_int_equal(counted(fixture, "incident_producer_lines_read_total"), EXAMPLES);
    assert_at_line(fixture, EXAMPLES + 1);
    assert_no_rejects();
    assert_log(fixture, EXAMPLES);
}

/* The first batch comes back whole; alone, each of its records is taken. */
static void test_refused_batch_goes_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    start(fixture, examples_path, rejects_path);
    run(fixture);
    assert_no_rejects();
    assert_log(fixture, EXAMPLES);
}

/* The batch is refused, and then its first record alone as well: that one is the reject, and no other. */
static void test_the_one_to_blame_is_rejected(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    start(fixture, examples_path, rejects_path);
    run(fixture);
    json_t *last;
    assert_int_equal(read_rejects(&last), 1);
    assert_string_equal(json_string_value(json_object_get(last, "rule")), "kafka.message_too_large");
    assert_string_equal(json_string_value(json_object_get(last, "pointer")), "");
    assert_int_equal(json_integer_value(json_object_get(last, "line")), 1);
    assert_int_equal(json_integer_value(json_object_get(last, "offset")), 0);
    assert_int_equal(json_string_length(json_object_get(last, "raw")),
                     json_integer_value(json_object_get(last, "bytes")));
    json_decref(last);
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), EXAMPLES - 1);
    assert_int_equal(producer_counts_rejects(fixture->work.counts), 1);
    assert_at_line(fixture, EXAMPLES + 1);
}

/* A wait of a second, a trial that fails, a wait of two, and then all of it, in order. */
static void test_wrong_clock_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 2, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
                                      RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
    start(fixture, examples_path, rejects_path);
    run(fixture);
    assert_no_rejects();
    assert_log(fixture, EXAMPLES);
}

static void test_unauthorised_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    start(fixture, examples_path, rejects_path);
    run(fixture);
    assert_no_rejects();
    assert_log(fixture, EXAMPLES);
}

/* The client fails for good with events in flight: a new one sends them again. */
static void test_fatal_error_is_survived(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    start(fixture, examples_path, rejects_path);
    run(fixture);
    assert_no_rejects();
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), EXAMPLES);
    assert_log(fixture, EXAMPLES);
}

/* Whenever it fails, with whatever is in flight: each failed client is replaced, and the log has all in order. */
static void test_fatal_errors_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    int failures = 0;
    int64_t published = 0;
    start(fixture, examples_path, rejects_path);
    for (int i = 0; i < TURNS_MAX && fixture->reader_state != READER_IS_AT_END; i++) {
        turn(fixture);
        int64_t now = counted(fixture, "incident_producer_events_published_total");
        if (publish_ledger_counts(fixture->work.ledger).sent > 0 && now >= published && failures < 3) {
            unsigned made = clients_made;
            assert_int_equal(
                rd_kafka_test_fatal_error(newest_client, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "in a test"),
                RD_KAFKA_RESP_ERR_NO_ERROR);
            failures++;
            published = now + 1; /* the next time with something new behind it */
            for (int j = 0; j < TURNS_MAX && clients_made == made; j++) {
                turn(fixture);
                struct pollfd ready = {.fd = kafka_publisher_fd(fixture->publisher), .events = POLLIN};
                poll(&ready, 1, 10);
            }
            assert_int_equal(clients_made, made + 1);
        }
        struct pollfd ready = {.fd = kafka_publisher_fd(fixture->publisher), .events = POLLIN};
        poll(&ready, 1, 10);
    }
    assert_true(failures >= 2);
    run(fixture);
    assert_no_rejects();
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), EXAMPLES);
    assert_at_line(fixture, EXAMPLES + 1);
    assert_log_with_doubles(fixture, EXAMPLES);
}

/* on_invalid: stop. What stands before the reject is published, what stands behind it is not read. */
static void test_stop_at_the_first_reject(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(input_path, "we");
    FILE *examples = fopen(examples_path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = getline(&line, &capacity, examples);
    fwrite(line, 1, (size_t)size, file);
    fputs("{}\n", file);
    fwrite(line, 1, (size_t)size, file);
    fclose(file);
    fclose(examples);
    free(line);
    start(fixture, input_path, rejects_path);
    fixture->work.stops_at_reject = true;
    for (int i = 0; i < TURNS_MAX && fixture->reader_state != READER_HAS_REJECTED; i++) {
        turn(fixture);
    }
    assert_int_equal(fixture->reader_state, READER_HAS_REJECTED);
    assert_int_equal(fixture->work.last_reject.line, 2);
    assert_int_equal(fixture->work.last_reject.offset, size);
    assert_string_equal(fixture->work.last_rule, "event_type.required");
    for (int i = 0; i < TURNS_MAX && publish_ledger_counts(fixture->work.ledger).places > 0; i++) {
        struct pollfd ready = {.fd = kafka_publisher_fd(fixture->publisher), .events = POLLIN};
        poll(&ready, 1, 10);
        producer_sender_take_reports(fixture->sender, monotonic_clock_ms());
    }
    assert_at_line(fixture, 3);
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), 1);
    json_t *last;
    assert_int_equal(read_rejects(&last), 1);
    json_decref(last);
}

/* Blank, wrong, too long, good, without its newline: each line where it belongs. */
static void test_mixed_lines(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(input_path, "we");
    FILE *examples = fopen(examples_path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = getline(&line, &capacity, examples);
    fputs("\n \t\n{\"no\": \"event\"}\n", file);
    for (int i = 0; i < INTAKE_LINE_MAX + 1; i++) {
        fputc(' ', file);
    }
    fputs("\n", file);
    fwrite(line, 1, (size_t)size - 1, file); /* no newline */
    fclose(file);
    fclose(examples);
    free(line);

    start(fixture, input_path, rejects_path);
    run(fixture);
    assert_int_equal(counted(fixture, "incident_producer_lines_read_total"), 5);
    assert_int_equal(counted(fixture, "incident_producer_lines_blank_total"), 2);
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), 1);
    json_t *last;
    assert_int_equal(read_rejects(&last), 2);
    assert_string_equal(json_string_value(json_object_get(last, "input")), input_path);
    assert_string_equal(json_string_value(json_object_get(last, "rule")), "line.size");
    assert_int_equal(json_integer_value(json_object_get(last, "line")), 4);
    assert_int_equal(json_integer_value(json_object_get(last, "offset")), 1 + 3 + 16);
    assert_int_equal(json_integer_value(json_object_get(last, "bytes")), INTAKE_LINE_MAX + 1);
    json_decref(last);
    assert_log(fixture, 1);
}

/* A reject that cannot be written stops the reading at its line; what came before it is published. */
static void test_full_disk(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(input_path, "we");
    FILE *examples = fopen(examples_path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = getline(&line, &capacity, examples);
    fwrite(line, 1, (size_t)size, file);
    fputs("{}\n", file);
    fclose(file);
    fclose(examples);
    free(line);
    start(fixture, input_path, "/dev/full");
    for (int i = 0; i < TURNS_MAX && fixture->reader_state != READER_REJECTS_FAILED; i++) {
        turn(fixture);
    }
    assert_int_equal(fixture->reader_state, READER_REJECTS_FAILED);
    for (int i = 0; i < TURNS_MAX && publish_ledger_counts(fixture->work.ledger).places > 0; i++) {
        struct pollfd ready = {.fd = kafka_publisher_fd(fixture->publisher), .events = POLLIN};
        poll(&ready, 1, 10);
        producer_sender_take_reports(fixture->sender, monotonic_clock_ms());
    }
    assert_at_line(fixture, 2);
    assert_int_equal(counted(fixture, "incident_producer_events_published_total"), 1);
    assert_int_equal(producer_counts_rejects(fixture->work.counts), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(input_path, sizeof(input_path), "%s/input.ndjson", folder);
    snprintf(rejects_path, sizeof(rejects_path), "%s/rejects.ndjson", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(input_path);
    unlink(rejects_path);
    return rmdir(folder);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    const struct CMUnitTest tests[] = {
        TEST(test_all_in_order),
        TEST(test_refused_batch_goes_one_by_one),
        TEST(test_the_one_to_blame_is_rejected),
        TEST(test_wrong_clock_is_waited_for),
        TEST(test_unauthorised_is_waited_for),
        TEST(test_fatal_error_is_survived),
        TEST(test_fatal_errors_again_and_again),
        TEST(test_stop_at_the_first_reject),
        TEST(test_mixed_lines),
        TEST(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
