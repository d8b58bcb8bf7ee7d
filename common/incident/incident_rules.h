/* incident_rules.h: what an incident event must look like, one named rule at a time.
 *
 * The rules have one home: the door of JSON lines and the reader of Avro records both bring the fields of an event as
 * they found them (`struct field_value`), and incident_rules_read makes the event or names the first rule that fails,
 * in the order of the canonical line. */
#ifndef RELAY_INCIDENT_RULES_H
#define RELAY_INCIDENT_RULES_H

#include "bytes.h"
#include "incident.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RULE_NAME_MAX = 64, RULE_POINTER_MAX = 256, RULE_MESSAGE_MAX = 384 };
enum { RULE_VALUE_SHOWN_MAX = 64 }; /* bytes of a value in a message */

/* Why something was rejected. */
struct rule_violation {
    char rule[RULE_NAME_MAX];       /* "severity.enum" */
    char pointer[RULE_POINTER_MAX]; /* JSON pointer (RFC 6901), "" for the whole line; the long key of a key.unknown is
                                       cut; a known field's is below 64 bytes */
    char message[RULE_MESSAGE_MAX]; /* `"URGENT" is not one of LOW, MEDIUM, HIGH`: one line of UTF-8 */
};

/* Fills *ret_violation; the message is cut on a character border when it is too long. */
void rule_violation_set(struct rule_violation *ret_violation, const char *rule, const char *pointer, const char *format,
                        ...) PRINTF_LIKE(4, 5);

/* Appends the line for people: `/payload/severity: "URGENT" is not one of LOW, MEDIUM, HIGH [severity.enum]`.
 * One line: control characters in a pointer, which an unknown key may bring, are shown as `?`. */
void rule_violation_line(const struct rule_violation *violation, struct bytes *line);

/* The objects of an event. */
enum incident_object {
    INCIDENT_OBJECT_ENVELOPE,
    INCIDENT_OBJECT_PAYLOAD,
    INCIDENT_OBJECT_SESSION,
    INCIDENT_OBJECT_META,
    INCIDENT_OBJECT_NONE,
};

/* The fields of an event, in the order of the canonical line. */
enum incident_field {
    INCIDENT_FIELD_EVENT_TYPE,
    INCIDENT_FIELD_PAYLOAD,
    INCIDENT_FIELD_ID,
    INCIDENT_FIELD_DESCRIPTION,
    INCIDENT_FIELD_STATUS,
    INCIDENT_FIELD_SEVERITY,
    INCIDENT_FIELD_START_TIME,
    INCIDENT_FIELD_END_TIME,
    INCIDENT_FIELD_RESOLUTION_NOTES,
    INCIDENT_FIELD_SESSION,
    INCIDENT_FIELD_SESSION_ID,
    INCIDENT_FIELD_SESSION_UUID,
    INCIDENT_FIELD_SESSION_SCORE,
    INCIDENT_FIELD_SESSION_STATUS,
    INCIDENT_FIELD_SESSION_CREATED_AT,
    INCIDENT_FIELD_SESSION_UPDATED_AT,
    INCIDENT_FIELD_TENANT_ID,
    INCIDENT_FIELD_CREATED_AT,
    INCIDENT_FIELD_UPDATED_AT,
    INCIDENT_FIELD_META,
    INCIDENT_FIELD_META_VERSION,
    INCIDENT_FIELD_META_SENT_AT,
    INCIDENT_FIELD_COUNT, /* also: no such field */
};

enum incident_field_type {
    INCIDENT_FIELD_TYPE_OBJECT,
    INCIDENT_FIELD_TYPE_INTEGER,
    INCIDENT_FIELD_TYPE_VERSION,
    INCIDENT_FIELD_TYPE_EVENT_TYPE,
    INCIDENT_FIELD_TYPE_STATUS,
    INCIDENT_FIELD_TYPE_SEVERITY,
    INCIDENT_FIELD_TYPE_SESSION_STATUS,
    INCIDENT_FIELD_TYPE_UUID,
    INCIDENT_FIELD_TYPE_TIMESTAMP,
    INCIDENT_FIELD_TYPE_RICH_TEXT,
};

struct incident_field_rule {
    const char *name; /* the key in its object */
    size_t name_size;
    const char *path;    /* the rule's first part: "session.status" */
    const char *pointer; /* "/payload/session/status" */
    enum incident_object parent;
    enum incident_object opens; /* the object that the field is, or NONE */
    enum incident_field_type type;
    int64_t least;      /* of an integer */
    bool is_nullable;   /* may be null, and absent, which is null */
    bool may_be_absent; /* is_nullable, and meta.sent_at */
};

/* The rules of one field. */
const struct incident_field_rule *incident_rules_field(enum incident_field field);

/* The field of `object` named `name`; INCIDENT_FIELD_COUNT when it has none. */
enum incident_field incident_rules_find(enum incident_object object, struct bytes_view name);

enum field_form {
    FIELD_FORM_ABSENT,
    FIELD_FORM_NULL,
    FIELD_FORM_INTEGER,      /* number */
    FIELD_FORM_INTEGER_HUGE, /* an integer that no int64_t holds */
    FIELD_FORM_TEXT,         /* text: a string's characters, or an enum's symbol */
    FIELD_FORM_TIME_US,      /* number */
    FIELD_FORM_RICH_TEXT,    /* text: JSON text, checked and without white space outside strings */
    FIELD_FORM_OBJECT,
    FIELD_FORM_OTHER, /* anything else: of the wrong type everywhere but in rich text */
};

/* A field as it was found. */
struct field_value {
    enum field_form form;
    int64_t number;
    struct bytes_view text;
    struct bytes_view shown; /* how a message shows the value; empty: made from number or text */
};

/* Makes the event from the INCIDENT_FIELD_COUNT fields in `values`, or names the first rule that fails. The event's
 * rich text borrows from `values`; what *ret_event holds after an error is undefined.
 * Errors: STATUS_INVALID with *ret_violation filled. */
WARN_UNUSED enum status incident_rules_read(const struct field_value *values, struct incident_event *ret_event,
                                            struct rule_violation *ret_violation);

/* The two images of a change: a row before it and after it. Of the row before it only the fields count that decide
 * whether the change fires, and its identity: id, status, severity, resolution_notes, tenant_id. */
enum incident_image { INCIDENT_IMAGE_BEFORE, INCIDENT_IMAGE_AFTER };

/* The same for an image of a change, from those of the `values` that are fields of a row; the rules keep their names,
 * the pointers begin with /before or /after. What does not count is 0 in *ret_incident.
 * Errors: STATUS_INVALID with *ret_violation filled. */
WARN_UNUSED enum status incident_rules_read_image(const struct field_value *values, enum incident_image image,
                                                  struct incident *ret_incident, struct rule_violation *ret_violation);

/* Names the rule for an image that is neither an object nor null: before.type, after.type. `shown` is its value. */
WARN_UNUSED enum status incident_rules_reject_image(enum incident_image image, struct bytes_view shown,
                                                    struct rule_violation *ret_violation);

/* "/before", "/after"; static. */
const char *incident_rules_image_pointer(enum incident_image image);

/* Writes a field's pointer: the rule's own where `root` is NULL, otherwise with `root` in the place of /payload. */
void incident_rules_pointer(const struct incident_field_rule *rule, const char *root,
                            char ret_pointer[RULE_POINTER_MAX]);

/* How many JSON values any line of an event has at least, its rich text not counted: with this count the reader's limit
 * on values accepts exactly what some line at the door can carry. */
size_t incident_rules_values_least(bool has_end_time, bool has_score);

/* The warning rule "end_time.expected": a RESOLVED incident without end_time is passed on, and counted. */
bool incident_event_end_time_expected(const struct incident_event *event);

#endif
