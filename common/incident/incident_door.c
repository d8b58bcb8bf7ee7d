#include "incident_door.h"

#include "check.h"
#include "event_id.h"
#include "memory.h"
#include "trace_parent.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fields of an event, or of one image of a change, as they stand in the line. */
struct door_fields {
    const char *root;                      /* what stands for /payload in pointers: /before, /after; NULL: /payload */
    struct bytes compact[2];               /* rich text that came with white space: description, resolution_notes */
    json_t *decoded[INCIDENT_FIELD_COUNT]; /* strings that came with escapes; NULL otherwise */
    uint32_t places[INCIDENT_FIELD_COUNT]; /* each field's node plus 1; 0 when absent */
};

/* The keys of a change. */
enum change_key { CHANGE_KEY_BEFORE, CHANGE_KEY_AFTER, CHANGE_KEY_ID, CHANGE_KEY_TRACE_PARENT, CHANGE_KEY_COUNT };

static const char *const CHANGE_KEYS[CHANGE_KEY_COUNT] = {"before", "after", "id", "traceparent"};

struct incident_door {
    struct json_scan *scan;
    struct door_fields event;     /* also the image `after` of a change */
    struct door_fields before;    /* of a change */
    json_t *decoded_id;           /* of a change, when it came with escapes */
    json_t *decoded_trace_parent; /* the same */
    struct bytes_view line;       /* the line being read */
};

struct incident_door *incident_door_create(void)
{
    struct incident_door *door = memory_alloc(1, sizeof *door);
    door->scan = json_scan_create();
    return door;
}

static void forget_decoded(json_t **decoded)
{
    if (*decoded != NULL) {
        json_decref(*decoded);
        *decoded = NULL;
    }
}

static void forget_fields(struct door_fields *fields)
{
    for (size_t i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        forget_decoded(&fields->decoded[i]);
    }
    memset(fields->places, 0, sizeof fields->places);
    bytes_clear(&fields->compact[0]);
    bytes_clear(&fields->compact[1]);
}

static void forget_line(struct incident_door *door)
{
    forget_fields(&door->event);
    forget_fields(&door->before);
    forget_decoded(&door->decoded_id);
    forget_decoded(&door->decoded_trace_parent);
}

void incident_door_destroy(struct incident_door *door)
{
    if (door == NULL) {
        return;
    }
    forget_line(door);
    for (size_t i = 0; i < ARRAY_COUNT(door->event.compact); i++) {
        bytes_free(&door->event.compact[i]);
        bytes_free(&door->before.compact[i]);
    }
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
    for (size_t i = 0; i < key.size && pointer->size < (size_t)2 * RULE_POINTER_MAX; i++) {
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

static enum status reject_unknown(const char *parent, struct bytes_view key, const struct bytes *known,
                                  struct rule_violation *ret_violation)
{
    struct bytes pointer = {0};
    append_pointer(&pointer, parent, key);
    rule_violation_set(ret_violation, "key.unknown", (const char *)pointer.data,
                       "is an unknown key; the keys here are %.*s", BYTES_PRINTF(*known));
    bytes_free(&pointer);
    return STATUS_INVALID;
}

static enum status reject_unknown_field(const struct door_fields *fields, const struct incident_field_rule *inside,
                                        enum incident_object object, struct bytes_view key,
                                        struct rule_violation *ret_violation)
{
    struct bytes known = {0};
    char parent[RULE_POINTER_MAX] = "";
    if (inside != NULL) {
        incident_rules_pointer(inside, fields->root, parent);
    } else if (fields->root != NULL) {
        snprintf(parent, sizeof parent, "%s", fields->root);
    }
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        const struct incident_field_rule *rule = incident_rules_field((enum incident_field)i);
        if (rule->parent == object) {
            bytes_append_format(&known, "%s%s", known.size > 0 ? ", " : "", rule->name);
        }
    }
    enum status status = reject_unknown(parent, key, &known, ret_violation);
    bytes_free(&known);
    return status;
}

static enum status reject_duplicate(const char *pointer, struct rule_violation *ret_violation)
{
    rule_violation_set(ret_violation, "key.duplicate", pointer, "stands here for the second time");
    return STATUS_INVALID;
}

/* Notes where the value of the key at `at` stands. */
static enum status find_field(const struct incident_door *door, struct door_fields *fields,
                              const struct json_node *nodes, uint32_t at, const struct incident_field_rule *inside,
                              enum incident_object object, enum incident_field *ret_field,
                              struct rule_violation *ret_violation)
{
    json_t *decoded;
    struct bytes_view key = string_of(door, &nodes[at], &decoded);
    enum status status = STATUS_OK;
    *ret_field = incident_rules_find(object, key);
    if (*ret_field == INCIDENT_FIELD_COUNT) {
        status = reject_unknown_field(fields, inside, object, key, ret_violation);
    } else if (fields->places[*ret_field] != 0) {
        char pointer[RULE_POINTER_MAX];
        incident_rules_pointer(incident_rules_field(*ret_field), fields->root, pointer);
        status = reject_duplicate(pointer, ret_violation);
    } else {
        fields->places[*ret_field] = at + 2;
    }
    forget_decoded(&decoded);
    return status;
}

/* Finds the places of the fields of the object at `nodes[index]`, and of the objects in it, in the order of the line.
 * It goes no deeper than the objects of an event do. `inside`: the field that the object is; NULL: the outermost. */
static enum status find_fields(struct incident_door *door, struct door_fields *fields, const struct json_node *nodes,
                               uint32_t index, const struct incident_field_rule *inside, enum incident_object object,
                               struct rule_violation *ret_violation)
{
    for (uint32_t at = index + 1; at < nodes[index].next; at = nodes[at + 1].next) {
        enum incident_field field;
        enum status status = find_field(door, fields, nodes, at, inside, object, &field, ret_violation);
        if (status != STATUS_OK) {
            return status;
        }
        const struct incident_field_rule *rule = incident_rules_field(field);
        if (rule->opens != INCIDENT_OBJECT_NONE && nodes[at + 1].kind == JSON_KIND_OBJECT) {
            status = find_fields(door, fields, nodes, at + 1, rule, rule->opens, ret_violation);
            if (status != STATUS_OK) {
                return status;
            }
        }
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

static struct field_value rich_text_value(struct incident_door *door, struct door_fields *fields,
                                          enum incident_field field, const struct json_node *node)
{
    struct field_value value = {.form = FIELD_FORM_RICH_TEXT, .text = slice_of(door, node)};
    if (node->has_space) {
        struct bytes *compact = &fields->compact[field == INCIDENT_FIELD_DESCRIPTION ? 0 : 1];
        json_scan_compact(value.text, compact);
        value.text = bytes_as_view(compact);
    }
    return value;
}

static struct field_value value_of(struct incident_door *door, struct door_fields *fields, enum incident_field field,
                                   const struct json_node *node)
{
    struct field_value value = {.form = FIELD_FORM_OTHER, .shown = slice_of(door, node)};
    enum incident_field_type type = incident_rules_field(field)->type;
    if (node->kind == JSON_KIND_NULL) {
        value.form = FIELD_FORM_NULL;
    } else if (type == INCIDENT_FIELD_TYPE_RICH_TEXT) {
        value = rich_text_value(door, fields, field, node);
    } else if (node->kind == JSON_KIND_NUMBER) {
        value = number_value(value.shown);
    } else if (node->kind == JSON_KIND_STRING) {
        value.form = FIELD_FORM_TEXT;
        value.text = string_of(door, node, &fields->decoded[field]);
    } else if (node->kind == JSON_KIND_OBJECT && type == INCIDENT_FIELD_TYPE_OBJECT) {
        value.form = FIELD_FORM_OBJECT;
    }
    return value;
}

static void read_values(struct incident_door *door, struct door_fields *fields, const struct json_node *nodes,
                        struct field_value values[INCIDENT_FIELD_COUNT])
{
    memset(values, 0, INCIDENT_FIELD_COUNT * sizeof *values); /* FIELD_FORM_ABSENT */
    for (unsigned i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        if (fields->places[i] != 0) {
            values[i] = value_of(door, fields, (enum incident_field)i, &nodes[fields->places[i] - 1]);
        }
    }
}

/* The part that events and changes share: DOOR_ACCEPTED when the line is one JSON object, with its nodes. */
static enum door_answer scan_line(struct incident_door *door, struct bytes_view line, bool is_prefix,
                                  const struct json_node **ret_nodes, struct rule_violation *ret_violation)
{
    size_t count;
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
    *ret_nodes = json_scan_nodes(door->scan, &count);
    return DOOR_ACCEPTED;
}

enum door_answer incident_door_read(struct incident_door *door, struct bytes_view line, bool is_prefix,
                                    struct incident_event *ret_event, struct rule_violation *ret_violation)
{
    const struct json_node *nodes;
    enum door_answer answer = scan_line(door, line, is_prefix, &nodes, ret_violation);
    if (answer != DOOR_ACCEPTED) {
        return answer;
    }
    door->event.root = NULL;
    if (find_fields(door, &door->event, nodes, 0, NULL, INCIDENT_OBJECT_ENVELOPE, ret_violation) != STATUS_OK) {
        return DOOR_REJECTED;
    }
    struct field_value values[INCIDENT_FIELD_COUNT];
    read_values(door, &door->event, nodes, values);
    return incident_rules_read(values, ret_event, ret_violation) == STATUS_OK ? DOOR_ACCEPTED : DOOR_REJECTED;
}

/* ---- changes ---- */

static enum status find_change_key(const struct incident_door *door, const struct json_node *node,
                                   enum change_key *ret_key, struct rule_violation *ret_violation)
{
    json_t *decoded;
    struct bytes_view name = string_of(door, node, &decoded);
    enum status status = STATUS_OK;
    int key = 0;
    while (key < CHANGE_KEY_COUNT && !bytes_view_equal_text(name, CHANGE_KEYS[key])) {
        key++;
    }
    *ret_key = (enum change_key)key;
    if (key == CHANGE_KEY_COUNT) {
        struct bytes known = {0};
        bytes_append_text(&known, "before, after, id, traceparent");
        status = reject_unknown("", name, &known, ret_violation);
        bytes_free(&known);
    }
    forget_decoded(&decoded);
    return status;
}

/* Finds the change's own keys, and the fields of both images, in the order of the line. */
static enum status find_change(struct incident_door *door, const struct json_node *nodes,
                               const struct json_node *ret_values[CHANGE_KEY_COUNT],
                               struct rule_violation *ret_violation)
{
    for (int i = 0; i < CHANGE_KEY_COUNT; i++) {
        ret_values[i] = NULL;
    }
    for (uint32_t at = 1; at < nodes[0].next; at = nodes[at + 1].next) {
        enum change_key key;
        enum status status = find_change_key(door, &nodes[at], &key, ret_violation);
        if (status != STATUS_OK) {
            return status;
        }
        if (ret_values[key] != NULL) {
            char pointer[RULE_POINTER_MAX];
            snprintf(pointer, sizeof pointer, "/%s", CHANGE_KEYS[key]);
            return reject_duplicate(pointer, ret_violation);
        }
        ret_values[key] = &nodes[at + 1];
        if (key <= CHANGE_KEY_AFTER && nodes[at + 1].kind == JSON_KIND_OBJECT) {
            struct door_fields *fields = key == CHANGE_KEY_BEFORE ? &door->before : &door->event;
            fields->root =
                incident_rules_image_pointer(key == CHANGE_KEY_BEFORE ? INCIDENT_IMAGE_BEFORE : INCIDENT_IMAGE_AFTER);
            status = find_fields(door, fields, nodes, at + 1, NULL, INCIDENT_OBJECT_PAYLOAD, ret_violation);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

static enum status read_image(struct incident_door *door, const struct json_node *nodes, const struct json_node *node,
                              enum incident_image image, bool *ret_is_there, struct incident *ret_incident,
                              struct rule_violation *ret_violation)
{
    *ret_is_there = node != NULL && node->kind != JSON_KIND_NULL;
    if (!*ret_is_there) {
        memset(ret_incident, 0, sizeof *ret_incident);
        return STATUS_OK;
    }
    if (node->kind != JSON_KIND_OBJECT) {
        struct bytes_view shown = slice_of(door, node);
        return incident_rules_reject_image(image, shown, ret_violation);
    }
    struct field_value values[INCIDENT_FIELD_COUNT];
    read_values(door, image == INCIDENT_IMAGE_BEFORE ? &door->before : &door->event, nodes, values);
    return incident_rules_read_image(values, image, ret_incident, ret_violation);
}

static enum status check_pair(const struct incident_change *change, struct rule_violation *ret_violation)
{
    if (!change->has_before && !change->has_after) {
        rule_violation_set(ret_violation, "change.empty", "", "before and after are both null; one must be a row");
        return STATUS_INVALID;
    }
    if (!change->has_before || !change->has_after) {
        return STATUS_OK;
    }
    bool is_id = change->before.id != change->after.id;
    int64_t before = is_id ? change->before.id : change->before.tenant_id;
    int64_t after = is_id ? change->after.id : change->after.tenant_id;
    if (before != after) {
        rule_violation_set(ret_violation, "change.identity", is_id ? "/after/id" : "/after/tenant_id",
                           "%" PRId64 " is not %" PRId64 ", as in /before", after, before);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* A string that is given and right; false when it is given and wrong. Null is not given. */
static bool read_text(struct incident_door *door, const struct json_node *node,
                      bool (*is_valid)(struct bytes_view text), json_t **decoded, struct bytes_view *ret_text)
{
    *ret_text = bytes_view_of(NULL, 0);
    if (node == NULL || node->kind == JSON_KIND_NULL) {
        return true;
    }
    if (node->kind != JSON_KIND_STRING) {
        return false;
    }
    struct bytes_view text = string_of(door, node, decoded);
    if (!is_valid(text)) {
        return false;
    }
    *ret_text = text;
    return true;
}

enum door_answer incident_door_read_change(struct incident_door *door, struct bytes_view line, bool is_prefix,
                                           struct incident_change *ret_change, struct rule_violation *ret_violation)
{
    const struct json_node *nodes;
    const struct json_node *values[CHANGE_KEY_COUNT];
    enum door_answer answer = scan_line(door, line, is_prefix, &nodes, ret_violation);
    if (answer != DOOR_ACCEPTED) {
        return answer;
    }
    if (find_change(door, nodes, values, ret_violation) != STATUS_OK ||
        read_image(door, nodes, values[CHANGE_KEY_BEFORE], INCIDENT_IMAGE_BEFORE, &ret_change->has_before,
                   &ret_change->before, ret_violation) != STATUS_OK ||
        read_image(door, nodes, values[CHANGE_KEY_AFTER], INCIDENT_IMAGE_AFTER, &ret_change->has_after,
                   &ret_change->after, ret_violation) != STATUS_OK ||
        check_pair(ret_change, ret_violation) != STATUS_OK) {
        return DOOR_REJECTED;
    }
    ret_change->is_id_invalid =
        !read_text(door, values[CHANGE_KEY_ID], event_id_is_valid, &door->decoded_id, &ret_change->id);
    ret_change->is_trace_parent_invalid = !read_text(door, values[CHANGE_KEY_TRACE_PARENT], trace_parent_is_valid,
                                                     &door->decoded_trace_parent, &ret_change->trace_parent);
    return DOOR_ACCEPTED;
}
