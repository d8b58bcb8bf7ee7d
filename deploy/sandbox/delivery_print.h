/* delivery_print.h: deliveries for the eyes of a person, on standard output. */
#ifndef RELAY_DELIVERY_PRINT_H
#define RELAY_DELIVERY_PRINT_H

#include "body_shape.h"
#include "bytes.h"

#include <stdint.h>

struct printed_delivery {
    int64_t number;
    const char *subscriber;
    const struct body_facts *facts;
    const char *webhook_id;
    const char *signature; /* "signature ok" … */
    const char *remark;    /* empty when there is nothing to say */
};

/* One line. */
void delivery_print_line(const struct printed_delivery *delivery);

/* The headers that matter and the body, indented. `header_lines` holds "name: value" lines. */
void delivery_print_whole(struct bytes_view header_lines, struct bytes_view body);

/* A request that was not taken, and why. */
void delivery_print_refused(unsigned status, const char *path, const char *reason);

/* Appends `json` with line breaks and two spaces a level, each line after `margin`; strings and numbers as they
 * stand. For JSON without white space outside strings. */
void delivery_indent(struct bytes *out, struct bytes_view json, const char *margin);

#endif
