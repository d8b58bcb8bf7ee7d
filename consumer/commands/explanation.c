#include "explanation.h"

#include "check.h"
#include "incident_avro.h"
#include "incident_json.h"
#include "memory.h"
#include "route_table.h"
#include "signer.h"
#include "webhook_request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct explainer {
    struct explainer_settings settings;
    struct record_decoder *decoder;
    struct incident_encoder *encoder;
    struct route_table *routes;
    struct signer *signer;
    struct bytes value;      /* scratch: an event as Avro */
    struct bytes body;       /* scratch: what is sent */
    struct bytes signatures; /* scratch */
};

struct explainer *explainer_create(const struct explainer_settings *settings)
{
    struct explainer *explainer = memory_alloc(1, sizeof(*explainer));
    explainer->settings = *settings;
    explainer->decoder = record_decoder_create();
    explainer->encoder = incident_encoder_create();
    explainer->routes = route_table_create(settings->set);
    explainer->signer = signer_create();
    return explainer;
}

void explainer_destroy(struct explainer *explainer)
{
    if (explainer == NULL) {
        return;
    }
    record_decoder_destroy(explainer->decoder);
    incident_encoder_destroy(explainer->encoder);
    route_table_destroy(explainer->routes);
    signer_destroy(explainer->signer);
    bytes_free(&explainer->value);
    bytes_free(&explainer->body);
    bytes_free(&explainer->signatures);
    free(explainer);
}

/* ---- why not ---- */

static void append_reason(struct bytes *text, size_t start, const char *reason)
{
    bytes_append_text(text, text->size == start ? "" : "; ");
    bytes_append_text(text, reason);
}

/* `where.severity is [HIGH], the event's is LOW`; names[i] belongs to bit i. */
static void append_where(struct bytes *text, size_t start, const char *key, unsigned mask, unsigned value,
                         const char *(*name_of)(unsigned value), unsigned count)
{
    bool is_first = true;
    if (mask == 0 || (mask & 1U << value) != 0) {
        return;
    }
    append_reason(text, start, key);
    bytes_append_text(text, " is [");
    for (unsigned i = 0; i < count; i++) {
        if ((mask & 1U << i) != 0) {
            bytes_append_format(text, "%s%s", is_first ? "" : ", ", name_of(i));
            is_first = false;
        }
    }
    bytes_append_format(text, "], the event's is %s", name_of(value));
}

static const char *status_text(unsigned value)
{
    return incident_status_name((enum incident_status)value);
}

static const char *severity_text(unsigned value)
{
    return severity_name((enum severity)value);
}

static const char *type_text(unsigned value)
{
    return event_type_name((enum event_type)value);
}

/* Appends every reason for which it does not get the event; nothing when it gets it. */
static void append_reasons(struct bytes *text, const struct subscription *subscription,
                           const struct incident_event *event)
{
    size_t start = text->size;
    if (subscription->tenant != event->incident.tenant_id) {
        bytes_append_format(text, "it is of tenant %" PRId64, subscription->tenant);
        return;
    }
    if (!subscription->enabled) {
        append_reason(text, start, "it is disabled");
    }
    append_where(text, start, "events", subscription->events_mask, event->type, type_text, EVENT_TYPE_COUNT);
    append_where(text, start, "where.status", subscription->where_status_mask, event->incident.status, status_text,
                 INCIDENT_STATUS_COUNT);
    append_where(text, start, "where.severity", subscription->where_severity_mask, event->incident.severity,
                 severity_text, SEVERITY_COUNT);
}

static bool is_among(const uint32_t *matches, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++) {
        if (matches[i] == index) {
            return true;
        }
    }
    return false;
}

static bool is_spoken_of(const struct explainer *explainer, const struct subscription *subscription)
{
    return explainer->settings.only == NULL || strcmp(explainer->settings.only, subscription->id) == 0;
}

static void append_answers(const struct explainer *explainer, const struct incident_event *event,
                           const uint32_t *matches, size_t match_count, struct bytes *text)
{
    const struct subscription_set *set = explainer->settings.set;
    size_t others = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct subscription *subscription = &set->items[i];
        if (!is_spoken_of(explainer, subscription)) {
            continue;
        }
        if (subscription->tenant != event->incident.tenant_id && ++others > EXPLANATION_OTHERS_MAX) {
            continue;
        }
        bool is_match = is_among(matches, match_count, i);
        bytes_append_format(text, "  %-24s %s", subscription->id, is_match ? "gets it" : "does not: ");
        size_t before = text->size;
        append_reasons(text, subscription, event);
        /* The words and the table that routes must say the same. */
        CHECK((text->size == before) == is_match);
        bytes_append_byte(text, '\n');
    }
    if (others > EXPLANATION_OTHERS_MAX) {
        bytes_append_format(text, "  and %zu more of other tenants do not\n", others - EXPLANATION_OTHERS_MAX);
    }
    if (match_count == 0) {
        bytes_append_text(text, "  nobody gets it\n");
    }
}

/* ---- what is sent ---- */

static void append_request(struct explainer *explainer, const struct decoded_record *record, struct bytes_view key,
                           const struct subscription *subscription, struct bytes *text)
{
    struct bytes_view id = bytes_view_of_text(record->id);
    struct bytes_view body = bytes_as_view(&explainer->body);
    struct webhook_request request;
    struct error error;
    int64_t key_tenant = 0;
    bytes_clear(&explainer->signatures);
    signer_sign_all(explainer->signer, subscription->http.secrets, subscription->http.secret_count,
                    &(struct signer_message){.id = id, .timestamp_s = explainer->settings.now_s, .body = body},
                    &explainer->signatures);
    CHECK(bytes_view_to_int64(key, &key_tenant) == STATUS_OK);
    const struct webhook_attempt attempt = {
        .subscription = subscription,
        .event_tenant = record->event.incident.tenant_id,
        .key_tenant = key_tenant,
        .id = id,
        .timestamp_s = explainer->settings.now_s,
        .signatures = bytes_as_view(&explainer->signatures),
        .traceparent = record->traceparent,
    };
    if (webhook_request_build(&attempt, &request, &error) != STATUS_OK) {
        bytes_append_format(text, "cannot be sent: %s\n", error.text);
        return;
    }
    bytes_append_format(text, "%s %s\n", request.method, request.url);
    for (size_t i = 0; i < request.field_count; i++) {
        bytes_append_view(text, request.fields[i].name);
        bytes_append_text(text, ": ");
        bytes_append_view(text, request.fields[i].value);
        bytes_append_byte(text, '\n');
    }
    bytes_append_byte(text, '\n');
    bytes_append_view(text, body);
    bytes_append_byte(text, '\n');
}

static void append_record(const struct explainer *explainer, const struct record_in *in,
                          const struct subscription *subscription, struct bytes *text)
{
    bytes_append_format(text, "a record to the topic %s, with the key %.*s, ", subscription->kafka.topic,
                        BYTES_PRINTF(in->key));
    if (subscription->kafka.format == KAFKA_FORMAT_AVRO) {
        bytes_append_format(text, "the value (%zu bytes of Avro) and the headers as they are\n", in->value.size);
        return;
    }
    bytes_append_text(text, "the headers but for ce_id (the id above) and\ncontent-type: application/json\n\n");
    bytes_append_view(text, bytes_as_view(&explainer->body));
    bytes_append_byte(text, '\n');
}

static void append_line(const struct explainer *explainer, const struct subscription *subscription, struct bytes *text)
{
    bytes_append_format(text, "a line at the end of %s\n\n", subscription->file.path);
    bytes_append_view(text, bytes_as_view(&explainer->body));
    bytes_append_byte(text, '\n');
}

static void append_delivery(struct explainer *explainer, const struct decoded_record *record,
                            const struct record_in *in, const struct subscription *subscription, struct bytes *text)
{
    bytes_append_format(text, "\nto %s:\n", subscription->id);
    switch (subscription->sink) {
    case SINK_HTTP:
        append_request(explainer, record, in->key, subscription, text);
        return;
    case SINK_KAFKA:
        append_record(explainer, in, subscription, text);
        return;
    case SINK_FILE:
        append_line(explainer, subscription, text);
        return;
    }
    CHECK(false);
}

static void explain_readable(struct explainer *explainer, const struct decoded_record *record,
                             const struct record_in *in, struct bytes *text)
{
    const struct incident *incident = &record->event.incident;
    const uint32_t *matches = NULL;
    size_t count = route_table_match(explainer->routes, &record->event, &matches);
    bytes_append_format(text, "%s, incident %" PRId64 ", tenant %" PRId64 ", %s, %s\nid %s%s\n",
                        event_type_name(record->event.type), incident->id, incident->tenant_id,
                        incident_status_name(incident->status), severity_name(incident->severity), record->id,
                        record->id_is_derived ? " (derived)" : "");
    append_answers(explainer, &record->event, matches, count, text);
    bytes_clear(&explainer->body);
    incident_json_render(&record->event, &explainer->body);
    for (size_t i = 0; i < count; i++) {
        const struct subscription *subscription = &explainer->settings.set->items[matches[i]];
        if (is_spoken_of(explainer, subscription)) {
            append_delivery(explainer, record, in, subscription, text);
        }
    }
}

/* ---- what goes to nobody ---- */

static bool is_plain(struct bytes_view view)
{
    for (size_t i = 0; i < view.size; i++) {
        if (view.data[i] <= 0x20 || view.data[i] >= 0x7f) {
            return false;
        }
    }
    return view.size > 0 && view.size <= 64;
}

static void append_size(const struct record_in *in, struct bytes *text)
{
    bytes_append_format(text, "a value of %zu bytes, ", in->value.size);
    if (in->key_is_null) {
        bytes_append_text(text, "no key");
    } else if (is_plain(in->key)) {
        bytes_append_format(text, "the key %.*s", BYTES_PRINTF(in->key));
    } else {
        bytes_append_format(text, "a key of %zu bytes", in->key.size);
    }
    bytes_append_byte(text, '\n');
}

static void explain_unread(const struct explainer *explainer, const struct decoded_record *record,
                           const struct record_in *in, struct bytes *text)
{
    append_size(in, text);
    if (record->reading == RECORD_SCHEMA_UNKNOWN) {
        char schema[RECORD_SCHEMA_TEXT_MAX];
        record_schema_text(record, schema);
        bytes_append_format(text,
                            "  nobody gets it: its schema (%s) is unknown here; its partition waits for `schema_wait`, "
                            "then it is a dead letter\n",
                            schema);
    } else {
        bytes_append_format(text, "  nobody gets it: it cannot be read%s%s; it is a dead letter\n",
                            record->pointer[0] == '\0' ? "" : " at ", record->pointer);
    }
    bytes_append_format(text, "  in %s, with dl_reason %s\n", explainer->settings.dead_letters, record->reason);
}

bool explainer_explain_record(struct explainer *explainer, const struct record_in *record, struct bytes *text)
{
    struct decoded_record decoded;
    record_decode(explainer->decoder, record, &decoded);
    switch (decoded.reading) {
    case RECORD_READABLE:
        explain_readable(explainer, &decoded, record, text);
        return true;
    case RECORD_TOMBSTONE:
        bytes_append_text(text, "no value\n  nobody gets it: it is counted and skipped\n");
        return true;
    case RECORD_UNREADABLE:
    case RECORD_SCHEMA_UNKNOWN:
        explain_unread(explainer, &decoded, record, text);
        return false;
    }
    CHECK(false);
    return false;
}

bool explainer_explain_event(struct explainer *explainer, const struct incident_event *event, struct bytes *text)
{
    struct incident_event published = *event;
    struct bytes key = {0};
    if (!published.has_sent_at) {
        published.has_sent_at = true;
        published.sent_at_us = explainer->settings.now_s * 1000000;
    }
    bytes_clear(&explainer->value);
    incident_encoder_encode(explainer->encoder, &published, &explainer->value);
    bytes_append_int64(&key, published.incident.tenant_id);
    const struct record_in record = {
        .key = bytes_as_view(&key),
        .value = bytes_as_view(&explainer->value),
        .timestamp_ms = published.sent_at_us / 1000,
    };
    bool is_readable = explainer_explain_record(explainer, &record, text);
    bytes_free(&key);
    return is_readable;
}
