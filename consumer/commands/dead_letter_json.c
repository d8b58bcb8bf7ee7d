#include "dead_letter_json.h"

#include "dead_letter_text.h"
#include "incident_json.h"
#include "json_scan.h"
#include "utc_time.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* A name that is no text (nobody writes one, but anybody can) is shown escaped. */
static void append_name(struct bytes *out, const char *name, const char *suffix)
{
    struct bytes text = {0};
    if (json_scan_is_utf8(bytes_view_of_text(name))) {
        bytes_append_text(&text, name);
    } else {
        dead_letter_text_append_escaped(&text, bytes_view_of_text(name), DEAD_LETTER_TEXT_VALUE_MAX);
    }
    bytes_append_text(&text, suffix);
    bytes_append_json_string(out, bytes_as_view(&text));
    bytes_free(&text);
}

/* `,"name":"text"` or `,"name_base64":"…"`. */
static void append_member(struct bytes *out, const char *name, struct bytes_view text)
{
    bool is_text = json_scan_is_utf8(text);
    bytes_append_byte(out, ',');
    append_name(out, name, is_text ? "" : "_base64");
    bytes_append_byte(out, ':');
    if (is_text) {
        bytes_append_json_string(out, text);
    } else {
        bytes_append_byte(out, '"');
        bytes_append_base64(out, text);
        bytes_append_byte(out, '"');
    }
}

static void append_member_or_null(struct bytes *out, const char *name, struct bytes_view text, bool is_there)
{
    if (is_there) {
        append_member(out, name, text);
    } else {
        bytes_append_format(out, ",\"%s\":null", name);
    }
}

static void append_start(struct bytes *out, const struct dead_letter_facts *facts)
{
    const struct record_in *record = facts->record;
    int64_t ms = record->timestamp_ms;
    bytes_append_format(out, "{\"position\":\"%" PRId32 ":%" PRId64 "\",\"timestamp\":", facts->partition,
                        facts->offset);
    if (ms == -1) {
        bytes_append_text(out, "null");
    } else if (ms >= UTC_TIME_LEAST_US / 1000 && ms <= UTC_TIME_MOST_US / 1000) {
        bytes_append_byte(out, '"');
        utc_time_append_millis(out, ms);
        bytes_append_byte(out, '"');
    } else {
        bytes_append_int64(out, ms);
    }
    append_member_or_null(out, "key", record->key, !record->key_is_null);
    bytes_append_text(out, ",\"tenant\":");
    if (facts->tenant > 0) {
        bytes_append_int64(out, facts->tenant);
    } else {
        bytes_append_text(out, "null");
    }
}

static void append_origin(struct bytes *out, const struct dead_letter_facts *facts)
{
    bool is_there = facts->origin_topic.size > 0 && facts->origin_partition.size > 0 && facts->origin_offset.size > 0;
    struct bytes origin = {0};
    if (is_there) {
        bytes_append_view(&origin, facts->origin_topic);
        bytes_append_byte(&origin, ':');
        bytes_append_view(&origin, facts->origin_partition);
        bytes_append_byte(&origin, ':');
        bytes_append_view(&origin, facts->origin_offset);
    }
    append_member_or_null(out, "origin", bytes_as_view(&origin), is_there);
    bytes_free(&origin);
}

/* A key stands in an object once: of headers of one name the last counts. */
static bool comes_again(const struct dead_letter_facts *facts, size_t at)
{
    for (size_t i = at + 1; i < facts->added_count; i++) {
        if (strcmp(facts->added[i].name, facts->added[at].name) == 0) {
            return true;
        }
    }
    return false;
}

void dead_letter_json_append_line(struct bytes *out, const struct dead_letter_facts *facts)
{
    append_start(out, facts);
    append_member_or_null(out, "ce_id", facts->ce_id, facts->ce_id.size > 0);
    append_member_or_null(out, "ce_type", facts->ce_type, facts->ce_type.size > 0);
    append_origin(out, facts);
    for (size_t i = 0; i < facts->added_count; i++) {
        const struct record_header *header = &facts->added[i];
        if (strncmp(header->name, "dl_", 3) == 0 && !header->value_is_null && !comes_again(facts, i)) {
            append_member(out, header->name, header->value);
        }
    }
    bytes_append_text(out, "}\n");
}

static void append_headers(struct bytes *out, const struct record_in *record)
{
    bytes_append_text(out, ",\"headers\":[");
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        bytes_append_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        append_name(out, header->name, "");
        append_member_or_null(out, "value", header->value, !header->value_is_null);
        bytes_append_byte(out, '}');
    }
    bytes_append_byte(out, ']');
}

static void append_rule(struct bytes *out, const struct decoded_record *decoded)
{
    static const char prefix[] = "undecodable.";
    const char *rule = decoded->reason;
    if (strncmp(rule, prefix, sizeof(prefix) - 1) == 0) {
        rule += sizeof(prefix) - 1;
    }
    append_member(out, "rule", bytes_view_of_text(rule));
    append_member(out, "pointer", bytes_view_of_text(decoded->pointer));
    if (decoded->reading == RECORD_SCHEMA_UNKNOWN) {
        char schema[RECORD_SCHEMA_TEXT_MAX];
        record_schema_text(decoded, schema);
        append_member(out, "schema", bytes_view_of_text(schema));
    }
}

static void append_raw_value(struct bytes *out, struct bytes_view value)
{
    bool is_cut = value.size > DEAD_LETTER_JSON_VALUE_MAX;
    bytes_append_format(out, ",\"value_cut\":%s,\"value_base64\":\"", is_cut ? "true" : "false");
    bytes_append_base64(out, bytes_view_slice(value, 0, is_cut ? DEAD_LETTER_JSON_VALUE_MAX : value.size));
    bytes_append_byte(out, '"');
}

static void append_event(struct bytes *out, const struct decoded_record *decoded)
{
    bytes_append_text(out, ",\"event\":");
    incident_json_render(&decoded->event, out);
}

void dead_letter_json_append_letter(struct bytes *out, const struct dead_letter_facts *facts,
                                    const struct decoded_record *decoded)
{
    append_start(out, facts);
    append_headers(out, facts->record);
    bytes_append_format(out, ",\"value_bytes\":%zu", facts->record->value.size);
    switch (decoded->reading) {
    case RECORD_READABLE:
        append_member(out, "id", bytes_view_of_text(decoded->id));
        append_event(out, decoded);
        break;
    case RECORD_TOMBSTONE:
        bytes_append_text(out, ",\"event\":null");
        break;
    case RECORD_SCHEMA_UNKNOWN:
    case RECORD_UNREADABLE:
        append_rule(out, decoded);
        if (dead_letter_facts_has_event(decoded)) {
            append_event(out, decoded);
        } else {
            append_raw_value(out, facts->record->value);
        }
        break;
    }
    bytes_append_text(out, "}\n");
}
