/* The receiver's judge of shapes must take every example, and refuse each small change to one. */
#include "body_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char right[] =
    "{\"event_type\":\"incident.instance.updated\",\"payload\":{\"id\":103,\"description\":[\"tab\",3,{\"a\":41.5}],"
    "\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\",\"start_time\":\"2026-02-03T09:58:04.93786+00:00\","
    "\"end_time\":\"2026-02-03T09:59:04+00:00\",\"resolution_notes\":null,\"session\":{\"id\":2104,"
    "\"uuid\":\"05b6e6e3-07d4-4edc-9143-1193e6c3f339\",\"score\":-7,\"status\":\"SUSPENDED\","
    "\"created_at\":\"2024-02-29T23:59:59.1+00:00\",\"updated_at\":\"2026-02-03T09:58:33.875272+00:00\"},"
    "\"tenant_id\":2055,\"created_at\":\"2026-02-03T09:58:04.93786+00:00\","
    "\"updated_at\":\"2026-02-03T09:58:33.875272+00:00\"},"
    "\"meta\":{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}}";

static enum status check_text(const char *text, struct body_facts *ret_facts, struct error *ret_error)
{
    return body_shape_check(bytes_view_of_text(text), ret_facts, ret_error);
}

static void every_example_has_the_shape(void **state)
{
    (void)state;
    FILE *file = fopen(SCHEMAS "/examples/incidents.ndjson", "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = 0;
    size_t lines = 0;
    while ((size = getline(&line, &capacity, file)) > 0) {
        struct body_facts facts;
        struct error why = {0};
        size_t length = (size_t)size - (line[size - 1] == '\n' ? 1 : 0);
        if (body_shape_check(bytes_view_of(line, length), &facts, &why) != STATUS_OK) {
            fail_msg("line %zu: %s", lines + 1, why.text);
        }
        lines += 1;
    }
    free(line);
    (void)fclose(file);
    assert_int_equal(lines, 60);
}

static void the_facts_are_those_of_the_body(void **state)
{
    (void)state;
    struct body_facts facts;
    assert_int_equal(check_text(right, &facts, NULL), STATUS_OK);
    assert_true(bytes_view_equal_text(facts.event_type, "incident.instance.updated"));
    assert_true(bytes_view_equal_text(facts.status, "RESOLVED"));
    assert_true(bytes_view_equal_text(facts.severity, "MEDIUM"));
    assert_int_equal(facts.incident_id, 103);
    assert_int_equal(facts.tenant_id, 2055);
    assert_memory_equal(right + facts.sent_at_start, "\"2026-02-03T09:58:34.875Z\"", 26);
}

/* `right` with the first `old` replaced by `new`; free the answer. */
static char *changed(const char *old, const char *new)
{
    const char *place = strstr(right, old);
    assert_non_null(place);
    struct bytes text = {0};
    bytes_append(&text, right, (size_t)(place - right));
    bytes_append_text(&text, new);
    bytes_append_text(&text, place + strlen(old));
    bytes_append_byte(&text, '\0');
    return (char *)text.data;
}

static const struct change {
    const char *old;
    const char *new;
} wrong[] = {
    {"incident.instance.updated", "incident.instance.deleted"},
    {"{\"event_type\"", " {\"event_type\""},
    {"\"id\":103", "\"id\":0"},
    {"\"id\":103", "\"id\":0103"},
    {"\"id\":103", "\"id\":103.0"},
    {"\"id\":103", "\"id\":\"103\""},
    {"\"id\":103", "\"id\":9223372036854775808"},
    {"\"id\":103,", ""},
    {"\"id\":103,", "\"id\":103,\"id\":103,"},
    {"\"id\":103,", "\"id\":103,\"extra\":1,"},
    {"[\"tab\",3,", "[\"tab\", 3,"},
    {"[\"tab\",3,", "[\"tab\",03,"},
    {"[\"tab\",3,", "[\"tab\"3,"},
    {"[\"tab\"", "[\"t\xff\""},
    {"[\"tab\"", "[\"\\u0000\""},
    {"[\"tab\"", "[\"\\ud800\""},
    {"[\"tab\"", "{\"tab\""},
    {"41.5}]", "41.5]}"},
    {"41.5}]", "41.5}"},
    {"[\"tab\",3,{\"a\":41.5}]", ""},
    {"[\"tab\",3,{\"a\":41.5}]", "null,\"description\":null"},
    {"\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\"", "\"severity\":\"MEDIUM\",\"status\":\"RESOLVED\""},
    {"\"RESOLVED\"", "\"Resolved\""},
    {"\"RESOLVED\"", "null"},
    {"\"MEDIUM\"", "\"URGENT\""},
    {"09:58:04.93786+00:00", "09:58:04.937860+00:00"},
    {"09:58:04.93786+00:00", "09:58:04.9378601+00:00"},
    {"09:58:04.93786+00:00", "09:58:04.+00:00"},
    {"09:58:04.93786+00:00", "09:58:04.93786Z"},
    {"09:58:04.93786+00:00", "10:58:04.93786+01:00"},
    {"09:58:04.93786+00:00", "09:58:04.93786"},
    {"09:58:04.93786+00:00", "09:58:60+00:00"},
    {"09:58:04.93786+00:00", "24:00:00+00:00"},
    {"T09:58:04.93786", " 09:58:04.93786"},
    {"2026-02-03T09:58:04", "2026-02-30T09:58:04"},
    {"2026-02-03T09:58:04", "2026-13-03T09:58:04"},
    {"2026-02-03T09:58:04", "0000-02-03T09:58:04"},
    {"2024-02-29", "2023-02-29"},
    {"\"start_time\":\"2026-02-03T09:58:04.93786+00:00\"", "\"start_time\":null"},
    {"05b6e6e3", "05B6e6e3"},
    {"05b6e6e3-", "05b6e6e3"},
    {"\"score\":-7", "\"score\":-0"},
    {"\"score\":-7", "\"score\":1e2"},
    {"\"score\":-7", "\"score\":"},
    {"\"SUSPENDED\"", "\"RUNNING\""},
    {"\"tenant_id\":2055", "\"tenant_id\":-1"},
    {"\"version\":1", "\"version\":2"},
    {"34.875Z", "34.87Z"},
    {"34.875Z", "34.8750Z"},
    {"34.875Z", "34.875+00:00"},
    {"34.875Z\"}}", "34.875Z\"}}}"},
    {"34.875Z\"}}", "34.875Z\"}"},
    {"34.875Z\"}}", "34.875Z\",\"x\":1}}"},
};

static void every_small_change_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct body_facts facts;
        struct error why = {0};
        char *text = changed(wrong[i].old, wrong[i].new);
        enum status status = check_text(text, &facts, &why);
        free(text);
        if (status != STATUS_REFUSED || why.text[0] == '\0') {
            fail_msg("taken: %s instead of %s", wrong[i].new, wrong[i].old);
        }
    }
}

static const struct change fine[] = {
    {"[\"tab\",3,{\"a\":41.5}]", "null"},
    {"[\"tab\",3,{\"a\":41.5}]", "1e400"},
    {"[\"tab\",3,{\"a\":41.5}]", "12345678901234567890"},
    {"[\"tab\",3,{\"a\":41.5}]", "\"a } ] , \\\" \\\\ b\""},
    {"[\"tab\",3,{\"a\":41.5}]", "{\"a\":1,\"a\":2}"},
    {"[\"tab\",3,{\"a\":41.5}]", "\"\\/\\u00e9\xc3\xa9\""},
    {"\"score\":-7", "\"score\":null"},
    {"\"score\":-7", "\"score\":-9223372036854775808"},
    {"\"end_time\":\"2026-02-03T09:59:04+00:00\"", "\"end_time\":null"},
    {"\"id\":103", "\"id\":9223372036854775807"},
};

static void what_is_legal_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        struct body_facts facts;
        struct error why = {0};
        char *text = changed(fine[i].old, fine[i].new);
        enum status status = check_text(text, &facts, &why);
        free(text);
        if (status != STATUS_OK) {
            fail_msg("refused: %s: %s", fine[i].new, why.text);
        }
    }
}

static void every_beginning_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof(right) - 1; size++) {
        /* A copy of the exact size, so that a read past the end is seen by the address sanitizer. */
        char *text = malloc(size + 1);
        assert_non_null(text);
        memcpy(text, right, size);
        struct body_facts facts;
        enum status status = body_shape_check(bytes_view_of(text, size), &facts, NULL);
        free(text);
        assert_int_equal(status, STATUS_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_has_the_shape),   cmocka_unit_test(the_facts_are_those_of_the_body),
        cmocka_unit_test(every_small_change_is_refused), cmocka_unit_test(what_is_legal_is_taken),
        cmocka_unit_test(every_beginning_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
