/* incident_door.h: the door: one JSON line in, an incident event (or a change) or the first rule that it breaks out.
 *
 * Nothing unknown passes silently and rich text passes verbatim, but for white space outside its strings. Rules come in
 * this order: `line.*` and `json.*` (the one whose byte comes first), `key.*` (the first in the line), then the fields
 * in the order of the canonical line, a missing key at its place. */
#ifndef RELAY_INCIDENT_DOOR_H
#define RELAY_INCIDENT_DOOR_H

#include "bytes.h"
#include "incident.h"
#include "incident_change.h"
#include "incident_rules.h"
#include "json_scan.h"

#include <stdbool.h>

enum { INCIDENT_DOOR_LINE_MAX = JSON_SCAN_SIZE_MAX }; /* bytes of a line without its end */

enum door_answer {
    DOOR_ACCEPTED, /* the event or change is filled */
    DOOR_BLANK,    /* white space only */
    DOOR_REJECTED, /* *ret_violation is filled */
};

struct incident_door; /* keeps buffers between lines; one per thread */

struct incident_door *incident_door_create(void);
void incident_door_destroy(struct incident_door *door); /* NULL is fine */

/* Reads `line`, which comes without its line end. `is_prefix` says that the line is longer than INCIDENT_DOOR_LINE_MAX
 * and `line` is only its first INCIDENT_DOOR_LINE_MAX bytes: it is rejected by the first error in them, or else by
 * `line.size`. A longer `line` that comes whole is treated alike. The event's views borrow from `line` and from the
 * door: valid until the next call and while `line` is. */
enum door_answer incident_door_read(struct incident_door *door, struct bytes_view line, bool is_prefix,
                                    struct incident_event *ret_event, struct rule_violation *ret_violation);

/* Reads a change: {"before": row|null, "after": row|null, "id": …, "traceparent": …}, where a row is what `payload` is
 * in an event. A key may be absent, which is null. The order of the rules is the same: first `before`, then `after`,
 * then change.empty (both are null) and change.identity (id or tenant_id differ). `id` and `traceparent` reject
 * nothing: an event is worth more than its trace, and an id can be derived. */
enum door_answer incident_door_read_change(struct incident_door *door, struct bytes_view line, bool is_prefix,
                                           struct incident_change *ret_change, struct rule_violation *ret_violation);

#endif
