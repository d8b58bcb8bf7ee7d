/* json_value.h: JSON texts compared by the value that they stand for.
 *
 * White space and the order of keys do not count, escapes stand for their characters, and numbers are compared as
 * exact decimals however long they are (1, 1.0, 10e-1 and 1e0 are one number, 0 and -0 too; no double is involved). Of
 * a key that an object has several times the last counts, as it does for nearly every reader, PostgreSQL's jsonb
 * among them. Arrays keep their order. Source: RFC 8259, sections 4 and 6. */
#ifndef RELAY_JSON_VALUE_H
#define RELAY_JSON_VALUE_H

#include "bytes.h"
#include "json_scan.h"

#include <stdbool.h>

struct json_comparer; /* keeps buffers between calls; one per thread */

struct json_comparer *json_comparer_create(void);
void json_comparer_destroy(struct json_comparer *comparer); /* NULL is fine */

/* Do both stand for the same value? Each is one JSON value that a json_scan has accepted; one of size 0 is null. */
bool json_comparer_equal(struct json_comparer *comparer, struct bytes_view a, struct bytes_view b);

#endif
