/* incident_door: every rule, their order, and what passes. */
#include "incident_door.h"

#include "check.h"
#include "incident_fixture.h"
#include "incident_json.h"
#include "utc_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct incident_door *door;
static struct incident_event event;
static struct rule_violation violation;

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
    return 0;
}

static enum door_answer read_line(struct bytes_view line)
{
    return incident_door_read(door, line, false, &event, &violation);
}

static void expect_rejected_line(struct bytes_view line, const char *rule, const char *pointer)
{
    if (read_line(line) != DOOR_REJECTED) {
        fail_msg("accepted, %s expected: %.*s", rule, BYTES_PRINTF(line));
    }
    if (strcmp(violation.rule, rule) != 0 || strcmp(violation.pointer, pointer) != 0) {
        fail_msg("%s %s (%s), expected %s %s", violation.rule, violation.pointer, violation.message, rule, pointer);
    }
}

static void expect_rendered_line(struct bytes_view line, const char *expected)
{
    struct bytes json = {0};
    if (read_line(line) != DOOR_ACCEPTED) {
        fail_msg("%s %s: %s", violation.rule, violation.pointer, violation.message);
    }
    incident_json_render(&event, &json);
    if (!bytes_view_equal_text(bytes_as_view(&json), expected)) {
        fail_msg("%.*s\nexpected\n%s", BYTES_PRINTF(json), expected);
    }
    bytes_free(&json);
}

/* With `old` of the fixture's line replaced by `new`, the line is rejected by `rule`. */
static void expect_rejected(const char *old, const char *new, const char *rule, const char *pointer)
{
    struct bytes line = fixture_replace(FIXTURE_LINE, old, new);
    expect_rejected_line(bytes_as_view(&line), rule, pointer);
    bytes_free(&line);
}

/* With `old` of the fixture's line replaced by `new`, what comes out is the line with `old` replaced by `out`. */
static void expect_rendered(const char *old, const char *new, const char *out)
{
    struct bytes line = fixture_replace(FIXTURE_LINE, old, new);
    struct bytes expected = fixture_replace(FIXTURE_LINE, old, out);
    expect_rendered_line(bytes_as_view(&line), (const char *)expected.data);
    bytes_free(&line);
    bytes_free(&expected);
}

static struct bytes rejected_line_of(const json_t *entry)
{
    struct bytes line = {0};
    const json_t *text = json_object_get(entry, "line");
    if (text != NULL) {
        bytes_append(&line, json_string_value(text), json_string_length(text));
    } else {
        const char *base64 = json_string_value(json_object_get(entry, "line_base64"));
        assert_int_equal(bytes_append_from_base64(&line, bytes_view_of_text(base64)), STATUS_OK);
    }
    return line;
}

static void rejects_the_published_lines(void **state)
{
    struct bytes file = fixture_read(FIXTURES "/rejected.ndjson");
    struct bytes_view rest = bytes_as_view(&file);
    struct bytes_view entry_line;
    int count = 0;
    (void)state;
    while (fixture_next_line(&rest, &entry_line)) {
        json_t *entry = json_loadb((const char *)entry_line.data, entry_line.size, JSON_ALLOW_NUL, NULL);
        assert_non_null(entry);
        struct bytes line = rejected_line_of(entry);
        expect_rejected_line(bytes_as_view(&line), json_string_value(json_object_get(entry, "rule")),
                             json_string_value(json_object_get(entry, "pointer")));
        bytes_free(&line);
        json_decref(entry);
        count++;
    }
    assert_int_equal(count, 23);
    bytes_free(&file);
}

static void renders_the_examples_byte_for_byte(void **state)
{
    static const char *const FILES[] = {SCHEMAS "/examples/incidents.ndjson", FIXTURES "/incident-updated.json"};
    int count = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(FILES); i++) {
        struct bytes file = fixture_read(FILES[i]);
        struct bytes_view rest = bytes_as_view(&file);
        struct bytes_view line;
        while (fixture_next_line(&rest, &line)) {
            char *expected = bytes_view_to_text(line);
            expect_rendered_line(line, expected);
            free(expected);
            count++;
        }
        bytes_free(&file);
    }
    assert_int_equal(count, 61);
}

static void blank_lines_are_no_lines(void **state)
{
    (void)state;
    assert_int_equal(read_line(BYTES_LITERAL("")), DOOR_BLANK);
    assert_int_equal(read_line(BYTES_LITERAL(" ")), DOOR_BLANK);
    assert_int_equal(read_line(BYTES_LITERAL(" \t\r")), DOOR_BLANK);
    expect_rejected_line(BYTES_LITERAL("\f"), "json.syntax", "");
    expect_rejected_line(BYTES_LITERAL("\0"), "json.nul", "");
    expect_rejected_line(BYTES_LITERAL("\xEF\xBB\xBF"), "json.syntax", "");
}

static void a_byte_order_mark_is_syntax(void **state)
{
    struct bytes line = {0};
    (void)state;
    bytes_append_text(&line, "\xEF\xBB\xBF");
    bytes_append_text(&line, FIXTURE_LINE);
    expect_rejected_line(bytes_as_view(&line), "json.syntax", "");
    assert_int_equal(strncmp(violation.message, "byte 0: ", 8), 0);
    bytes_free(&line);
}

static void messages_are_for_people(void **state)
{
    struct bytes text = {0};
    (void)state;
    expect_rejected("\"MEDIUM\"", "\"URGENT\"", "severity.enum", "/payload/severity");
    rule_violation_line(&violation, &text);
    assert_true(bytes_view_equal_text(bytes_as_view(&text),
                                      "/payload/severity: \"URGENT\" is not one of LOW, MEDIUM, HIGH [severity.enum]"));
    bytes_free(&text);
    expect_rejected("\"id\":103", "\"id\":-4", "id.range", "/payload/id");
    assert_string_equal(violation.message, "-4 is not an integer from 1 to 9223372036854775807");
    expect_rejected("\"status\":\"RESOLVED\"", "\"status\":null", "status.null", "/payload/status");
    assert_string_equal(violation.message, "null is not one of TRIGGERED, RESOLVED, DISMISSED, REOPENED");
    expect_rejected("\"tenant_id\":2055,", "", "tenant_id.required", "/payload/tenant_id");
    assert_string_equal(violation.message, "is missing; it must be an integer from 1 to 9223372036854775807");
    expect_rejected("\"version\":1", "\"version\":7", "meta.version.unsupported", "/meta/version");
    assert_string_equal(violation.message, "7 is not a payload version of this build, which knows 1");
    expect_rejected("\"id\":103", "\"colour\":\"red\",\"id\":103", "key.unknown", "/payload/colour");
    assert_null(strstr(violation.message, "red"));
    assert_non_null(strstr(violation.message, "description"));
    expect_rejected("\"MEDIUM\"", "{\"a\":\t[1, \r2]}", "severity.type", "/payload/severity");
    assert_string_equal(violation.message, "{\"a\": [1,  2]} is not one of LOW, MEDIUM, HIGH");
}

static void at_most_64_bytes_of_a_value_are_shown(void **state)
{
    struct bytes value = {0};
    (void)state;
    bytes_append_byte(&value, '"');
    for (int i = 0; i < 100; i++) {
        bytes_append_text(&value, "日");
    }
    bytes_append_text(&value, "\"");
    bytes_append_byte(&value, '\0');
    expect_rejected("\"MEDIUM\"", (const char *)value.data, "severity.enum", "/payload/severity");
    value.data[1 + 21 * 3] = '\0'; /* a quote and 21 characters of three bytes are 64 */
    assert_int_equal(strncmp(violation.message, (const char *)value.data, 64), 0);
    assert_string_equal(violation.message + 64, "… is not one of LOW, MEDIUM, HIGH");
    bytes_free(&value);
    expect_rejected("\"MEDIUM\"", "\"12345678901234567890123456789012345678901234567890123456789012\"", "severity.enum",
                    "/payload/severity");
    assert_int_equal(strncmp(violation.message + 64, " is not", 7), 0);
}

static void integers_are_spelt_as_integers(void **state)
{
    static const char *const WRONG[] = {"1.0", "1e2", "1E2", "1.5", "\"1\"", "true", "[1]", "{}", "1e400", "-0.0"};
    static const char *const BEYOND[] = {"0",
                                         "-0",
                                         "-1",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "99999999999999999999999999999999999999999999999999999999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(WRONG); i++) {
        char id[64];
        snprintf(id, sizeof id, "\"id\":%s", WRONG[i]);
        expect_rejected("\"id\":103", id, "id.type", "/payload/id");
        expect_rejected("\"id\":2104", id, "session.id.type", "/payload/session/id");
        snprintf(id, sizeof id, "\"score\":%s", WRONG[i]);
        expect_rejected("\"score\":-7", id, "session.score.type", "/payload/session/score");
        snprintf(id, sizeof id, "\"version\":%s", WRONG[i]);
        expect_rejected("\"version\":1", id, "meta.version.type", "/meta/version");
    }
    for (size_t i = 0; i < ARRAY_COUNT(BEYOND); i++) {
        char id[128];
        snprintf(id, sizeof id, "\"tenant_id\":%s", BEYOND[i]);
        expect_rejected("\"tenant_id\":2055", id, "tenant_id.range", "/payload/tenant_id");
        snprintf(id, sizeof id, "\"version\":%s", BEYOND[i]);
        expect_rejected("\"version\":1", id, "meta.version.unsupported", "/meta/version");
    }
    expect_rejected("\"score\":-7", "\"score\":9223372036854775808", "session.score.range", "/payload/session/score");
    expect_rejected("\"score\":-7", "\"score\":-9223372036854775809", "session.score.range", "/payload/session/score");
    expect_rendered("\"score\":-7", "\"score\":-0", "\"score\":0");
    expect_rendered("\"score\":-7", "\"score\":-9223372036854775808", "\"score\":-9223372036854775808");
    expect_rendered("\"score\":-7", "\"score\":9223372036854775807", "\"score\":9223372036854775807");
    expect_rendered("\"id\":103", "\"id\":9223372036854775807", "\"id\":9223372036854775807");
}

/* Every field and what is wrong for it. */
static const struct {
    const char *text; /* in the fixture's line */
    const char *name; /* `"key":` */
    const char *path;
    const char *pointer;
    const char *wrong; /* NULL: none */
    const char *rule;
    bool is_nullable;
    bool is_any;
} FIELDS[] = {
    {"\"event_type\":\"incident.instance.updated\",", "\"event_type\":", "event_type", "/event_type",
     "\"incident.instance.deleted\"", "enum", false, false},
    {"\"id\":103,", "\"id\":", "id", "/payload/id", "0", "range", false, false},
    {"\"description\":[\"tab\",3],", "\"description\":", "description", "/payload/description", NULL, NULL, true, true},
    {"\"status\":\"RESOLVED\",", "\"status\":", "status", "/payload/status", "\"resolved\"", "enum", false, false},
    {"\"severity\":\"MEDIUM\",", "\"severity\":", "severity", "/payload/severity", "\"\"", "enum", false, false},
    {"\"start_time\":\"2026-02-03T09:58:04.93786+00:00\",", "\"start_time\":", "start_time", "/payload/start_time",
     "\"2026-02-03T09:58:60Z\"", "timestamp", false, false},
    {"\"end_time\":\"2026-02-03T10:00:00+00:00\",", "\"end_time\":", "end_time", "/payload/end_time",
     "\"2026-02-03T09:58:04\"", "timestamp", true, false},
    {"\"resolution_notes\":{\"by\":\"proctor\"},", "\"resolution_notes\":", "resolution_notes",
     "/payload/resolution_notes", NULL, NULL, true, true},
    {"\"id\":2104,", "\"id\":", "session.id", "/payload/session/id", "-1", "range", false, false},
    {"\"uuid\":\"05b6e6e3-07d4-4edc-9143-1193e6c3f339\",", "\"uuid\":", "session.uuid", "/payload/session/uuid",
     "\"05b6e6e3-07d4-4edc-9143-1193e6c3f33g\"", "uuid", false, false},
    {"\"score\":-7,", "\"score\":", "session.score", "/payload/session/score", "9223372036854775808", "range", true,
     false},
    {"\"status\":\"SUSPENDED\",", "\"status\":", "session.status", "/payload/session/status", "\"TRIGGERED\"", "enum",
     false, false},
    {"\"created_at\":\"2026-02-03T09:58:04.93786+00:00\",", "\"created_at\":", "session.created_at",
     "/payload/session/created_at", "\"\"", "timestamp", false, false},
    {"\"tenant_id\":2055,", "\"tenant_id\":", "tenant_id", "/payload/tenant_id", "0", "range", false, false},
    {"\"created_at\":\"2026-02-03T09:58:05+00:00\",", "\"created_at\":", "created_at", "/payload/created_at",
     "\"0000-01-01T00:00:00Z\"", "timestamp", false, false},
    {"\"version\":1,", "\"version\":", "meta.version", "/meta/version", "2", "unsupported", false, false},
};

/* Every field: missing, null, of the wrong type, and of the right type with a wrong value. */
static void every_field_has_its_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(FIELDS); i++) {
        char rule[64];
        char new[128];
        char null[64];
        snprintf(null, sizeof null, "%snull,", FIELDS[i].name);
        if (FIELDS[i].is_nullable) {
            expect_rendered(FIELDS[i].text, "", null);
            expect_rendered(FIELDS[i].text, null, null);
        } else {
            snprintf(rule, sizeof rule, "%s.required", FIELDS[i].path);
            expect_rejected(FIELDS[i].text, "", rule, FIELDS[i].pointer);
            snprintf(rule, sizeof rule, "%s.null", FIELDS[i].path);
            expect_rejected(FIELDS[i].text, null, rule, FIELDS[i].pointer);
        }
        snprintf(new, sizeof new, "%s{\"x\":[true]},", FIELDS[i].name);
        if (FIELDS[i].is_any) {
            expect_rendered(FIELDS[i].text, new, new);
            continue;
        }
        snprintf(rule, sizeof rule, "%s.type", FIELDS[i].path);
        expect_rejected(FIELDS[i].text, new, rule, FIELDS[i].pointer);
        snprintf(new, sizeof new, "%strue,", FIELDS[i].name);
        expect_rejected(FIELDS[i].text, new, rule, FIELDS[i].pointer);
        snprintf(new, sizeof new, "%s%s,", FIELDS[i].name, FIELDS[i].wrong);
        snprintf(rule, sizeof rule, "%s.%s", FIELDS[i].path, FIELDS[i].rule);
        expect_rejected(FIELDS[i].text, new, rule, FIELDS[i].pointer);
    }
}

static void the_last_fields_have_their_rules_too(void **state)
{
    (void)state;
    expect_rejected(",\"updated_at\":\"2026-02-03T09:58:33.875272+00:00\"", "", "session.updated_at.required",
                    "/payload/session/updated_at");
    expect_rejected("\"2026-02-03T09:58:33.875272+00:00\"", "7", "session.updated_at.type",
                    "/payload/session/updated_at");
    expect_rejected(",\"updated_at\":\"2026-02-03T09:58:06.5+00:00\"", "", "updated_at.required",
                    "/payload/updated_at");
    expect_rejected("\"2026-02-03T09:58:06.5+00:00\"", "\"now\"", "updated_at.timestamp", "/payload/updated_at");
    expect_rejected("\"2026-02-03T09:58:34.875Z\"", "null", "meta.sent_at.null", "/meta/sent_at");
    expect_rejected("\"2026-02-03T09:58:34.875Z\"", "1", "meta.sent_at.type", "/meta/sent_at");
    expect_rejected("\"2026-02-03T09:58:34.875Z\"", "\"2026-02-03\"", "meta.sent_at.timestamp", "/meta/sent_at");
    expect_rendered(",\"sent_at\":\"2026-02-03T09:58:34.875Z\"", "", "");
    assert_false(event.has_sent_at);
    expect_rendered("\"2026-02-03T09:58:34.875Z\"", "\"2026-02-03T10:58:34.8759+01:00\"",
                    "\"2026-02-03T09:58:34.875Z\"");
    expect_rejected(",\"meta\":{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}", "", "meta.required", "/meta");
    expect_rejected("{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}", "null", "meta.null", "/meta");
    expect_rejected("{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}", "[]", "meta.type", "/meta");
    expect_rejected("{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}", "{}", "meta.version.required",
                    "/meta/version");
}

static void objects_have_their_rules(void **state)
{
    (void)state;
    expect_rejected_line(BYTES_LITERAL("{}"), "event_type.required", "/event_type");
    expect_rejected_line(BYTES_LITERAL("{\"event_type\":\"incident.instance.create\"}"), "payload.required",
                         "/payload");
    expect_rejected_line(BYTES_LITERAL("{\"event_type\":\"incident.instance.create\",\"payload\":null}"),
                         "payload.null", "/payload");
    expect_rejected_line(BYTES_LITERAL("{\"event_type\":\"incident.instance.create\",\"payload\":[{}]}"),
                         "payload.type", "/payload");
    expect_rejected_line(BYTES_LITERAL("{\"event_type\":\"incident.instance.create\",\"payload\":{}}"), "id.required",
                         "/payload/id");
    expect_rejected_line(BYTES_LITERAL("[]"), "json.syntax", "");
    expect_rejected_line(BYTES_LITERAL("null"), "json.syntax", "");
}

/* Wherever the session stands in the line, its rules stand where the canonical line has it. */
static void the_session_has_its_place(void **state)
{
    (void)state;
    struct bytes line = {0};
    bytes_append_text(&line,
                      "{\"meta\":7,\"payload\":{\"session\":7,\"tenant_id\":null,\"id\":1,\"status\":\"RESOLVED\","
                      "\"severity\":\"LOW\",\"start_time\":\"2026-02-03T09:58:04Z\"},"
                      "\"event_type\":\"incident.instance.create\"}");
    expect_rejected_line(bytes_as_view(&line), "session.type", "/payload/session");
    bytes_free(&line);
    line = fixture_replace(FIXTURE_LINE, "\"score\":-7", "\"score\":false");
    struct bytes both = fixture_replace((const char *)line.data, "\"tenant_id\":2055", "\"tenant_id\":0");
    expect_rejected_line(bytes_as_view(&both), "session.score.type", "/payload/session/score");
    bytes_free(&both);
    bytes_free(&line);
}

static void the_first_field_of_the_canonical_line_decides(void **state)
{
    (void)state;
    /* severity stands before status in this line, but not in the canonical one */
    struct bytes line = fixture_replace(FIXTURE_LINE, "\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\"",
                                        "\"severity\":\"X\",\"status\":\"Y\"");
    expect_rejected_line(bytes_as_view(&line), "status.enum", "/payload/status");
    bytes_free(&line);
    /* a missing key at its place: before a wrong value of a later one, after one of an earlier one */
    line = fixture_replace(FIXTURE_LINE, "\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\"", "\"severity\":\"X\"");
    expect_rejected_line(bytes_as_view(&line), "status.required", "/payload/status");
    bytes_free(&line);
    line = fixture_replace(FIXTURE_LINE, "\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\"", "\"status\":\"Y\"");
    expect_rejected_line(bytes_as_view(&line), "status.enum", "/payload/status");
    bytes_free(&line);
}

static void keys_come_before_fields(void **state)
{
    (void)state;
    expect_rejected("{\"event_type\":\"incident.instance.updated\",", "{\"event_type\":7,\"x\":1,", "key.unknown",
                    "/x");
    expect_rejected("\"version\":1", "\"version\":\"1\",\"version\":2", "key.duplicate", "/meta/version");
    expect_rejected("\"version\":1", "\"version\":1,\"extra\":null", "key.unknown", "/meta/extra");
    expect_rejected("\"score\":-7", "\"score\":-7,\"Score\":1", "key.unknown", "/payload/session/Score");
    expect_rejected("\"score\":-7", "\"score\":-7,\"\":1", "key.unknown", "/payload/session/");
    expect_rejected("\"score\":-7", "\"score\":-7,\"score\":null", "key.duplicate", "/payload/session/score");
    expect_rejected("\"id\":103", "\"a/b~c\":1,\"id\":103", "key.unknown", "/payload/a~1b~0c");
    expect_rejected("\"id\":103", "\"payload\":1,\"id\":103", "key.unknown", "/payload/payload");
    /* the first in the line, whichever rule it breaks */
    expect_rejected("\"id\":103", "\"id\":103,\"id\":1,\"x\":1", "key.duplicate", "/payload/id");
    expect_rejected("\"id\":103", "\"x\":1,\"id\":103,\"id\":1", "key.unknown", "/payload/x");
    expect_rejected("\"id\":103", "\"x\":1,\"x\":1,\"id\":103", "key.unknown", "/payload/x");
    /* keys inside of what comes first come first */
    expect_rejected_line(BYTES_LITERAL("{\"payload\":{\"session\":{\"a\":1},\"b\":1},\"c\":1}"), "key.unknown",
                         "/payload/session/a");
    expect_rejected_line(BYTES_LITERAL("{\"c\":1,\"payload\":{\"session\":{\"a\":1}}}"), "key.unknown", "/c");
    expect_rejected_line(BYTES_LITERAL("{\"payload\":{},\"payload\":{\"a\":1}}"), "key.duplicate", "/payload");
    expect_rejected_line(BYTES_LITERAL("{\"payload\":7,\"payload\":{}}"), "key.duplicate", "/payload");
}

static void keys_where_no_object_belongs_are_not_looked_at(void **state)
{
    (void)state;
    expect_rejected("\"MEDIUM\"", "{\"x\":1,\"x\":2}", "severity.type", "/payload/severity");
    expect_rejected("\"id\":2104", "\"id\":{\"x\":1}", "session.id.type", "/payload/session/id");
    expect_rejected_line(BYTES_LITERAL("{\"event_type\":\"incident.instance.create\",\"payload\":[{\"x\":1}]}"),
                         "payload.type", "/payload");
}

static void json_comes_before_keys(void **state)
{
    (void)state;
    expect_rejected_line(BYTES_LITERAL("{\"x\":1,\"x\":2,\"a\":\"\xFF\"}"), "json.utf8", "");
    expect_rejected_line(BYTES_LITERAL("{\"x\":1,}"), "json.syntax", "");
    expect_rejected_line(BYTES_LITERAL("{\"x\":\"\\u0000\"}"), "json.nul", "");
}

static void an_escaped_key_is_the_key(void **state)
{
    (void)state;
    expect_rendered("\"status\":\"RESOLVED\"", "\"\\u0073tatus\":\"RESOLVED\"", "\"status\":\"RESOLVED\"");
    expect_rendered("\"payload\":", "\"p\\u0061yload\":", "\"payload\":");
    expect_rejected("\"status\":\"RESOLVED\"", "\"status\":\"RESOLVED\",\"\\u0073tatus\":\"RESOLVED\"", "key.duplicate",
                    "/payload/status");
    expect_rejected("\"id\":103", "\"id\":103,\"\\u0078\\/\\u00e9\":1", "key.unknown", "/payload/x~1é");
}

static void an_escaped_string_is_the_string(void **state)
{
    (void)state;
    expect_rendered("\"RESOLVED\"", "\"RES\\u004fLVED\"", "\"RESOLVED\"");
    expect_rendered("\"incident.instance.updated\"", "\"incident.instance.upd\\u0061ted\"",
                    "\"incident.instance.updated\"");
    expect_rendered("\"2026-02-03T09:58:05+00:00\"", "\"2026-02-03T09\\u003a58:05\\u002b00:00\"",
                    "\"2026-02-03T09:58:05+00:00\"");
    expect_rendered("\"05b6e6e3-07d4", "\"\\u0030\\u0035b6e6e3-07d4", "\"05b6e6e3-07d4");
    expect_rejected("\"MEDIUM\"", "\"M\\nEDIUM\"", "severity.enum", "/payload/severity");
    assert_int_equal(strncmp(violation.message, "\"M\\nEDIUM\" is", 13), 0);
    expect_rejected("\"MEDIUM\"", "\"M\x7f\"", "severity.enum", "/payload/severity");
    assert_int_equal(strncmp(violation.message, "\"M \" is", 7), 0); /* no control character, DEL neither */
}

static void a_uuid_of_any_case_and_version(void **state)
{
    static const char *const WRONG[] = {
        "",
        "05b6e6e3-07d4-4edc-9143-1193e6c3f33",
        "05b6e6e3-07d4-4edc-9143-1193e6c3f3399",
        "05b6e6e307d44edc91431193e6c3f339",
        "{05b6e6e3-07d4-4edc-9143-1193e6c3f339}",
        "05b6e6e3-07d4-4edc-91431-193e6c3f339",
        "05b6e6e3-07d4-4edc-9143-1193e6c3f33 ",
        "urn:uuid:05b6e6e3-07d4-4edc-9143-11",
        "05b6e6e3_07d4_4edc_9143_1193e6c3f339",
        "05b6e6e3-07d4-4edc-9143-1193e6c3f3é",
    };
    (void)state;
    expect_rendered("05b6e6e3-07d4-4edc-9143-1193e6c3f339", "05B6E6E3-07D4-4EDC-9143-1193E6C3F339",
                    "05b6e6e3-07d4-4edc-9143-1193e6c3f339");
    expect_rendered("05b6e6e3-07d4-4edc-9143-1193e6c3f339", "00000000-0000-0000-0000-000000000000",
                    "00000000-0000-0000-0000-000000000000");
    expect_rendered("05b6e6e3-07d4-4edc-9143-1193e6c3f339", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                    "ffffffff-ffff-ffff-ffff-ffffffffffff");
    for (size_t i = 0; i < ARRAY_COUNT(WRONG); i++) {
        expect_rejected("05b6e6e3-07d4-4edc-9143-1193e6c3f339", WRONG[i], "session.uuid.uuid", "/payload/session/uuid");
    }
}

static void times_come_out_as_utc(void **state)
{
    (void)state;
    expect_rendered("2026-02-03T09:58:05+00:00", "2026-02-03T11:58:05.1234569+02:00",
                    "2026-02-03T09:58:05.123456+00:00");
    expect_rendered("2026-02-03T09:58:05+00:00", "2026-02-03T09:58:05-00:00", "2026-02-03T09:58:05+00:00");
    expect_rendered("2026-02-03T09:58:05+00:00", "2026-02-03T09:58:05.000Z", "2026-02-03T09:58:05+00:00");
    expect_rejected("2026-02-03T09:58:05+00:00", "9999-12-31T23:59:59-00:01", "created_at.timestamp",
                    "/payload/created_at");
}

static void rich_text_is_verbatim(void **state)
{
    static const char *const TEXTS[] = {
        "0.1",
        "1.0",
        "1e5",
        "1E400",
        "-0",
        "12345678901234567890",
        "\"\\/\"",
        "\"\\u00e9é\"",
        "\"\"",
        "[]",
        "{}",
        "true",
        "false",
        "{\"a\":1,\"a\":2,\"colour\":null}",
        "[1.0,{\"b\":0.10}]",
        "\" \\\" \"",
        "\"\\ud83d\\ude00\"",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
        expect_rendered("[\"tab\",3]", TEXTS[i], TEXTS[i]);
        expect_rendered("{\"by\":\"proctor\"}", TEXTS[i], TEXTS[i]);
    }
    expect_rendered("[\"tab\",3]", " [ \"a  b\" ,\t{ \"x\" : 1.0 } ] ", "[\"a  b\",{\"x\":1.0}]");
    expect_rendered("[\"tab\",3]", " 7 ", "7");
    expect_rendered("[\"tab\",3]", " null ", "null");
    assert_int_equal(event.incident.description.size, 0);
}

static void both_rich_texts_are_compacted_apart(void **state)
{
    (void)state;
    struct bytes one = fixture_replace(FIXTURE_LINE, "[\"tab\",3]", "[ \"tab\" , 3 ]");
    struct bytes both = fixture_replace((const char *)one.data, "{\"by\":\"proctor\"}", "{ \"by\" : \"proctor\" }");
    struct bytes spaced = fixture_replace((const char *)both.data, "\"session\":{", " \"session\" :\t{ \r");
    for (int i = 0; i < 3; i++) { /* buffers are used again */
        expect_rendered_line(bytes_as_view(&spaced), FIXTURE_LINE);
        expect_rendered_line(bytes_view_of_text(FIXTURE_LINE), FIXTURE_LINE);
    }
    bytes_free(&one);
    bytes_free(&both);
    bytes_free(&spaced);
}

static void any_key_order_comes_out_canonical(void **state)
{
    (void)state;
    expect_rendered("\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\"",
                    "\"severity\":\"MEDIUM\",\"status\":\"RESOLVED\"",
                    "\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\"");
    expect_rendered("\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"",
                    "\"sent_at\":\"2026-02-03T09:58:34.875Z\",\"version\":1",
                    "\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"");
}

/* The fixture's line with a description that makes it `size` bytes long. */
static struct bytes line_of_size(size_t size)
{
    struct bytes padding = {0};
    size_t rest = size - (strlen(FIXTURE_LINE) - strlen("[\"tab\",3]") + 2);
    bytes_append_byte(&padding, '"');
    for (size_t i = 0; i < rest; i++) {
        bytes_append_byte(&padding, 'x');
    }
    bytes_append_text(&padding, "\"");
    bytes_append_byte(&padding, '\0');
    struct bytes line = fixture_replace(FIXTURE_LINE, "[\"tab\",3]", (const char *)padding.data);
    bytes_free(&padding);
    CHECK(line.size == size);
    return line;
}

static void a_line_has_256_kib(void **state)
{
    (void)state;
    struct bytes line = line_of_size(INCIDENT_DOOR_LINE_MAX);
    expect_rendered_line(bytes_as_view(&line), (const char *)line.data);
    bytes_append_byte(&line, ' ');
    expect_rejected_line(bytes_as_view(&line), "line.size", "");
    assert_int_equal(strncmp(violation.message, "byte 262144: ", 13), 0);
    struct bytes_view prefix = bytes_view_slice(bytes_as_view(&line), 0, INCIDENT_DOOR_LINE_MAX);
    assert_int_equal(incident_door_read(door, prefix, true, &event, &violation), DOOR_REJECTED);
    assert_string_equal(violation.rule, "line.size");
    line.data[100] = 0; /* what stands before the limit comes first */
    assert_int_equal(incident_door_read(door, prefix, true, &event, &violation), DOOR_REJECTED);
    assert_string_equal(violation.rule, "json.nul");
    assert_int_equal(strncmp(violation.message, "byte 100: ", 10), 0);
    expect_rejected_line(bytes_as_view(&line), "json.nul", "");
    memset(line.data, ' ', line.size);
    expect_rejected_line(bytes_as_view(&line), "line.size", "");
    assert_int_equal(read_line(prefix), DOOR_BLANK);
    bytes_free(&line);
}

static void what_real_data_does_passes(void **state)
{
    (void)state;
    expect_rendered("\"end_time\":\"2026-02-03T10:00:00+00:00\"", "\"end_time\":null", "\"end_time\":null");
    assert_true(incident_event_end_time_expected(&event));
    expect_rendered("\"status\":\"RESOLVED\"", "\"status\":\"TRIGGERED\"", "\"status\":\"TRIGGERED\"");
    expect_rendered("2026-02-03T09:58:05+00:00", "2020-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00");
    expect_rendered("2026-02-03T09:58:05+00:00", "2030-01-01T00:00:00+00:00", "2030-01-01T00:00:00+00:00");
}

/* Lines of bytes changed at random: no crash, and what is accepted is a fixed point of door and renderer. */
static void storms_of_bytes_are_survived(void **state)
{
    struct random_source random;
    int accepted = 0;
    (void)state;
    random_init(&random, 99);
    for (int i = 0; i < 40000; i++) {
        size_t size = strlen(FIXTURE_LINE);
        uint8_t *line = malloc(size);
        memcpy(line, FIXTURE_LINE, size);
        for (uint64_t changes = random_below(&random, 4); changes > 0; changes--) {
            line[random_below(&random, size)] = random_below(&random, 2) == 0
                                                    ? (uint8_t)random_below(&random, 256)
                                                    : (uint8_t)FIXTURE_LINE[random_below(&random, size)];
        }
        size_t cut = random_below(&random, 8) == 0 ? random_below(&random, size) : size;
        if (read_line(bytes_view_of(line, cut)) == DOOR_ACCEPTED) {
            struct bytes json = {0};
            incident_json_render(&event, &json);
            bytes_append_byte(&json, '\0');
            expect_rendered_line(bytes_view_of(json.data, json.size - 1), (const char *)json.data);
            bytes_free(&json);
            accepted++;
        }
        free(line);
    }
    assert_true(accepted > 5000);
    assert_true(accepted < 35000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rejects_the_published_lines),
        cmocka_unit_test(renders_the_examples_byte_for_byte),
        cmocka_unit_test(blank_lines_are_no_lines),
        cmocka_unit_test(a_byte_order_mark_is_syntax),
        cmocka_unit_test(messages_are_for_people),
        cmocka_unit_test(at_most_64_bytes_of_a_value_are_shown),
        cmocka_unit_test(integers_are_spelt_as_integers),
        cmocka_unit_test(every_field_has_its_rules),
        cmocka_unit_test(the_last_fields_have_their_rules_too),
        cmocka_unit_test(objects_have_their_rules),
        cmocka_unit_test(the_session_has_its_place),
        cmocka_unit_test(the_first_field_of_the_canonical_line_decides),
        cmocka_unit_test(keys_come_before_fields),
        cmocka_unit_test(keys_where_no_object_belongs_are_not_looked_at),
        cmocka_unit_test(json_comes_before_keys),
        cmocka_unit_test(an_escaped_key_is_the_key),
        cmocka_unit_test(an_escaped_string_is_the_string),
        cmocka_unit_test(a_uuid_of_any_case_and_version),
        cmocka_unit_test(times_come_out_as_utc),
        cmocka_unit_test(rich_text_is_verbatim),
        cmocka_unit_test(both_rich_texts_are_compacted_apart),
        cmocka_unit_test(any_key_order_comes_out_canonical),
        cmocka_unit_test(a_line_has_256_kib),
        cmocka_unit_test(what_real_data_does_passes),
        cmocka_unit_test(storms_of_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
