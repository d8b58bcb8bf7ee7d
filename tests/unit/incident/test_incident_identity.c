/* The published identity vectors: the schema's fingerprint, a record's bytes, the derived ids. */
#include "avro_schema.h"
#include "check.h"
#include "event_id.h"
#include "incident_avro.h"
#include "incident_door.h"
#include "incident_fixture.h"
#include "record_framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static json_t *vectors;
static struct bytes incidents;
static struct incident_door *door;

static int set_up(void **state)
{
    (void)state;
    struct bytes text = fixture_read(FIXTURES "/identity-vectors.json");
    vectors = json_loadb((const char *)text.data, text.size, 0, NULL);
    bytes_free(&text);
    incidents = fixture_read(SCHEMAS "/examples/incidents.ndjson");
    door = incident_door_create();
    return vectors == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(vectors);
    bytes_free(&incidents);
    incident_door_destroy(door);
    return 0;
}

/* The event of a line of incidents.ndjson, counted from 1; valid until the next call. */
static struct incident_event event_of_line(struct incident_door *its_door, int number)
{
    struct bytes_view rest = bytes_as_view(&incidents);
    struct bytes_view line;
    struct incident_event event;
    struct rule_violation violation;
    for (int i = 0; i < number; i++) {
        assert_true(fixture_next_line(&rest, &line));
    }
    assert_int_equal(incident_door_read(its_door, line, false, &event, &violation), DOOR_ACCEPTED);
    return event;
}

static void the_schema_has_its_fingerprint(void **state)
{
    struct bytes form = {0};
    char hex[32];
    (void)state;
    const json_t *expected = json_object_get(vectors, "schema_v1");
    assert_int_equal(avro_schema_canonical_form(bytes_view_of_text(incident_schema_v1_text), &form, NULL), STATUS_OK);
    assert_int_equal(form.size, json_integer_value(json_object_get(expected, "canonical_form_bytes")));
    snprintf(hex, sizeof hex, "%016" PRIx64, avro_schema_crc64(bytes_as_view(&form)));
    assert_string_equal(hex, json_string_value(json_object_get(expected, "crc_64_avro")));
    bytes_free(&form);
    struct bytes header = {0};
    struct bytes header_hex = {0};
    struct incident_encoder *encoder = incident_encoder_create();
    record_framing_append_single_object(&header, incident_encoder_fingerprint(encoder));
    bytes_append_hex(&header_hex, bytes_as_view(&header));
    assert_true(bytes_view_equal_text(bytes_as_view(&header_hex),
                                      json_string_value(json_object_get(expected, "single_object_header"))));
    incident_encoder_destroy(encoder);
    bytes_free(&header);
    bytes_free(&header_hex);
}

static void the_built_in_schema_is_the_file(void **state)
{
    (void)state;
    struct bytes file = fixture_read(SCHEMAS "/incident_event.v1.avsc");
    assert_true(bytes_view_equal_text(bytes_as_view(&file), incident_schema_v1_text));
    bytes_free(&file);
}

static void a_record_has_its_bytes(void **state)
{
    struct bytes record = {0};
    struct bytes hex = {0};
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size;
    (void)state;
    const json_t *expected = json_object_get(vectors, "record");
    struct incident_event event = event_of_line(door, (int)json_integer_value(json_object_get(expected, "line")));
    struct incident_encoder *encoder = incident_encoder_create();
    for (int i = 0; i < 2; i++) { /* a used encoder gives the same */
        bytes_clear(&record);
        bytes_clear(&hex);
        incident_encoder_encode(encoder, &event, &record);
        assert_int_equal(record.size, json_integer_value(json_object_get(expected, "bytes")));
        assert_int_equal(EVP_Digest(record.data, record.size, digest, &digest_size, EVP_sha256(), NULL), 1);
        bytes_append_hex(&hex, bytes_view_of(digest, digest_size));
        assert_true(bytes_view_equal_text(bytes_as_view(&hex), json_string_value(json_object_get(expected, "sha256"))));
    }
    incident_encoder_destroy(encoder);
    bytes_free(&record);
    bytes_free(&hex);
}

static void ids_are_derived_as_published(void **state)
{
    struct incident_door *before_door = incident_door_create();
    const json_t *entry;
    size_t index;
    (void)state;
    json_array_foreach(json_object_get(vectors, "ce_id"), index, entry)
    {
        char id[EVENT_ID_MAX + 1];
        const char *as = json_string_value(json_object_get(entry, "as"));
        struct incident_event event = event_of_line(door, (int)json_integer_value(json_object_get(entry, "line")));
        if (strcmp(as, "event") == 0) {
            event_id_derive(&event, id);
        } else if (strcmp(as, "change, before is null") == 0) {
            event_id_derive_change(&event, NULL, id);
        } else {
            assert_string_equal(as, "change, before is line 3's payload");
            struct incident_event before = event_of_line(before_door, 3);
            event_id_derive_change(&event, &before.incident, id);
        }
        assert_string_equal(id, json_string_value(json_object_get(entry, "ce_id")));
        assert_true(event_id_is_valid(bytes_view_of_text(id)));
    }
    assert_int_equal(index, 4);
    incident_door_destroy(before_door);
}

/* sent_at is no part of an identity; everything else is. */
static void what_an_id_depends_on(void **state)
{
    char first[EVENT_ID_MAX + 1];
    char id[EVENT_ID_MAX + 1];
    (void)state;
    struct incident_event event = event_of_line(door, 1);
    event_id_derive(&event, first);
    event.sent_at_us += 1000000;
    event_id_derive(&event, id);
    assert_string_equal(first, id);
    event.has_sent_at = false;
    event_id_derive(&event, id);
    assert_string_equal(first, id);
    event.incident.updated_at_us += 1;
    event_id_derive(&event, id);
    assert_string_not_equal(first, id);
    event.incident.updated_at_us -= 1;
    event.type = event.type == EVENT_TYPE_CREATE ? EVENT_TYPE_UPDATED : EVENT_TYPE_CREATE;
    event_id_derive(&event, id);
    assert_string_not_equal(first, id);
}

static void an_id_has_64_letters_and_no_dot(void **state)
{
    char id[66];
    (void)state;
    memset(id, 'a', sizeof id);
    assert_false(event_id_is_valid(BYTES_LITERAL("")));
    assert_true(event_id_is_valid(bytes_view_of(id, 1)));
    assert_true(event_id_is_valid(bytes_view_of(id, 64)));
    assert_false(event_id_is_valid(bytes_view_of(id, 65)));
    for (int byte = 0; byte < 256; byte++) {
        bool is_right = byte != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", byte);
        id[1] = (char)byte;
        assert_int_equal(event_id_is_valid(bytes_view_of(id, 3)), is_right);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_has_its_fingerprint), cmocka_unit_test(the_built_in_schema_is_the_file),
        cmocka_unit_test(a_record_has_its_bytes),         cmocka_unit_test(ids_are_derived_as_published),
        cmocka_unit_test(what_an_id_depends_on),          cmocka_unit_test(an_id_has_64_letters_and_no_dot),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
