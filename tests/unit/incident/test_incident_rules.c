/* incident_rules: the table of fields, names, and how a violation reads. */
#include "incident_rules.h"

#include "check.h"
#include "incident_fixture.h"
#include "incident_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void the_table_is_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        const struct incident_field_rule *rule = incident_rules_field((enum incident_field)i);
        assert_true(rule->parent < INCIDENT_OBJECT_NONE);
        assert_int_equal(incident_rules_find(rule->parent, bytes_view_of_text(rule->name)), i);
        assert_int_equal(incident_rules_find(INCIDENT_OBJECT_NONE, bytes_view_of_text(rule->name)),
                         INCIDENT_FIELD_COUNT);
        assert_true(strlen(rule->pointer) < 64);
        assert_true(!rule->is_nullable || rule->may_be_absent);
        const char *last = strrchr(rule->pointer, '/');
        assert_string_equal(last + 1, rule->name);
    }
    assert_int_equal(incident_rules_find(INCIDENT_OBJECT_PAYLOAD, BYTES_LITERAL("uuid")), INCIDENT_FIELD_COUNT);
    assert_int_equal(incident_rules_find(INCIDENT_OBJECT_ENVELOPE, BYTES_LITERAL("")), INCIDENT_FIELD_COUNT);
    assert_int_equal(incident_rules_find(INCIDENT_OBJECT_PAYLOAD, BYTES_LITERAL("Status")), INCIDENT_FIELD_COUNT);
}

/* The order of the fields is the order in which they are rendered. */
static void the_order_is_the_canonical_one(void **state)
{
    struct random_source random;
    struct bytes rich_text = {0};
    struct bytes json = {0};
    (void)state;
    random_init(&random, 1);
    bytes_reserve(&rich_text, 4096);
    struct incident_event event = fixture_random_event(&random, &rich_text);
    event.incident.description = BYTES_LITERAL("1");
    event.incident.resolution_notes = BYTES_LITERAL("2");
    incident_json_render(&event, &json);
    bytes_append_byte(&json, '\0');
    const char *at = (const char *)json.data;
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        char key[64];
        snprintf(key, sizeof key, "\"%s\":", incident_rules_field((enum incident_field)i)->name);
        at = strchr(at, '"');
        assert_int_equal(strncmp(at, key, strlen(key)), 0);
        at += strlen(key);
        if (*at == '"') { /* over the value */
            at = strchr(at + 1, '"') + 1;
        }
    }
    bytes_free(&json);
    bytes_free(&rich_text);
}

static void names_go_both_ways(void **state)
{
    enum event_type type;
    enum incident_status status;
    enum severity severity;
    enum session_status session_status;
    (void)state;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        assert_true(event_type_from_name(bytes_view_of_text(event_type_name((enum event_type)i)), &type));
        assert_int_equal(type, i);
    }
    for (int i = 0; i < INCIDENT_STATUS_COUNT; i++) {
        assert_true(
            incident_status_from_name(bytes_view_of_text(incident_status_name((enum incident_status)i)), &status));
        assert_int_equal(status, i);
    }
    for (int i = 0; i < SEVERITY_COUNT; i++) {
        assert_true(severity_from_name(bytes_view_of_text(severity_name((enum severity)i)), &severity));
        assert_int_equal(severity, i);
    }
    for (int i = 0; i < SESSION_STATUS_COUNT; i++) {
        assert_true(
            session_status_from_name(bytes_view_of_text(session_status_name((enum session_status)i)), &session_status));
        assert_int_equal(session_status, i);
    }
    severity = SEVERITY_MEDIUM;
    assert_false(severity_from_name(BYTES_LITERAL("low"), &severity));
    assert_false(severity_from_name(BYTES_LITERAL(""), &severity));
    assert_false(severity_from_name(BYTES_LITERAL("LOW "), &severity));
    assert_int_equal(severity, SEVERITY_MEDIUM);
    assert_false(event_type_from_name(BYTES_LITERAL("incident.instance.created"), &type));
    assert_false(incident_status_from_name(BYTES_LITERAL("CREATED"), &status));
    assert_false(session_status_from_name(BYTES_LITERAL("RESOLVED"), &session_status));
}

static void a_violation_reads_as_a_line(void **state)
{
    struct rule_violation violation;
    struct bytes line = {0};
    (void)state;
    rule_violation_set(&violation, "severity.enum", "/payload/severity", "%s is not one", "\"URGENT\"");
    rule_violation_line(&violation, &line);
    assert_true(
        bytes_view_equal_text(bytes_as_view(&line), "/payload/severity: \"URGENT\" is not one [severity.enum]"));
    bytes_clear(&line);
    rule_violation_set(&violation, "json.nul", "", "byte %d: a NUL byte", 3);
    rule_violation_line(&violation, &line);
    assert_true(bytes_view_equal_text(bytes_as_view(&line), "byte 3: a NUL byte [json.nul]"));
    bytes_clear(&line);
    rule_violation_set(&violation, "key.unknown", "/a\nb\x1b\x7f", "is an unknown key");
    rule_violation_line(&violation, &line);
    assert_true(bytes_view_equal_text(bytes_as_view(&line), "/a?b??: is an unknown key [key.unknown]"));
    bytes_free(&line);
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct rule_violation violation;
    struct bytes text = {0};
    (void)state;
    for (int i = 0; i < 300; i++) {
        bytes_append_text(&text, "日");
    }
    bytes_append_byte(&text, '\0');
    rule_violation_set(&violation, "key.unknown", (const char *)text.data, "%s", (const char *)text.data);
    assert_int_equal(strlen(violation.message), (RULE_MESSAGE_MAX - 1) / 3 * 3);
    assert_int_equal(strlen(violation.pointer), (RULE_POINTER_MAX - 1) / 3 * 3);
    bytes_free(&text);
}

static void a_missing_end_time_is_a_warning(void **state)
{
    struct incident_event event = {0};
    (void)state;
    event.incident.status = INCIDENT_STATUS_RESOLVED;
    assert_true(incident_event_end_time_expected(&event));
    event.incident.has_end_time = true;
    assert_false(incident_event_end_time_expected(&event));
    event.incident.has_end_time = false;
    event.incident.status = INCIDENT_STATUS_DISMISSED;
    assert_false(incident_event_end_time_expected(&event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(the_order_is_the_canonical_one),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(a_violation_reads_as_a_line),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(a_missing_end_time_is_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
