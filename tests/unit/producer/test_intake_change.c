/* Intake of changes: the trigger rules, the identity vectors, what is warned of. */
#include "check.h"
#include "intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct intake *intake;
static struct intake_result result;
static struct bytes line;

static int set_up(void **state)
{
    (void)state;
    intake = intake_create(INTAKE_FORMAT_CHANGE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    intake_destroy(intake);
    bytes_free(&line);
    return 0;
}

/* A row with these fields; other times and the session are the same for all. */
struct row {
    const char *status;
    const char *severity;
    const char *notes;
    const char *description;
    const char *start_time;
    const char *end_time;
    const char *updated_at;
    const char *session_status;
};

static const struct row plain = {
    .status = "TRIGGERED",
    .severity = "LOW",
    .notes = "null",
    .description = "{\"text\":\"d\"}",
    .start_time = "2026-02-03T10:46:23+00:00",
    .end_time = "null",
    .updated_at = "2026-02-03T10:46:23+00:00",
    .session_status = "CREATED",
};

static void append_row(const struct row *row)
{
    if (row == NULL) {
        bytes_append_text(&line, "null");
        return;
    }
    bytes_append_format(&line,
                        "{\"id\":7,\"description\":%s,\"status\":\"%s\",\"severity\":\"%s\","
                        "\"start_time\":\"%s\",\"end_time\":%s,\"resolution_notes\":%s,"
                        "\"session\":{\"id\":3,\"uuid\":\"94c9c950-0925-4474-9b57-5bd13653f8dd\",\"score\":null,"
                        "\"status\":\"%s\",\"created_at\":\"2026-02-03T10:46:23+00:00\","
                        "\"updated_at\":\"2026-02-03T10:46:23+00:00\"},\"tenant_id\":2050,"
                        "\"created_at\":\"2026-02-03T10:46:23+00:00\",\"updated_at\":\"%s\"}",
                        row->description, row->status, row->severity, row->start_time, row->end_time, row->notes,
                        row->session_status, row->updated_at);
}

static enum intake_answer read_change(const struct row *before, const struct row *after, const char *more)
{
    bytes_clear(&line);
    bytes_append_text(&line, "{\"before\":");
    append_row(before);
    bytes_append_text(&line, ",\"after\":");
    append_row(after);
    bytes_append_format(&line, "%s}", more);
    return intake_read(intake, bytes_as_view(&line), false, 1000000000123, &result);
}

static void expect_type(const struct row *before, const struct row *after, enum event_type type)
{
    assert_int_equal(read_change(before, after, ""), INTAKE_EVENT);
    assert_int_equal(result.event.type, type);
    assert_int_equal(result.event.version, 1);
    assert_true(result.event.has_sent_at);
    assert_int_equal(result.event.sent_at_us, 1000000000123000);
    assert_true(event_id_is_valid(bytes_view_of_text(result.id)));
}

static void test_what_fires(void **state)
{
    (void)state;
    struct row status = plain;
    status.status = "RESOLVED";
    struct row severity = plain;
    severity.severity = "HIGH";
    struct row notes = plain;
    notes.notes = "[1]";
    struct row all = {.status = "DISMISSED",
                      .severity = "HIGH",
                      .notes = "{}",
                      .description = "1",
                      .start_time = "2026-02-03T10:46:22+00:00",
                      .end_time = "\"2026-02-03T10:46:23+00:00\"",
                      .updated_at = "2026-02-03T10:46:24+00:00",
                      .session_status = "STOPPED"};
    expect_type(NULL, &plain, EVENT_TYPE_CREATE);
    expect_type(NULL, &status, EVENT_TYPE_CREATE);
    expect_type(&plain, &status, EVENT_TYPE_UPDATED);
    expect_type(&status, &plain, EVENT_TYPE_UPDATED);
    expect_type(&plain, &severity, EVENT_TYPE_UPDATED);
    expect_type(&plain, &notes, EVENT_TYPE_UPDATED);
    expect_type(&notes, &plain, EVENT_TYPE_UPDATED);
    expect_type(&plain, &all, EVENT_TYPE_UPDATED);
}

static void test_what_fires_nothing(void **state)
{
    (void)state;
    struct row others[6];
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        others[i] = plain;
    }
    others[0].description = "{\"text\":\"another\"}";
    others[1].end_time = "\"2026-02-03T10:46:23+00:00\"";
    others[2].updated_at = "2026-02-04T10:46:23+00:00";
    others[3].session_status = "COMPLETED";
    others[4].start_time = "2026-02-03T10:46:22+00:00";
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) { /* the last is no change at all */
        assert_int_equal(read_change(&plain, &others[i], ""), INTAKE_NO_MATTER);
    }
    assert_int_equal(read_change(&plain, NULL, ""), INTAKE_DELETION);
    assert_int_equal(read_change(NULL, NULL, ""), INTAKE_REJECT);
    assert_string_equal(result.violation.rule, "change.empty");
}

static void test_notes_are_values(void **state)
{
    (void)state;
    struct row before = plain;
    struct row after = plain;
    before.notes = "{\"a\":1.0,\"b\":[1e2,\"\\u00e9\"]}";
    after.notes = "{ \"b\": [100, \"\xc3\xa9\"], \"a\": 1 }";
    assert_int_equal(read_change(&before, &after, ""), INTAKE_NO_MATTER);
    after.notes = "{ \"b\": [100.00000000000000000001, \"\xc3\xa9\"], \"a\": 1 }";
    assert_int_equal(read_change(&before, &after, ""), INTAKE_EVENT);
}

/* The id: given, or derived from both images; A to B to A is three events. */
static void test_ids(void **state)
{
    (void)state;
    struct row other = plain;
    char ids[3][EVENT_ID_MAX + 1];
    other.status = "DISMISSED";
    const struct row *const from[] = {NULL, &other, &plain};
    const struct row *const to[] = {&plain, &plain, &other};
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        assert_int_equal(read_change(from[i], to[i], ""), INTAKE_EVENT);
        memcpy(ids[i], result.id, sizeof(ids[i]));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
    assert_int_equal(read_change(&plain, &other, ""), INTAKE_EVENT);
    assert_string_equal(result.id, ids[2]);
    /* Of the row before only five columns are part of it. */
    struct row before = plain;
    before.description = "0";
    assert_int_equal(read_change(&before, &other, ""), INTAKE_EVENT);
    assert_string_equal(result.id, ids[2]);
    assert_int_equal(result.warnings, 0);

    assert_int_equal(read_change(&plain, &other, ",\"id\":\"given_1\""), INTAKE_EVENT);
    assert_string_equal(result.id, "given_1");
    assert_int_equal(result.warnings, 0);
    assert_int_equal(read_change(&plain, &other, ",\"id\":\"no good\""), INTAKE_EVENT);
    assert_string_equal(result.id, ids[2]);
    assert_int_equal(result.warnings, 1U << INTAKE_WARNING_ID);
}

static void test_warnings(void **state)
{
    (void)state;
    static const char trace[] = ",\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"";
    struct row resolved = plain;
    resolved.status = "RESOLVED";
    assert_int_equal(read_change(&plain, &resolved, trace), INTAKE_EVENT);
    assert_int_equal(result.trace_parent.size, 55);
    assert_int_equal(result.warnings, 1U << INTAKE_WARNING_END_TIME);
    assert_int_equal(read_change(&plain, &resolved, ",\"traceparent\":1,\"id\":1"), INTAKE_EVENT);
    assert_int_equal(result.trace_parent.size, 0);
    assert_int_equal(result.warnings, 7);
    /* A line without a trace has none of the line before it, nor its warnings. */
    assert_int_equal(read_change(NULL, &plain, ""), INTAKE_EVENT);
    assert_int_equal(result.trace_parent.size, 0);
    assert_int_equal(result.warnings, 0);
    assert_string_equal(intake_warning_rule(INTAKE_WARNING_ID), "id.invalid");
}

static const char *payload_of(char *text, size_t number, size_t *ret_size)
{
    for (size_t i = 1; i < number; i++) {
        text = strchr(text, '\n') + 1;
    }
    char *start = strstr(text, "\"payload\":") + strlen("\"payload\":");
    *ret_size = (size_t)(strstr(start, ",\"meta\":") - start);
    return start;
}

/* The rows of the published examples give the published ids. */
static void test_published_vectors(void **state)
{
    (void)state;
    static char text[256 * 1024];
    FILE *file = fopen(SCHEMAS "/examples/incidents.ndjson", "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    size_t size;
    size_t before_size;
    const char *row = payload_of(text, 1, &size);
    bytes_clear(&line);
    bytes_append_format(&line, "{\"after\": %.*s}", (int)size, row);
    assert_int_equal(intake_read(intake, bytes_as_view(&line), false, 1, &result), INTAKE_EVENT);
    assert_int_equal(result.event.type, EVENT_TYPE_CREATE);
    assert_string_equal(result.id, "a8c161c4-68dc-816a-a4af-9ce5467e056f");

    row = payload_of(text, 4, &size);
    const char *before = payload_of(text, 3, &before_size);
    bytes_clear(&line);
    bytes_append_format(&line, "{\"after\":%.*s,\"before\":%.*s}", (int)size, row, (int)before_size, before);
    assert_int_equal(intake_read(intake, bytes_as_view(&line), false, 1, &result), INTAKE_EVENT);
    assert_int_equal(result.event.type, EVENT_TYPE_UPDATED);
    assert_string_equal(result.id, "4b828d9d-f29e-8200-829a-08778b8d78a5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fires),       cmocka_unit_test(test_what_fires_nothing),
        cmocka_unit_test(test_notes_are_values), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_warnings),         cmocka_unit_test(test_published_vectors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
