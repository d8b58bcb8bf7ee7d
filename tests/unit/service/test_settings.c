#include "bytes.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum mode { MODE_REJECT, MODE_STOP };

struct sample {
    char *topic;
    char *checkpoint;
    int64_t shards;
    double jitter;
    bool create;
    int64_t drain_ms, startup_timeout_ms;
    int64_t hand_bytes;
    enum mode mode;
    struct text_list allow;
    struct int64_list schedule_ms;
    struct int64_list ports;
    struct kafka_properties kafka;
};

static enum status check_range_text(const char *text, struct error *ret_error)
{
    return strchr(text, '/') != NULL ? STATUS_OK : error_set(ret_error, STATUS_INVALID, "\"%s\" is not a range", text);
}

static enum status check_shards(const char *text, struct error *ret_error)
{
    return strcmp(text, "1") == 0 ? STATUS_OK
                                  : error_set(ret_error, STATUS_INVALID, "more than 1 comes in a later version");
}

static const char *const modes[] = {"reject", "stop", NULL};
static const char *const later_modes[] = {"ask", NULL};
static const char *const later_keys[] = {"replay", "lane.detach_after", NULL};

static const struct option options[] = {
    {.key = "topic",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sample, topic),
     .default_text = "incident.events",
     .help = "where events go"},
    {.key = "checkpoint", .kind = OPTION_TEXT, .offset = offsetof(struct sample, checkpoint), .help = "a file"},
    {.key = "shards",
     .kind = OPTION_INT,
     .offset = offsetof(struct sample, shards),
     .default_text = "1",
     .min = 1,
     .max = 64,
     .check = check_shards,
     .help = "threads"},
    {.key = "retry.jitter",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct sample, jitter),
     .default_text = "0.2",
     .min = 0,
     .max = 1,
     .help = "spread"},
    {.key = "topics.create",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct sample, create),
     .default_text = "true",
     .help = "make our topics"},
    {.key = "drain",
     .kind = OPTION_DURATION_MS,
     .offset = offsetof(struct sample, drain_ms),
     .default_text = "8s",
     .help = "how long"},
    {.key = "startup_timeout",
     .kind = OPTION_DURATION_MS,
     .offset = offsetof(struct sample, startup_timeout_ms),
     .none_text = "none (wait)",
     .help = "how long"},
    {.key = "hand.bytes",
     .kind = OPTION_SIZE_BYTES,
     .offset = offsetof(struct sample, hand_bytes),
     .default_text = "32 MiB",
     .min = 1 << 20,
     .max = 1 << 30,
     .help = "memory"},
    {.key = "on_invalid",
     .kind = OPTION_ENUM,
     .offset = offsetof(struct sample, mode),
     .default_text = "reject",
     .choices = modes,
     .later_choices = later_modes,
     .help = "what then"},
    {.key = "egress.allow",
     .kind = OPTION_TEXT_LIST,
     .offset = offsetof(struct sample, allow),
     .check = check_range_text,
     .help = "ranges"},
    {.key = "retry.schedule",
     .kind = OPTION_DURATION_LIST,
     .offset = offsetof(struct sample, schedule_ms),
     .default_text = "[0, 5s, 5m]",
     .items_min = 1,
     .items_max = 3,
     .help = "when"},
    {.key = "egress.ports",
     .kind = OPTION_INT_LIST,
     .offset = offsetof(struct sample, ports),
     .min = 1,
     .max = 65535,
     .none_text = "any",
     .help = "ports"},
};

static const struct settings_spec spec = {
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .later_keys = later_keys,
    .kafka_offset = offsetof(struct sample, kafka),
    .kafka_kind = KAFKA_CLIENT_CONSUMER,
};

enum { SETS_MAX = 8 };

/* Reads `content` (NULL: no file) and the sets (ended by NULL), and gives the errors, a newline after each; the file's
 * name is shortened to F. */
static char *load(const char *content, const char *const *sets, struct sample *ret_sample)
{
    char path[] = "/tmp/test_settings_XXXXXX";
    if (content != NULL) {
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        close(fd);
    }
    size_t count = 0;
    while (sets[count] != NULL) {
        count++;
    }
    *ret_sample = (struct sample){0};
    struct error_list errors = {0};
    enum status status = settings_load(&spec, content == NULL ? NULL : path, sets, count, ret_sample, &errors);
    unlink(path);
    assert_int_equal(status, errors.total == 0 ? STATUS_OK : STATUS_INVALID);
    struct bytes lines = {0};
    for (size_t i = 0; i < errors.count; i++) {
        const char *line = errors.lines[i];
        bool has_path = strncmp(line, path, strlen(path)) == 0;
        bytes_append_format(&lines, "%s%s\n", has_path ? "F" : "", has_path ? line + strlen(path) : line);
    }
    error_list_free(&errors);
    char *text = bytes_view_to_text(bytes_as_view(&lines));
    bytes_free(&lines);
    return text;
}

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_SETS ((const char *const[]){NULL})

static void expect_fine(const char *content, const char *const *sets, struct sample *ret_sample)
{
    char *errors = load(content, sets, ret_sample);
    assert_string_equal(errors, "");
    free(errors);
}

static void expect_errors(const char *content, const char *const *sets, const char *wanted)
{
    struct sample sample;
    char *errors = load(content, sets, &sample);
    assert_string_equal(errors, wanted);
    free(errors);
    settings_free(&spec, &sample);
}

static void expect_defaults(const struct sample *sample)
{
    assert_string_equal(sample->topic, "incident.events");
    assert_null(sample->checkpoint);
    assert_true(sample->shards == 1);
    assert_true(sample->jitter > 0.199 && sample->jitter < 0.201);
    assert_true(sample->create);
    assert_true(sample->drain_ms == 8000);
    assert_true(sample->startup_timeout_ms == -1);
    assert_true(sample->hand_bytes == 32 << 20);
    assert_int_equal(sample->mode, MODE_REJECT);
    assert_int_equal(sample->allow.count, 0);
    assert_int_equal(sample->schedule_ms.count, 3);
    assert_true(sample->schedule_ms.items[2] == 300000);
    assert_int_equal(sample->ports.count, 0);
    assert_int_equal(sample->kafka.count, 1);
    assert_string_equal(kafka_properties_get(&sample->kafka, "bootstrap.servers"), "localhost:9092");
}

static void without_a_file_all_is_default(void **state)
{
    (void)state;
    struct sample sample;
    expect_fine(NULL, NO_SETS, &sample);
    expect_defaults(&sample);
    settings_free(&spec, &sample);
    assert_null(sample.topic);
    assert_null(sample.kafka.items);
    expect_fine("# nothing\n", NO_SETS, &sample);
    expect_defaults(&sample);
    settings_free(&spec, &sample);
}

static void a_file_says_what_it_wants(void **state)
{
    (void)state;
    struct sample sample;
    expect_fine("topic: t\ncheckpoint: 'c'\nretry: {jitter: 0, schedule: [1s, 2m]}\ntopics:\n  create: false\n"
                "drain: 500ms\nstartup_timeout: 1m\nhand.bytes: 64MiB\non_invalid: stop\n"
                "egress:\n  allow: [10.0.0.0/8, \"::1/128\"]\n  ports: [443, 8443]\n"
                "kafka:\n  bootstrap.servers: a:1,b:2\n  linger.ms: 3\n",
                NO_SETS, &sample);
    assert_string_equal(sample.topic, "t");
    assert_string_equal(sample.checkpoint, "c");
    assert_int_equal(sample.schedule_ms.count, 2);
    assert_true(sample.schedule_ms.items[1] == 120000);
    assert_false(sample.create);
    assert_true(sample.drain_ms == 500);
    assert_true(sample.startup_timeout_ms == 60000);
    assert_true(sample.hand_bytes == 64 << 20);
    assert_int_equal(sample.mode, MODE_STOP);
    assert_int_equal(sample.allow.count, 2);
    assert_string_equal(sample.allow.items[1], "::1/128");
    assert_int_equal(sample.ports.count, 2);
    assert_true(sample.ports.items[1] == 8443);
    assert_int_equal(sample.kafka.count, 2);
    assert_string_equal(kafka_properties_get(&sample.kafka, "linger.ms"), "3");
    settings_free(&spec, &sample);
}

static void a_set_goes_over_the_file_and_the_last_over_all(void **state)
{
    (void)state;
    struct sample sample;
    expect_fine("topic: t\negress: {allow: [10.0.0.0/8]}\nkafka: {linger.ms: 3, bootstrap.servers: 'a:1'}\n",
                SETS("topic=u", "egress.allow=[1.0.0.0/8, 2.0.0.0/8]", "kafka.linger.ms=7", "topic=-", "drain=1s",
                     "retry={jitter: 1}"),
                &sample);
    assert_string_equal(sample.topic, "-");
    assert_int_equal(sample.allow.count, 2);
    assert_string_equal(kafka_properties_get(&sample.kafka, "linger.ms"), "7");
    assert_string_equal(kafka_properties_get(&sample.kafka, "bootstrap.servers"), "a:1");
    assert_true(sample.drain_ms == 1000);
    assert_true(sample.jitter > 0.99);
    settings_free(&spec, &sample);
}

/* Of two names for one property librdkafka obeys the one set last. */
static void a_property_set_again_comes_last(void **state)
{
    (void)state;
    struct sample sample;
    expect_fine("kafka: {queue.buffering.max.ms: 5, linger.ms: 6}\n", SETS("kafka.queue.buffering.max.ms=7"), &sample);
    assert_string_equal(sample.kafka.items[0].name, "linger.ms");
    assert_string_equal(sample.kafka.items[1].name, "queue.buffering.max.ms");
    assert_string_equal(sample.kafka.items[1].value, "7");
    settings_free(&spec, &sample);
}

static void every_error_is_said_with_its_place(void **state)
{
    (void)state;
    expect_errors("topic: [a]\nshards: 80x\nretry:\n  jitter: 2\n  schedule: 5s\ntopics: {create: yes}\n"
                  "drain: 30\nhand: {bytes: 1 KiB}\non_invalid: maybe\negress:\n  allow: [10.0.0.0/8, 10]\n"
                  "  ports: [0, 70000]\nstartup_timeout:\n",
                  NO_SETS,
                  "F:1:8: topic: must be a single value, not a list\n"
                  "F:2:9: shards: \"80x\" is not an integer\n"
                  "F:4:11: retry.jitter: \"2\" is not within 0 and 1\n"
                  "F:5:13: retry.schedule: must be a list, as in [a, b], not a single value\n"
                  "F:6:18: topics.create: \"yes\" is not true or false\n"
                  "F:7:8: drain: \"30\" is not a duration like 500ms, 30s, 5m, 2h or 5d\n"
                  "F:8:15: hand.bytes: \"1 KiB\" is not within 1 MiB and 1 GiB\n"
                  "F:9:13: on_invalid: \"maybe\" is not one of reject, stop\n"
                  "F:11:23: egress.allow: \"10\" is not a range\n"
                  "F:12:11: egress.ports: \"0\" is not within 1 and 65535\n"
                  "F:12:14: egress.ports: \"70000\" is not within 1 and 65535\n"
                  "F:13:17: startup_timeout: has no value; leave the key out for the default\n");
}

static void a_list_has_its_bounds(void **state)
{
    (void)state;
    expect_errors("retry: {schedule: []}\n", NO_SETS, "F:1:19: retry.schedule: has 0 items; it takes 1 to 3\n");
    expect_errors(NULL, SETS("retry.schedule=[0, 1s, 2s, 3s]"), "--set retry.schedule: has 4 items; it takes 1 to 3\n");
    expect_errors("retry: {schedule: [1s]}\negress: {allow: []}\n", NO_SETS, "");
}

static void an_unknown_key_is_an_error(void **state)
{
    (void)state;
    expect_errors("topik: t\negress: {alow: [], x: 1}\nwhatever: 1\ntopics: 5\n", NO_SETS,
                  "F:1:1: topik: there is no such key; did you mean topic?\n"
                  "F:2:10: egress.alow: there is no such key; did you mean egress.allow?\n"
                  "F:2:20: egress.x: there is no such key; --help names them all\n"
                  "F:3:1: whatever: there is no such key; --help names them all\n"
                  "F:4:9: topics: is a group of keys and must be a map, not a single value\n");
}

static void what_comes_later_is_refused_by_name(void **state)
{
    (void)state;
    expect_errors("replay: {rate: 100/s}\nlane:\n  detach_after: 30s\non_invalid: ask\nshards: 2\n",
                  SETS("replay.rate=5/s"),
                  "F:1:1: replay: comes in a later version\n"
                  "F:3:3: lane.detach_after: comes in a later version\n"
                  "F:4:13: on_invalid: ask comes in a later version\n"
                  "F:5:9: shards: more than 1 comes in a later version\n"
                  "--set replay.rate: comes in a later version\n");
}

static void one_key_two_ways_is_an_error(void **state)
{
    (void)state;
    expect_errors("egress: {ports: [1]}\negress.ports: [2]\n", NO_SETS,
                  "F:2:15: egress.ports: the same key is on line 1 already\n");
    expect_errors("kafka: {linger.ms: 1}\nkafka.linger.ms: 2\n", NO_SETS,
                  "F:2:18: kafka.linger.ms: the same property stands in this file twice\n");
}

static void a_set_error_names_its_key(void **state)
{
    (void)state;
    expect_errors(NULL, SETS("topic", "=x", "shards=x", "nothing=1", "topic=", "topics=7", "kafka.nonsense=1"),
                  "--set topic: must be KEY=VALUE\n"
                  "--set =x: must be KEY=VALUE\n"
                  "--set shards: \"x\" is not an integer\n"
                  "--set nothing: there is no such key; --help names them all\n"
                  "--set topic: has no value; write '' for an empty text\n"
                  "--set topics: is a group of keys and must be a map, not a single value\n"
                  "--set kafka.nonsense: No such configuration property: \"nonsense\"\n");
    struct sample sample;
    char *errors = load(NULL, SETS("egress.allow=[1"), &sample);
    assert_int_equal(strncmp(errors, "--set egress.allow:", 19), 0);
    free(errors);
    settings_free(&spec, &sample);
}

static void a_file_that_is_no_map_is_an_error(void **state)
{
    (void)state;
    expect_errors("- a\n", NO_SETS, "F:1:1: must be a map of keys, not a list\n");
    expect_errors("hello\n", NO_SETS, "F:1:1: must be a map of keys, not a single value\n");
    expect_errors("kafka: [a]\n", NO_SETS, "F:1:8: kafka: must be a map of librdkafka's properties, not a list\n");
    struct sample sample = {0};
    struct error_list errors = {0};
    assert_int_equal(settings_load(&spec, "/nowhere/s.yaml", NULL, 0, &sample, &errors), STATUS_INVALID);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.lines[0], "/nowhere/s.yaml: No such file or directory");
    error_list_free(&errors);
    settings_free(&spec, &sample);
}

static void a_bad_property_has_librdkafkas_reason(void **state)
{
    (void)state;
    expect_errors("kafka:\n  bootstrap: {servers: a}\n  sasl.mechanism: [a]\n  no.such.thing: 1\n"
                  "  linger.ms: soon\n  session.timeout.ms: 0\n  security.protocol: TLS\n  client.id:\n",
                  NO_SETS,
                  "F:2:14: kafka.bootstrap: a property of librdkafka is one name, dots and all, and not a map\n"
                  "F:3:19: kafka.sasl.mechanism: a property of librdkafka is a text; write a list as a,b\n"
                  "F:4:18: kafka.no.such.thing: No such configuration property: \"no.such.thing\"\n"
                  "F:5:14: kafka.linger.ms: Invalid value for configuration property \"queue.buffering.max.ms\"\n"
                  "F:6:23: kafka.session.timeout.ms: Configuration property \"session.timeout.ms\" value 0 is outside "
                  "allowed range 1..3600000\n"
                  "F:7:22: kafka.security.protocol: Invalid value \"TLS\" for configuration property "
                  "\"security.protocol\"\n"
                  "F:8:13: kafka.client.id: has no value; leave the key out for the default\n");
    expect_errors("kafka: {bootstrap.servers: '', group.instance.id: '', client.id: ''}\n", NO_SETS,
                  "F:1:28: kafka.bootstrap.servers: is empty; write one, or leave it out\n"
                  "F:1:51: kafka.group.instance.id: is empty; write one, or leave it out\n");
}

static void a_property_that_carries_a_promise_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"acks",
                                        "request.required.acks",
                                        "enable.idempotence",
                                        "message.timeout.ms",
                                        "delivery.timeout.ms",
                                        "retries",
                                        "message.send.max.retries",
                                        "max.in.flight",
                                        "max.in.flight.requests.per.connection",
                                        "queuing.strategy",
                                        "enable.gapless.guarantee",
                                        "transactional.id",
                                        "partitioner",
                                        "delivery.report.only.error",
                                        "allow.auto.create.topics",
                                        "group.id",
                                        "enable.auto.commit",
                                        "auto.commit.enable",
                                        "auto.commit.interval.ms",
                                        "enable.auto.offset.store",
                                        "offset.store.method",
                                        "auto.offset.reset",
                                        "isolation.level",
                                        "log.queue",
                                        "enable.partition.eof",
                                        "enabled_events"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char set[128], begin[128];
        (void)snprintf(set, sizeof(set), "kafka.%s=all", names[i]);
        (void)snprintf(begin, sizeof(begin), "--set kafka.%s: cannot be set: it ", names[i]);
        struct sample sample;
        char *errors = load(NULL, SETS(set), &sample);
        assert_int_equal(strncmp(errors, begin, strlen(begin)), 0);
        assert_true(strlen(errors) > strlen(begin) + 20); /* and says why */
        free(errors);
        settings_free(&spec, &sample);
    }
    expect_errors("kafka: {acks: all}\n", NO_SETS,
                  "F:1:15: kafka.acks: cannot be set: it is always all: an event counts as published only when every "
                  "in-sync replica has it\n");
    expect_errors("kafka: {partition.assignment.strategy: cooperative-sticky}\n", SETS("kafka.group.protocol=consumer"),
                  "F:1:40: kafka.partition.assignment.strategy: comes in a later version\n"
                  "--set kafka.group.protocol: comes in a later version\n");
}

static void properties_that_contradict_each_other_are_found(void **state)
{
    (void)state;
    struct sample sample;
    char *errors = load("kafka: {session.timeout.ms: 400000, max.poll.interval.ms: 300000}\n", NO_SETS, &sample);
    assert_int_equal(strncmp(errors, "F: kafka: ", 10), 0);
    assert_non_null(strstr(errors, "max.poll.interval.ms"));
    free(errors);
    settings_free(&spec, &sample);
    errors = load(NULL, SETS("kafka.security.protocol=ssl", "kafka.ssl.ca.location=/nowhere/ca.pem"), &sample);
    assert_int_equal(strncmp(errors, "--set: kafka: ", 14), 0);
    assert_non_null(strstr(errors, "ssl.ca.location"));
    free(errors);
    settings_free(&spec, &sample);
    /* librdkafka would speak of Kerberos here. */
    errors = load(NULL, SETS("kafka.security.protocol=sasl_ssl"), &sample);
    assert_int_equal(strncmp(errors, "--set: kafka: sasl.mechanism is not set", 39), 0);
    free(errors);
    settings_free(&spec, &sample);
}

static void a_password_comes_from_elsewhere_and_is_never_shown(void **state)
{
    (void)state;
    assert_int_equal(setenv("TEST_SETTINGS_PASSWORD", "hunter2", 1), 0);
    struct sample sample;
    expect_fine("kafka: {sasl.password: env:TEST_SETTINGS_PASSWORD}\ntopic: env:TEST_SETTINGS_PASSWORD\n", NO_SETS,
                &sample);
    assert_string_equal(kafka_properties_get(&sample.kafka, "sasl.password"), "hunter2");
    assert_string_equal(sample.topic, "hunter2");
    settings_free(&spec, &sample);
    expect_errors("shards: env:TEST_SETTINGS_PASSWORD\ndrain: env:TEST_SETTINGS_PASSWORD\n"
                  "on_invalid: env:TEST_SETTINGS_PASSWORD\n",
                  SETS("kafka.sasl.password=env:TEST_SETTINGS_NOT_THERE"),
                  "F:1:9: shards: the value of env:TEST_SETTINGS_PASSWORD is not an integer\n"
                  "F:2:8: drain: the value of env:TEST_SETTINGS_PASSWORD is not a duration like 500ms, 30s, 5m, 2h or "
                  "5d\n"
                  "F:3:13: on_invalid: the value of env:TEST_SETTINGS_PASSWORD is not one of reject, stop\n"
                  "--set kafka.sasl.password: the environment variable TEST_SETTINGS_NOT_THERE is not set\n");
}

static void help_has_every_key(void **state)
{
    (void)state;
    char text[8192] = {0};
    FILE *file = fmemopen(text, sizeof(text), "w");
    settings_print_help(&spec, file);
    settings_print_markdown(&spec, file);
    fclose(file);
    for (size_t i = 0; i < spec.option_count; i++) {
        assert_non_null(strstr(text, options[i].key));
    }
    assert_non_null(strstr(text, "  startup_timeout            none (wait)        how long\n"));
    assert_non_null(strstr(text, "  on_invalid                 reject             what then: reject, stop\n"));
    assert_non_null(strstr(text, "| `drain` | `8s` | how long |\n"));
    assert_null(strstr(text, "replay")); /* what comes later stands nowhere */
    assert_null(strstr(text, "ask"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_all_is_default),
        cmocka_unit_test(a_file_says_what_it_wants),
        cmocka_unit_test(a_set_goes_over_the_file_and_the_last_over_all),
        cmocka_unit_test(a_property_set_again_comes_last),
        cmocka_unit_test(every_error_is_said_with_its_place),
        cmocka_unit_test(a_list_has_its_bounds),
        cmocka_unit_test(an_unknown_key_is_an_error),
        cmocka_unit_test(what_comes_later_is_refused_by_name),
        cmocka_unit_test(one_key_two_ways_is_an_error),
        cmocka_unit_test(a_set_error_names_its_key),
        cmocka_unit_test(a_file_that_is_no_map_is_an_error),
        cmocka_unit_test(a_bad_property_has_librdkafkas_reason),
        cmocka_unit_test(a_property_that_carries_a_promise_is_refused),
        cmocka_unit_test(properties_that_contradict_each_other_are_found),
        cmocka_unit_test(a_password_comes_from_elsewhere_and_is_never_shown),
        cmocka_unit_test(help_has_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
