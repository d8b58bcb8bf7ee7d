#include "event_properties.h"

#include "avro_schema.h"
#include "check.h"
#include "event_id.h"
#include "incident_avro.h"
#include "incident_door.h"
#include "incident_json.h"
#include "json_scan.h"
#include "record_framing.h"
#include "utc_time.h"

#include <jansson.h>
#include <string.h>

static struct incident_door *door;
static struct incident_encoder *encoder;
static struct incident_decoder *decoder;

/* The encoder lives to the end, and avro-c keeps some of its pointers at addresses where the leak detector does not
 * look (behind the number of a union's branch). The unit tests destroy it, without this. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libavro\n";
}

static void make_tools(void)
{
    if (door == NULL) {
        door = incident_door_create();
        encoder = incident_encoder_create();
        decoder = incident_decoder_create(bytes_view_of_text(incident_schema_v1_text), NULL);
        CHECK(decoder != NULL);
    }
}

static void check_equal_sessions(const struct session *a, const struct session *b)
{
    CHECK(a->id == b->id);
    CHECK(strcmp(a->uuid, b->uuid) == 0);
    CHECK(a->has_score == b->has_score);
    CHECK(a->score == b->score);
    CHECK(a->status == b->status);
    CHECK(a->created_at_us == b->created_at_us);
    CHECK(a->updated_at_us == b->updated_at_us);
}

void event_properties_check_equal_incidents(const struct incident *a, const struct incident *b)
{
    CHECK(a->id == b->id);
    CHECK(bytes_view_equal(a->description, b->description));
    CHECK(a->status == b->status);
    CHECK(a->severity == b->severity);
    CHECK(a->start_time_us == b->start_time_us);
    CHECK(a->has_end_time == b->has_end_time);
    CHECK(a->end_time_us == b->end_time_us);
    CHECK(bytes_view_equal(a->resolution_notes, b->resolution_notes));
    check_equal_sessions(&a->session, &b->session);
    CHECK(a->tenant_id == b->tenant_id);
    CHECK(a->created_at_us == b->created_at_us);
    CHECK(a->updated_at_us == b->updated_at_us);
}

void event_properties_check_equal(const struct incident_event *a, const struct incident_event *b)
{
    CHECK(a->type == b->type);
    event_properties_check_equal_incidents(&a->incident, &b->incident);
    CHECK(a->version == b->version);
    CHECK(a->has_sent_at == b->has_sent_at);
    CHECK(a->sent_at_us == b->sent_at_us);
}

static void check_ranges(const struct incident_event *event)
{
    const struct incident *incident = &event->incident;

    CHECK(incident->id >= 1 && incident->tenant_id >= 1 && incident->session.id >= 1);
    CHECK(event->version == INCIDENT_VERSION);
    CHECK(utc_time_is_printable(incident->start_time_us));
    CHECK(utc_time_is_printable(incident->end_time_us));
    CHECK(strlen(incident->session.uuid) == INCIDENT_UUID_SIZE);
    CHECK(json_scan_is_utf8(incident->description));
    CHECK(json_scan_is_utf8(incident->resolution_notes));
}

/* How many values the line has: as jansson counts them, not our scan. A key that occurs twice counts once, so this is
 * the least. */
static size_t count_values(const json_t *value)
{
    size_t count = 1;
    const json_t *inner;
    const char *key;
    size_t index;

    if (json_is_array(value)) {
        json_array_foreach(value, index, inner)
        {
            count += count_values(inner);
        }
    } else if (json_is_object(value)) {
        void *at = json_object_iter((json_t *)(uintptr_t)value);
        for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
            key = json_object_iter_key(at);
            CHECK(key != NULL);
            count += count_values(json_object_iter_value(at));
        }
    }
    return count;
}

/* Four keys may have been absent from the line that was accepted, no more. */
static void check_is_above_bounds(struct bytes_view line, const struct rule_violation *violation)
{
    if (strcmp(violation->rule, "line.size") == 0) {
        CHECK(line.size > INCIDENT_DOOR_LINE_MAX);
        return;
    }
    CHECK(strcmp(violation->rule, "json.values") == 0);
    json_t *value = json_loadb((const char *)line.data, line.size, JSON_DECODE_INT_AS_REAL, NULL);
    if (value != NULL) {
        CHECK(count_values(value) <= JSON_SCAN_VALUES_MAX + 4);
        json_decref(value);
    }
}

/* sent_at is printed in whole milliseconds. */
static struct incident_event as_printed(const struct incident_event *event)
{
    struct incident_event printed = *event;

    if (event->has_sent_at) {
        printed.sent_at_us = utc_time_us_to_ms(event->sent_at_us) * 1000;
    }
    return printed;
}

static void check_rendering(const struct incident_event *event)
{
    struct bytes line = {0};
    struct bytes again = {0};
    struct incident_event read;
    struct incident_event printed = as_printed(event);
    struct rule_violation violation;

    incident_json_render(event, &line);
    CHECK(memchr(line.data, '\n', line.size) == NULL && memchr(line.data, '\0', line.size) == NULL);
    if (incident_door_read(door, bytes_as_view(&line), false, &read, &violation) != DOOR_ACCEPTED) {
        check_is_above_bounds(bytes_as_view(&line), &violation);
    } else {
        event_properties_check_equal(&printed, &read);
        incident_json_render(&read, &again);
        CHECK(bytes_view_equal(bytes_as_view(&line), bytes_as_view(&again)));
    }
    bytes_free(&line);
    bytes_free(&again);
}

static void check_record(const struct incident_event *event)
{
    struct bytes record = {0};
    struct bytes again = {0};
    struct incident_event written = *event;
    struct incident_event read;
    struct rule_violation violation;

    written.has_sent_at = true; /* the producer stamps it */
    incident_encoder_encode(encoder, &written, &record);
    struct framed framed = record_framing_detect(bytes_as_view(&record));
    CHECK(framed.framing == FRAMING_SINGLE_OBJECT && framed.schema == incident_encoder_fingerprint(encoder));
    CHECK(incident_decoder_decode(decoder, framed.body, &read, &violation) == STATUS_OK);
    event_properties_check_equal(&written, &read);
    incident_encoder_encode(encoder, &read, &again);
    CHECK(bytes_view_equal(bytes_as_view(&record), bytes_as_view(&again)));
    bytes_free(&record);
    bytes_free(&again);
}

void event_properties_check(const struct incident_event *event)
{
    char id[EVENT_ID_MAX + 1];

    make_tools();
    check_ranges(event);
    check_rendering(event);
    check_record(event);
    event_id_derive(event, id);
    CHECK(event_id_is_valid(bytes_view_of_text(id)));
}

void event_properties_check_violation(const struct rule_violation *violation)
{
    size_t rule_size = strnlen(violation->rule, sizeof violation->rule);
    size_t pointer_size = strnlen(violation->pointer, sizeof violation->pointer);
    size_t message_size = strnlen(violation->message, sizeof violation->message);

    CHECK(rule_size > 0 && rule_size < sizeof violation->rule);
    CHECK(strspn(violation->rule, "abcdefghijklmnopqrstuvwxyz_.8") == rule_size);
    CHECK(pointer_size < sizeof violation->pointer);
    CHECK(pointer_size == 0 || violation->pointer[0] == '/');
    CHECK(message_size > 0 && message_size < sizeof violation->message);
    CHECK(json_scan_is_utf8(bytes_view_of(violation->pointer, pointer_size)));
    CHECK(json_scan_is_utf8(bytes_view_of(violation->message, message_size)));
    for (size_t i = 0; i < message_size; i++) {
        CHECK((uint8_t)violation->message[i] >= 0x20 && violation->message[i] != 0x7f);
    }
    struct bytes line = {0};
    rule_violation_line(violation, &line);
    for (size_t i = 0; i < line.size; i++) {
        CHECK(line.data[i] >= 0x20 && line.data[i] != 0x7f);
    }
    bytes_free(&line);
}
