#include "incident_fixture.h"

#include "check.h"
#include "utc_time.h"

#include <stdio.h>
#include <string.h>

const char FIXTURE_LINE[] =
    "{\"event_type\":\"incident.instance.updated\",\"payload\":{\"id\":103,\"description\":[\"tab\",3],"
    "\"status\":\"RESOLVED\",\"severity\":\"MEDIUM\",\"start_time\":\"2026-02-03T09:58:04.93786+00:00\","
    "\"end_time\":\"2026-02-03T10:00:00+00:00\",\"resolution_notes\":{\"by\":\"proctor\"},\"session\":{\"id\":2104,"
    "\"uuid\":\"05b6e6e3-07d4-4edc-9143-1193e6c3f339\",\"score\":-7,\"status\":\"SUSPENDED\","
    "\"created_at\":\"2026-02-03T09:58:04.93786+00:00\",\"updated_at\":\"2026-02-03T09:58:33.875272+00:00\"},"
    "\"tenant_id\":2055,\"created_at\":\"2026-02-03T09:58:05+00:00\",\"updated_at\":\"2026-02-03T09:58:06.5+00:00\"},"
    "\"meta\":{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}}";

struct bytes fixture_read(const char *path)
{
    struct bytes content = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        CHECK(file != NULL);
    }
    uint8_t part[4096];
    size_t size;
    while ((size = fread(part, 1, sizeof part, file)) > 0) {
        bytes_append(&content, part, size);
    }
    CHECK(!ferror(file));
    fclose(file);
    return content;
}

bool fixture_next_line(struct bytes_view *rest, struct bytes_view *ret_line)
{
    if (rest->size == 0) {
        return false;
    }
    const uint8_t *newline = memchr(rest->data, '\n', rest->size);
    size_t size = newline == NULL ? rest->size : (size_t)(newline - rest->data);
    *ret_line = bytes_view_slice(*rest, 0, size);
    size_t used = size + (newline != NULL);
    *rest = bytes_view_slice(*rest, used, rest->size - used);
    return true;
}

struct bytes fixture_replace(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    CHECK(at != NULL);
    struct bytes result = {0};
    bytes_append(&result, text, (size_t)(at - text));
    bytes_append_text(&result, new);
    bytes_append(&result, at + strlen(old), strlen(at + strlen(old)) + 1);
    result.size--; /* NUL-terminated all the same */
    return result;
}

void avro_put_long(struct bytes *bytes, int64_t number)
{
    uint64_t zigzag = ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0);
    while (zigzag >= 0x80) {
        bytes_append_byte(bytes, (uint8_t)(zigzag | 0x80));
        zigzag >>= 7;
    }
    bytes_append_byte(bytes, (uint8_t)zigzag);
}

void avro_put_text(struct bytes *bytes, const char *text)
{
    avro_put_long(bytes, (int64_t)strlen(text));
    bytes_append_text(bytes, text);
}

static void append_space(struct random_source *random, bool with_space, struct bytes *json)
{
    static const char *const SPACES[] = {" ", "\t", "\r", "  ", "\n"};
    if (with_space && random_below(random, 3) == 0) {
        bytes_append_text(json, SPACES[random_below(random, ARRAY_COUNT(SPACES))]);
    }
}

static void append_string(struct random_source *random, struct bytes *json)
{
    static const char *const PARTS[] = {
        "a",       "tab switch",     " ", "é", "日本",  "😀",      "\\n",           "\\\"", "\\\\", "\\/",
        "\\u00e9", "\\ud83d\\ude00", "{", "]", ",\\\"", "\\t\\b", "\\uFFFF\\f\\r", "\x7f",
    };
    bytes_append_byte(json, '"');
    for (uint64_t parts = random_below(random, 6); parts > 0; parts--) {
        bytes_append_text(json, PARTS[random_below(random, ARRAY_COUNT(PARTS))]);
    }
    bytes_append_byte(json, '"');
}

static void append_container(struct random_source *random, int depth, bool with_space, bool is_object,
                             struct bytes *json)
{
    bytes_append_byte(json, is_object ? '{' : '[');
    append_space(random, with_space, json);
    uint64_t count = random_below(random, 4);
    for (uint64_t i = 0; i < count; i++) {
        bytes_append_text(json, i > 0 ? "," : "");
        append_space(random, with_space, json);
        if (is_object) {
            append_string(random, json);
            append_space(random, with_space, json);
            bytes_append_byte(json, ':');
            append_space(random, with_space, json);
        }
        fixture_random_json(random, depth - 1, with_space, json);
        append_space(random, with_space, json);
    }
    bytes_append_byte(json, is_object ? '}' : ']');
}

void fixture_random_json(struct random_source *random, int depth, bool with_space, struct bytes *json)
{
    static const char *const SCALARS[] = {"null", "true", "false", "0",    "-0",   "12",     "-345",
                                          "0.1",  "1.0",  "1e5",   "1E+2", "2e-3", "-0.0e0", "123456789012345678"};
    switch (random_below(random, depth > 0 ? 6 : 3)) {
    case 0:
    case 1:
        bytes_append_text(json, SCALARS[random_below(random, ARRAY_COUNT(SCALARS))]);
        break;
    case 2:
        append_string(random, json);
        break;
    case 3:
        append_container(random, depth, with_space, false, json);
        break;
    default:
        append_container(random, depth, with_space, true, json);
        break;
    }
}

static int64_t random_id(struct random_source *random)
{
    int64_t id = (int64_t)(random_next(random) >> (1 + random_below(random, 63)));
    return id > 0 ? id : 1;
}

static int64_t random_time_us(struct random_source *random)
{
    static const int64_t STEPS[] = {1, 10, 1000, 1000000};
    int64_t step = STEPS[random_below(random, ARRAY_COUNT(STEPS))];
    uint64_t span = (uint64_t)(UTC_TIME_MOST_US - UTC_TIME_LEAST_US) + 1;
    return UTC_TIME_LEAST_US + (int64_t)(random_below(random, span) / (uint64_t)step * (uint64_t)step);
}

static struct bytes_view random_rich_text(struct random_source *random, struct bytes *rich_text)
{
    size_t start = rich_text->size;
    if (random_below(random, 3) == 0) {
        return (struct bytes_view){0};
    }
    fixture_random_json(random, 3, false, rich_text);
    if (rich_text->size - start > 1024 ||
        bytes_view_equal_text(bytes_view_of(rich_text->data + start, rich_text->size - start), "null")) {
        rich_text->size = start;
        bytes_append_text(rich_text, "[0.10]");
    }
    return bytes_view_of(rich_text->data + start, rich_text->size - start);
}

struct incident_event fixture_random_event(struct random_source *random, struct bytes *rich_text)
{
    struct incident_event event = {.version = INCIDENT_VERSION, .has_sent_at = true};
    struct incident *incident = &event.incident;
    struct session *session = &incident->session;
    event.type = (enum event_type)random_below(random, EVENT_TYPE_COUNT);
    event.sent_at_us = utc_time_us_to_ms(random_time_us(random)) * 1000;
    incident->id = random_id(random);
    incident->description = random_rich_text(random, rich_text);
    incident->status = (enum incident_status)random_below(random, INCIDENT_STATUS_COUNT);
    incident->severity = (enum severity)random_below(random, SEVERITY_COUNT);
    incident->start_time_us = random_time_us(random);
    incident->has_end_time = random_below(random, 2) == 0;
    incident->end_time_us = incident->has_end_time ? random_time_us(random) : 0;
    incident->resolution_notes = random_rich_text(random, rich_text);
    session->id = random_id(random);
    snprintf(session->uuid, sizeof session->uuid, "%08x-%04x-%04x-%04x-%012llx",
             (unsigned)random_below(random, 1ULL << 32), (unsigned)random_below(random, 65536),
             (unsigned)random_below(random, 65536), (unsigned)random_below(random, 65536),
             (unsigned long long)random_below(random, 1ULL << 48));
    session->has_score = random_below(random, 2) == 0;
    session->score = session->has_score ? (int64_t)random_next(random) : 0;
    session->status = (enum session_status)random_below(random, SESSION_STATUS_COUNT);
    session->created_at_us = random_time_us(random);
    session->updated_at_us = random_time_us(random);
    incident->tenant_id = random_id(random);
    incident->created_at_us = random_time_us(random);
    incident->updated_at_us = random_time_us(random);
    return event;
}
