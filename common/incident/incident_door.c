#include "incident_door.h"

#include "check.h"
#include "memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct incident_door {
    struct json_scan *scan;
    struct bytes compact[2];               /* rich text that came with white space: description, resolution_notes */
    json_t *decoded[INCIDENT_FIELD_COUNT]; /* strings that came with escapes; NULL otherwise */
    uint32_t places[INCIDENT_FIELD_COUNT]; /* each field's node plus 1; 0 when absent */
    struct bytes_view line;                /* the line being read */
};

struct incident_door *incident_door_create(void)
{
    struct incident_door *door = memory_alloc(1, sizeof *door);
    door->scan = json_scan_create();
    return door;
}

static void forget_line(struct incident_door *door)
{
    for (size_t i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        if (door->decoded[i] != NULL) {
            json_decref(door->decoded[i]);
            door->decoded[i] = NULL;
        }
    }
    memset(door->places, 0, sizeof door->places);
    bytes_clear(&door->compact[0]);
    bytes_clear(&door->compact[1]);
}

void incident_door_destroy(struct incident_door *door)
{
    if (door == NULL) {
        return;
    }
    forget_line(door);
    bytes_free(&door->compact[0]);
    bytes_free(&door->compact[1]);
    json_scan_destroy(door->scan);
    free(door);
}

static bool is_blank(struct bytes_view line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (memchr(" \t\r\n", line.data[i], 4) == NULL) {
            return false;
        }
    }
    return true;
}

static struct bytes_view slice_of(const struct incident_door *door, const struct json_node *node)
{
    return bytes_view_slice(door->line, node->start, node->size);
}

/* The characters of a string. One with escapes is decoded by jansson into *ret_decoded, which then owns them. */
static struct bytes_view string_of(const struct incident_door *door, const struct json_node *node, json_t **ret_decoded)
{
    struct bytes_view slice = slice_of(door, node);
    *ret_decoded = NULL;
    if (!node->has_escape) {
        return bytes_view_slice(slice, 1, slice.size - 2);
    }
    *ret_decoded = json_loadb((const char *)slice.data, slice.size, JSON_DECODE_ANY, NULL);
    CHECK(*ret_decoded != NULL); /* the scan refuses all that jansson does, so this is memory */
    return bytes_view_of(json_string_value(*ret_decoded), json_string_length(*ret_decoded));
}

/* The JSON pointer of `key` in the object (RFC 6901, section 3). */
static void append_pointer(struct bytes *pointer, const char *parent, struct bytes_view key)
{
    bytes_append_text(pointer, parent);
    bytes_append_byte(pointer, '/');
    for (size_t i = 0; i < key.size && pointer->size < 2 * RULE_POINTER_MAX; i++) {
        if (key.data[i] == '~') {
            bytes_append_text(pointer, "~0");
        } else if (key.data[i] == '/') {
            bytes_append_text(pointer, "~1");
        } else {
            bytes_append_byte(pointer, key.data[i]);
        }
    }
    bytes_append_byte(pointer, '\0');
}

static enum status reject_unknown(const char *parent, enum incident_object object, struct bytes_view key,
                                  struct rule_violation *ret_violation)
{
    struct bytes pointer = {0};
    struct bytes known = {0};
    append_pointer(&pointer, parent, key);
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        const struct incident_field_rule *rule = incident_rules_field((enum incident_field)i);
        if (rule->parent == object) {
            bytes_append_format(&known, "%s%s", known.size > 0 ? ", " : "", rule->name);
        }
    }
    rule_violation_set(ret_violation, "key.unknown", (const char *)pointer.data,
                       "is an unknown key; the keys here are %.*s", BYTES_PRINTF(known));
    bytes_free(&known);
    bytes_free(&pointer);
    return STATUS_INVALID;
}

/* Finds the places of the fields of the object at `node`, and of the objects in it, in the order of the line. It goes
 * no deeper than the objects of an event do. */
static enum status find_fields(struct incident_door *door, const struct json_node *nodes, uint32_t index,
                               enum incident_object object, const char *parent, struct rule_violation *ret_violation)
{
    uint32_t end = nodes[index].next;
    for (uint32_t at = index + 1; at < end;) {
        uint32_t value = at + 1;
        json_t *decoded;
        struct bytes_view key = string_of(door, &nodes[at], &decoded);
        enum incident_field field = incident_rules_find(object, key);
        enum status status = STATUS_OK;
        if (field == INCIDENT_FIELD_COUNT) {
            status = reject_unknown(parent, object, key, ret_violation);
        }
        if (decoded != NULL) {
            json_decref(decoded);
        }
        if (status != STATUS_OK) {
            return status;
        }
        const struct incident_field_rule *rule = incident_rules_field(field);
        if (door->places[field] != 0) {
            rule_violation_set(ret_violation, "key.duplicate", rule->pointer, "stands here for the second time");
            return STATUS_INVALID;
        }
        door->places[field] = value + 1;
        if (rule->opens != INCIDENT_OBJECT_NONE && nodes[value].kind == JSON_KIND_OBJECT) {
            status = find_fields(door, nodes, value, rule->opens, rule->pointer, ret_violation);
            if (status != STATUS_OK) {
                return status;
            }
        }
        at = nodes[value].next;
    }
    return STATUS_OK;
}

static struct field_value number_value(struct bytes_view slice)
{
    for (size_t i = 0; i < slice.size; i++) {
        if (slice.data[i] == '.' || slice.data[i] == 'e' || slice.data[i] == 'E') {
            return (struct field_value){.form = FIELD_FORM_OTHER, .shown = slice};
        }
    }
    struct field_value value = {.form = FIELD_FORM_INTEGER, .shown = slice};
    if (bytes_view_to_int64(slice, &value.number) != STATUS_OK) {
        value.form = FIELD_FORM_INTEGER_HUGE;
    }
    return value;
}

static struct field_value rich_text_value(struct incident_door *door, enum incident_field field,
                                          const struct json_node *node)
{
    struct field_value value = {.form = FIELD_FORM_RICH_TEXT, .text = slice_of(door, node)};
    if (node->has_space) {
        struct bytes *compact = &door->compact[field == INCIDENT_FIELD_DESCRIPTION ? 0 : 1];
        json_scan_compact(value.text, compact);
        value.text = bytes_as_view(compact);
    }
    return value;
}

static struct field_value value_of(struct incident_door *door, enum incident_field field, const struct json_node *node)
{
    struct field_value value = {.form = FIELD_FORM_OTHER, .shown = slice_of(door, node)};
    enum incident_field_type type = incident_rules_field(field)->type;
    if (node->kind == JSON_KIND_NULL) {
        value.form = FIELD_FORM_NULL;
    } else if (type == INCIDENT_FIELD_TYPE_RICH_TEXT) {
        value = rich_text_value(door, field, node);
    } else if (node->kind == JSON_KIND_NUMBER) {
        value = number_value(value.shown);
    } else if (node->kind == JSON_KIND_STRING) {
        value.form = FIELD_FORM_TEXT;
        value.text = string_of(door, node, &door->decoded[field]);
    } else if (node->kind == JSON_KIND_OBJECT && type == INCIDENT_FIELD_TYPE_OBJECT) {
        value.form = FIELD_FORM_OBJECT;
    }
    return value;
}

enum door_answer incident_door_read(struct incident_door *door, struct bytes_view line, bool is_prefix,
                                    struct incident_event *ret_event, struct rule_violation *ret_violation)
{
    forget_line(door);
    if (line.size > INCIDENT_DOOR_LINE_MAX) {
        line = bytes_view_slice(line, 0, INCIDENT_DOOR_LINE_MAX);
        is_prefix = true;
    }
    if (!is_prefix && is_blank(line)) {
        return DOOR_BLANK;
    }
    door->line = line;
    const struct json_scan_limits limits = {.must_be_object = true, .is_prefix = is_prefix};
    if (json_scan_read(door->scan, line, &limits, ret_violation) != STATUS_OK) {
        return DOOR_REJECTED;
    }
    size_t count;
    const struct json_node *nodes = json_scan_nodes(door->scan, &count);
    if (find_fields(door, nodes, 0, INCIDENT_OBJECT_ENVELOPE, "", ret_violation) != STATUS_OK) {
        return DOOR_REJECTED;
    }
    struct field_value values[INCIDENT_FIELD_COUNT];
    memset(values, 0, sizeof values); /* FIELD_FORM_ABSENT */
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        if (door->places[i] != 0) {
            values[i] = value_of(door, (enum incident_field)i, &nodes[door->places[i] - 1]);
        }
    }
    return incident_rules_read(values, ret_event, ret_violation) == STATUS_OK ? DOOR_ACCEPTED : DOOR_REJECTED;
}
