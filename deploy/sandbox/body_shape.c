#include "body_shape.h"

#include <jansson.h>
#include <string.h>

enum { DEPTH_MAX = 32, FOUND_SHOWN_MAX = 24, ROW_TIME_SIZE_MAX = 32 };

/* A walk along the body; the first failure is kept, and every later step does nothing. */
struct walk {
    struct bytes_view body;
    size_t at;
    enum status status;
    struct error *ret_error;
};

static void walk_fail(struct walk *walk, const char *place, const char *expected)
{
    if (walk->status != STATUS_OK) {
        return;
    }
    size_t left = walk->body.size - walk->at;
    char found[FOUND_SHOWN_MAX + 1] = {0};
    for (size_t i = 0; i < left && i < FOUND_SHOWN_MAX; i++) {
        uint8_t byte = walk->body.data[walk->at + i];
        found[i] = (char)(byte >= 0x20 && byte < 0x7f ? byte : '?');
    }
    walk->status = error_set(walk->ret_error, STATUS_REFUSED, "%s: expected %s at byte %zu, found %s", place, expected,
                             walk->at, left == 0 ? "the end" : found);
}

static void walk_literal(struct walk *walk, const char *literal)
{
    size_t size = strlen(literal);
    if (walk->status != STATUS_OK) {
        return;
    }
    if (walk->body.size - walk->at < size || memcmp(walk->body.data + walk->at, literal, size) != 0) {
        walk_fail(walk, "shape", literal);
        return;
    }
    walk->at += size;
}

static bool walk_takes(struct walk *walk, const char *literal)
{
    size_t size = strlen(literal);
    if (walk->status != STATUS_OK || walk->body.size - walk->at < size ||
        memcmp(walk->body.data + walk->at, literal, size) != 0) {
        return false;
    }
    walk->at += size;
    return true;
}

/* An integer as JSON prints it: no leading zero, no plus, no fraction. */
static int64_t walk_integer(struct walk *walk, const char *place, int64_t min)
{
    size_t end = walk->at;
    while (end < walk->body.size &&
           (walk->body.data[end] == '-' || (walk->body.data[end] >= '0' && walk->body.data[end] <= '9'))) {
        end += 1;
    }
    if (walk->status != STATUS_OK) {
        return 0;
    }
    struct bytes_view digits = bytes_view_slice(walk->body, walk->at, end - walk->at);
    int64_t number = 0;
    char again[24];
    if (bytes_view_to_int64(digits, &number) != STATUS_OK || number < min ||
        (size_t)snprintf(again, sizeof(again), "%lld", (long long)number) != digits.size ||
        memcmp(again, digits.data, digits.size) != 0) {
        walk_fail(walk, place, min == 1 ? "an integer from 1" : "an integer");
        return 0;
    }
    walk->at = end;
    return number;
}

/* The text between two quotes, which holds no escape. */
static struct bytes_view walk_plain_text(struct walk *walk, const char *place)
{
    struct bytes_view none = {NULL, 0};
    if (!walk_takes(walk, "\"")) {
        walk_fail(walk, place, "a string");
        return none;
    }
    size_t start = walk->at;
    while (walk->at < walk->body.size && walk->body.data[walk->at] != '"' && walk->body.data[walk->at] != '\\') {
        walk->at += 1;
    }
    struct bytes_view text = bytes_view_slice(walk->body, start, walk->at - start);
    walk_literal(walk, "\"");
    return walk->status == STATUS_OK ? text : none;
}

static struct bytes_view walk_enum(struct walk *walk, const char *place, const char *const *names)
{
    size_t start = walk->at;
    struct bytes_view text = walk_plain_text(walk, place);
    for (const char *const *name = names; *name != NULL; name++) {
        if (bytes_view_equal_text(text, *name)) {
            return text;
        }
    }
    walk->at = start;
    walk_fail(walk, place, "one of its names");
    return text;
}

/* `text` follows `pattern`: d a digit, x a lower-case hexadecimal digit, anything else itself. */
static bool follows_pattern(struct bytes_view text, const char *pattern)
{
    if (text.size != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        bool fits = pattern[i] == 'd'   ? is_digit
                    : pattern[i] == 'x' ? is_digit || (c >= 'a' && c <= 'f')
                                        : c == pattern[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static int two_digits(struct bytes_view text, size_t at)
{
    return (text.data[at] - '0') * 10 + (text.data[at + 1] - '0');
}

/* The first 19 bytes, YYYY-MM-DDTHH:MM:SS, are a moment of the calendar. */
static bool is_calendar_time(struct bytes_view text)
{
    if (text.size < 19 || !follows_pattern(bytes_view_slice(text, 0, 19), "dddd-dd-ddTdd:dd:dd")) {
        return false;
    }
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = two_digits(text, 0) * 100 + two_digits(text, 2);
    int month = two_digits(text, 5);
    int day = two_digits(text, 8);
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    int day_max = month == 2 && is_leap ? 29 : days[month - 1];
    return day <= day_max && two_digits(text, 11) < 24 && two_digits(text, 14) < 60 && two_digits(text, 17) < 60;
}

/* A row's time as PostgreSQL prints it: up to six fraction digits, no zero at their end, +00:00. */
static bool is_row_time(struct bytes_view text)
{
    if (!is_calendar_time(text) || text.size > ROW_TIME_SIZE_MAX || text.size < 25 ||
        !follows_pattern(bytes_view_slice(text, text.size - 6, 6), "+00:00")) {
        return false;
    }
    size_t fraction = text.size - 19 - 6;
    if (fraction == 0) {
        return true;
    }
    static const char *const patterns[] = {".d", ".dd", ".ddd", ".dddd", ".ddddd", ".dddddd"};
    return fraction >= 2 && fraction <= 7 &&
           follows_pattern(bytes_view_slice(text, 19, fraction), patterns[fraction - 2]) &&
           text.data[text.size - 7] != '0';
}

static void walk_row_time(struct walk *walk, const char *place)
{
    size_t start = walk->at;
    struct bytes_view text = walk_plain_text(walk, place);
    if (walk->status == STATUS_OK && !is_row_time(text)) {
        walk->at = start;
        walk_fail(walk, place, "a time as PostgreSQL prints it, in UTC");
    }
}

/* Moves past one string, `at` standing on its opening quote. */
static void walk_past_string(struct walk *walk, const char *place)
{
    walk->at += 1;
    while (walk->at < walk->body.size && walk->body.data[walk->at] != '"') {
        walk->at += walk->body.data[walk->at] == '\\' ? 2 : 1;
    }
    if (walk->at >= walk->body.size) {
        walk->at = walk->body.size;
        walk_fail(walk, place, "the end of a string");
        return;
    }
    walk->at += 1;
}

/* Finds where the value that starts here ends, by brackets and quotes alone. */
static void walk_past_value(struct walk *walk, const char *place)
{
    int depth = 0;
    while (walk->status == STATUS_OK && walk->at < walk->body.size) {
        uint8_t byte = walk->body.data[walk->at];
        if (byte == '"') {
            walk_past_string(walk, place);
            continue;
        }
        if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
            walk_fail(walk, place, "no white space outside strings");
        } else if (byte == '{' || byte == '[') {
            depth += 1;
        } else if (depth == 0 && (byte == ',' || byte == '}' || byte == ']')) {
            return;
        } else if (byte == '}' || byte == ']') {
            depth -= 1;
        }
        if (depth > DEPTH_MAX) {
            walk_fail(walk, place, "at most 32 levels");
        }
        walk->at += 1;
    }
}

static void walk_rich_text(struct walk *walk, const char *place)
{
    size_t start = walk->at;
    walk_past_value(walk, place);
    if (walk->status != STATUS_OK) {
        return;
    }
    struct bytes_view text = bytes_view_slice(walk->body, start, walk->at - start);
    json_error_t error;
    json_t *value = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    /* 1e400 is legal JSON and carried as it stands; jansson has no number to hold it. */
    if (value == NULL && json_error_code(&error) != json_error_numeric_overflow) {
        walk->at = start;
        walk_fail(walk, place, "one JSON value");
    }
    json_decref(value);
}

static void walk_session(struct walk *walk)
{
    static const char *const statuses[] = {"CREATED",   "IN_PROGRESS", "PAUSED", "STOPPED",
                                           "SUSPENDED", "COMPLETED",   NULL};
    walk_literal(walk, ",\"session\":{\"id\":");
    walk_integer(walk, "session.id", 1);
    walk_literal(walk, ",\"uuid\":");
    size_t start = walk->at;
    struct bytes_view uuid = walk_plain_text(walk, "session.uuid");
    if (walk->status == STATUS_OK && !follows_pattern(uuid, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")) {
        walk->at = start;
        walk_fail(walk, "session.uuid", "8-4-4-4-12 lower-case hexadecimal digits");
    }
    walk_literal(walk, ",\"score\":");
    if (!walk_takes(walk, "null")) {
        walk_integer(walk, "session.score", INT64_MIN);
    }
    walk_literal(walk, ",\"status\":");
    walk_enum(walk, "session.status", statuses);
    walk_literal(walk, ",\"created_at\":");
    walk_row_time(walk, "session.created_at");
    walk_literal(walk, ",\"updated_at\":");
    walk_row_time(walk, "session.updated_at");
    walk_literal(walk, "}");
}

static void walk_payload(struct walk *walk, struct body_facts *facts)
{
    static const char *const statuses[] = {"TRIGGERED", "RESOLVED", "DISMISSED", "REOPENED", NULL};
    static const char *const severities[] = {"LOW", "MEDIUM", "HIGH", NULL};
    walk_literal(walk, ",\"payload\":{\"id\":");
    facts->incident_id = walk_integer(walk, "id", 1);
    walk_literal(walk, ",\"description\":");
    walk_rich_text(walk, "description");
    walk_literal(walk, ",\"status\":");
    facts->status = walk_enum(walk, "status", statuses);
    walk_literal(walk, ",\"severity\":");
    facts->severity = walk_enum(walk, "severity", severities);
    walk_literal(walk, ",\"start_time\":");
    walk_row_time(walk, "start_time");
    walk_literal(walk, ",\"end_time\":");
    if (!walk_takes(walk, "null")) {
        walk_row_time(walk, "end_time");
    }
    walk_literal(walk, ",\"resolution_notes\":");
    walk_rich_text(walk, "resolution_notes");
    walk_session(walk);
    walk_literal(walk, ",\"tenant_id\":");
    facts->tenant_id = walk_integer(walk, "tenant_id", 1);
    walk_literal(walk, ",\"created_at\":");
    walk_row_time(walk, "created_at");
    walk_literal(walk, ",\"updated_at\":");
    walk_row_time(walk, "updated_at");
    walk_literal(walk, "}");
}

enum status body_shape_check(struct bytes_view body, struct body_facts *ret_facts, struct error *ret_error)
{
    static const char *const types[] = {"incident.instance.create", "incident.instance.updated", NULL};
    struct walk walk = {.body = body, .status = STATUS_OK, .ret_error = ret_error};
    *ret_facts = (struct body_facts){0};

    walk_literal(&walk, "{\"event_type\":");
    ret_facts->event_type = walk_enum(&walk, "event_type", types);
    walk_payload(&walk, ret_facts);
    walk_literal(&walk, ",\"meta\":{\"version\":1,\"sent_at\":");
    ret_facts->sent_at_start = walk.at;
    struct bytes_view sent_at = walk_plain_text(&walk, "meta.sent_at");
    if (walk.status == STATUS_OK &&
        (!is_calendar_time(sent_at) || !follows_pattern(bytes_view_slice(sent_at, 19, sent_at.size - 19), ".dddZ"))) {
        walk.at = ret_facts->sent_at_start;
        walk_fail(&walk, "meta.sent_at", "a UTC time with three digits and Z");
    }
    walk_literal(&walk, "}}");
    if (walk.status == STATUS_OK && walk.at != body.size) {
        walk_fail(&walk, "shape", "the end");
    }
    return walk.status;
}
