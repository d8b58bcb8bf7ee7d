/* incident_door: changes. Which rule stops one, and what comes through. */
#include "incident_door.h"

#include "check.h"
#include "incident_fixture.h"
#include "incident_json.h"
#include "trace_parent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char before_row[] =
    "{\"id\":7,\"status\":\"TRIGGERED\",\"severity\":\"LOW\",\"resolution_notes\":null,\"tenant_id\":2050}";
static const char after_row[] =
    "{\"id\":7,\"description\":{\"a\":1},\"status\":\"RESOLVED\",\"severity\":\"LOW\","
    "\"start_time\":\"2026-02-03T10:46:23+00:00\",\"end_time\":null,\"resolution_notes\":[1.0],"
    "\"session\":{\"id\":3,\"uuid\":\"94c9c950-0925-4474-9b57-5bd13653f8dd\",\"score\":null,\"status\":\"CREATED\","
    "\"created_at\":\"2026-02-03T10:46:23+00:00\",\"updated_at\":\"2026-02-03T10:46:23+00:00\"},\"tenant_id\":2050,"
    "\"created_at\":\"2026-02-03T10:46:23+00:00\",\"updated_at\":\"2026-02-03T10:46:23+00:00\"}";
static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static struct incident_door *door;
static struct incident_change change;
static struct rule_violation violation;
static struct bytes line;

static int set_up(void **state)
{
    (void)state;
    door = incident_door_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    incident_door_destroy(door);
    bytes_free(&line);
    return 0;
}

static enum door_answer read_text(const char *text)
{
    bytes_clear(&line);
    bytes_append_text(&line, text);
    return incident_door_read_change(door, bytes_as_view(&line), false, &change, &violation);
}

/* The line {"before": BEFORE, "after": AFTER MORE}; NULL: the key is left out. */
static enum door_answer read_pair(const char *before, const char *after, const char *more)
{
    struct bytes text = {0};
    bytes_append_text(&text, "{\"nothing\":0");
    text.size = 1;
    if (before != NULL) {
        bytes_append_format(&text, "\"before\":%s", before);
    }
    if (after != NULL) {
        bytes_append_format(&text, "%s\"after\":%s", before != NULL ? "," : "", after);
    }
    bytes_append_format(&text, "%s}", more);
    bytes_append_byte(&text, '\0');
    enum door_answer answer = read_text((const char *)text.data);
    bytes_free(&text);
    return answer;
}

static void expect_violation(enum door_answer answer, const char *rule, const char *pointer)
{
    assert_int_equal(answer, DOOR_REJECTED);
    if (strcmp(violation.rule, rule) != 0 || strcmp(violation.pointer, pointer) != 0) {
        fail_msg("%s at %s (%s), not %s at %s", violation.rule, violation.pointer, violation.message, rule, pointer);
    }
    assert_true(strlen(violation.message) > 0);
}

/* With `old` in the row after (or before) replaced. */
static void expect_after(const char *old, const char *new, const char *rule, const char *pointer)
{
    struct bytes row = fixture_replace(after_row, old, new);
    bytes_append_byte(&row, '\0');
    expect_violation(read_pair(before_row, (const char *)row.data, ""), rule, pointer);
    bytes_free(&row);
}

static void expect_before(const char *old, const char *new, const char *rule, const char *pointer)
{
    struct bytes row = fixture_replace(before_row, old, new);
    bytes_append_byte(&row, '\0');
    expect_violation(read_pair((const char *)row.data, after_row, ""), rule, pointer);
    bytes_free(&row);
}

static void a_change_comes_through(void **state)
{
    (void)state;
    struct bytes json = {0};
    assert_int_equal(read_pair(before_row, after_row, ""), DOOR_ACCEPTED);
    assert_true(change.has_before && change.has_after);
    incident_json_render_payload(&change.after, &json);
    assert_true(bytes_view_equal_text(bytes_as_view(&json), after_row));
    bytes_clear(&json);
    incident_json_render_before(&change.before, &json);
    assert_true(bytes_view_equal_text(bytes_as_view(&json), before_row));
    bytes_free(&json);
    assert_int_equal(change.id.size, 0);
    assert_int_equal(change.trace_parent.size, 0);
    assert_false(change.is_id_invalid || change.is_trace_parent_invalid);
}

static void null_or_absent_is_no_row(void **state)
{
    (void)state;
    assert_int_equal(read_pair("null", after_row, ""), DOOR_ACCEPTED);
    assert_true(!change.has_before && change.has_after);
    assert_int_equal(read_pair(NULL, after_row, ""), DOOR_ACCEPTED);
    assert_true(!change.has_before && change.has_after);
    assert_int_equal(read_pair(before_row, "null", ""), DOOR_ACCEPTED);
    assert_true(change.has_before && !change.has_after);
    assert_int_equal(read_pair(before_row, NULL, ""), DOOR_ACCEPTED);
    assert_int_equal(read_text(" \r\t"), DOOR_BLANK);
    expect_violation(read_pair("null", "null", ""), "change.empty", "");
    expect_violation(read_text("{}"), "change.empty", "");
    expect_violation(read_text("{\"after\":null}"), "change.empty", "");
}

/* The other columns of the row before are not looked at, whatever they hold; their keys are. */
static void of_before_five_fields_are_read(void **state)
{
    (void)state;
    static const char odd[] = "{\"id\":7,\"status\":\"TRIGGERED\",\"severity\":\"LOW\",\"tenant_id\":2050,"
                              "\"description\":1,\"start_time\":false,\"session\":{\"id\":\"x\",\"score\":[]},"
                              "\"updated_at\":null}";
    assert_int_equal(read_pair(odd, after_row, ""), DOOR_ACCEPTED);
    expect_before("\"id\":7,", "", "id.required", "/before/id");
    expect_before("\"TRIGGERED\"", "null", "status.null", "/before/status");
    expect_before("\"LOW\"", "\"URGENT\"", "severity.enum", "/before/severity");
    expect_before("2050", "0", "tenant_id.range", "/before/tenant_id");
    expect_before("{\"id\":7", "{\"session\":{\"no\":1},\"id\":7", "key.unknown", "/before/session/no");
    expect_before("{\"id\":7", "{\"no~/\":1,\"id\":7", "key.unknown", "/before/no~0~1");
    expect_before("{\"id\":7", "{\"id\":1,\"id\":7", "key.duplicate", "/before/id");
    expect_violation(read_pair("[]", after_row, ""), "before.type", "/before");
}

static void of_after_all_is_read(void **state)
{
    (void)state;
    expect_after("\"id\":7", "\"id\":7.0", "id.type", "/after/id");
    expect_after("\"severity\":\"LOW\",", "", "severity.required", "/after/severity");
    expect_after("\"score\":null", "\"score\":\"1\"", "session.score.type", "/after/session/score");
    expect_after("\"score\":null", "\"score\":null,\"score\":1", "key.duplicate", "/after/session/score");
    expect_after("\"score\":null", "\"rank\":null", "key.unknown", "/after/session/rank");
    expect_after("94c9c950", "94c9c95", "session.uuid.uuid", "/after/session/uuid");
    expect_after("\"start_time\":\"2026-02-03T10:46:23+00:00\"", "\"start_time\":\"2026-02-03\"",
                 "start_time.timestamp", "/after/start_time");
    expect_violation(read_pair(before_row, "\"row\"", ""), "after.type", "/after");
    expect_violation(read_pair("null", "{}", ""), "id.required", "/after/id");
}

static void both_are_one_incident(void **state)
{
    (void)state;
    expect_after("\"id\":7", "\"id\":8", "change.identity", "/after/id");
    assert_string_equal(violation.message, "8 is not 7, as in /before");
    expect_after("2050", "2051", "change.identity", "/after/tenant_id");
}

/* The first rule in the order: the line, its keys in the order of the line, before, after, both. */
static void rules_have_an_order(void **state)
{
    (void)state;
    expect_violation(read_text("{\"before\":{\"no\":1},"), "json.syntax", "");
    expect_violation(read_text("[1]"), "json.syntax", "");
    expect_violation(read_text("{\"after\":{\"nope\":1},\"before\":{\"no\":1}}"), "key.unknown", "/after/nope");
    expect_violation(read_text("{\"after\":{\"id\":0},\"payload\":{}}"), "key.unknown", "/payload");
    expect_violation(read_text("{\"after\":null,\"after\":null}"), "key.duplicate", "/after");
    expect_violation(read_text("{\"after\":5,\"before\":{}}"), "id.required", "/before/id");
    expect_violation(read_text("{\"after\":5,\"before\":6}"), "before.type", "/before");
    /* A row's own keys have no place on the line, the line's none in a row. */
    expect_violation(read_text("{\"id\":1,\"tenant_id\":1}"), "key.unknown", "/tenant_id");
    expect_violation(read_text("{\"after\":{\"after\":1}}"), "key.unknown", "/after/after");
}

static void long_lines(void **state)
{
    (void)state;
    char *text = malloc(INCIDENT_DOOR_LINE_MAX + 1);
    memset(text, ' ', INCIDENT_DOOR_LINE_MAX + 1);
    assert_int_equal(
        incident_door_read_change(door, bytes_view_of(text, INCIDENT_DOOR_LINE_MAX + 1), false, &change, &violation),
        DOOR_REJECTED);
    assert_string_equal(violation.rule, "line.size");
    assert_int_equal(
        incident_door_read_change(door, bytes_view_of(text, INCIDENT_DOOR_LINE_MAX), true, &change, &violation),
        DOOR_REJECTED);
    assert_string_equal(violation.rule, "line.size");
    free(text);
}

static void expect_id(const char *more, const char *id, bool is_invalid)
{
    assert_int_equal(read_pair(before_row, after_row, more), DOOR_ACCEPTED);
    assert_true(bytes_view_equal_text(change.id, id));
    assert_int_equal(change.is_id_invalid, is_invalid);
}

static void an_id_may_be_given(void **state)
{
    (void)state;
    expect_id(",\"id\":\"wal-0_16B3748\"", "wal-0_16B3748", false);
    expect_id(",\"id\":\"\\u0061b\"", "ab", false);
    expect_id(",\"id\":null", "", false);
    expect_id(",\"id\":\"\"", "", true);
    expect_id(",\"id\":\"a.b\"", "", true);
    expect_id(",\"id\":\"\\u0061.b\"", "", true);
    expect_id(",\"id\":12", "", true);
    expect_id(",\"id\":{\"a\":1,\"a\":2}", "", true);
    expect_id(",\"id\":\"0123456789012345678901234567890123456789012345678901234567890123\"",
              "0123456789012345678901234567890123456789012345678901234567890123", false);
    expect_id(",\"id\":\"01234567890123456789012345678901234567890123456789012345678901234\"", "", true);
    expect_violation(read_pair(before_row, after_row, ",\"id\":\"a\",\"id\":\"b\""), "key.duplicate", "/id");
}

static void a_trace_may_be_given(void **state)
{
    (void)state;
    struct bytes more = {0};
    bytes_append_format(&more, ",\"traceparent\":\"%s\"", trace);
    bytes_append_byte(&more, '\0');
    assert_int_equal(read_pair(before_row, after_row, (const char *)more.data), DOOR_ACCEPTED);
    assert_true(bytes_view_equal_text(change.trace_parent, trace));
    assert_false(change.is_trace_parent_invalid);
    assert_int_equal(read_pair(before_row, after_row, ",\"traceparent\":\"00-1\""), DOOR_ACCEPTED);
    assert_int_equal(change.trace_parent.size, 0);
    assert_true(change.is_trace_parent_invalid);
    assert_int_equal(read_pair(before_row, after_row, ",\"traceparent\":null"), DOOR_ACCEPTED);
    assert_false(change.is_trace_parent_invalid);
    bytes_free(&more);
}

static void the_form_of_a_trace(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
    };
    assert_true(trace_parent_is_valid(bytes_view_of_text(trace)));
    assert_true(trace_parent_is_valid(BYTES_LITERAL("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")));
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        assert_false(trace_parent_is_valid(bytes_view_of_text(wrong[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_comes_through),
        cmocka_unit_test(null_or_absent_is_no_row),
        cmocka_unit_test(of_before_five_fields_are_read),
        cmocka_unit_test(of_after_all_is_read),
        cmocka_unit_test(both_are_one_incident),
        cmocka_unit_test(rules_have_an_order),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(an_id_may_be_given),
        cmocka_unit_test(a_trace_may_be_given),
        cmocka_unit_test(the_form_of_a_trace),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
