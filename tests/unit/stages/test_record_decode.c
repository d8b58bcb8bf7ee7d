#include "check.h"
#include "memory.h"
#include "random.h"
#include "record_decode.h"

#include "trace_parent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An event as another program may write it: nothing here checks anything. */
struct raw_event {
    const char *event_type;
    int64_t id;
    const char *description; /* NULL: null */
    int64_t status;
    int64_t severity;
    int64_t start_time;
    int64_t end_time; /* 0: null */
    const char *resolution_notes;
    int64_t session_id;
    const char *uuid;
    int64_t session_status;
    int64_t tenant_id;
    int64_t version;
    int64_t sent_at;
};

#define START_TIME INT64_C(1770112681077464)
#define SENT_AT INT64_C(1770112682077000)

/* The first line of the example events, so that its published id is the one to expect. */
static struct raw_event example(void)
{
    return (struct raw_event){
        .event_type = "incident.instance.create",
        .id = 103,
        .description = "\"quote \\\" backslash \\\\ slash / newline \\n tab \\t nul-free\"",
        .status = 0,
        .severity = 1,
        .start_time = START_TIME,
        .session_id = 2620,
        .uuid = "94c9c950-0925-4474-9b57-5bd13653f8dd",
        .session_status = 4,
        .tenant_id = 2051,
        .version = 1,
        .sent_at = SENT_AT,
    };
}

#define EXAMPLE_ID "01c53cb4-b758-85a7-8d3b-b140da624705"

/* Avro 1.11, "Binary encoding": zig-zag, then seven bits a byte, the lowest first. */
static void put_long(struct bytes *value, int64_t number)
{
    uint64_t rest = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);

    for (; rest > 0x7f; rest >>= 7) {
        bytes_append_byte(value, (uint8_t)(rest | 0x80));
    }
    bytes_append_byte(value, (uint8_t)rest);
}

static void put_text(struct bytes *value, const char *text)
{
    put_long(value, (int64_t)strlen(text));
    bytes_append_text(value, text);
}

static void put_optional_text(struct bytes *value, const char *text)
{
    put_long(value, text != NULL);
    if (text != NULL) {
        put_text(value, text);
    }
}

static struct bytes value_of(const struct raw_event *event)
{
    static const uint8_t frame[] = {0xc3, 0x01, 0x65, 0xe8, 0x88, 0x68, 0xe9, 0xd1, 0xf8, 0x05};
    struct bytes value = {0};

    bytes_append(&value, frame, sizeof(frame));
    put_text(&value, event->event_type);
    put_long(&value, event->id);
    put_optional_text(&value, event->description);
    put_long(&value, event->status);
    put_long(&value, event->severity);
    put_long(&value, event->start_time);
    put_long(&value, event->end_time != 0);
    if (event->end_time != 0) {
        put_long(&value, event->end_time);
    }
    put_optional_text(&value, event->resolution_notes);
    put_long(&value, event->session_id);
    put_text(&value, event->uuid);
    put_long(&value, 0); /* score: null */
    put_long(&value, event->session_status);
    put_long(&value, START_TIME);
    put_long(&value, START_TIME);
    put_long(&value, event->tenant_id);
    put_long(&value, START_TIME);
    put_long(&value, START_TIME);
    put_long(&value, event->version);
    put_long(&value, event->sent_at);
    return value;
}

static int set_up(void **state)
{
    *state = record_decoder_create();
    return 0;
}

static int tear_down(void **state)
{
    record_decoder_destroy(*state);
    record_decoder_destroy(NULL);
    return 0;
}

static struct record_in record_of(const struct bytes *value, const char *key)
{
    return (struct record_in){.key = bytes_view_of_text(key), .value = bytes_as_view(value), .timestamp_ms = 1};
}

/* *ret is zeroed junk first: the decoder must fill all of it. The value stays allocated in *value. */
static void decode(void *decoder, const struct record_in *in, struct decoded_record *ret)
{
    memset(ret, 0xa5, sizeof(*ret));
    record_decode(decoder, in, ret);
}

static void expect_unreadable(void *decoder, const struct record_in *in, const char *reason, const char *pointer)
{
    struct decoded_record record;

    decode(decoder, in, &record);
    assert_string_equal(record.reason, reason);
    assert_string_equal(record.pointer, pointer);
    assert_int_equal(record.reading, RECORD_UNREADABLE);
    assert_string_equal(record.id, "");
    assert_int_equal(record.traceparent.size, 0);
}

static void expect_event_unreadable(void *decoder, const struct raw_event *event, const char *reason,
                                    const char *pointer)
{
    struct bytes value = value_of(event);
    struct record_in in = record_of(&value, "2051");

    expect_unreadable(decoder, &in, reason, pointer);
    bytes_free(&value);
}

static void test_a_record_is_read_whole(void **state)
{
    struct raw_event event = example();
    struct bytes value;
    struct record_in in;
    struct decoded_record record;

    event.status = 1;
    event.end_time = START_TIME + 1;
    event.resolution_notes = " {\"a\" : [1.0, \" x \" ]}\n";
    value = value_of(&event);
    in = record_of(&value, "2051");
    decode(*state, &in, &record);
    assert_string_equal(record.reason, "");
    assert_int_equal(record.reading, RECORD_READABLE);
    assert_int_equal(record.event.type, EVENT_TYPE_CREATE);
    assert_int_equal(record.event.version, 1);
    assert_true(record.event.has_sent_at);
    assert_true(record.event.sent_at_us == SENT_AT);
    assert_true(record.event.incident.id == 103);
    assert_true(record.event.incident.tenant_id == 2051);
    assert_true(bytes_view_equal_text(record.event.incident.description, event.description));
    assert_true(bytes_view_equal_text(record.event.incident.resolution_notes, "{\"a\":[1.0,\" x \"]}"));
    assert_int_equal(record.event.incident.status, INCIDENT_STATUS_RESOLVED);
    assert_int_equal(record.event.incident.severity, SEVERITY_MEDIUM);
    assert_true(record.event.incident.start_time_us == START_TIME);
    assert_true(record.event.incident.has_end_time);
    assert_true(record.event.incident.end_time_us == START_TIME + 1);
    assert_true(record.event.incident.session.id == 2620);
    assert_string_equal(record.event.incident.session.uuid, event.uuid);
    assert_false(record.event.incident.session.has_score);
    assert_int_equal(record.event.incident.session.status, SESSION_STATUS_SUSPENDED);
    bytes_free(&value);
}

static void test_a_tombstone_is_no_dead_letter(void **state)
{
    struct record_in in = {.key = BYTES_LITERAL("no tenant"), .value_is_null = true};
    struct decoded_record record;

    decode(*state, &in, &record);
    assert_int_equal(record.reading, RECORD_TOMBSTONE);
    assert_string_equal(record.reason, "");
    in.key_is_null = true;
    decode(*state, &in, &record);
    assert_int_equal(record.reading, RECORD_TOMBSTONE);
}

static void test_an_empty_value_is_no_tombstone(void **state)
{
    struct record_in in = {.key = BYTES_LITERAL("7")};

    expect_unreadable(*state, &in, "undecodable.framing", "");
}

static void test_framing(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } unknown[] = {
        {"{", 1},
        {"{\"event_type\":\"incident.instance.create\"}", 41},
        {"\xc3", 1},
        {"\xc3\x01", 2},
        {"\xc3\x02\x65\xe8\x88\x68\xe9\xd1\xf8\x05\x00", 11},
        {"\x00", 1},
        {"\x00\x00\x00\x00", 4},
        {"\x01\x00\x00\x00\x07\x00", 6},
        {"\xc3\x01\x65\xe8\x88\x68\xe9\xd1\xf8", 9},
    };

    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        struct record_in in = {.key = BYTES_LITERAL("7"), .value = bytes_view_of(unknown[i].bytes, unknown[i].size)};

        expect_unreadable(*state, &in, "undecodable.framing", "");
    }
}

static void expect_schema_unknown(void *decoder, struct bytes_view value, const char *expected)
{
    struct record_in in = {.key_is_null = true, .value = value};
    struct decoded_record record;
    char text[RECORD_SCHEMA_TEXT_MAX];

    decode(decoder, &in, &record);
    assert_int_equal(record.reading, RECORD_SCHEMA_UNKNOWN);
    assert_string_equal(record.reason, "schema.unknown");
    record_schema_text(&record, text);
    assert_string_equal(text, expected);
}

static void test_unknown_schemas(void **state)
{
    static const uint8_t single[] = {0xc3, 0x01, 0x66, 0xe8, 0x88, 0x68, 0xe9, 0xd1, 0xf8, 0x05, 0x00};
    static const uint8_t small[] = {0xc3, 0x01, 0x07, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t registry[] = {0x00, 0xff, 0x00, 0x00, 0x07, 0x00};
    static const uint8_t registry_small[] = {0x00, 0x00, 0x00, 0x00, 0x07};

    expect_schema_unknown(*state, bytes_view_of(single, sizeof(single)), "fingerprint 05f8d1e96888e866");
    expect_schema_unknown(*state, bytes_view_of(small, sizeof(small)), "fingerprint 0000000000000007");
    expect_schema_unknown(*state, bytes_view_of(registry, sizeof(registry)), "registry id 4278190087");
    expect_schema_unknown(*state, bytes_view_of(registry_small, sizeof(registry_small)), "registry id 7");
}

static void test_the_greatest_value(void **state)
{
    struct bytes value = {0};

    bytes_append(&value, "\xc3\x01", 2);
    while (value.size < RECORD_VALUE_MAX) {
        bytes_append_byte(&value, 0);
    }
    expect_schema_unknown(*state, bytes_as_view(&value), "fingerprint 0000000000000000");
    bytes_append_byte(&value, 0);

    struct record_in in = record_of(&value, "7");

    expect_unreadable(*state, &in, "undecodable.value.size", "");
    bytes_free(&value);
}

static void test_a_record_cut_anywhere(void **state)
{
    struct raw_event event = example();
    struct bytes value = value_of(&event);

    for (size_t size = 10; size < value.size; size++) {
        /* A copy of its own, so that a read past the end is seen. */
        uint8_t *copy = memory_alloc(size, 1);
        struct record_in in = {.key = BYTES_LITERAL("2051"), .value = {copy, size}};

        memcpy(copy, value.data, size);
        expect_unreadable(*state, &in, "undecodable.avro", "");
        free(copy);
    }
    bytes_append_byte(&value, 0);

    struct record_in in = record_of(&value, "2051");

    expect_unreadable(*state, &in, "undecodable.avro", "");
    bytes_free(&value);
}

/* The names are the door's; a sample of each kind. */
static void test_fields_against_the_rules(void **state)
{
#define EXPECT(field, wrong, reason, pointer)                                                                          \
    do {                                                                                                               \
        struct raw_event event = example();                                                                            \
        event.field = (wrong);                                                                                         \
        expect_event_unreadable(*state, &event, reason, pointer);                                                      \
    } while (0)
    EXPECT(event_type, "incident.instance.deleted", "undecodable.event_type.enum", "/event_type");
    EXPECT(id, 0, "undecodable.id.range", "/payload/id");
    EXPECT(id, INT64_MIN, "undecodable.id.range", "/payload/id");
    EXPECT(status, 4, "undecodable.avro", "");
    EXPECT(severity, 3, "undecodable.avro", "");
    EXPECT(severity, -1, "undecodable.avro", "");
    EXPECT(start_time, INT64_C(253402300800000000), "undecodable.start_time.timestamp", "/payload/start_time");
    EXPECT(end_time, INT64_MIN, "undecodable.end_time.timestamp", "/payload/end_time");
    EXPECT(session_id, -1, "undecodable.session.id.range", "/payload/session/id");
    EXPECT(uuid, "94c9c950-0925-4474-9b57-5bd13653f8d", "undecodable.session.uuid.uuid", "/payload/session/uuid");
    EXPECT(tenant_id, 0, "undecodable.tenant_id.range", "/payload/tenant_id");
    EXPECT(version, 2, "undecodable.meta.version.unsupported", "/meta/version");
    EXPECT(description, "null,\"tenant_id\":1", "undecodable.json.syntax", "/payload/description");
    EXPECT(description, "", "undecodable.json.syntax", "/payload/description");
    EXPECT(description, "\"\\ud800\"", "undecodable.json.utf8", "/payload/description");
    EXPECT(description, "\"\xff\"", "undecodable.avro", ""); /* an Avro string is UTF-8 */
    EXPECT(description, "\"\\u0000\"", "undecodable.json.nul", "/payload/description");
    EXPECT(resolution_notes, "{} {}", "undecodable.json.syntax", "/payload/resolution_notes");
    EXPECT(resolution_notes, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
           "undecodable.json.depth", "/payload/resolution_notes");
#undef EXPECT
}

static void test_the_key_is_the_tenant_in_decimal(void **state)
{
    static const struct {
        int64_t tenant;
        const char *key;
        size_t size;
        bool fits;
    } cases[] = {
        {7, "7", 1, true},
        {7, "007", 3, false},
        {7, " 7", 2, false},
        {7, "7 ", 2, false},
        {7, "+7", 2, false},
        {7, "7\n", 2, false},
        {7, "7\0", 2, false},
        {7, "7.0", 3, false},
        {7, "8", 1, false},
        {7, "77", 2, false},
        {77, "7", 1, false},
        {7, "", 0, false},
        {7, "4294967303", 10, false},
        {INT64_MAX, "9223372036854775807", 19, true},
        {INT64_MAX, "9223372036854775808", 19, false},
        {INT64_MAX, "-1", 2, false},
    };
    struct raw_event event = example();

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes value;
        struct record_in in;
        struct decoded_record record;

        event.tenant_id = cases[i].tenant;
        value = value_of(&event);
        in = record_of(&value, "");
        in.key = bytes_view_of(cases[i].key, cases[i].size);
        if (cases[i].fits) {
            decode(*state, &in, &record);
            assert_int_equal(record.reading, RECORD_READABLE);
            in.key_is_null = true;
        }
        expect_unreadable(*state, &in, "key.mismatch", "");
        bytes_free(&value);
    }
}

static void expect_id(void *decoder, const struct record_header *headers, size_t count, const char *id)
{
    struct raw_event event = example();
    struct bytes value = value_of(&event);
    struct record_in in = record_of(&value, "2051");
    struct decoded_record record;

    in.headers = headers;
    in.header_count = count;
    decode(decoder, &in, &record);
    assert_int_equal(record.reading, RECORD_READABLE);
    assert_string_equal(record.id, id);
    assert_int_equal(record.id_is_derived, strcmp(id, EXAMPLE_ID) == 0);
    bytes_free(&value);
}

#define LONGEST_ID "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"

static void test_the_id_of_the_header_or_a_derived_one(void **state)
{
    static const char *const bad[] = {"", "a.b", "a b", "a\n", "\xc3\xa9", LONGEST_ID "x"};
    struct record_header headers[] = {
        {"ce_type", BYTES_LITERAL("incident.instance.create"), false},
        {"ce_id", BYTES_LITERAL("given-1"), false},
        {"CE_ID", BYTES_LITERAL("other"), false},
        {"ce_id", BYTES_LITERAL("given-1"), false},
    };

    expect_id(*state, NULL, 0, EXAMPLE_ID);
    expect_id(*state, headers, 1, EXAMPLE_ID);
    expect_id(*state, headers, 2, "given-1");
    expect_id(*state, headers, 3, "given-1");
    expect_id(*state, headers, 4, EXAMPLE_ID); /* twice, even with one value */
    headers[3].value_is_null = true;
    expect_id(*state, headers, 4, EXAMPLE_ID);
    headers[1].value_is_null = true;
    expect_id(*state, headers, 3, EXAMPLE_ID);
    headers[1].value_is_null = false;
    headers[1].value = BYTES_LITERAL(LONGEST_ID);
    expect_id(*state, headers, 3, LONGEST_ID);
    headers[1].value = BYTES_LITERAL("a\0b");
    expect_id(*state, headers, 3, EXAMPLE_ID);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        headers[1].value = bytes_view_of_text(bad[i]);
        expect_id(*state, headers, 3, EXAMPLE_ID);
    }
}

static void test_traceparent_syntax(void **state)
{
    static const struct {
        const char *text;
        bool is_valid;
    } cases[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", false},
        {"0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333z-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", false},
        {" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-\r\n", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(trace_parent_is_valid(bytes_view_of_text(cases[i].text)), cases[i].is_valid);
    }
}

static void test_a_traceparent_that_occurs_once(void **state)
{
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct record_header headers[] = {
        {"traceparent", bytes_view_of_text(good), false},
        {"Traceparent", BYTES_LITERAL("other"), false},
        {"traceparent", bytes_view_of_text(good), false},
    };
    struct raw_event event = example();
    struct bytes value = value_of(&event);
    struct record_in in = record_of(&value, "2051");
    struct decoded_record record;

    in.headers = headers;
    for (in.header_count = 0; in.header_count <= ARRAY_COUNT(headers); in.header_count++) {
        decode(*state, &in, &record);
        assert_int_equal(record.reading, RECORD_READABLE);
        if (in.header_count == 1 || in.header_count == 2) {
            assert_ptr_equal(record.traceparent.data, good);
            assert_int_equal(record.traceparent.size, 55);
        } else {
            assert_int_equal(record.traceparent.size, 0);
        }
    }
    in.header_count = 1;
    headers[0].value.size--;
    decode(*state, &in, &record);
    assert_int_equal(record.traceparent.size, 0);
    bytes_free(&value);
}

/* Whatever the bytes, there is an answer with its parts in order; the sanitizers watch the rest. */
static void test_damaged_records(void **state)
{
    struct raw_event event = example();
    struct random_source random;

    random_init(&random, 7);
    event.resolution_notes = "{\"by\":\"proctor\",\"scores\":[1,2.50,-3e9,null]}";
    for (int round = 0; round < 50000; round++) {
        struct bytes value = value_of(&event);
        struct record_in in;
        struct decoded_record record;

        for (uint64_t damage = random_below(&random, 4); damage > 0; damage--) {
            value.data[10 + random_below(&random, value.size - 10)] = (uint8_t)random_next(&random);
        }
        value.size -= random_below(&random, 8) == 0 ? (size_t)random_below(&random, value.size) : 0;
        in = record_of(&value, "2051");
        decode(*state, &in, &record);
        assert_true(record.reading == RECORD_READABLE || record.reading == RECORD_UNREADABLE);
        assert_int_equal(record.reading == RECORD_READABLE, record.reason[0] == '\0');
        assert_int_equal(record.reading == RECORD_READABLE, record.id[0] != '\0');
        if (record.reading == RECORD_READABLE) {
            assert_true(record.event.incident.tenant_id == 2051);
        }
        bytes_free(&value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_is_read_whole),
        cmocka_unit_test(test_a_tombstone_is_no_dead_letter),
        cmocka_unit_test(test_an_empty_value_is_no_tombstone),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_unknown_schemas),
        cmocka_unit_test(test_the_greatest_value),
        cmocka_unit_test(test_a_record_cut_anywhere),
        cmocka_unit_test(test_fields_against_the_rules),
        cmocka_unit_test(test_the_key_is_the_tenant_in_decimal),
        cmocka_unit_test(test_the_id_of_the_header_or_a_derived_one),
        cmocka_unit_test(test_traceparent_syntax),
        cmocka_unit_test(test_a_traceparent_that_occurs_once),
        cmocka_unit_test(test_damaged_records),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
