/* incident_change.h: a change of an incident's row, as a source of changes tells it. */
#ifndef RELAY_INCIDENT_CHANGE_H
#define RELAY_INCIDENT_CHANGE_H

#include "bytes.h"
#include "incident.h"

#include <stdbool.h>

struct incident_change {
    bool has_before;
    bool has_after;                 /* one of the two at least */
    struct incident before;         /* id, status, severity, resolution_notes and tenant_id; the rest is 0 */
    struct incident after;          /* whole; same id and tenant as `before` */
    struct bytes_view id;           /* the event's id; size 0 when none was given, or an invalid one */
    struct bytes_view trace_parent; /* the same */
    bool is_id_invalid;             /* one was given that may not be used */
    bool is_trace_parent_invalid;   /* the same */
};

#endif
