/* incident_avro: round trips, other writers' schemas, and every way in which bytes can be wrong. */
#include "incident_avro.h"

#include "avro_schema.h"
#include "check.h"
#include "incident_door.h"
#include "incident_fixture.h"
#include "incident_json.h"
#include "record_framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <avro.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct incident_encoder *encoder;
static struct incident_decoder *decoder;
static struct incident_event event;
static struct rule_violation violation;

static int set_up(void **state)
{
    (void)state;
    encoder = incident_encoder_create();
    decoder = incident_decoder_create(bytes_view_of_text(incident_schema_v1_text), NULL);
    return decoder == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    incident_encoder_destroy(encoder);
    incident_decoder_destroy(decoder);
    return 0;
}

/* The decoder sees an exact copy on the heap, which stays until the next call, so that a look beyond it is caught. */
static enum status decode(struct incident_decoder *with, struct bytes_view body)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(body.size + (body.size == 0));
    CHECK(copy != NULL);
    memcpy(copy, body.size == 0 ? (const uint8_t *)"" : body.data, body.size);
    return incident_decoder_decode(with, bytes_view_of(copy, body.size), &event, &violation);
}

static void expect_rule(struct incident_decoder *with, struct bytes_view body, const char *rule, const char *pointer)
{
    if (decode(with, body) != STATUS_INVALID) {
        fail_msg("accepted, %s expected", rule);
    }
    if (strcmp(violation.rule, rule) != 0 || strcmp(violation.pointer, pointer) != 0) {
        fail_msg("%s %s (%s), expected %s %s", violation.rule, violation.pointer, violation.message, rule, pointer);
    }
}

static void expect_json(struct incident_decoder *with, struct bytes_view body, const char *expected)
{
    struct bytes json = {0};
    if (decode(with, body) != STATUS_OK) {
        fail_msg("%s %s: %s", violation.rule, violation.pointer, violation.message);
    }
    incident_json_render(&event, &json);
    if (!bytes_view_equal_text(bytes_as_view(&json), expected)) {
        fail_msg("%.*s\nexpected\n%s", BYTES_PRINTF(json), expected);
    }
    bytes_free(&json);
}

/* A record of the v1 schema, part by part. */
struct parts {
    const char *event_type;
    int64_t id;
    const char *description; /* NULL: null */
    int64_t status;
    int64_t severity;
    int64_t start_time;
    const char *notes;
    int64_t session_id;
    const char *uuid;
    int64_t session_status;
    int64_t tenant_id;
    int64_t version;
    int64_t sent_at;
};

static const struct parts RIGHT = {
    .event_type = "incident.instance.updated",
    .id = 103,
    .description = "[\"tab\",3]",
    .status = 0,
    .severity = 1,
    .start_time = INT64_C(1770115590000000),
    .session_id = 2104,
    .uuid = "05b6e6e3-07d4-4edc-9143-1193e6c3f339",
    .session_status = 4,
    .tenant_id = 2055,
    .version = 1,
    .sent_at = INT64_C(1770115590000000),
};

static const char RIGHT_JSON[] =
    "{\"event_type\":\"incident.instance.updated\",\"payload\":{\"id\":103,\"description\":[\"tab\",3],\"status\":"
    "\"TRIGGERED\",\"severity\":\"MEDIUM\",\"start_time\":\"2026-02-03T10:46:30+00:00\",\"end_time\":null,"
    "\"resolution_notes\":null,\"session\":{\"id\":2104,\"uuid\":\"05b6e6e3-07d4-4edc-9143-1193e6c3f339\",\"score\":"
    "null,"
    "\"status\":\"SUSPENDED\",\"created_at\":\"2026-02-03T10:46:30+00:00\",\"updated_at\":\"2026-02-03T10:46:30+00:"
    "00\"},"
    "\"tenant_id\":2055,\"created_at\":\"2026-02-03T10:46:30+00:00\",\"updated_at\":\"2026-02-03T10:46:30+00:00\"},"
    "\"meta\":{\"version\":1,\"sent_at\":\"2026-02-03T10:46:30.000Z\"}}";

static void put_nullable_text(struct bytes *body, const char *text)
{
    avro_put_long(body, text != NULL);
    if (text != NULL) {
        avro_put_text(body, text);
    }
}

static struct bytes body_of(const struct parts *parts)
{
    struct bytes body = {0};
    avro_put_text(&body, parts->event_type);
    avro_put_long(&body, parts->id);
    put_nullable_text(&body, parts->description);
    avro_put_long(&body, parts->status);
    avro_put_long(&body, parts->severity);
    avro_put_long(&body, parts->start_time);
    avro_put_long(&body, 0); /* end_time */
    put_nullable_text(&body, parts->notes);
    avro_put_long(&body, parts->session_id);
    avro_put_text(&body, parts->uuid);
    avro_put_long(&body, 0); /* score */
    avro_put_long(&body, parts->session_status);
    avro_put_long(&body, RIGHT.start_time);
    avro_put_long(&body, RIGHT.start_time);
    avro_put_long(&body, parts->tenant_id);
    avro_put_long(&body, RIGHT.start_time);
    avro_put_long(&body, RIGHT.start_time);
    avro_put_long(&body, parts->version);
    avro_put_long(&body, parts->sent_at);
    return body;
}

static void expect_parts_rule(struct parts parts, const char *rule, const char *pointer)
{
    struct bytes body = body_of(&parts);
    expect_rule(decoder, bytes_as_view(&body), rule, pointer);
    bytes_free(&body);
}

static void expect_parts_json(struct parts parts, const char *old, const char *new)
{
    struct bytes body = body_of(&parts);
    struct bytes expected = fixture_replace(RIGHT_JSON, old, new);
    expect_json(decoder, bytes_as_view(&body), (const char *)expected.data);
    bytes_free(&body);
    bytes_free(&expected);
}

static struct bytes_view body_in(const struct bytes *record)
{
    struct framed framed = record_framing_detect(bytes_as_view(record));
    assert_int_equal(framed.framing, FRAMING_SINGLE_OBJECT);
    assert_true(framed.schema == incident_encoder_fingerprint(encoder));
    return framed.body;
}

static void the_examples_go_through_byte_for_byte(void **state)
{
    struct incident_door *door = incident_door_create();
    struct bytes file = fixture_read(SCHEMAS "/examples/incidents.ndjson");
    struct bytes_view rest = bytes_as_view(&file);
    struct bytes_view line;
    int count = 0;
    (void)state;
    while (fixture_next_line(&rest, &line)) {
        struct bytes record = {0};
        char *expected = bytes_view_to_text(line);
        assert_int_equal(incident_door_read(door, line, false, &event, &violation), DOOR_ACCEPTED);
        incident_encoder_encode(encoder, &event, &record);
        expect_json(decoder, body_in(&record), expected);
        free(expected);
        bytes_free(&record);
        count++;
    }
    assert_int_equal(count, 60);
    bytes_free(&file);
    incident_door_destroy(door);
}

static bool events_are_equal(const struct incident_event *a, const struct incident_event *b)
{
    struct bytes json_a = {0};
    struct bytes json_b = {0};
    incident_json_render(a, &json_a);
    incident_json_render(b, &json_b);
    bool is_equal = bytes_view_equal(bytes_as_view(&json_a), bytes_as_view(&json_b));
    bytes_free(&json_a);
    bytes_free(&json_b);
    return is_equal && a->sent_at_us == b->sent_at_us;
}

static int64_t avro_long_at(avro_value_t *record, const char *name)
{
    avro_value_t value = {0};
    avro_value_t branch = {0};
    int64_t number = 0;
    int discriminant = 0;
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    if (avro_value_get_type(&value) != AVRO_UNION) {
        assert_int_equal(avro_value_get_long(&value, &number), 0);
        return number;
    }
    assert_int_equal(avro_value_get_discriminant(&value, &discriminant), 0);
    if (discriminant == 1) {
        assert_int_equal(avro_value_get_current_branch(&value, &branch), 0);
        assert_int_equal(avro_value_get_long(&branch, &number), 0);
    }
    return number;
}

static int avro_enum_at(avro_value_t *record, const char *name)
{
    avro_value_t value = {0};
    int ordinal = -1;
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    assert_int_equal(avro_value_get_enum(&value, &ordinal), 0);
    return ordinal;
}

static struct bytes_view avro_text_at(avro_value_t *record, const char *name)
{
    avro_value_t value = {0};
    const char *text = NULL;
    size_t size = 0;
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    if (avro_value_get_type(&value) == AVRO_UNION) {
        int discriminant = 0;
        assert_int_equal(avro_value_get_discriminant(&value, &discriminant), 0);
        if (discriminant == 0) {
            return (struct bytes_view){0};
        }
        assert_int_equal(avro_value_get_current_branch(&value, &value), 0);
    }
    assert_int_equal(avro_value_get_string(&value, &text, &size), 0);
    return bytes_view_of(text, size - 1);
}

/* What avro-c itself reads in a record of ours. */
static void expect_avro_c_agrees(avro_value_t *record, const struct incident_event *expected)
{
    avro_value_t payload = {0};
    avro_value_t session = {0};
    avro_value_t meta = {0};
    const struct incident *incident = &expected->incident;
    assert_int_equal(avro_value_get_by_name(record, "payload", &payload, NULL), 0);
    assert_int_equal(avro_value_get_by_name(&payload, "session", &session, NULL), 0);
    assert_int_equal(avro_value_get_by_name(record, "meta", &meta, NULL), 0);
    assert_true(bytes_view_equal_text(avro_text_at(record, "event_type"), event_type_name(expected->type)));
    assert_true(avro_long_at(&payload, "id") == incident->id);
    assert_true(bytes_view_equal(avro_text_at(&payload, "description"), incident->description));
    assert_int_equal(avro_enum_at(&payload, "status"), incident->status);
    assert_int_equal(avro_enum_at(&payload, "severity"), incident->severity);
    assert_true(avro_long_at(&payload, "start_time") == incident->start_time_us);
    assert_true(avro_long_at(&payload, "end_time") == incident->end_time_us);
    assert_true(bytes_view_equal(avro_text_at(&payload, "resolution_notes"), incident->resolution_notes));
    assert_true(avro_long_at(&payload, "tenant_id") == incident->tenant_id);
    assert_true(avro_long_at(&payload, "created_at") == incident->created_at_us);
    assert_true(avro_long_at(&payload, "updated_at") == incident->updated_at_us);
    assert_true(avro_long_at(&session, "id") == incident->session.id);
    assert_true(bytes_view_equal_text(avro_text_at(&session, "uuid"), incident->session.uuid));
    assert_true(avro_long_at(&session, "score") == incident->session.score);
    assert_int_equal(avro_enum_at(&session, "status"), incident->session.status);
    assert_true(avro_long_at(&session, "created_at") == incident->session.created_at_us);
    assert_true(avro_long_at(&session, "updated_at") == incident->session.updated_at_us);
    assert_true(avro_long_at(&meta, "sent_at") == expected->sent_at_us);
}

/* avro-c's decoder is the oracle of ours, on bytes that we wrote ourselves (it cannot be given any others). */
static void random_events_come_back(void **state)
{
    struct random_source random;
    struct bytes rich_text = {0};
    struct bytes record = {0};
    avro_schema_t schema = NULL;
    avro_value_t oracle = {0};
    (void)state;
    random_init(&random, 3);
    bytes_reserve(&rich_text, 8192);
    assert_int_equal(avro_schema_from_json_length(incident_schema_v1_text, strlen(incident_schema_v1_text), &schema),
                     0);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(class, &oracle), 0);
    for (int i = 0; i < 20000; i++) {
        bytes_clear(&rich_text);
        bytes_clear(&record);
        struct incident_event sent = fixture_random_event(&random, &rich_text);
        incident_encoder_encode(encoder, &sent, &record);
        struct bytes_view body = body_in(&record);
        if (decode(decoder, body) != STATUS_OK) {
            fail_msg("%s %s: %s", violation.rule, violation.pointer, violation.message);
        }
        assert_true(events_are_equal(&sent, &event));
        avro_reader_t reader = avro_reader_memory((const char *)body.data, (int64_t)body.size);
        assert_int_equal(avro_value_read(reader, &oracle), 0);
        expect_avro_c_agrees(&oracle, &event);
        avro_reader_free(reader);
    }
    avro_value_decref(&oracle);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    bytes_free(&rich_text);
    bytes_free(&record);
}

static void records_are_appended(void **state)
{
    struct bytes record = {0};
    (void)state;
    struct bytes body = body_of(&RIGHT);
    assert_int_equal(decode(decoder, bytes_as_view(&body)), STATUS_OK);
    bytes_append_text(&record, "before");
    incident_encoder_encode(encoder, &event, &record);
    assert_int_equal(record.size, 6 + FRAMING_SINGLE_OBJECT_SIZE + body.size);
    assert_int_equal(memcmp(record.data, "before\xC3\x01", 8), 0);
    assert_int_equal(memcmp(record.data + 6 + FRAMING_SINGLE_OBJECT_SIZE, body.data, body.size), 0);
    bytes_free(&record);
    bytes_free(&body);
}

static void large_rich_text_goes_through(void **state)
{
    struct bytes record = {0};
    struct bytes rich_text = {0};
    (void)state;
    struct bytes body = body_of(&RIGHT);
    assert_int_equal(decode(decoder, bytes_as_view(&body)), STATUS_OK);
    struct incident_event sent = event;
    bytes_append_byte(&rich_text, '"');
    for (int i = 0; i < 300000; i++) {
        bytes_append_byte(&rich_text, 'n');
    }
    bytes_append_byte(&rich_text, '"');
    sent.incident.description = bytes_as_view(&rich_text);
    sent.incident.resolution_notes = bytes_as_view(&rich_text);
    incident_encoder_encode(encoder, &sent, &record);
    assert_int_equal(decode(decoder, body_in(&record)), STATUS_OK);
    assert_true(bytes_view_equal(event.incident.description, bytes_as_view(&rich_text)));
    assert_true(bytes_view_equal(event.incident.resolution_notes, bytes_as_view(&rich_text)));
    bytes_free(&rich_text);
    bytes_free(&record);
    bytes_free(&body);
}

static void every_cut_and_every_tail_is_corrupt(void **state)
{
    (void)state;
    struct bytes body = body_of(&RIGHT);
    expect_json(decoder, bytes_as_view(&body), RIGHT_JSON);
    for (size_t size = 0; size < body.size; size++) {
        expect_rule(decoder, bytes_view_of(body.data, size), "avro", "");
        assert_int_equal(strncmp(violation.message, "byte ", 5), 0);
    }
    bytes_append_byte(&body, 0);
    expect_rule(decoder, bytes_as_view(&body), "avro", "");
    assert_non_null(strstr(violation.message, "something follows"));
    bytes_free(&body);
}

/* The first length of the record is replaced by another one. */
static void lengths_are_not_believed(void **state)
{
    static const int64_t LENGTHS[] = {-1,        INT64_MIN,        26,          1 << 20,      INT32_MAX,
                                      INT64_MAX, (int64_t)1 << 32, -2147483648, INT64_MAX - 1};
    (void)state;
    struct bytes body = body_of(&RIGHT);
    for (size_t i = 0; i < ARRAY_COUNT(LENGTHS); i++) {
        struct bytes wrong = {0};
        avro_put_long(&wrong, LENGTHS[i]);
        bytes_append(&wrong, body.data + 1, body.size - 1);
        if (LENGTHS[i] == 26) {
            wrong.size = 1 + 25; /* one byte is missing */
        }
        expect_rule(decoder, bytes_as_view(&wrong), "avro", "");
        assert_non_null(strstr(violation.message, LENGTHS[i] < 0 ? "a length is negative" : "a length goes beyond"));
        bytes_free(&wrong);
    }
    bytes_free(&body);
}

static void integers_have_64_bits(void **state)
{
    static const struct bytes_view LONG[] = {
        {(const uint8_t *)"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11},
        {(const uint8_t *)"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10},
        {(const uint8_t *)"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(LONG); i++) {
        expect_rule(decoder, LONG[i], "avro", "");
        assert_non_null(strstr(violation.message, "byte 10: an integer is longer than 64 bits"));
    }
    struct parts parts = RIGHT;
    parts.version = INT64_C(1) << 31; /* an int has 32 */
    expect_parts_rule(parts, "avro", "");
    parts.version = -(INT64_C(1) << 31) - 1;
    expect_parts_rule(parts, "avro", "");
    parts.version = INT32_MAX;
    expect_parts_rule(parts, "meta.version.unsupported", "/meta/version");
}

static void ordinals_and_branches_are_checked(void **state)
{
    static const int64_t WRONG[] = {-1, 4, 99, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(WRONG); i++) {
        struct parts parts = RIGHT;
        parts.status = WRONG[i];
        expect_parts_rule(parts, "avro", "");
    }
    struct bytes body = body_of(&RIGHT);
    size_t branch = 1 + strlen(RIGHT.event_type) + 2; /* of the description: after the id, which takes two bytes */
    assert_int_equal(body.data[branch], 2);
    body.data[branch] = 4; /* branch 2 */
    expect_rule(decoder, bytes_as_view(&body), "avro", "");
    assert_non_null(strstr(violation.message, "a union has no branch"));
    body.data[branch] = 1; /* branch -1 */
    expect_rule(decoder, bytes_as_view(&body), "avro", "");
    assert_non_null(strstr(violation.message, "a union has no branch"));
    bytes_free(&body);
}

static void strings_are_utf8(void **state)
{
    struct parts parts = RIGHT;
    (void)state;
    parts.description = "\"\xFF\"";
    expect_parts_rule(parts, "avro", "");
    parts.description = "\"\xED\xA0\x80\"";
    expect_parts_rule(parts, "avro", "");
    parts = RIGHT;
    parts.uuid = "05b6e6e3-07d4-4edc-9143-1193e6c3f3\xC3(";
    expect_parts_rule(parts, "avro", "");
}

static void fields_have_the_rules_of_the_door(void **state)
{
    struct parts parts = RIGHT;
    (void)state;
    parts.event_type = "incident.instance.deleted";
    expect_parts_rule(parts, "event_type.enum", "/event_type");
    assert_string_equal(violation.message, "\"incident.instance.deleted\" is not one of incident.instance.create, "
                                           "incident.instance.updated");
    parts.id = 0; /* the first in the canonical order decides */
    expect_parts_rule(parts, "event_type.enum", "/event_type");
    parts.event_type = RIGHT.event_type;
    expect_parts_rule(parts, "id.range", "/payload/id");
    assert_string_equal(violation.message, "0 is not an integer from 1 to 9223372036854775807");
    parts = RIGHT;
    parts.tenant_id = -2055;
    expect_parts_rule(parts, "tenant_id.range", "/payload/tenant_id");
    parts = RIGHT;
    parts.session_id = 0;
    expect_parts_rule(parts, "session.id.range", "/payload/session/id");
    parts = RIGHT;
    parts.uuid = "05b6e6e3-07d4";
    expect_parts_rule(parts, "session.uuid.uuid", "/payload/session/uuid");
    parts = RIGHT;
    parts.version = 2;
    expect_parts_rule(parts, "meta.version.unsupported", "/meta/version");
    parts = RIGHT;
    parts.start_time = INT64_C(253402300800000000); /* the year 10000 */
    expect_parts_rule(parts, "start_time.timestamp", "/payload/start_time");
    parts.start_time = INT64_MIN;
    expect_parts_rule(parts, "start_time.timestamp", "/payload/start_time");
    parts = RIGHT;
    parts.sent_at = INT64_MAX;
    expect_parts_rule(parts, "meta.sent_at.timestamp", "/meta/sent_at");
    parts = RIGHT;
    parts.uuid = "05B6E6E3-07D4-4EDC-9143-1193E6C3F339"; /* lower case out, as at the door */
    expect_parts_json(parts, "", "");
    parts = RIGHT;
    parts.sent_at += 999;
    expect_parts_json(parts, "", "");
}

static void rich_text_is_exactly_one_value(void **state)
{
    static const struct {
        const char *text;
        const char *rule;
    } CASES[] = {
        {"", "json.syntax"},
        {" ", "json.syntax"},
        {"null,\"tenant_id\":1", "json.syntax"},
        {"1 2", "json.syntax"},
        {"{}}", "json.syntax"},
        {"tab switch", "json.syntax"},
        {"'x'", "json.syntax"},
        {"[1,]", "json.syntax"},
        {"\xEF\xBB\xBF"
         "1",
         "json.syntax"},
        {"\"a", "json.syntax"},
        {"\"\\u0000\"", "json.nul"},
        {"\"\\ud800\"", "json.utf8"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "json.depth"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct parts parts = RIGHT;
        parts.description = CASES[i].text;
        expect_parts_rule(parts, CASES[i].rule, "/payload/description");
        parts = RIGHT;
        parts.notes = CASES[i].text;
        expect_parts_rule(parts, CASES[i].rule, "/payload/resolution_notes");
        parts.id = 0; /* json.* comes before the fields, as at the door */
        expect_parts_rule(parts, CASES[i].rule, "/payload/resolution_notes");
    }
    struct parts parts = RIGHT;
    parts.description = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"; /* 30, and two around it */
    expect_parts_json(parts, "[\"tab\",3]", parts.description);
}

static void a_raw_nul_in_rich_text_is_seen(void **state)
{
    (void)state;
    struct bytes body = body_of(&RIGHT);
    uint8_t *text = memmem(body.data, body.size, "tab", 3);
    assert_non_null(text);
    text[1] = 0;
    expect_rule(decoder, bytes_as_view(&body), "json.nul", "/payload/description");
    bytes_free(&body);
}

static void white_space_leaves_rich_text(void **state)
{
    struct parts parts = RIGHT;
    (void)state;
    parts.description = " [ \"tab\" ,\r\n\t3 ] ";
    expect_parts_json(parts, "", "");
    parts.notes = "{ \"a b\" : \" \\\" \" }";
    expect_parts_json(parts, "\"resolution_notes\":null", "\"resolution_notes\":{\"a b\":\" \\\" \"}");
    parts.notes = " null ";
    expect_parts_json(parts, "", "");
    assert_int_equal(event.incident.resolution_notes.size, 0);
    parts.description = "null";
    expect_parts_json(parts, "[\"tab\",3]", "null");
    assert_int_equal(event.incident.description.size, 0);
    parts.description = " 7";
    expect_parts_json(parts, "[\"tab\",3]", "7");
}

static struct bytes array_text(size_t items)
{
    struct bytes text = {0};
    bytes_append_byte(&text, '[');
    for (size_t i = 0; i < items; i++) {
        bytes_append_text(&text, i > 0 ? ",0" : "0");
    }
    bytes_append(&text, "]", 2);
    return text;
}

/* Whatever a line can carry through the door, the reader takes, and no more: 4,096 values, of which 18 are in every
 * line (the envelope, 17 keys that must be there) and two are the arrays. */
static void values_are_counted_as_at_the_door(void **state)
{
    struct parts parts = RIGHT;
    (void)state;
    struct bytes many = array_text(2000);
    struct bytes rest = array_text(4096 - 18 - 2 - 2000);
    struct bytes too_many = array_text(4096 - 18 - 2 - 2000 + 1);
    parts.description = (const char *)many.data;
    parts.notes = (const char *)rest.data;
    struct bytes body = body_of(&parts);
    assert_int_equal(decode(decoder, bytes_as_view(&body)), STATUS_OK);
    bytes_free(&body);

    struct bytes line = {0};
    struct rule_violation at_door;
    struct incident_event same;
    struct incident_door *door = incident_door_create();
    bytes_append_format(
        &line,
        "{\"event_type\":\"incident.instance.create\",\"payload\":{\"id\":1,\"description\":%s,\"status\":"
        "\"TRIGGERED\",\"severity\":\"LOW\",\"start_time\":\"2026-02-03T10:46:30Z\",\"resolution_notes\":%s,"
        "\"session\":{\"id\":1,\"uuid\":\"05b6e6e3-07d4-4edc-9143-1193e6c3f339\",\"status\":\"PAUSED\","
        "\"created_at\":\"2026-02-03T10:46:30Z\",\"updated_at\":\"2026-02-03T10:46:30Z\"},\"tenant_id\":1,"
        "\"created_at\":\"2026-02-03T10:46:30Z\",\"updated_at\":\"2026-02-03T10:46:30Z\"},"
        "\"meta\":{\"version\":1}}",
        (const char *)many.data, (const char *)rest.data);
    assert_int_equal(incident_door_read(door, bytes_as_view(&line), false, &same, &at_door), DOOR_ACCEPTED);
    uint8_t *first = memmem(line.data, line.size, "[0,", 3);
    assert_non_null(first);
    bytes_append_text(&line, "  ");
    memmove(first + 3, first + 1, line.size - 2 - (size_t)(first + 1 - line.data));
    memcpy(first + 1, "0,", 2);
    assert_int_equal(incident_door_read(door, bytes_as_view(&line), false, &same, &at_door), DOOR_REJECTED);
    assert_string_equal(at_door.rule, "json.values");
    incident_door_destroy(door);

    parts.notes = (const char *)too_many.data;
    expect_parts_rule(parts, "json.values", "/payload/resolution_notes");

    /* a null need not be in the line, so it does not count */
    struct bytes most = array_text(4096 - 18 - 1);
    parts.description = "null";
    parts.notes = (const char *)most.data;
    body = body_of(&parts);
    assert_int_equal(decode(decoder, bytes_as_view(&body)), STATUS_OK);
    bytes_free(&body);
    bytes_free(&most);
    bytes_free(&line);
    bytes_free(&many);
    bytes_free(&rest);
    bytes_free(&too_many);
}

/* Another writer: another order of fields and symbols, fields that we do not know of every type, another name, missing
 * nullable fields, unions the other way round, named types used twice, recursion. */
static const char OTHER_SCHEMA[] =
    "{\"type\":\"record\",\"name\":\"Ereignis\",\"namespace\":\"other\",\"fields\":["
    "{\"name\":\"flag\",\"type\":\"boolean\"},"
    "{\"name\":\"meta\",\"type\":{\"type\":\"record\",\"name\":\"M\",\"fields\":["
    "{\"name\":\"sent_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"ratio\",\"type\":\"double\"},{\"name\":\"version\",\"type\":\"long\"}]}},"
    "{\"name\":\"tree\",\"type\":{\"type\":\"record\",\"name\":\"Node\",\"fields\":["
    "{\"name\":\"tenant_id\",\"type\":\"long\"},{\"name\":\"children\",\"type\":{\"type\":\"array\",\"items\":\"Node\"}"
    "}]}},"
    "{\"name\":\"nothing\",\"type\":\"null\"},"
    "{\"name\":\"payload\",\"type\":{\"type\":\"record\",\"name\":\"P\",\"fields\":["
    "{\"name\":\"updated_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"created_at\",\"type\":\"long\"},"
    "{\"name\":\"tenant_id\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"labels\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"string\"}}},"
    "{\"name\":\"session\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"namespace\":\"other.inner\",\"fields\":["
    "{\"name\":\"status\",\"type\":{\"type\":\"enum\",\"name\":\"Stand\",\"symbols\":[\"SUSPENDED\",\"NEW\","
    "\"CREATED\"]}},"
    "{\"name\":\"uuid\",\"type\":\"bytes\"},{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"score\",\"type\":[\"long\",\"null\"]},"
    "{\"name\":\"updated_at\",\"type\":\"long\"},{\"name\":\"created_at\",\"type\":\"long\"}]}},"
    "{\"name\":\"other_session\",\"type\":\"other.inner.S\"},"
    "{\"name\":\"other_stand\",\"type\":\"other.inner.Stand\"},"
    "{\"name\":\"digest\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
    "{\"name\":\"weight\",\"type\":\"float\"},"
    "{\"name\":\"severity\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"HIGH\",\"NONE\",\"MEDIUM\","
    "\"LOW\"]}},"
    "{\"name\":\"status\",\"type\":[{\"type\":\"enum\",\"name\":\"T\",\"symbols\":[\"REOPENED\",\"TRIGGERED\"]},"
    "\"string\"]},"
    "{\"name\":\"start_time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"description\",\"type\":\"string\"},"
    "{\"name\":\"id\",\"type\":\"int\"}]}},"
    "{\"name\":\"event_type\",\"type\":\"string\"},"
    "{\"name\":\"tail\",\"type\":[\"null\",\"int\",\"bytes\"]}]}";

/* What may differ from a right record of OTHER_SCHEMA. */
struct other {
    int64_t sent_at_ms;
    bool has_tenant;
    int64_t session_status;
    int64_t severity;
    bool is_status_text;
    uint8_t flag;
    int64_t block; /* of the children: 2 in one block, or -2 with the block's size */
    int64_t block_size;
};

static const struct other OTHER_RIGHT = {
    .sent_at_ms = INT64_C(1770115590000), .has_tenant = true, .severity = 2, .flag = 1, .block = 2};

static void put_other_session(struct bytes *body, int64_t status)
{
    avro_put_long(body, status);
    avro_put_text(body, RIGHT.uuid);
    avro_put_long(body, RIGHT.session_id);
    avro_put_long(body, 1); /* score: null */
    avro_put_long(body, RIGHT.start_time);
    avro_put_long(body, RIGHT.start_time);
}

static void put_other_tree(struct bytes *body, const struct other *other)
{
    avro_put_long(body, 9); /* a tenant_id that is none of ours */
    avro_put_long(body, other->block);
    if (other->block < 0) {
        avro_put_long(body, other->block_size);
    }
    for (int child = 0; child < 2; child++) {
        avro_put_long(body, 8);
        avro_put_long(body, 0);
    }
    avro_put_long(body, 0);
}

static void put_other_payload(struct bytes *body, const struct other *other)
{
    avro_put_long(body, RIGHT.start_time);
    avro_put_long(body, RIGHT.start_time);
    avro_put_long(body, other->has_tenant);
    if (other->has_tenant) {
        avro_put_long(body, RIGHT.tenant_id);
    }
    avro_put_long(body, 1); /* labels: two blocks of one entry */
    avro_put_text(body, "a");
    avro_put_long(body, 0);
    avro_put_long(body, 1);
    avro_put_text(body, "b");
    avro_put_long(body, 2);
    avro_put_text(body, "x");
    avro_put_text(body, "");
    avro_put_long(body, 0);
    avro_put_long(body, 0);
    put_other_session(body, other->session_status);
    put_other_session(body, 1);
    avro_put_long(body, 1);
    bytes_append(body, "\x00\x01\x02\x00\x00\x80\x3f", 7); /* digest, weight */
    avro_put_long(body, other->severity);
    if (other->is_status_text) {
        avro_put_long(body, 1);
        avro_put_text(body, "TRIGGERED");
    } else {
        avro_put_long(body, 0);
        avro_put_long(body, 1);
    }
    avro_put_long(body, RIGHT.start_time);
    avro_put_text(body, "[ \"tab\", 3 ]");
    avro_put_long(body, RIGHT.id);
}

static struct bytes other_body_of(const struct other *other)
{
    struct bytes body = {0};
    bytes_append_byte(&body, other->flag);
    avro_put_long(&body, other->sent_at_ms);
    bytes_append(&body, "\0\0\0\0\0\0\0\0", 8);
    avro_put_long(&body, 1);
    put_other_tree(&body, other);
    put_other_payload(&body, other);
    avro_put_text(&body, RIGHT.event_type);
    avro_put_long(&body, 2);
    avro_put_text(&body, "\xFF"); /* bytes need not be UTF-8 */
    return body;
}

static void expect_other_rule(struct incident_decoder *with, struct other other, const char *rule, const char *pointer)
{
    struct bytes body = other_body_of(&other);
    expect_rule(with, bytes_as_view(&body), rule, pointer);
    bytes_free(&body);
}

static struct incident_decoder *decoder_of(const char *schema)
{
    struct error error = {0};
    struct incident_decoder *made = incident_decoder_create(bytes_view_of_text(schema), &error);
    if (made == NULL) {
        fail_msg("%s: %s", schema, error.text);
    }
    return made;
}

static void another_writers_records_are_read_by_name(void **state)
{
    (void)state;
    struct incident_decoder *other_decoder = decoder_of(OTHER_SCHEMA);
    struct bytes body = other_body_of(&OTHER_RIGHT);
    expect_json(other_decoder, bytes_as_view(&body), RIGHT_JSON);
    for (size_t size = 0; size < body.size; size++) {
        expect_rule(other_decoder, bytes_view_of(body.data, size), "avro", "");
    }
    bytes_append_byte(&body, 0);
    expect_rule(other_decoder, bytes_as_view(&body), "avro", "");
    bytes_free(&body);

    struct other other = OTHER_RIGHT;
    other.flag = 5;
    expect_other_rule(other_decoder, other, "avro", "");
    other = OTHER_RIGHT;
    other.has_tenant = false;
    expect_other_rule(other_decoder, other, "tenant_id.null", "/payload/tenant_id");
    other = OTHER_RIGHT;
    other.session_status = 1; /* NEW */
    expect_other_rule(other_decoder, other, "session.status.enum", "/payload/session/status");
    other = OTHER_RIGHT;
    other.severity = 1; /* NONE */
    expect_other_rule(other_decoder, other, "severity.enum", "/payload/severity");
    assert_string_equal(violation.message, "\"NONE\" is not one of LOW, MEDIUM, HIGH");
    other = OTHER_RIGHT;
    other.is_status_text = true;
    expect_other_rule(other_decoder, other, "status.type", "/payload/status");
    assert_int_equal(strncmp(violation.message, "a string is not one of", 22), 0);
    other = OTHER_RIGHT;
    other.sent_at_ms = INT64_MAX; /* more microseconds than there are */
    expect_other_rule(other_decoder, other, "meta.sent_at.timestamp", "/meta/sent_at");
    incident_decoder_destroy(other_decoder);
}

static void blocks_keep_their_word(void **state)
{
    (void)state;
    struct incident_decoder *other_decoder = decoder_of(OTHER_SCHEMA);
    struct other other = OTHER_RIGHT;
    other.block = -2;
    other.block_size = 4;
    struct bytes body = other_body_of(&other);
    expect_json(other_decoder, bytes_as_view(&body), RIGHT_JSON);
    bytes_free(&body);
    static const int64_t SIZES[] = {3, 5, 0, -1, 1000000, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_COUNT(SIZES); i++) {
        other.block_size = SIZES[i];
        expect_other_rule(other_decoder, other, "avro", "");
    }
    static const int64_t COUNTS[] = {INT64_MAX, INT64_MIN, -1000000, 1000000};
    for (size_t i = 0; i < ARRAY_COUNT(COUNTS); i++) {
        other.block = COUNTS[i];
        other.block_size = 4;
        expect_other_rule(other_decoder, other, "avro", "");
    }
    incident_decoder_destroy(other_decoder);
}

static void promises_of_nothing_end(void **state)
{
    (void)state;
    struct incident_decoder *nulls =
        decoder_of("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"array\","
                   "\"items\":\"null\"}}]}");
    struct bytes body = {0};
    avro_put_long(&body, INT64_MAX);
    avro_put_long(&body, 0);
    expect_rule(nulls, bytes_as_view(&body), "avro", "");
    assert_non_null(strstr(violation.message, "too many values"));
    bytes_clear(&body);
    avro_put_long(&body, 1000);
    avro_put_long(&body, 0);
    expect_rule(nulls, bytes_as_view(&body), "event_type.required", "/event_type");
    bytes_free(&body);
    incident_decoder_destroy(nulls);

    struct incident_decoder *endless =
        decoder_of("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":\"R\"}]}");
    expect_rule(endless, BYTES_LITERAL("\0"), "avro", "");
    assert_non_null(strstr(violation.message, "too deep"));
    incident_decoder_destroy(endless);
}

static void nesting_in_a_record_is_bounded(void **state)
{
    (void)state;
    struct incident_decoder *list =
        decoder_of("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"next\",\"type\":"
                   "[\"null\",\"R\"]}]}");
    struct bytes body = {0};
    for (int i = 0; i < 20; i++) {
        avro_put_long(&body, 1);
    }
    avro_put_long(&body, 0);
    expect_rule(list, bytes_as_view(&body), "event_type.required", "/event_type");
    bytes_clear(&body);
    for (int i = 0; i < 100000; i++) {
        avro_put_long(&body, 1);
    }
    avro_put_long(&body, 0);
    expect_rule(list, bytes_as_view(&body), "avro", "");
    bytes_free(&body);
    incident_decoder_destroy(list);
}

/* The v1 schema with `old` replaced by `new`. */
static struct incident_decoder *decoder_of_changed(const char *old, const char *new)
{
    struct bytes schema = fixture_replace(incident_schema_v1_text, old, new);
    struct incident_decoder *made = decoder_of((const char *)schema.data);
    bytes_free(&schema);
    return made;
}

static void types_that_do_not_fit_are_named(void **state)
{
    (void)state;
    /* the same bytes, another meaning */
    struct incident_decoder *changed =
        decoder_of_changed("{\"name\": \"id\", \"type\": \"long\", \"doc\": \"1 or more\"}",
                           "{\"name\": \"id\", \"type\": {\"type\":\"enum\",\"name\":\"X\",\"symbols\":[\"A\"]}}");
    struct parts parts = RIGHT;
    parts.id = 0;
    struct bytes body = body_of(&parts);
    expect_rule(changed, bytes_as_view(&body), "id.type", "/payload/id");
    incident_decoder_destroy(changed);
    changed = decoder_of_changed("\"name\": \"tenant_id\"", "\"name\": \"tenant\"");
    expect_rule(changed, bytes_as_view(&body), "id.range", "/payload/id");
    bytes_free(&body);
    body = body_of(&RIGHT);
    expect_rule(changed, bytes_as_view(&body), "tenant_id.required", "/payload/tenant_id");
    incident_decoder_destroy(changed);
    changed = decoder_of_changed("\"name\": \"start_time\", \"type\": {\"type\": \"long\", \"logicalType\": "
                                 "\"timestamp-micros\"}",
                                 "\"name\": \"start_time\", \"type\": {\"type\": \"long\", \"logicalType\": "
                                 "\"timestamp-nanos\"}");
    expect_rule(changed, bytes_as_view(&body), "start_time.type", "/payload/start_time");
    incident_decoder_destroy(changed);
    changed = decoder_of_changed("\"name\": \"meta\"", "\"name\": \"mate\"");
    expect_rule(changed, bytes_as_view(&body), "meta.required", "/meta");
    incident_decoder_destroy(changed);
    changed = decoder_of_changed("\"name\": \"resolution_notes\"", "\"name\": \"notes\""); /* nullable: null then */
    expect_json(changed, bytes_as_view(&body), RIGHT_JSON);
    incident_decoder_destroy(changed);
    bytes_free(&body);
}

static void schemas_that_are_none_are_refused(void **state)
{
    static const char *const CASES[] = {
        "",
        "{",
        "\"long\"",
        "[]",
        "[\"null\",{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}]",
        "{\"type\":\"enum\",\"name\":\"R\",\"symbols\":[\"A\"]}",
        "{\"type\":\"record\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R\"}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"Unknown\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",[\"int\"]]}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"array\"}}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
        "\"size\":-1}}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
        "\"size\":"
        "99999999999}}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"E\"}}]"
        "}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"R\","
        "\"fields\":[]}}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"payload\",\"type\":\"int\"},{\"name\":\"payload\","
        "\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"name\":\"R\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
        "\"size\":1}},"
        "{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}}]}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct error error = {0};
        struct incident_decoder *made = incident_decoder_create(bytes_view_of_text(CASES[i]), &error);
        if (made != NULL) {
            fail_msg("accepted: %s", CASES[i]);
        }
        assert_int_equal(error.status, STATUS_INVALID);
        assert_true(strlen(error.text) > 0);
    }
}

/* Each record refers twice to the one before: its steps must not double each time. */
static void schemas_cannot_explode(void **state)
{
    struct bytes schema = {0};
    (void)state;
    bytes_append_text(&schema, "{\"type\":\"record\",\"name\":\"Root\",\"fields\":[");
    for (int i = 0; i < 40; i++) {
        bytes_append_format(&schema, "%s{\"name\":\"f%d\",\"type\":{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[",
                            i > 0 ? "," : "", i, i);
        if (i > 0) {
            bytes_append_format(&schema, "{\"name\":\"a\",\"type\":\"R%d\"},{\"name\":\"b\",\"type\":\"R%d\"}", i - 1,
                                i - 1);
        }
        bytes_append_text(&schema, "]}}");
    }
    bytes_append(&schema, "]}", 3);
    struct incident_decoder *made = decoder_of((const char *)schema.data);
    expect_rule(made, BYTES_LITERAL(""), "avro", ""); /* 2^40 empty records: cut short */
    incident_decoder_destroy(made);
    bytes_free(&schema);
}

/* Records of bytes changed at random: no crash, and what is accepted is a line that the door accepts too. */
static void storms_of_bytes_are_survived(void **state)
{
    struct random_source random;
    struct incident_door *door = incident_door_create();
    struct incident_decoder *other_decoder = decoder_of(OTHER_SCHEMA);
    int accepted = 0;
    (void)state;
    random_init(&random, 11);
    for (int i = 0; i < 60000; i++) {
        bool is_other = i % 2 == 0;
        struct bytes body = is_other ? other_body_of(&OTHER_RIGHT) : body_of(&RIGHT);
        for (uint64_t changes = 1 + random_below(&random, 3); changes > 0; changes--) {
            body.data[random_below(&random, body.size)] ^= (uint8_t)(1U << random_below(&random, 8));
        }
        if (decode(is_other ? other_decoder : decoder, bytes_as_view(&body)) == STATUS_OK) {
            struct bytes json = {0};
            struct incident_event same;
            incident_json_render(&event, &json);
            if (incident_door_read(door, bytes_as_view(&json), false, &same, &violation) != DOOR_ACCEPTED) {
                fail_msg("%s %s: %.*s", violation.rule, violation.pointer, BYTES_PRINTF(json));
            }
            event.sent_at_us = same.sent_at_us; /* the line has whole milliseconds */
            assert_true(events_are_equal(&event, &same));
            bytes_free(&json);
            accepted++;
        }
        bytes_free(&body);
    }
    assert_true(accepted > 2000);
    assert_true(accepted < 58000);
    incident_decoder_destroy(other_decoder);
    incident_door_destroy(door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_go_through_byte_for_byte),
        cmocka_unit_test(random_events_come_back),
        cmocka_unit_test(records_are_appended),
        cmocka_unit_test(large_rich_text_goes_through),
        cmocka_unit_test(every_cut_and_every_tail_is_corrupt),
        cmocka_unit_test(lengths_are_not_believed),
        cmocka_unit_test(integers_have_64_bits),
        cmocka_unit_test(ordinals_and_branches_are_checked),
        cmocka_unit_test(strings_are_utf8),
        cmocka_unit_test(fields_have_the_rules_of_the_door),
        cmocka_unit_test(rich_text_is_exactly_one_value),
        cmocka_unit_test(a_raw_nul_in_rich_text_is_seen),
        cmocka_unit_test(white_space_leaves_rich_text),
        cmocka_unit_test(values_are_counted_as_at_the_door),
        cmocka_unit_test(another_writers_records_are_read_by_name),
        cmocka_unit_test(blocks_keep_their_word),
        cmocka_unit_test(promises_of_nothing_end),
        cmocka_unit_test(nesting_in_a_record_is_bounded),
        cmocka_unit_test(types_that_do_not_fit_are_named),
        cmocka_unit_test(schemas_that_are_none_are_refused),
        cmocka_unit_test(schemas_cannot_explode),
        cmocka_unit_test(storms_of_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
