/* body_shape.h: has this body exactly the shape of today's hook?
 *
 * The body is walked once against the one legal spelling: every key in its place, no white space outside strings,
 * enums, integers, timestamps and UUIDs as they are printed. Rich text may be any JSON value; jansson judges it.
 * Nothing here is shared with the program that renders. */
#ifndef RELAY_BODY_SHAPE_H
#define RELAY_BODY_SHAPE_H

#include "bytes.h"

#include <stdint.h>

/* What the receiver wants to know of a body; views into it. */
struct body_facts {
    struct bytes_view event_type;
    int64_t incident_id;
    struct bytes_view status;
    struct bytes_view severity;
    int64_t tenant_id;
    size_t sent_at_start; /* everything before it is the same however often the event is published */
};

/* Errors: STATUS_REFUSED; the line names the place, what was expected and what was found (at most 24 bytes). */
WARN_UNUSED enum status body_shape_check(struct bytes_view body, struct body_facts *ret_facts, struct error *ret_error);

#endif
