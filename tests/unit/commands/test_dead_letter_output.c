#include "check.h"
#include "dead_letter_facts.h"
#include "dead_letter_json.h"
#include "dead_letter_table.h"
#include "dead_letter_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct record_header header(const char *name, const char *value)
{
    return (struct record_header){.name = name, .value = bytes_view_of_text(value), .value_is_null = value == NULL};
}

static struct record_in record_of(const char *key, const struct record_header *headers, size_t count)
{
    return (struct record_in){.key = bytes_view_of_text(key),
                              .key_is_null = key == NULL,
                              .value = BYTES_LITERAL("\x00\x01z"),
                              .headers = headers,
                              .header_count = count,
                              .timestamp_ms = INT64_C(1770112800000)};
}

static void expect(struct bytes *found, const char *expected)
{
    bytes_append_byte(found, '\0');
    assert_string_equal((const char *)found->data, expected);
    bytes_free(found);
}

static const struct dead_letter_filter any = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};

static void only_what_stands_behind_the_last_reason_is_the_relays(void **state)
{
    (void)state;
    const struct record_header headers[] = {
        header("dl_subscription", "posed"), header("dl_reason", "skipped"), header("ce_id", "first"),
        header("ce_id", "second"),          header("dl_reason", "refused"), header("dl_attempts", "3"),
        header("ce_type", "posed-too"),
    };
    struct record_in record = record_of("7001", headers, ARRAY_COUNT(headers));
    struct dead_letter_facts facts;
    dead_letter_facts_read(3, 17, &record, &facts);
    assert_int_equal(facts.tenant, 7001);
    assert_true(bytes_view_equal_text(facts.reason, "refused"));
    assert_true(bytes_view_equal_text(facts.attempts, "3"));
    assert_true(bytes_view_equal_text(facts.ce_id, "second"));
    assert_int_equal(facts.subscription.size, 0);
    assert_int_equal(facts.ce_type.size, 0);
    assert_int_equal(facts.added_count, 3);
}

static void a_record_of_others_says_nothing(void **state)
{
    (void)state;
    static const char *const keys[] = {NULL, "", "07001", "-1", "0", "crm", "9223372036854775808"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        struct record_in record = record_of(keys[i], NULL, 0);
        struct dead_letter_facts facts;
        dead_letter_facts_read(0, 0, &record, &facts);
        assert_int_equal(facts.tenant, 0);
        assert_null(facts.added);
        assert_true(dead_letter_filter_matches(&any, &facts));
        struct dead_letter_filter filter = any;
        filter.reason = "refused";
        assert_false(dead_letter_filter_matches(&filter, &facts));
    }
}

static bool matches(const char *reason, const char *wanted)
{
    const struct record_header headers[] = {header("dl_reason", reason)};
    struct record_in record = record_of("1", headers, 1);
    struct dead_letter_facts facts;
    struct dead_letter_filter filter = any;
    filter.reason = wanted;
    dead_letter_facts_read(0, 0, &record, &facts);
    return dead_letter_filter_matches(&filter, &facts);
}

static void reasons(void **state)
{
    (void)state;
    assert_true(matches("refused", "refused"));
    assert_false(matches("refused", "exhausted"));
    assert_true(matches("undecodable.avro", "undecodable"));
    assert_true(matches("undecodable.avro", "undecodable.avro"));
    assert_false(matches("undecodable.avro", "undecodable.framing"));
    assert_false(matches("undecodablex", "undecodable"));
    assert_false(matches("undecodable.session.uuid.uuid", "undecodable.session.uuid"));
    static const char *const right[] = {"refused",       "exhausted",      "skipped",      "undecodable",
                                        "undecodable.x", "schema.unknown", "key.mismatch", "retention.gap"};
    static const char *const wrong[] = {"", "refusd", "undecodable.", "undecodablex", "schema", "Refused"};
    for (size_t i = 0; i < ARRAY_COUNT(right); i++) {
        assert_true(dead_letter_filter_is_reason(right[i]));
    }
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        assert_false(dead_letter_filter_is_reason(wrong[i]));
    }
}

static int64_t time_of(const char *first_attempt_at)
{
    const struct record_header headers[] = {header("dl_reason", "refused"),
                                            header("dl_first_attempt_at", first_attempt_at)};
    struct record_in record = record_of("1", headers, first_attempt_at == NULL ? 1 : 2);
    struct dead_letter_facts facts;
    dead_letter_facts_read(0, 0, &record, &facts);
    return dead_letter_facts_time(&facts);
}

static void the_time_that_is_filtered_by(void **state)
{
    (void)state;
    assert_int_equal(time_of("2026-02-03T10:00:00.250Z"), INT64_C(1770112800250));
    assert_int_equal(time_of(NULL), INT64_C(1770112800000));
    assert_int_equal(time_of("no time"), INT64_C(1770112800000));
    struct record_in record = record_of("1", NULL, 0);
    struct dead_letter_facts facts;
    struct dead_letter_filter filter = {.from_ms = INT64_C(1770112800000), .to_ms = INT64_C(1770112800001)};
    dead_letter_facts_read(0, 0, &record, &facts);
    assert_true(dead_letter_filter_matches(&filter, &facts));
    record.timestamp_ms++;
    assert_false(dead_letter_filter_matches(&filter, &facts));
    record.timestamp_ms -= 2;
    assert_false(dead_letter_filter_matches(&filter, &facts));
}

static void escapes(void **state)
{
    (void)state;
    struct bytes out = {0};
    dead_letter_text_append_escaped(&out, BYTES_LITERAL("a b\x1b[2J\xc3\xa9\x7f\0\n"), 100);
    expect(&out, "a b\\x1b[2J\\xc3\\xa9\\x7f\\x00\\x0a");
    dead_letter_text_append_escaped(&out, BYTES_LITERAL("abcd"), 3);
    expect(&out, "abc...");
    dead_letter_text_append_escaped(&out, BYTES_LITERAL("abc"), 3);
    expect(&out, "abc");
}

static void times(void **state)
{
    (void)state;
    struct bytes out = {0};
    static const int64_t all[] = {INT64_C(1770112800007), -1, -2, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        dead_letter_text_append_time(&out, all[i]);
        bytes_append_byte(&out, ' ');
    }
    expect(&out, "2026-02-03T10:00:00.007Z - 1969-12-31T23:59:59.998Z 9223372036854775807 -9223372036854775808 ");
}

static void indents(void **state)
{
    (void)state;
    struct bytes out = {0};
    dead_letter_text_append_indented(
        &out, BYTES_LITERAL("{\"a\":[1.0,{},[],[[]],\"x,{:\\\"}\\\\\"],\"b\":null,\"c\":{\"d\":-1e5}}"));
    expect(&out, "{\n  \"a\": [\n    1.0,\n    {},\n    [],\n    [\n      []\n    ],\n    \"x,{:\\\"}\\\\\"\n  ],\n"
                 "  \"b\": null,\n  \"c\": {\n    \"d\": -1e5\n  }\n}");
    dead_letter_text_append_indented(&out, BYTES_LITERAL("[]"));
    expect(&out, "[]");
    /* CSI as one C1 character, DEL, right-to-left override, isolate; and what only looks like them. */
    dead_letter_text_append_indented(
        &out, BYTES_LITERAL("\"\xc2\x9b"
                            "31m\x7f\xe2\x80\xae\xe2\x81\xa6\xc2\xa0\xc3\x9b\xe2\x80\x93\xe2\x82\xac\""));
    expect(&out, "\"\\u009b31m\\u007f\\u202e\\u2066\xc2\xa0\xc3\x9b\xe2\x80\x93\xe2\x82\xac\"");
}

/* ---- the table ---- */

static void add(struct dead_letter_table *table, int64_t offset, const char *subscription, struct bytes *out)
{
    const struct record_header headers[] = {
        header("ce_id", "an-id"),          header("dl_reason", "refused"),     header("dl_subscription", subscription),
        header("dl_attempts", "3"),        header("dl_origin_topic", "t"),     header("dl_origin_partition", "0"),
        header("dl_origin_offset", "107"), header("dl_last_error", "http 422")};
    struct record_in record = record_of("7001", headers, ARRAY_COUNT(headers));
    struct dead_letter_facts facts;
    dead_letter_facts_read(1, offset, &record, &facts);
    dead_letter_table_add(table, &facts, out);
}

static void plain_lines_come_at_once(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct dead_letter_table *table = dead_letter_table_create(0);
    add(table, 5, "tab\there", &out);
    add(table, 6, NULL, &out);
    dead_letter_table_end(table, &out);
    dead_letter_table_destroy(table);
    expect(&out, "1:5\t2026-02-03T10:00:00.000Z\trefused\ttab\\x09here\t7001\t3\thttp 422\tt:0:107\tan-id\t-\n"
                 "1:6\t2026-02-03T10:00:00.000Z\trefused\t-\t7001\t3\thttp 422\tt:0:107\tan-id\t-\n");
}

static void a_table_is_as_wide_as_it_must(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct dead_letter_table *table = dead_letter_table_create(80);
    add(table, 5, "a-subscription-of-27-letters", &out);
    add(table, 1234567, NULL, &out);
    assert_int_equal(out.size, 0);
    dead_letter_table_end(table, &out);
    dead_letter_table_destroy(table);
    expect(&out, "POSITION   TIME                      REASON   SUBSCRIPTION\n"
                 "1:5        2026-02-03T10:00:00.000Z  refused  a-subscription-of-27-letters\n"
                 "1:1234567  2026-02-03T10:00:00.000Z  refused  -\n");
}

static void without_rows_there_is_no_heading(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct dead_letter_table *table = dead_letter_table_create(80);
    dead_letter_table_end(table, &out);
    dead_letter_table_destroy(table);
    assert_int_equal(out.size, 0);
}

/* The widths stand then: what comes later and is wider pushes its own line only, and nothing is held any more. */
static void a_long_table_begins_before_its_end(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct dead_letter_table *table = dead_letter_table_create(120);
    for (int64_t i = 0; i < DEAD_LETTER_TABLE_ROWS_HELD - 1; i++) {
        add(table, i, "crm", &out);
        assert_int_equal(out.size, 0);
    }
    add(table, 999, "crm", &out);
    size_t lines = 0;
    for (size_t i = 0; i < out.size; i++) {
        lines += out.data[i] == '\n';
    }
    assert_int_equal(lines, DEAD_LETTER_TABLE_ROWS_HELD + 1);
    bytes_clear(&out);
    add(table, 1000, "much-wider-than-the-others", &out);
    dead_letter_table_end(table, &out);
    dead_letter_table_destroy(table);
    expect(&out, "1:1000    2026-02-03T10:00:00.000Z  refused  much-wider-than-the-others  7001    3         "
                 "http 422  t:0:107  an-id  -\n");
}

static void progress(void **state)
{
    (void)state;
    struct bytes out = {0};
    dead_letter_table_append_progress(&out, 12, 400, 1000, 3999);
    expect(&out, "12 found; 40 % of 1000 offsets read, 3 s");
    dead_letter_table_append_progress(&out, 0, 0, 0, 2000);
    expect(&out, "0 found; 0 % of 0 offsets read, 2 s");
    dead_letter_table_append_progress(&out, 1, INT64_MAX, INT64_MAX, 0);
    expect(&out, "1 found; 100 % of 9223372036854775807 offsets read, 0 s");
}

/* ---- JSON ---- */

static void a_json_line(void **state)
{
    (void)state;
    struct bytes out = {0};
    const struct record_header headers[] = {header("ce_id", "i\"d"),        header("dl_reason", "refused"),
                                            header("dl_group", "first"),    header("dl_group", "again"),
                                            header("other", "not ours"),    header("dl_last_error", NULL),
                                            header("dl_response", "\xff\n")};
    struct record_in record = record_of("7001", headers, ARRAY_COUNT(headers));
    struct dead_letter_facts facts;
    dead_letter_facts_read(1, 5, &record, &facts);
    dead_letter_json_append_line(&out, &facts);
    expect(&out,
           "{\"position\":\"1:5\",\"timestamp\":\"2026-02-03T10:00:00.000Z\",\"key\":\"7001\",\"tenant\":7001,"
           "\"ce_id\":\"i\\\"d\",\"ce_type\":null,\"origin\":null,\"dl_reason\":\"refused\",\"dl_group\":\"again\","
           "\"dl_response_base64\":\"/wo=\"}\n");
}

static void a_json_letter_that_cannot_be_read(void **state)
{
    (void)state;
    struct bytes out = {0};
    const struct record_header headers[] = {header("\xff", NULL), header("dl_reason", "undecodable.avro")};
    struct record_in record = record_of(NULL, headers, ARRAY_COUNT(headers));
    struct dead_letter_facts facts;
    record.timestamp_ms = -1;
    struct decoded_record decoded = {
        .reading = RECORD_UNREADABLE, .reason = "undecodable.id.range", .pointer = "/payload/id"};
    dead_letter_facts_read(1, 5, &record, &facts);
    dead_letter_json_append_letter(&out, &facts, &decoded);
    expect(&out,
           "{\"position\":\"1:5\",\"timestamp\":null,\"key\":null,\"tenant\":null,\"headers\":[{\"name\":\"\\\\xff\","
           "\"value\":null},{\"name\":\"dl_reason\",\"value\":\"undecodable.avro\"}],\"value_bytes\":3,"
           "\"rule\":\"id.range\",\"pointer\":\"/payload/id\",\"value_cut\":false,\"value_base64\":\"AAF6\"}\n");
}

static void a_long_value_is_cut(void **state)
{
    (void)state;
    static uint8_t value[DEAD_LETTER_JSON_VALUE_MAX + 1];
    struct bytes out = {0};
    struct record_in record = record_of("1", NULL, 0);
    struct dead_letter_facts facts;
    struct decoded_record decoded = {.reading = RECORD_UNREADABLE, .reason = "undecodable.framing"};
    record.value = bytes_view_of(value, sizeof(value));
    dead_letter_facts_read(0, 0, &record, &facts);
    dead_letter_json_append_letter(&out, &facts, &decoded);
    assert_in_range(out.size, DEAD_LETTER_JSON_VALUE_MAX / 3 * 4, DEAD_LETTER_JSON_VALUE_MAX / 3 * 4 + 300);
    bytes_append_byte(&out, '\0');
    assert_non_null(strstr((const char *)out.data, "\"value_bytes\":65536,"));
    assert_non_null(strstr((const char *)out.data, "\"value_cut\":true,"));
    bytes_clear(&out);
    dead_letter_text_append_letter(&out, "dead", &facts, &decoded);
    bytes_append_byte(&out, '\0');
    assert_non_null(strstr((const char *)out.data, "\n  01f0  00 "));
    assert_null(strstr((const char *)out.data, "\n  0200  "));
    assert_non_null(strstr((const char *)out.data, "\n  and 65024 bytes more "));
    bytes_free(&out);
}

static void a_letter_that_cannot_be_read(void **state)
{
    (void)state;
    struct bytes out = {0};
    const struct record_header headers[] = {header("x", NULL), header("dl_reason", "schema.unknown")};
    struct record_in record = record_of("70\n01", headers, ARRAY_COUNT(headers));
    struct dead_letter_facts facts;
    struct decoded_record decoded = {
        .reading = RECORD_SCHEMA_UNKNOWN, .reason = "schema.unknown", .schema = 7, .schema_is_registry_id = true};
    dead_letter_facts_read(1, 5, &record, &facts);
    dead_letter_text_append_letter(&out, "dead", &facts, &decoded);
    expect(&out, "dead letter dead:1:5\ntimestamp 2026-02-03T10:00:00.000Z\nkey 70\\x0a01\nheaders\n  x (null)\n"
                 "  dl_reason: schema.unknown\nvalue of 3 bytes cannot be read: schema.unknown, registry id 7\n"
                 "  0000  00 01 7a                                         |..z|\n");
    record.value = bytes_view_of("", 0);
    decoded = (struct decoded_record){.reading = RECORD_UNREADABLE, .reason = "undecodable.framing"};
    dead_letter_text_append_letter(&out, "dead", &facts, &decoded);
    assert_non_null(memmem(out.data, out.size, "the value is empty\n", 19));
    bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_stands_behind_the_last_reason_is_the_relays),
        cmocka_unit_test(a_record_of_others_says_nothing),
        cmocka_unit_test(reasons),
        cmocka_unit_test(the_time_that_is_filtered_by),
        cmocka_unit_test(escapes),
        cmocka_unit_test(times),
        cmocka_unit_test(indents),
        cmocka_unit_test(plain_lines_come_at_once),
        cmocka_unit_test(a_table_is_as_wide_as_it_must),
        cmocka_unit_test(without_rows_there_is_no_heading),
        cmocka_unit_test(a_long_table_begins_before_its_end),
        cmocka_unit_test(progress),
        cmocka_unit_test(a_json_line),
        cmocka_unit_test(a_json_letter_that_cannot_be_read),
        cmocka_unit_test(a_long_value_is_cut),
        cmocka_unit_test(a_letter_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
