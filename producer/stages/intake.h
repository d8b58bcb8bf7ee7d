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

enum intake_answer {
    INTAKE_EVENT,  /* ret->event, ret->id, ret->is_end_time_missing */
    INTAKE_BLANK,  /* skip it */
    INTAKE_REJECT, /* ret->violation */
};

struct intake_result {
    struct incident_event event; /* borrows from the line and from the intake, until the next read */
    char id[EVENT_ID_MAX + 1];
    bool is_end_time_missing; /* the warning rule end_time.expected */
    struct rule_violation violation;
};

struct intake;

struct intake *intake_create(void);
void intake_destroy(struct intake *intake); /* NULL is fine */

/* Reads a line of the format `event`, without its line end. `is_prefix`: the line goes on beyond these
 * INTAKE_LINE_MAX bytes; it is then no event. `now_ms` is Unix time. */
enum intake_answer intake_read_event(struct intake *intake, struct bytes_view line, bool is_prefix, int64_t now_ms,
                                     struct intake_result *ret_result);

/* Is a rejected line text (UTF-8), so that it can be shown as it is? */
bool intake_is_text(struct bytes_view line);

#endif
