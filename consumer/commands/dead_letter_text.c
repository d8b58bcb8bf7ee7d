#include "dead_letter_text.h"

#include "incident_json.h"
#include "utc_time.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum { DUMP_LINE = 16 };

static bool is_printable(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

void dead_letter_text_append_escaped(struct bytes *out, struct bytes_view text, size_t most)
{
    size_t size = text.size < most ? text.size : most;
    for (size_t i = 0; i < size; i++) {
        if (is_printable(text.data[i])) {
            bytes_append_byte(out, text.data[i]);
        } else {
            bytes_append_format(out, "\\x%02x", text.data[i]);
        }
    }
    if (size < text.size) {
        bytes_append_text(out, "...");
    }
}

void dead_letter_text_append_time(struct bytes *out, int64_t ms)
{
    if (ms == -1) {
        bytes_append_byte(out, '-');
    } else if (ms >= UTC_TIME_LEAST_US / 1000 && ms <= UTC_TIME_MOST_US / 1000) {
        utc_time_append_millis(out, ms);
    } else {
        bytes_append_int64(out, ms);
    }
}

/* ---- JSON over several lines ---- */

static void append_line_start(struct bytes *out, unsigned depth)
{
    bytes_append_byte(out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        bytes_append_text(out, "  ");
    }
}

/* The code point of the UTF-8 sequence at `at` if it is one that a terminal may act upon, with its size; else 0. */
static unsigned find_unsafe(struct bytes_view json, size_t at, size_t *ret_size)
{
    const uint8_t *data = json.data + at;
    size_t left = json.size - at;
    unsigned code = 0;
    if (data[0] == 0x7f) {
        *ret_size = 1;
        return 0x7f;
    }
    if (left >= 2 && data[0] == 0xc2 && data[1] < 0xa0) {
        *ret_size = 2;
        return data[1];
    }
    if (left >= 3 && data[0] == 0xe2 && (data[1] == 0x80 || data[1] == 0x81)) {
        code = 0x2000 | (unsigned)(data[1] & 0x3f) << 6 | (data[2] & 0x3f);
        *ret_size = 3;
    }
    bool is_mark =
        code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return is_mark ? code : 0;
}

/* From the quote at `at` to behind the closing one; returns where that is. */
static size_t append_string(struct bytes *out, struct bytes_view json, size_t at)
{
    bytes_append_byte(out, json.data[at++]);
    while (at < json.size) {
        uint8_t byte = json.data[at];
        size_t size = 0;
        unsigned code = find_unsafe(json, at, &size);
        if (code != 0) {
            bytes_append_format(out, "\\u%04x", code);
            at += size;
            continue;
        }
        bytes_append_byte(out, byte);
        at++;
        if (byte == '"') {
            break;
        }
        if (byte == '\\' && at < json.size) {
            bytes_append_byte(out, json.data[at++]);
        }
    }
    return at;
}

void dead_letter_text_append_indented(struct bytes *out, struct bytes_view json)
{
    unsigned depth = 0;
    for (size_t at = 0; at < json.size;) {
        uint8_t byte = json.data[at];
        bool is_empty = at + 1 < json.size && (json.data[at + 1] == '}' || json.data[at + 1] == ']');
        switch (byte) {
        case '"':
            at = append_string(out, json, at);
            continue;
        case '{':
        case '[':
            bytes_append_byte(out, byte);
            if (is_empty) {
                bytes_append_byte(out, json.data[++at]);
            } else {
                append_line_start(out, ++depth);
            }
            break;
        case '}':
        case ']':
            append_line_start(out, depth > 0 ? --depth : 0);
            bytes_append_byte(out, byte);
            break;
        case ',':
            bytes_append_byte(out, byte);
            append_line_start(out, depth);
            break;
        case ':':
            bytes_append_text(out, ": ");
            break;
        default:
            bytes_append_byte(out, byte);
        }
        at++;
    }
}

/* ---- the letter ---- */

static void append_dump(struct bytes *out, struct bytes_view value)
{
    size_t size = value.size < DEAD_LETTER_TEXT_DUMP_MAX ? value.size : DEAD_LETTER_TEXT_DUMP_MAX;
    for (size_t start = 0; start < size; start += DUMP_LINE) {
        bytes_append_format(out, "  %04zx ", start);
        for (size_t i = start; i < start + DUMP_LINE; i++) {
            if (i < size) {
                bytes_append_format(out, " %02x", value.data[i]);
            } else {
                bytes_append_text(out, "   ");
            }
        }
        bytes_append_text(out, "  |");
        for (size_t i = start; i < start + DUMP_LINE && i < size; i++) {
            bytes_append_byte(out, is_printable(value.data[i]) ? value.data[i] : '.');
        }
        bytes_append_text(out, "|\n");
    }
    if (size < value.size) {
        bytes_append_format(out, "  and %zu bytes more (--json has more of it, in base64)\n", value.size - size);
    }
}

static void append_event(struct bytes *out, const struct decoded_record *decoded)
{
    struct bytes json = {0};
    incident_json_render(&decoded->event, &json);
    dead_letter_text_append_indented(out, bytes_as_view(&json));
    bytes_append_byte(out, '\n');
    bytes_free(&json);
}

static void append_value(struct bytes *out, const struct dead_letter_facts *facts, const struct decoded_record *decoded)
{
    struct bytes_view value = facts->record->value;
    char schema[RECORD_SCHEMA_TEXT_MAX];
    switch (decoded->reading) {
    case RECORD_READABLE:
        bytes_append_format(out, "event %s%s\n", decoded->id, decoded->id_is_derived ? " (derived)" : "");
        append_event(out, decoded);
        return;
    case RECORD_TOMBSTONE:
        bytes_append_text(out, "no value\n");
        return;
    case RECORD_SCHEMA_UNKNOWN:
        record_schema_text(decoded, schema);
        bytes_append_format(out, "value of %zu bytes cannot be read: %s, %s\n", value.size, decoded->reason, schema);
        append_dump(out, value);
        return;
    case RECORD_UNREADABLE:
        if (dead_letter_facts_has_event(decoded)) {
            bytes_append_format(out, "event, not to be delivered: %s, it is of tenant %" PRId64 "\n", decoded->reason,
                                decoded->event.incident.tenant_id);
            append_event(out, decoded);
            return;
        }
        if (value.size == 0) {
            bytes_append_text(out, "the value is empty\n");
            return;
        }
        bytes_append_format(out, "value of %zu bytes cannot be read: %s%s%s\n", value.size, decoded->reason,
                            decoded->pointer[0] == '\0' ? "" : " at ", decoded->pointer);
        append_dump(out, value);
        return;
    }
}

void dead_letter_text_append_letter(struct bytes *out, const char *topic, const struct dead_letter_facts *facts,
                                    const struct decoded_record *decoded)
{
    const struct record_in *record = facts->record;
    bytes_append_format(out, "dead letter %s:%" PRId32 ":%" PRId64 "\ntimestamp ", topic, facts->partition,
                        facts->offset);
    dead_letter_text_append_time(out, record->timestamp_ms);
    bytes_append_text(out, "\nkey ");
    if (record->key_is_null) {
        bytes_append_text(out, "(none)");
    } else {
        dead_letter_text_append_escaped(out, record->key, DEAD_LETTER_TEXT_VALUE_MAX);
    }
    bytes_append_text(out, record->header_count > 0 ? "\nheaders\n" : "\nno headers\n");
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        bytes_append_text(out, "  ");
        dead_letter_text_append_escaped(out, bytes_view_of_text(header->name), DEAD_LETTER_TEXT_VALUE_MAX);
        bytes_append_text(out, header->value_is_null ? " (null)" : ": ");
        dead_letter_text_append_escaped(out, header->value, DEAD_LETTER_TEXT_VALUE_MAX);
        bytes_append_byte(out, '\n');
    }
    append_value(out, facts, decoded);
}
