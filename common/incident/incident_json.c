#include "incident_json.h"

#include "utc_time.h"

#define APPEND_LITERAL(json, literal) bytes_append((json), (literal), sizeof(literal) - 1)

static void append_name(struct bytes *json, const char *name)
{
    bytes_append_byte(json, '"');
    bytes_append_text(json, name);
    bytes_append_byte(json, '"');
}

static void append_time(struct bytes *json, int64_t us)
{
    bytes_append_byte(json, '"');
    utc_time_append_row(json, us);
    bytes_append_byte(json, '"');
}

static void append_null(struct bytes *json)
{
    APPEND_LITERAL(json, "null");
}

static void append_rich_text(struct bytes *json, struct bytes_view rich_text)
{
    if (rich_text.size == 0) {
        append_null(json);
    } else {
        bytes_append_view(json, rich_text);
    }
}

static void append_session(struct bytes *json, const struct session *session)
{
    APPEND_LITERAL(json, "{\"id\":");
    bytes_append_int64(json, session->id);
    APPEND_LITERAL(json, ",\"uuid\":");
    append_name(json, session->uuid);
    APPEND_LITERAL(json, ",\"score\":");
    if (session->has_score) {
        bytes_append_int64(json, session->score);
    } else {
        append_null(json);
    }
    APPEND_LITERAL(json, ",\"status\":");
    append_name(json, session_status_name(session->status));
    APPEND_LITERAL(json, ",\"created_at\":");
    append_time(json, session->created_at_us);
    APPEND_LITERAL(json, ",\"updated_at\":");
    append_time(json, session->updated_at_us);
    bytes_append_byte(json, '}');
}

void incident_json_render_payload(const struct incident *incident, struct bytes *json)
{
    APPEND_LITERAL(json, "{\"id\":");
    bytes_append_int64(json, incident->id);
    APPEND_LITERAL(json, ",\"description\":");
    append_rich_text(json, incident->description);
    APPEND_LITERAL(json, ",\"status\":");
    append_name(json, incident_status_name(incident->status));
    APPEND_LITERAL(json, ",\"severity\":");
    append_name(json, severity_name(incident->severity));
    APPEND_LITERAL(json, ",\"start_time\":");
    append_time(json, incident->start_time_us);
    APPEND_LITERAL(json, ",\"end_time\":");
    if (incident->has_end_time) {
        append_time(json, incident->end_time_us);
    } else {
        append_null(json);
    }
    APPEND_LITERAL(json, ",\"resolution_notes\":");
    append_rich_text(json, incident->resolution_notes);
    APPEND_LITERAL(json, ",\"session\":");
    append_session(json, &incident->session);
    APPEND_LITERAL(json, ",\"tenant_id\":");
    bytes_append_int64(json, incident->tenant_id);
    APPEND_LITERAL(json, ",\"created_at\":");
    append_time(json, incident->created_at_us);
    APPEND_LITERAL(json, ",\"updated_at\":");
    append_time(json, incident->updated_at_us);
    bytes_append_byte(json, '}');
}

void incident_json_render(const struct incident_event *event, struct bytes *json)
{
    /* The parts around the rich text are below 1,024 bytes: one growth at most. */
    bytes_reserve(json, json->size + 1024 + event->incident.description.size + event->incident.resolution_notes.size);
    APPEND_LITERAL(json, "{\"event_type\":");
    append_name(json, event_type_name(event->type));
    APPEND_LITERAL(json, ",\"payload\":");
    incident_json_render_payload(&event->incident, json);
    APPEND_LITERAL(json, ",\"meta\":{\"version\":");
    bytes_append_int64(json, event->version);
    if (event->has_sent_at) {
        APPEND_LITERAL(json, ",\"sent_at\":\"");
        utc_time_append_millis(json, utc_time_us_to_ms(event->sent_at_us));
        bytes_append_byte(json, '"');
    }
    APPEND_LITERAL(json, "}}");
}

void incident_json_render_before(const struct incident *incident, struct bytes *json)
{
    APPEND_LITERAL(json, "{\"id\":");
    bytes_append_int64(json, incident->id);
    APPEND_LITERAL(json, ",\"status\":");
    append_name(json, incident_status_name(incident->status));
    APPEND_LITERAL(json, ",\"severity\":");
    append_name(json, severity_name(incident->severity));
    APPEND_LITERAL(json, ",\"resolution_notes\":");
    append_rich_text(json, incident->resolution_notes);
    APPEND_LITERAL(json, ",\"tenant_id\":");
    bytes_append_int64(json, incident->tenant_id);
    bytes_append_byte(json, '}');
}
