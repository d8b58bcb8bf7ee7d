/* The producer's settings: defaults, what is refused, and what comes later. */
#include "check.h"
#include "producer_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_defaults(void **state)
{
    (void)state;
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    assert_int_equal(producer_settings_load(NULL, NULL, 0, &settings, &errors), STATUS_OK);
    assert_null(settings.admin_listen);
    assert_string_equal(settings.input, "-");
    assert_int_equal(settings.format, INTAKE_FORMAT_EVENT);
    assert_string_equal(settings.topic, "incident.events");
    assert_string_equal(settings.rejects, "rejects.ndjson");
    assert_int_equal(settings.drain_ms, 8000);
    assert_int_equal(settings.startup_timeout_ms, -1);
    assert_string_equal(settings.source_id, "/proctoring/incidents");
    assert_int_equal(settings.in_flight_events, 10000);
    assert_int_equal(settings.in_flight_bytes, 16 * 1024 * 1024);
    assert_string_equal(kafka_properties_get(&settings.kafka, "bootstrap.servers"), "localhost:9092");
    producer_settings_free(&settings);
}

static void assert_refused(const char *set, const char *expected)
{
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    const char *const sets[] = {set};
    assert_int_equal(producer_settings_load(NULL, sets, 1, &settings, &errors), STATUS_INVALID);
    assert_int_equal(errors.total, 1);
    if (strstr(errors.lines[0], expected) == NULL) {
        fail_msg("%s: \"%s\" is not in \"%s\"", set, expected, errors.lines[0]);
    }
    error_list_free(&errors);
    producer_settings_free(&settings);
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("checkpoint=\"\"", "is empty");
    assert_refused("format=csv", "--set format: ");
    assert_refused("on_invalid=drop", "--set on_invalid: ");
    assert_refused("topic=a b", "no topic name");
    assert_refused("source_id=a b", "URI reference");
    assert_refused("source_id=\"\"", "is empty");
    assert_refused("rejects=\"\"", "is empty");
    assert_refused("in_flight.events=0", "--set in_flight.events: ");
    assert_refused("in_flight.bytes=1KiB", "--set in_flight.bytes: ");
    assert_refused("drain=8", "--set drain: ");
    assert_refused("group=g", "--set group: ");
    assert_refused("kafka.acks=1", "--set kafka.acks: ");
    assert_refused("kafka.enable.idempotence=false", "--set kafka.enable.idempotence: ");
    assert_refused("admin.listen=nowhere", "--set admin.listen: ");
}

static enum status override(struct producer_settings *settings, const char *input, const char *format,
                            struct error *ret_error)
{
    const struct producer_options said = {.input = input, .format = format};
    return producer_settings_override(settings, &said, ret_error);
}

static void test_command_line_goes_over(void **state)
{
    (void)state;
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    struct error error = {0};
    const char *const sets[] = {"input=from-settings"};
    assert_int_equal(producer_settings_load(NULL, sets, 1, &settings, &errors), STATUS_OK);
    assert_int_equal(override(&settings, NULL, NULL, &error), STATUS_OK);
    assert_string_equal(settings.input, "from-settings");
    assert_int_equal(override(&settings, "a: b", "event", &error), STATUS_OK);
    assert_string_equal(settings.input, "a: b");
    assert_int_equal(settings.format, INTAKE_FORMAT_EVENT);
    assert_int_equal(override(&settings, NULL, "change", &error), STATUS_OK);
    assert_int_equal(settings.format, INTAKE_FORMAT_CHANGE);
    assert_int_equal(override(&settings, NULL, NULL, &error), STATUS_OK);
    assert_int_equal(settings.format, INTAKE_FORMAT_CHANGE);
    assert_int_equal(override(&settings, NULL, "csv", &error), STATUS_INVALID);
    assert_int_equal(override(&settings, "", NULL, &error), STATUS_INVALID);
    producer_settings_free(&settings);
}

static void assert_pair(const struct producer_options *said, const char *expected)
{
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    struct error error = {0};
    const char *const sets[] = {"checkpoint=from-settings", "on_invalid=stop"};
    assert_int_equal(producer_settings_load(NULL, sets, said->checkpoint == NULL ? 0 : 2, &settings, &errors),
                     STATUS_OK);
    assert_int_equal(settings.on_invalid, said->checkpoint == NULL ? INVALID_REJECT : INVALID_STOP);
    assert_int_equal(producer_settings_override(&settings, said, &error), STATUS_OK);
    assert_int_equal(settings.is_followed, said->is_followed);
    if (said->checkpoint == NULL) {
        assert_null(settings.checkpoint);
    } else {
        assert_string_equal(settings.checkpoint, said->checkpoint);
    }
    if (expected == NULL) {
        assert_int_equal(producer_settings_check(&settings, &error), STATUS_OK);
    } else {
        assert_int_equal(producer_settings_check(&settings, &error), STATUS_INVALID);
        assert_non_null(strstr(error.text, expected));
    }
    producer_settings_free(&settings);
}

/* Standard input has no place to go back to, and no growth to wait for. */
static void test_what_goes_together(void **state)
{
    (void)state;
    assert_pair(&(struct producer_options){.input = NULL}, NULL);
    assert_pair(&(struct producer_options){.input = "f", .checkpoint = "c", .is_followed = true}, NULL);
    assert_pair(&(struct producer_options){.checkpoint = "c"}, "checkpoint: standard input");
    assert_pair(&(struct producer_options){.is_followed = true}, "--follow: standard input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_command_line_goes_over),
        cmocka_unit_test(test_what_goes_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
