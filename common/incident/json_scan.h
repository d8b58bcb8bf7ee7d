/* json_scan.h: the strict look at JSON text that comes before anything reads it.
 *
 * One pass, no recursion, bounded memory: RFC 8259's grammar, UTF-8, no lone surrogate escapes, no NUL raw or escaped,
 * limits on depth and values. It leaves a flat tape of nodes with the place of every value in the text, so that number
 * spelling, escapes and key order can be carried as they came. */
#ifndef RELAY_JSON_SCAN_H
#define RELAY_JSON_SCAN_H

#include "bytes.h"
#include "incident_rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_SCAN_SIZE_MAX = 256 * 1024, /* bytes of a line */
    JSON_SCAN_DEPTH_MAX = 32,        /* containers, the outermost is 1 */
    JSON_SCAN_VALUES_MAX = 4096,     /* everything but keys */
};

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_FALSE,
    JSON_KIND_TRUE,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING, /* also a key */
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

/* A value or a key. The nodes inside a container follow it; an object's are key, value, key, value … */
struct json_node {
    uint32_t start; /* byte in the text */
    uint32_t size;  /* with quotes or brackets */
    uint32_t next;  /* index of the first node that is not inside this one */
    enum json_kind kind;
    bool has_escape; /* a string with a backslash */
    bool has_space;  /* a container with white space outside its strings */
};

struct json_scan; /* keeps the tape between scans; one per thread */

struct json_scan_limits {
    uint32_t depth_before;  /* containers around the text; 0 for a line */
    uint32_t values_before; /* values around the text; 0 for a line */
    bool must_be_object;
    bool is_prefix; /* the text goes on beyond the view: whatever its end may mean is `line.size` */
};

struct json_scan *json_scan_create(void);
void json_scan_destroy(struct json_scan *scan); /* NULL is fine */

/* Scans `text` (below 4 GiB), which must be one JSON value with white space around it at most. Node 0 is that value.
 * Errors: STATUS_INVALID with the rule whose byte comes first (json.utf8, json.nul, json.syntax, json.depth,
 * json.values, line.size), an empty pointer and a message that gives the byte, counted from 0. */
WARN_UNUSED enum status json_scan_read(struct json_scan *scan, struct bytes_view text,
                                       const struct json_scan_limits *limits, struct rule_violation *ret_violation);

/* The tape of the last scan that succeeded; valid until the next one. */
const struct json_node *json_scan_nodes(const struct json_scan *scan, size_t *ret_count);

/* How many of the nodes are values (the others are keys). */
size_t json_scan_values(const struct json_scan *scan);

/* Appends `json`, which has been scanned, without the white space outside its strings. */
void json_scan_compact(struct bytes_view json, struct bytes *ret_compact);

/* True when `text` is valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool json_scan_is_utf8(struct bytes_view text);

#endif
