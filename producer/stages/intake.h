/* intake.h: a line of the input becomes an event to publish, or the reason why not.
 *
 * An event is stamped here: its sent_at is the time of publishing, whatever the line says. Pure: the time comes in. */
#ifndef RELAY_INTAKE_H
#define RELAY_INTAKE_H

#include "event_id.h"
#include "incident.h"
#include "incident_door.h"
#include "incident_rules.h"

#include <stdbool.h>
#include <stdint.h>

enum { INTAKE_LINE_MAX = INCIDENT_DOOR_LINE_MAX }; /* bytes of a line that can be an event */

enum intake_format {
    INTAKE_FORMAT_EVENT,  /* a line is an event */
    INTAKE_FORMAT_CHANGE, /* a line is a change of a row; see change_trigger.h */
};

enum intake_answer {
    INTAKE_EVENT,    /* ret->event, ret->id, ret->trace_parent, ret->warnings */
    INTAKE_BLANK,    /* skip it */
    INTAKE_REJECT,   /* ret->violation */
    INTAKE_DELETION, /* a change that fires nothing; ret->warnings */
    INTAKE_NO_MATTER /* the same */
};

/* Rules that warn: the event is published all the same. */
enum intake_warning {
    INTAKE_WARNING_END_TIME,     /* end_time.expected: RESOLVED without end_time */
    INTAKE_WARNING_ID,           /* id.invalid: derived in its place */
    INTAKE_WARNING_TRACE_PARENT, /* traceparent.invalid: left out */
    INTAKE_WARNING_COUNT,
};

struct intake_result {
    struct incident_event event; /* borrows from the line and from the intake, until the next read */
    char id[EVENT_ID_MAX + 1];
    struct bytes_view trace_parent; /* borrowed as the event; size 0: none */
    unsigned warnings;              /* a bit for each intake_warning */
    struct rule_violation violation;
};

struct intake;

struct intake *intake_create(enum intake_format format);
void intake_destroy(struct intake *intake); /* NULL is fine */

/* Reads a line without its line end. `is_prefix`: the line goes on beyond these INTAKE_LINE_MAX bytes; it is then no
 * event. `now_ms` is Unix time. */
enum intake_answer intake_read(struct intake *intake, struct bytes_view line, bool is_prefix, int64_t now_ms,
                               struct intake_result *ret_result);

/* "end_time.expected" …; static. */
const char *intake_warning_rule(enum intake_warning warning);

/* Is a rejected line text (UTF-8), so that it can be shown as it is? */
bool intake_is_text(struct bytes_view line);

#endif
