#include "consumer_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum status load(const char *const *sets, size_t count, struct consumer_settings *settings,
                        struct error_list *errors)
{
    *settings = (struct consumer_settings){0};
    return consumer_settings_load(NULL, sets, count, settings, errors);
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct consumer_settings settings;
    struct error_list errors = {0};
    assert_int_equal(load(NULL, 0, &settings, &errors), STATUS_OK);
    assert_string_equal(settings.admin_listen, "127.0.0.1:9464");
    assert_string_equal(settings.group, "incident-relay");
    assert_int_equal(settings.topics_events.count, 1);
    assert_string_equal(settings.topics_events.items[0], "incident.events");
    assert_string_equal(settings.topics_dead_letters, "incident.dead-letters");
    assert_true(settings.topics_create);
    assert_int_equal(settings.drain_ms, 8000);
    assert_int_equal(settings.startup_timeout_ms, -1);
    assert_int_equal(settings.start.kind, START_FROM_EARLIEST);
    assert_int_equal(settings.hand_records, 10000);
    assert_int_equal(settings.hand_bytes, 32 * 1024 * 1024);
    assert_int_equal(settings.connections_max, 1024);
    assert_int_equal(settings.schema_wait_ms, 600000);
    assert_false(settings.egress_http);

    struct delivery_policy policy;
    consumer_settings_policy(&settings, &policy);
    assert_int_equal(policy.schedule_count, 10);
    int64_t sum = 0;
    for (size_t i = 0; i < policy.schedule_count; i++) {
        sum += policy.schedule_ms[i];
    }
    /* 75 hours in all, and 35 minutes and 5 seconds */
    assert_int_equal(sum, ((75 * 60 + 35) * 60 + 5) * INT64_C(1000));
    assert_int_equal(policy.refused_count, 3);
    assert_int_equal(policy.jitter_permille, 200);
    assert_int_equal(policy.halt_after, 5);
    consumer_settings_free(&settings);
}

static void start_from_takes_a_time(void **state)
{
    (void)state;
    const char *sets[] = {"start_from=2026-02-03T10:00:00+01:00"};
    struct consumer_settings settings;
    struct error_list errors = {0};
    assert_int_equal(load(sets, 1, &settings, &errors), STATUS_OK);
    assert_int_equal(settings.start.kind, START_FROM_TIME);
    assert_int_equal(settings.start.time_ms, INT64_C(1770109200000));
    consumer_settings_free(&settings);
}

/* Each mistake alone is refused, and its line names the key. */
static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        const char *says;
    } mistakes[] = {
        {"start_from=yesterday", "start_from"},
        {"topics.events=[]", "topics.events"},
        {"topics.events=[a, a]", "twice"},
        {"topics.events=[incident.dead-letters]", "topics.dead_letters"},
        {"topics.dead_letters='in valid'", "topics.dead_letters"},
        {"lane.probe_max=1s", "lane.probe_max"},
        {"retry.schedule=[]", "retry.schedule"},
        {"retry.jitter=1.5", "retry.jitter"},
        {"egress.allow=[10.0.0.0/33]", "egress.allow"},
        {"egress.ports=[70000]", "egress.ports"},
        {"shards=0", "shards"},
        {"replay.rate=5/s", "comes in a later version"},
        {"topics.lanes=x", "comes in a later version"},
        {"lane.detach_after=1s", "comes in a later version"},
        {"colour=red", "colour"},
        {"kafka.group.id=x", "group.id"},
        {"kafka.enable.auto.commit=true", "enable.auto.commit"},
        {"kafka.no.such.property=1", "no.such.property"},
    };
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct consumer_settings settings;
        struct error_list errors = {0};
        assert_int_equal(load(&mistakes[i].set, 1, &settings, &errors), STATUS_INVALID);
        assert_true(errors.count >= 1);
        if (strstr(errors.lines[0], mistakes[i].says) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", mistakes[i].set, errors.lines[0], mistakes[i].says);
        }
        error_list_free(&errors);
        consumer_settings_free(&settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(start_from_takes_a_time),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
