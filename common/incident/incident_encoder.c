#include "avro_schema.h"
#include "check.h"
#include "incident_avro.h"
#include "memory.h"
#include "record_framing.h"

#include <avro.h>
#include <stdlib.h>
#include <string.h>

/* More than the fields take besides their texts: 22 integers of at most 10 bytes. */
enum { FIXED_PART_MAX = 256 };

struct incident_encoder {
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t record;                       /* the envelope, filled anew for each event */
    avro_value_t fields[INCIDENT_FIELD_COUNT]; /* its places, which stay where they are; borrowed from it */
    avro_writer_t writer;
    uint64_t fingerprint;
    uint32_t fields_set; /* 1 << field: avro-c writes zero for a field that was forgotten */
    struct bytes text;
};

/* avro-c fails here only for lack of memory or because this file and the schema differ. */
static void must(int error)
{
    CHECK(error == 0);
}

static avro_value_t *field_of(struct incident_encoder *encoder, enum incident_field field)
{
    encoder->fields_set |= 1U << field;
    return &encoder->fields[field];
}

static void find_fields(struct incident_encoder *encoder)
{
    avro_value_t objects[INCIDENT_OBJECT_NONE] = {[INCIDENT_OBJECT_ENVELOPE] = encoder->record};
    size_t counts[INCIDENT_OBJECT_NONE] = {0};
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        const struct incident_field_rule *rule = incident_rules_field((enum incident_field)i);
        avro_value_t value = {0};
        const char *name = NULL;
        CHECK(objects[rule->parent].iface != NULL); /* an object comes before its fields */
        must(avro_value_get_by_index(&objects[rule->parent], counts[rule->parent]++, &value, &name));
        CHECK(strcmp(name, rule->name) == 0);
        encoder->fields[i] = value;
        if (rule->opens != INCIDENT_OBJECT_NONE) {
            objects[rule->opens] = value;
        }
    }
}

struct incident_encoder *incident_encoder_create(void)
{
    struct incident_encoder *encoder = memory_alloc(1, sizeof *encoder);
    struct bytes_view text = bytes_view_of_text(incident_schema_v1_text);
    CHECK(avro_schema_fingerprint(text, &encoder->fingerprint, NULL) == STATUS_OK);
    must(avro_schema_from_json_length((const char *)text.data, text.size, &encoder->schema));
    encoder->class = avro_generic_class_from_schema(encoder->schema);
    CHECK(encoder->class != NULL);
    must(avro_generic_value_new(encoder->class, &encoder->record));
    find_fields(encoder);
    encoder->writer = avro_writer_memory((const char *)text.data, 0); /* each record sets its own */
    CHECK(encoder->writer != NULL);
    return encoder;
}

void incident_encoder_destroy(struct incident_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    avro_writer_free(encoder->writer);
    avro_value_decref(&encoder->record);
    avro_value_iface_decref(encoder->class);
    avro_schema_decref(encoder->schema);
    bytes_free(&encoder->text);
    free(encoder);
}

uint64_t incident_encoder_fingerprint(const struct incident_encoder *encoder)
{
    return encoder->fingerprint;
}

static void set_long(struct incident_encoder *encoder, enum incident_field field, int64_t number)
{
    must(avro_value_set_long(field_of(encoder, field), number));
}

/* The branch of a union of null and another. */
static avro_value_t branch_of(struct incident_encoder *encoder, enum incident_field field, bool has_value)
{
    avro_value_t branch = {0};
    must(avro_value_set_branch(field_of(encoder, field), has_value, &branch));
    if (!has_value) {
        must(avro_value_set_null(&branch));
    }
    return branch;
}

static void set_nullable_long(struct incident_encoder *encoder, enum incident_field field, bool has_value,
                              int64_t number)
{
    avro_value_t branch = branch_of(encoder, field, has_value);
    if (has_value) {
        must(avro_value_set_long(&branch, number));
    }
}

static void set_enum(struct incident_encoder *encoder, enum incident_field field, unsigned ordinal)
{
    must(avro_value_set_enum(field_of(encoder, field), (int)ordinal));
}

static void set_text(struct incident_encoder *encoder, enum incident_field field, const char *text)
{
    must(avro_value_set_string_len(field_of(encoder, field), text, strlen(text) + 1));
}

static void set_rich_text(struct incident_encoder *encoder, enum incident_field field, struct bytes_view rich_text)
{
    avro_value_t branch = branch_of(encoder, field, rich_text.size > 0);
    if (rich_text.size > 0) {
        /* avro-c wants a NUL, which it counts, behind the text. */
        bytes_clear(&encoder->text);
        bytes_append_view(&encoder->text, rich_text);
        bytes_append_byte(&encoder->text, '\0');
        must(avro_value_set_string_len(&branch, (const char *)encoder->text.data, encoder->text.size));
    }
}

static void set_session(struct incident_encoder *encoder, const struct session *session)
{
    encoder->fields_set |= 1U << INCIDENT_FIELD_SESSION;
    set_long(encoder, INCIDENT_FIELD_SESSION_ID, session->id);
    set_text(encoder, INCIDENT_FIELD_SESSION_UUID, session->uuid);
    set_nullable_long(encoder, INCIDENT_FIELD_SESSION_SCORE, session->has_score, session->score);
    set_enum(encoder, INCIDENT_FIELD_SESSION_STATUS, session->status);
    set_long(encoder, INCIDENT_FIELD_SESSION_CREATED_AT, session->created_at_us);
    set_long(encoder, INCIDENT_FIELD_SESSION_UPDATED_AT, session->updated_at_us);
}

static void set_incident(struct incident_encoder *encoder, const struct incident *incident)
{
    encoder->fields_set |= 1U << INCIDENT_FIELD_PAYLOAD;
    set_long(encoder, INCIDENT_FIELD_ID, incident->id);
    set_rich_text(encoder, INCIDENT_FIELD_DESCRIPTION, incident->description);
    set_enum(encoder, INCIDENT_FIELD_STATUS, incident->status);
    set_enum(encoder, INCIDENT_FIELD_SEVERITY, incident->severity);
    set_long(encoder, INCIDENT_FIELD_START_TIME, incident->start_time_us);
    set_nullable_long(encoder, INCIDENT_FIELD_END_TIME, incident->has_end_time, incident->end_time_us);
    set_rich_text(encoder, INCIDENT_FIELD_RESOLUTION_NOTES, incident->resolution_notes);
    set_session(encoder, &incident->session);
    set_long(encoder, INCIDENT_FIELD_TENANT_ID, incident->tenant_id);
    set_long(encoder, INCIDENT_FIELD_CREATED_AT, incident->created_at_us);
    set_long(encoder, INCIDENT_FIELD_UPDATED_AT, incident->updated_at_us);
}

void incident_encoder_encode(struct incident_encoder *encoder, const struct incident_event *event, struct bytes *record)
{
    CHECK(event->has_sent_at && event->version == INCIDENT_VERSION);
    encoder->fields_set = 1U << INCIDENT_FIELD_META;
    set_text(encoder, INCIDENT_FIELD_EVENT_TYPE, event_type_name(event->type));
    set_incident(encoder, &event->incident);
    must(avro_value_set_int(field_of(encoder, INCIDENT_FIELD_META_VERSION), event->version));
    set_long(encoder, INCIDENT_FIELD_META_SENT_AT, event->sent_at_us);
    CHECK(encoder->fields_set == (1U << INCIDENT_FIELD_COUNT) - 1);

    record_framing_append_single_object(record, encoder->fingerprint);
    size_t room = FIXED_PART_MAX + INCIDENT_UUID_SIZE + event->incident.description.size +
                  event->incident.resolution_notes.size + strlen(event_type_name(event->type));
    bytes_reserve(record, record->size + room);
    avro_writer_memory_set_dest(encoder->writer, (const char *)record->data + record->size, (int64_t)room);
    must(avro_value_write(encoder->writer, &encoder->record));
    record->size += (size_t)avro_writer_tell(encoder->writer);
}
