#include "record_decode.h"

#include "avro_schema.h"
#include "check.h"
#include "incident_avro.h"
#include "memory.h"
#include "record_framing.h"
#include "trace_parent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record_decoder {
    struct incident_decoder *v1;
    uint64_t v1_fingerprint;
};

struct record_decoder *record_decoder_create(void)
{
    struct record_decoder *decoder = memory_alloc(1, sizeof(*decoder));
    struct bytes_view schema = bytes_view_of_text(incident_schema_v1_text);

    decoder->v1 = incident_decoder_create(schema, NULL);
    CHECK(decoder->v1 != NULL);
    CHECK(avro_schema_fingerprint(schema, &decoder->v1_fingerprint, NULL) == STATUS_OK);
    return decoder;
}

void record_decoder_destroy(struct record_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    incident_decoder_destroy(decoder->v1);
    free(decoder);
}

static void set_unreadable(struct decoded_record *ret, const char *prefix, const char *rule)
{
    ret->reading = RECORD_UNREADABLE;
    snprintf(ret->reason, sizeof(ret->reason), "%s%s", prefix, rule);
}

static void set_schema_unknown(struct decoded_record *ret, const struct framed *framed)
{
    ret->reading = RECORD_SCHEMA_UNKNOWN;
    ret->schema = framed->schema;
    ret->schema_is_registry_id = framed->framing == FRAMING_CONFLUENT;
    snprintf(ret->reason, sizeof(ret->reason), "schema.unknown");
}

/* The value of the header that occurs once and is not null; false otherwise. Two headers of one name are an
 * invitation to read one and act on the other. */
static bool find_header_once(const struct record_in *in, const char *name, struct bytes_view *ret_value)
{
    const struct record_header *found = NULL;

    for (size_t i = 0; i < in->header_count; i++) {
        if (strcmp(in->headers[i].name, name) != 0) {
            continue;
        }
        if (found != NULL) {
            return false;
        }
        found = &in->headers[i];
    }
    if (found == NULL || found->value_is_null) {
        return false;
    }
    *ret_value = found->value;
    return true;
}

/* Compared as text: `007` and ` 7` are not how tenant 7 is spelled, and lie on another partition than its events. */
static bool key_is_tenant(const struct record_in *in, int64_t tenant)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, tenant);
    return !in->key_is_null && bytes_view_equal_text(in->key, text);
}

static void read_headers(const struct record_in *in, struct decoded_record *ret)
{
    struct bytes_view value;

    ret->id_is_derived = !find_header_once(in, "ce_id", &value) || !event_id_is_valid(value);
    if (ret->id_is_derived) {
        event_id_derive(&ret->event, ret->id);
    } else {
        memcpy(ret->id, value.data, value.size);
        ret->id[value.size] = '\0';
    }
    if (find_header_once(in, "traceparent", &value) && trace_parent_is_valid(value)) {
        ret->traceparent = value;
    }
}

static void decode_body(struct record_decoder *decoder, const struct record_in *in, struct bytes_view body,
                        struct decoded_record *ret)
{
    struct rule_violation violation;

    if (incident_decoder_decode(decoder->v1, body, &ret->event, &violation) != STATUS_OK) {
        set_unreadable(ret, "undecodable.", violation.rule);
        snprintf(ret->pointer, sizeof(ret->pointer), "%.*s", (int)sizeof(ret->pointer) - 1, violation.pointer);
        return;
    }
    if (!key_is_tenant(in, ret->event.incident.tenant_id)) {
        set_unreadable(ret, "", "key.mismatch");
        return;
    }
    ret->reading = RECORD_READABLE;
    read_headers(in, ret);
}

void record_decode(struct record_decoder *decoder, const struct record_in *in, struct decoded_record *ret)
{
    struct framed framed;

    *ret = (struct decoded_record){.reading = RECORD_TOMBSTONE};
    if (in->value_is_null) {
        return;
    }
    if (in->value.size > RECORD_VALUE_MAX) {
        set_unreadable(ret, "undecodable.", "value.size");
        return;
    }
    framed = record_framing_detect(in->value);
    switch (framed.framing) {
    case FRAMING_UNKNOWN:
        set_unreadable(ret, "undecodable.", "framing");
        return;
    case FRAMING_CONFLUENT:
        set_schema_unknown(ret, &framed);
        return;
    case FRAMING_SINGLE_OBJECT:
        if (framed.schema != decoder->v1_fingerprint) {
            set_schema_unknown(ret, &framed);
            return;
        }
        decode_body(decoder, in, framed.body, ret);
        return;
    }
    CHECK(false);
}

void record_schema_text(const struct decoded_record *record, char ret_text[RECORD_SCHEMA_TEXT_MAX])
{
    if (record->schema_is_registry_id) {
        snprintf(ret_text, RECORD_SCHEMA_TEXT_MAX, "registry id %" PRIu64, record->schema);
    } else {
        snprintf(ret_text, RECORD_SCHEMA_TEXT_MAX, "fingerprint %016" PRIx64, record->schema);
    }
}
