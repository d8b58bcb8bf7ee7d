/* Intake and record: a line becomes the record that the published vectors know. */
#include "check.h"
#include "intake.h"
#include "record_encode.h"
#include "utc_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

static struct bytes lines;

static struct bytes_view get_line(int number)
{
    const uint8_t *at = lines.data;
    const uint8_t *end = NULL;
    for (int i = 0; i < number; i++) {
        at = end == NULL ? at : end + 1;
        end = memchr(at, '\n', (size_t)(lines.data + lines.size - at));
        assert_non_null(end);
    }
    return bytes_view_of(at, (size_t)(end - at));
}

static int64_t ms_of(const char *text)
{
    int64_t us = 0;
    assert_int_equal(utc_time_parse(bytes_view_of_text(text), &us), STATUS_OK);
    return us / 1000;
}

static void assert_header(const struct outgoing_record *record, size_t at, const char *name, const char *value)
{
    assert_string_equal(record->headers[at].name, name);
    assert_true(bytes_view_equal_text(record->headers[at].value, value));
}

static void test_published_vector(void **state)
{
    (void)state;
    struct intake *intake = intake_create(INTAKE_FORMAT_EVENT);
    struct record_encoder *encoder = record_encoder_create("/proctoring/incidents");
    struct intake_result result;
    struct outgoing_record record;
    int64_t now_ms = ms_of("2026-02-03T09:58:02.077Z"); /* the line's own sent_at */
    assert_int_equal(intake_read(intake, get_line(1), false, now_ms, &result), INTAKE_EVENT);
    assert_string_equal(result.id, "01c53cb4-b758-85a7-8d3b-b140da624705");
    record_encode(encoder, &result.event, result.id, result.trace_parent, &record);

    assert_true(bytes_view_equal_text(record.key, "2051"));
    assert_int_equal(record.timestamp_ms, now_ms);
    assert_int_equal(record.header_count, 7);
    assert_header(&record, 0, "ce_specversion", "1.0");
    assert_header(&record, 1, "ce_id", "01c53cb4-b758-85a7-8d3b-b140da624705");
    assert_header(&record, 2, "ce_type", "incident.instance.create");
    assert_header(&record, 3, "ce_source", "/proctoring/incidents");
    assert_header(&record, 4, "ce_subject", "103");
    assert_header(&record, 5, "ce_time", "2026-02-03T09:58:02.077Z");
    assert_header(&record, 6, "content-type", "application/avro");

    assert_int_equal(record.value.size, 193);
    static const uint8_t head[] = {0xc3, 0x01, 0x65, 0xe8, 0x88, 0x68, 0xe9, 0xd1, 0xf8, 0x05};
    assert_memory_equal(record.value.data, head, sizeof(head));
    uint8_t digest[32];
    unsigned size = 0;
    struct bytes hex = {0};
    assert_int_equal(EVP_Digest(record.value.data, record.value.size, digest, &size, EVP_sha256(), NULL), 1);
    bytes_append_hex(&hex, bytes_view_of(digest, size));
    assert_true(
        bytes_view_equal_text(bytes_as_view(&hex), "1e7b2fc14495be96df352598318e26fa6d020eb9c2888eb8ebc539a625658dcb"));
    bytes_free(&hex);
    record_encoder_destroy(encoder);
    intake_destroy(intake);
}

/* sent_at is the time of publishing, and no part of the identity. */
static void test_stamp(void **state)
{
    (void)state;
    struct intake *intake = intake_create(INTAKE_FORMAT_EVENT);
    struct intake_result result;
    char first_id[EVENT_ID_MAX + 1];
    assert_int_equal(intake_read(intake, get_line(4), false, 1000000000123, &result), INTAKE_EVENT);
    assert_int_equal(result.event.sent_at_us, 1000000000123000);
    assert_string_equal(result.id, "edc9a792-dff1-807a-bf61-d425269991f5");
    memcpy(first_id, result.id, sizeof(first_id));
    assert_int_equal(intake_read(intake, get_line(4), false, 2000000000456, &result), INTAKE_EVENT);
    assert_int_equal(result.event.sent_at_us, 2000000000456000);
    assert_string_equal(result.id, first_id);
    intake_destroy(intake);
}

static void test_answers(void **state)
{
    (void)state;
    struct intake *intake = intake_create(INTAKE_FORMAT_EVENT);
    struct intake_result result;
    assert_int_equal(intake_read(intake, BYTES_LITERAL(" \t\r"), false, 1, &result), INTAKE_BLANK);
    assert_int_equal(intake_read(intake, bytes_view_of(NULL, 0), false, 1, &result), INTAKE_BLANK);
    assert_int_equal(intake_read(intake, BYTES_LITERAL("[1]"), false, 1, &result), INTAKE_REJECT);
    assert_string_equal(result.violation.rule, "json.syntax");
    assert_string_equal(result.violation.pointer, "");
    uint8_t *prefix = malloc(INTAKE_LINE_MAX);
    memset(prefix, ' ', INTAKE_LINE_MAX);
    assert_int_equal(intake_read(intake, bytes_view_of(prefix, INTAKE_LINE_MAX), true, 1, &result), INTAKE_REJECT);
    assert_string_equal(result.violation.rule, "line.size");
    free(prefix);
    assert_true(intake_is_text(BYTES_LITERAL("gr\xc3\xbc\xc3\x9f")));
    assert_false(intake_is_text(BYTES_LITERAL("gr\xfc\xdf")));
    intake_destroy(intake);
}

static void test_end_time_is_expected(void **state)
{
    (void)state;
    struct intake *intake = intake_create(INTAKE_FORMAT_EVENT);
    struct intake_result result;
    struct bytes_view line = get_line(1);
    assert_int_equal(intake_read(intake, line, false, 1, &result), INTAKE_EVENT);
    assert_false((result.warnings >> INTAKE_WARNING_END_TIME & 1) != 0);
    /* TRIGGERED and RESOLVED: the same event but for the word. */
    static const char word[] = "\"TRIGGERED\"";
    const uint8_t *found = memmem(line.data, line.size, word, strlen(word));
    assert_non_null(found);
    struct bytes resolved = {0};
    size_t before = (size_t)(found - line.data);
    bytes_append(&resolved, line.data, before);
    bytes_append_text(&resolved, "\"RESOLVED\"");
    bytes_append(&resolved, found + strlen(word), line.size - before - strlen(word));
    assert_int_equal(intake_read(intake, bytes_as_view(&resolved), false, 1, &result), INTAKE_EVENT);
    assert_true((result.warnings >> INTAKE_WARNING_END_TIME & 1) != 0);
    bytes_free(&resolved);
    intake_destroy(intake);
}

static int read_examples(void **state)
{
    (void)state;
    FILE *file = fopen(SCHEMAS "/examples/incidents.ndjson", "re");
    if (file == NULL) {
        return 1;
    }
    char piece[4096];
    size_t count;
    while ((count = fread(piece, 1, sizeof(piece), file)) > 0) {
        bytes_append(&lines, piece, count);
    }
    return fclose(file);
}

static int free_examples(void **state)
{
    (void)state;
    bytes_free(&lines);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vector),
        cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_end_time_is_expected),
    };
    return cmocka_run_group_tests(tests, read_examples, free_examples);
}
