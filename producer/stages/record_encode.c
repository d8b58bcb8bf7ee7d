#include "record_encode.h"

#include "check.h"
#include "incident_avro.h"
#include "memory.h"
#include "utc_time.h"

#include <stdlib.h>

struct record_encoder {
    struct incident_encoder *avro;
    const char *source;
    struct bytes value;
    struct bytes key;
    struct bytes subject;
    struct bytes time;
};

struct record_encoder *record_encoder_create(const char *source)
{
    struct record_encoder *encoder = memory_alloc(1, sizeof(*encoder));
    encoder->avro = incident_encoder_create();
    encoder->source = source;
    return encoder;
}

void record_encoder_destroy(struct record_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    incident_encoder_destroy(encoder->avro);
    bytes_free(&encoder->value);
    bytes_free(&encoder->key);
    bytes_free(&encoder->subject);
    bytes_free(&encoder->time);
    free(encoder);
}

static void add_header(struct outgoing_record *record, const char *name, struct bytes_view value)
{
    CHECK(record->header_count < OUTGOING_HEADERS_MAX);
    record->headers[record->header_count++] = (struct outgoing_header){.name = name, .value = value};
}

void record_encode(struct record_encoder *encoder, const struct incident_event *event, const char *id,
                   struct bytes_view trace_parent, struct outgoing_record *ret_record)
{
    CHECK(event->has_sent_at);
    int64_t sent_at_ms = utc_time_us_to_ms(event->sent_at_us);
    bytes_clear(&encoder->value);
    bytes_clear(&encoder->key);
    bytes_clear(&encoder->subject);
    bytes_clear(&encoder->time);
    incident_encoder_encode(encoder->avro, event, &encoder->value);
    bytes_append_int64(&encoder->key, event->incident.tenant_id);
    bytes_append_int64(&encoder->subject, event->incident.id);
    utc_time_append_millis(&encoder->time, sent_at_ms);

    *ret_record = (struct outgoing_record){
        .key = bytes_as_view(&encoder->key),
        .value = bytes_as_view(&encoder->value),
        .timestamp_ms = sent_at_ms,
    };
    add_header(ret_record, "ce_specversion", BYTES_LITERAL("1.0"));
    add_header(ret_record, "ce_id", bytes_view_of_text(id));
    add_header(ret_record, "ce_type", bytes_view_of_text(event_type_name(event->type)));
    add_header(ret_record, "ce_source", bytes_view_of_text(encoder->source));
    add_header(ret_record, "ce_subject", bytes_as_view(&encoder->subject));
    add_header(ret_record, "ce_time", bytes_as_view(&encoder->time));
    add_header(ret_record, "content-type", BYTES_LITERAL("application/avro"));
    if (trace_parent.size > 0) {
        add_header(ret_record, "traceparent", trace_parent);
    }
}
