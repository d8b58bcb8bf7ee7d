#include "incident_rules.h"

#include "check.h"
#include "utc_time.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME(text) .name = (text), .name_size = sizeof(text) - 1
#define ENVELOPE .parent = INCIDENT_OBJECT_ENVELOPE, .opens = INCIDENT_OBJECT_NONE
#define PAYLOAD .parent = INCIDENT_OBJECT_PAYLOAD, .opens = INCIDENT_OBJECT_NONE
#define SESSION .parent = INCIDENT_OBJECT_SESSION, .opens = INCIDENT_OBJECT_NONE
#define META .parent = INCIDENT_OBJECT_META, .opens = INCIDENT_OBJECT_NONE
#define OBJECT_IN(where, what) .type = INCIDENT_FIELD_TYPE_OBJECT, .parent = (where), .opens = (what)
#define PATH(text, prefix) .path = (text), .pointer = (prefix)
#define NULLABLE .is_nullable = true, .may_be_absent = true
#define TYPE(kind) .type = INCIDENT_FIELD_TYPE_##kind

static const struct incident_field_rule FIELDS[INCIDENT_FIELD_COUNT] = {
    {NAME("event_type"), PATH("event_type", "/event_type"), ENVELOPE, TYPE(EVENT_TYPE)},
    {NAME("payload"), PATH("payload", "/payload"), OBJECT_IN(INCIDENT_OBJECT_ENVELOPE, INCIDENT_OBJECT_PAYLOAD)},
    {NAME("id"), PATH("id", "/payload/id"), PAYLOAD, TYPE(INTEGER), .least = 1},
    {NAME("description"), PATH("description", "/payload/description"), PAYLOAD, TYPE(RICH_TEXT), NULLABLE},
    {NAME("status"), PATH("status", "/payload/status"), PAYLOAD, TYPE(STATUS)},
    {NAME("severity"), PATH("severity", "/payload/severity"), PAYLOAD, TYPE(SEVERITY)},
    {NAME("start_time"), PATH("start_time", "/payload/start_time"), PAYLOAD, TYPE(TIMESTAMP)},
    {NAME("end_time"), PATH("end_time", "/payload/end_time"), PAYLOAD, TYPE(TIMESTAMP), NULLABLE},
    {NAME("resolution_notes"), PATH("resolution_notes", "/payload/resolution_notes"), PAYLOAD, TYPE(RICH_TEXT),
     NULLABLE},
    {NAME("session"), PATH("session", "/payload/session"), OBJECT_IN(INCIDENT_OBJECT_PAYLOAD, INCIDENT_OBJECT_SESSION)},
    {NAME("id"), PATH("session.id", "/payload/session/id"), SESSION, TYPE(INTEGER), .least = 1},
    {NAME("uuid"), PATH("session.uuid", "/payload/session/uuid"), SESSION, TYPE(UUID)},
    {NAME("score"), PATH("session.score", "/payload/session/score"), SESSION, TYPE(INTEGER), NULLABLE,
     .least = INT64_MIN},
    {NAME("status"), PATH("session.status", "/payload/session/status"), SESSION, TYPE(SESSION_STATUS)},
    {NAME("created_at"), PATH("session.created_at", "/payload/session/created_at"), SESSION, TYPE(TIMESTAMP)},
    {NAME("updated_at"), PATH("session.updated_at", "/payload/session/updated_at"), SESSION, TYPE(TIMESTAMP)},
    {NAME("tenant_id"), PATH("tenant_id", "/payload/tenant_id"), PAYLOAD, TYPE(INTEGER), .least = 1},
    {NAME("created_at"), PATH("created_at", "/payload/created_at"), PAYLOAD, TYPE(TIMESTAMP)},
    {NAME("updated_at"), PATH("updated_at", "/payload/updated_at"), PAYLOAD, TYPE(TIMESTAMP)},
    {NAME("meta"), PATH("meta", "/meta"), OBJECT_IN(INCIDENT_OBJECT_ENVELOPE, INCIDENT_OBJECT_META)},
    {NAME("version"), PATH("meta.version", "/meta/version"), META, TYPE(VERSION)},
    {NAME("sent_at"), PATH("meta.sent_at", "/meta/sent_at"), META, TYPE(TIMESTAMP), .may_be_absent = true},
};

/* What a field must be, for messages. */
static const char *const EXPECTED[] = {
    [INCIDENT_FIELD_TYPE_OBJECT] = "an object",
    [INCIDENT_FIELD_TYPE_INTEGER] = "an integer from 1 to 9223372036854775807",
    [INCIDENT_FIELD_TYPE_VERSION] = "an integer",
    [INCIDENT_FIELD_TYPE_EVENT_TYPE] = "one of incident.instance.create, incident.instance.updated",
    [INCIDENT_FIELD_TYPE_STATUS] = "one of TRIGGERED, RESOLVED, DISMISSED, REOPENED",
    [INCIDENT_FIELD_TYPE_SEVERITY] = "one of LOW, MEDIUM, HIGH",
    [INCIDENT_FIELD_TYPE_SESSION_STATUS] = "one of CREATED, IN_PROGRESS, PAUSED, STOPPED, SUSPENDED, COMPLETED",
    [INCIDENT_FIELD_TYPE_UUID] = "a UUID of 8-4-4-4-12 hexadecimal digits",
    [INCIDENT_FIELD_TYPE_TIMESTAMP] =
        "an RFC 3339 time of the years 0001 to 9999, such as 2026-02-03T10:46:23.26+00:00",
    [INCIDENT_FIELD_TYPE_RICH_TEXT] = "JSON text",
};

const struct incident_field_rule *incident_rules_field(enum incident_field field)
{
    CHECK((unsigned)field < INCIDENT_FIELD_COUNT);
    return &FIELDS[field];
}

enum incident_field incident_rules_find(enum incident_object object, struct bytes_view name)
{
    for (unsigned field = 0; field < INCIDENT_FIELD_COUNT; field++) {
        const struct incident_field_rule *rule = &FIELDS[field];
        if (rule->parent == object && rule->name_size == name.size && memcmp(rule->name, name.data, name.size) == 0) {
            return (enum incident_field)field;
        }
    }
    return INCIDENT_FIELD_COUNT;
}

/* The size of the longest beginning of `text` that has at most `most` bytes and ends on a character border. */
static size_t cut_size(const char *text, size_t size, size_t most)
{
    if (size <= most) {
        return size;
    }
    size = most;
    while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80) {
        size--;
    }
    return size;
}

void rule_violation_set(struct rule_violation *ret_violation, const char *rule, const char *pointer, const char *format,
                        ...)
{
    char message[2 * RULE_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t message_size = cut_size(message, strlen(message), RULE_MESSAGE_MAX - 1);
    memcpy(ret_violation->message, message, message_size);
    ret_violation->message[message_size] = '\0';
    size_t pointer_size = cut_size(pointer, strlen(pointer), RULE_POINTER_MAX - 1);
    memcpy(ret_violation->pointer, pointer, pointer_size);
    ret_violation->pointer[pointer_size] = '\0';
    snprintf(ret_violation->rule, sizeof ret_violation->rule, "%s", rule);
}

void rule_violation_line(const struct rule_violation *violation, struct bytes *line)
{
    size_t start = line->size;
    if (violation->pointer[0] != '\0') {
        bytes_append_format(line, "%s: ", violation->pointer);
    }
    for (size_t i = start; i < line->size; i++) {
        if (line->data[i] < 0x20 || line->data[i] == 0x7f) {
            line->data[i] = '?';
        }
    }
    bytes_append_format(line, "%s [%s]", violation->message, violation->rule);
}

/* Appends at most RULE_VALUE_SHOWN_MAX bytes of the value, on one line. */
static void append_shown(struct bytes *text, const struct field_value *value)
{
    struct bytes made = {0};
    if (value->shown.size > 0) {
        bytes_append_view(&made,
                          bytes_view_slice(value->shown, 0,
                                           value->shown.size <= RULE_VALUE_SHOWN_MAX + 1 ? value->shown.size
                                                                                         : RULE_VALUE_SHOWN_MAX + 1));
    } else if (value->form == FIELD_FORM_TEXT) {
        bytes_append_json_string(&made, value->text);
    } else if (value->form == FIELD_FORM_INTEGER) {
        bytes_append_int64(&made, value->number);
    } else if (value->form == FIELD_FORM_TIME_US) {
        bytes_append_format(&made, "%" PRId64 " µs since 1970", value->number);
    } else {
        bytes_append_text(&made, "the value");
    }
    size_t size = cut_size((const char *)made.data, made.size, RULE_VALUE_SHOWN_MAX);
    for (size_t i = 0; i < size; i++) {
        if (made.data[i] < 0x20 || made.data[i] == 0x7f) {
            made.data[i] = ' '; /* white space inside a container, or DEL, which no string need escape */
        }
    }
    bytes_append(text, made.data, size);
    if (size < made.size || value->shown.size > made.size) {
        bytes_append_text(text, "…");
    }
    bytes_free(&made);
}

void incident_rules_pointer(const struct incident_field_rule *rule, const char *root,
                            char ret_pointer[RULE_POINTER_MAX])
{
    static const char payload[] = "/payload";
    size_t skip = root != NULL ? strlen(payload) : 0;
    CHECK(strncmp(rule->pointer, payload, skip) == 0);
    snprintf(ret_pointer, RULE_POINTER_MAX, "%s%s", root != NULL ? root : "", rule->pointer + skip);
}

static enum status reject(struct rule_violation *ret_violation, const struct incident_field_rule *field,
                          const char *root, const char *suffix, const struct field_value *value)
{
    char rule[RULE_NAME_MAX];
    char pointer[RULE_POINTER_MAX];
    snprintf(rule, sizeof rule, "%s.%s", field->path, suffix);
    incident_rules_pointer(field, root, pointer);
    const char *expected = EXPECTED[field->type];
    if (field->type == INCIDENT_FIELD_TYPE_INTEGER && field->least != 1) {
        expected = "an integer from -9223372036854775808 to 9223372036854775807";
    }
    if (value->form == FIELD_FORM_ABSENT) {
        rule_violation_set(ret_violation, rule, pointer, "is missing; it must be %s", expected);
    } else if (value->form == FIELD_FORM_NULL) {
        rule_violation_set(ret_violation, rule, pointer, "null is not %s", expected);
    } else {
        struct bytes shown = {0};
        append_shown(&shown, value);
        rule_violation_set(ret_violation, rule, pointer, "%.*s is not %s", BYTES_PRINTF(shown),
                           strcmp(suffix, "unsupported") == 0 ? "a payload version of this build, which knows 1"
                                                              : expected);
        bytes_free(&shown);
    }
    return STATUS_INVALID;
}

/* Where the event keeps the number of an integer or a timestamp. */
static int64_t *number_of(struct incident_event *event, enum incident_field field)
{
    struct incident *incident = &event->incident;
    switch (field) {
    case INCIDENT_FIELD_ID:
        return &incident->id;
    case INCIDENT_FIELD_START_TIME:
        return &incident->start_time_us;
    case INCIDENT_FIELD_END_TIME:
        return &incident->end_time_us;
    case INCIDENT_FIELD_SESSION_ID:
        return &incident->session.id;
    case INCIDENT_FIELD_SESSION_SCORE:
        return &incident->session.score;
    case INCIDENT_FIELD_SESSION_CREATED_AT:
        return &incident->session.created_at_us;
    case INCIDENT_FIELD_SESSION_UPDATED_AT:
        return &incident->session.updated_at_us;
    case INCIDENT_FIELD_TENANT_ID:
        return &incident->tenant_id;
    case INCIDENT_FIELD_CREATED_AT:
        return &incident->created_at_us;
    case INCIDENT_FIELD_UPDATED_AT:
        return &incident->updated_at_us;
    case INCIDENT_FIELD_META_SENT_AT:
        return &event->sent_at_us;
    default:
        CHECK(!"a number");
        return NULL;
    }
}

/* The readers of one type: NULL when the field is as it must be, otherwise the last part of its rule. */

static const char *read_integer(const struct field_value *value, int64_t least, int64_t *ret_number)
{
    if (value->form == FIELD_FORM_INTEGER_HUGE) {
        return "range";
    }
    if (value->form != FIELD_FORM_INTEGER) {
        return "type";
    }
    if (value->number < least) {
        return "range";
    }
    *ret_number = value->number;
    return NULL;
}

static const char *read_version(const struct field_value *value, int32_t *ret_version)
{
    if (value->form != FIELD_FORM_INTEGER && value->form != FIELD_FORM_INTEGER_HUGE) {
        return "type";
    }
    if (value->form == FIELD_FORM_INTEGER_HUGE || value->number != INCIDENT_VERSION) {
        return "unsupported";
    }
    *ret_version = INCIDENT_VERSION;
    return NULL;
}

static const char *read_timestamp(const struct field_value *value, int64_t *ret_us)
{
    if (value->form == FIELD_FORM_TEXT) {
        return utc_time_parse(value->text, ret_us) == STATUS_OK ? NULL : "timestamp";
    }
    if (value->form != FIELD_FORM_TIME_US) {
        return "type";
    }
    *ret_us = value->number;
    return utc_time_is_printable(value->number) ? NULL : "timestamp";
}

static const char *read_uuid(const struct field_value *value, char ret_uuid[INCIDENT_UUID_SIZE + 1])
{
    if (value->form != FIELD_FORM_TEXT) {
        return "type";
    }
    if (value->text.size != INCIDENT_UUID_SIZE) {
        return "uuid";
    }
    for (size_t i = 0; i < INCIDENT_UUID_SIZE; i++) {
        uint8_t byte = value->text.data[i];
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        uint8_t lower = byte >= 'A' && byte <= 'F' ? (uint8_t)(byte + 'a' - 'A') : byte;
        bool is_digit = (lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f');
        if (is_dash ? byte != '-' : !is_digit) {
            return "uuid";
        }
        ret_uuid[i] = (char)lower;
    }
    ret_uuid[INCIDENT_UUID_SIZE] = '\0';
    return NULL;
}

static const char *read_enum(const struct field_value *value, enum incident_field_type type,
                             struct incident_event *event)
{
    bool is_known;
    if (value->form != FIELD_FORM_TEXT) {
        return "type";
    }
    switch (type) {
    case INCIDENT_FIELD_TYPE_EVENT_TYPE:
        is_known = event_type_from_name(value->text, &event->type);
        break;
    case INCIDENT_FIELD_TYPE_STATUS:
        is_known = incident_status_from_name(value->text, &event->incident.status);
        break;
    case INCIDENT_FIELD_TYPE_SEVERITY:
        is_known = severity_from_name(value->text, &event->incident.severity);
        break;
    default:
        is_known = session_status_from_name(value->text, &event->incident.session.status);
        break;
    }
    return is_known ? NULL : "enum";
}

static const char *read_rich_text(const struct field_value *value, enum incident_field field,
                                  struct incident_event *event)
{
    if (value->form != FIELD_FORM_RICH_TEXT) {
        return "type";
    }
    *(field == INCIDENT_FIELD_DESCRIPTION ? &event->incident.description : &event->incident.resolution_notes) =
        value->text;
    return NULL;
}

static const char *read_field(const struct field_value *value, enum incident_field field, struct incident_event *event)
{
    const struct incident_field_rule *rule = &FIELDS[field];
    switch (rule->type) {
    case INCIDENT_FIELD_TYPE_OBJECT:
        return value->form == FIELD_FORM_OBJECT ? NULL : "type";
    case INCIDENT_FIELD_TYPE_INTEGER:
        return read_integer(value, rule->least, number_of(event, field));
    case INCIDENT_FIELD_TYPE_VERSION:
        return read_version(value, &event->version);
    case INCIDENT_FIELD_TYPE_UUID:
        return read_uuid(value, event->incident.session.uuid);
    case INCIDENT_FIELD_TYPE_TIMESTAMP:
        return read_timestamp(value, number_of(event, field));
    case INCIDENT_FIELD_TYPE_RICH_TEXT:
        return read_rich_text(value, field, event);
    default:
        return read_enum(value, rule->type, event);
    }
}

static enum status read_one(const struct field_value *value, enum incident_field field, const char *root,
                            struct incident_event *event, struct rule_violation *ret_violation)
{
    const struct incident_field_rule *rule = &FIELDS[field];
    const char *suffix;
    if (value->form == FIELD_FORM_ABSENT) {
        suffix = rule->may_be_absent ? NULL : "required";
    } else if (value->form == FIELD_FORM_NULL) {
        suffix = rule->is_nullable ? NULL : "null";
    } else {
        suffix = read_field(value, field, event);
    }
    return suffix == NULL ? STATUS_OK : reject(ret_violation, rule, root, suffix, value);
}

/* The fields that may be null: are they there? */
static void note_presence(const struct field_value *values, struct incident_event *event)
{
    event->incident.has_end_time = values[INCIDENT_FIELD_END_TIME].form >= FIELD_FORM_INTEGER;
    event->incident.session.has_score = values[INCIDENT_FIELD_SESSION_SCORE].form >= FIELD_FORM_INTEGER;
    event->has_sent_at = values[INCIDENT_FIELD_META_SENT_AT].form >= FIELD_FORM_INTEGER;
}

enum status incident_rules_read(const struct field_value *values, struct incident_event *ret_event,
                                struct rule_violation *ret_violation)
{
    memset(ret_event, 0, sizeof *ret_event);
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        enum status status = read_one(&values[i], (enum incident_field)i, NULL, ret_event, ret_violation);
        if (status != STATUS_OK) {
            return status;
        }
    }
    note_presence(values, ret_event);
    return STATUS_OK;
}

const char *incident_rules_image_pointer(enum incident_image image)
{
    return image == INCIDENT_IMAGE_BEFORE ? "/before" : "/after";
}

enum status incident_rules_reject_image(enum incident_image image, struct bytes_view shown,
                                        struct rule_violation *ret_violation)
{
    const struct field_value value = {.form = FIELD_FORM_OTHER, .shown = shown};
    const char *pointer = incident_rules_image_pointer(image);
    char rule[RULE_NAME_MAX];
    struct bytes text = {0};
    snprintf(rule, sizeof rule, "%s.type", pointer + 1);
    append_shown(&text, &value);
    rule_violation_set(ret_violation, rule, pointer, "%.*s is not a row (an object) or null", BYTES_PRINTF(text));
    bytes_free(&text);
    return STATUS_INVALID;
}

static bool counts_in(enum incident_image image, enum incident_field field)
{
    switch (field) {
    case INCIDENT_FIELD_ID:
    case INCIDENT_FIELD_STATUS:
    case INCIDENT_FIELD_SEVERITY:
    case INCIDENT_FIELD_RESOLUTION_NOTES:
    case INCIDENT_FIELD_TENANT_ID:
        return true;
    default:
        return image == INCIDENT_IMAGE_AFTER && field > INCIDENT_FIELD_PAYLOAD && field < INCIDENT_FIELD_META;
    }
}

enum status incident_rules_read_image(const struct field_value *values, enum incident_image image,
                                      struct incident *ret_incident, struct rule_violation *ret_violation)
{
    struct incident_event event = {0};
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        if (!counts_in(image, (enum incident_field)i)) {
            continue;
        }
        enum status status =
            read_one(&values[i], (enum incident_field)i, incident_rules_image_pointer(image), &event, ret_violation);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (image == INCIDENT_IMAGE_AFTER) {
        note_presence(values, &event);
    }
    *ret_incident = event.incident;
    return STATUS_OK;
}

size_t incident_rules_values_least(bool has_end_time, bool has_score)
{
    size_t count = 1; /* the envelope */
    for (unsigned field = 0; field < INCIDENT_FIELD_COUNT; field++) {
        count += !FIELDS[field].may_be_absent;
    }
    return count + has_end_time + has_score;
}

bool incident_event_end_time_expected(const struct incident_event *event)
{
    return event->incident.status == INCIDENT_STATUS_RESOLVED && !event->incident.has_end_time;
}
