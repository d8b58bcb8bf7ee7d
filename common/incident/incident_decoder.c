#include "avro_steps.h"
#include "check.h"
#include "incident_avro.h"
#include "json_scan.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WALK_DEPTH_MAX = 64, /* values inside values */
    /* Values that take no bytes (null, an empty record) could be promised by the billion: what a record of some size
     * may make the walk do is bounded. */
    WALK_STEPS_FREE = 64 * 1024,
    WALK_STEPS_PER_BYTE = 16,
};

enum { RICH_TEXT_DEPTH = 2 }; /* the envelope and the payload are around it */

struct incident_decoder {
    struct avro_steps steps;
    struct json_scan *scan;
    struct bytes compact[2]; /* rich text that came with white space: description, resolution_notes */
};

/* One reading of one record. */
struct walk {
    const struct avro_steps *steps;
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
    uint64_t steps_left;
    const char *fault_text; /* NULL: none */
    struct field_value values[INCIDENT_FIELD_COUNT];
};

struct incident_decoder *incident_decoder_create(struct bytes_view schema_text, struct error *ret_error)
{
    struct avro_steps steps;
    if (avro_steps_compile(schema_text, &steps, ret_error) != STATUS_OK) {
        return NULL;
    }
    struct incident_decoder *decoder = memory_alloc(1, sizeof *decoder);
    decoder->steps = steps;
    decoder->scan = json_scan_create();
    return decoder;
}

void incident_decoder_destroy(struct incident_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    avro_steps_destroy(&decoder->steps);
    json_scan_destroy(decoder->scan);
    bytes_free(&decoder->compact[0]);
    bytes_free(&decoder->compact[1]);
    free(decoder);
}

static bool fault(struct walk *walk, const char *text)
{
    if (walk->fault_text == NULL) {
        walk->fault_text = text;
    }
    return false;
}

/* A zig-zag variable-length integer (Avro 1.11 specification, "Primitive Types"). */
static bool read_long(struct walk *walk, int64_t *ret_number)
{
    uint64_t bits = 0;
    if (walk->at < walk->end && *walk->at < 0x80) { /* most of them */
        *ret_number = (int64_t)(*walk->at >> 1) ^ -(int64_t)(*walk->at & 1);
        walk->at++;
        return true;
    }
    for (int shift = 0; shift < 70; shift += 7) {
        if (walk->at == walk->end) {
            return fault(walk, "the record ends inside an integer");
        }
        uint8_t byte = *walk->at++;
        if (shift == 63 && byte > 1) {
            return fault(walk, "an integer is longer than 64 bits");
        }
        bits |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret_number = (int64_t)((bits >> 1) ^ (0 - (bits & 1)));
            return true;
        }
    }
    return fault(walk, "an integer is longer than 64 bits");
}

static bool read_fixed(struct walk *walk, uint64_t size, struct bytes_view *ret_bytes)
{
    if (size > (uint64_t)(walk->end - walk->at)) {
        return fault(walk, "a length goes beyond the end of the record");
    }
    *ret_bytes = bytes_view_of(walk->at, size);
    walk->at += size;
    return true;
}

static bool read_bytes(struct walk *walk, struct bytes_view *ret_bytes)
{
    int64_t size = 0;
    if (!read_long(walk, &size)) {
        return false;
    }
    if (size < 0) {
        return fault(walk, "a length is negative");
    }
    return read_fixed(walk, (uint64_t)size, ret_bytes);
}

static bool read_text(struct walk *walk, struct bytes_view *ret_text)
{
    return read_bytes(walk, ret_text) && (json_scan_is_utf8(*ret_text) || fault(walk, "a string is not UTF-8"));
}

static struct field_value *target_of(struct walk *walk, const struct avro_step *step)
{
    return step->target == INCIDENT_FIELD_COUNT ? NULL : &walk->values[step->target];
}

static void take_other(struct walk *walk, const struct avro_step *step)
{
    static const char *const SHOWN[] = {
        [AVRO_STEP_NULL] = "null",       [AVRO_STEP_BOOLEAN] = "a boolean", [AVRO_STEP_INT] = "an int",
        [AVRO_STEP_LONG] = "a long",     [AVRO_STEP_FLOAT] = "a float",     [AVRO_STEP_DOUBLE] = "a double",
        [AVRO_STEP_BYTES] = "bytes",     [AVRO_STEP_STRING] = "a string",   [AVRO_STEP_FIXED] = "a fixed",
        [AVRO_STEP_ENUM] = "an enum",    [AVRO_STEP_ARRAY] = "an array",    [AVRO_STEP_MAP] = "a map",
        [AVRO_STEP_RECORD] = "a record", [AVRO_STEP_UNION] = "a union",
    };
    struct field_value *value = target_of(walk, step);
    if (value != NULL) {
        *value = (struct field_value){.form = step->form, .shown = bytes_view_of_text(SHOWN[step->kind])};
    }
}

static void take_number(struct walk *walk, const struct avro_step *step, int64_t number)
{
    struct field_value *value = target_of(walk, step);
    if (value == NULL || step->form == FIELD_FORM_OTHER) {
        take_other(walk, step);
        return;
    }
    *value = (struct field_value){.form = step->form, .number = number};
    if (step->form == FIELD_FORM_TIME_US && __builtin_mul_overflow(number, step->factor, &value->number)) {
        value->number = number < 0 ? INT64_MIN : INT64_MAX;
    }
}

static void take_text(struct walk *walk, const struct avro_step *step, struct bytes_view text)
{
    struct field_value *value = target_of(walk, step);
    if (value == NULL || step->form == FIELD_FORM_OTHER) {
        take_other(walk, step);
        return;
    }
    *value = (struct field_value){.form = step->form, .text = text};
}

static bool walk_step(struct walk *walk, uint32_t index, int depth);

static bool walk_integer(struct walk *walk, const struct avro_step *step)
{
    int64_t number;
    if (!read_long(walk, &number)) {
        return false;
    }
    if (step->kind == AVRO_STEP_INT && (number < INT32_MIN || number > INT32_MAX)) {
        return fault(walk, "an int is longer than 32 bits");
    }
    take_number(walk, step, number);
    return true;
}

static bool walk_text(struct walk *walk, const struct avro_step *step)
{
    struct bytes_view text = {0};
    /* Bytes stand for a string where one of ours is expected, so they must be one there. */
    bool is_string = step->kind == AVRO_STEP_STRING || step->form != FIELD_FORM_OTHER;
    if (!(is_string ? read_text(walk, &text) : read_bytes(walk, &text))) {
        return false;
    }
    take_text(walk, step, text);
    return true;
}

static bool walk_enum(struct walk *walk, const struct avro_step *step)
{
    int64_t ordinal;
    if (!read_long(walk, &ordinal)) {
        return false;
    }
    if (ordinal < 0 || ordinal >= step->count) {
        return fault(walk, "an enum has no symbol of this number");
    }
    take_text(walk, step, walk->steps->symbols[step->first + (uint32_t)ordinal]);
    return true;
}

static bool walk_union(struct walk *walk, const struct avro_step *step, int depth)
{
    int64_t branch;
    if (!read_long(walk, &branch)) {
        return false;
    }
    if (branch < 0 || branch >= step->count) {
        return fault(walk, "a union has no branch of this number");
    }
    return walk_step(walk, walk->steps->links[step->first + (uint32_t)branch], depth);
}

static bool walk_record(struct walk *walk, const struct avro_step *step, int depth)
{
    take_other(walk, step); /* an object, or of the wrong type */
    for (uint32_t i = 0; i < step->count; i++) {
        if (!walk_step(walk, walk->steps->links[step->first + i], depth)) {
            return false;
        }
    }
    return true;
}

/* The items of one block. */
static bool walk_items(struct walk *walk, const struct avro_step *step, uint64_t count, int depth)
{
    struct bytes_view key;
    for (; count > 0; count--) {
        if (step->kind == AVRO_STEP_MAP && !read_text(walk, &key)) {
            return false;
        }
        if (!walk_step(walk, walk->steps->links[step->first], depth)) {
            return false;
        }
    }
    return true;
}

/* Arrays and maps come in blocks; a negative count is followed by the block's size in bytes. */
static bool walk_blocks(struct walk *walk, const struct avro_step *step, int depth)
{
    take_other(walk, step);
    for (;;) {
        int64_t count;
        if (!read_long(walk, &count)) {
            return false;
        }
        if (count >= 0) {
            if (count == 0) {
                return true;
            }
            if (!walk_items(walk, step, (uint64_t)count, depth)) {
                return false;
            }
            continue;
        }
        struct bytes_view block = {0};
        if (!read_bytes(walk, &block)) {
            return false;
        }
        walk->at = block.data;
        if (!walk_items(walk, step, 0 - (uint64_t)count, depth)) {
            return false;
        }
        if (walk->at != block.data + block.size) {
            return fault(walk, "a block is not of the size that it says");
        }
    }
}

static bool walk_boolean(struct walk *walk, const struct avro_step *step)
{
    struct bytes_view byte = {0};
    if (!read_fixed(walk, 1, &byte)) {
        return false;
    }
    if (byte.data[0] > 1) {
        return fault(walk, "a boolean is neither 0 nor 1");
    }
    take_other(walk, step);
    return true;
}

static bool walk_fixed(struct walk *walk, const struct avro_step *step, uint64_t size)
{
    struct bytes_view bytes;
    if (!read_fixed(walk, size, &bytes)) {
        return false;
    }
    take_other(walk, step);
    return true;
}

static bool walk_step(struct walk *walk, uint32_t index, int depth)
{
    const struct avro_step *step = &walk->steps->steps[index];
    if (depth == WALK_DEPTH_MAX) {
        return fault(walk, "values nest too deep");
    }
    if (walk->steps_left == 0) {
        return fault(walk, "too many values for so few bytes");
    }
    walk->steps_left--;
    switch (step->kind) {
    case AVRO_STEP_NULL:
        take_other(walk, step);
        return true;
    case AVRO_STEP_BOOLEAN:
        return walk_boolean(walk, step);
    case AVRO_STEP_INT:
    case AVRO_STEP_LONG:
        return walk_integer(walk, step);
    case AVRO_STEP_FLOAT:
        return walk_fixed(walk, step, 4);
    case AVRO_STEP_DOUBLE:
        return walk_fixed(walk, step, 8);
    case AVRO_STEP_FIXED:
        return walk_fixed(walk, step, step->count);
    case AVRO_STEP_BYTES:
    case AVRO_STEP_STRING:
        return walk_text(walk, step);
    case AVRO_STEP_ENUM:
        return walk_enum(walk, step);
    case AVRO_STEP_ARRAY:
    case AVRO_STEP_MAP:
        return walk_blocks(walk, step, depth + 1);
    case AVRO_STEP_UNION:
        return walk_union(walk, step, depth + 1);
    case AVRO_STEP_RECORD:
        return walk_record(walk, step, depth + 1);
    }
    CHECK(!"a step's kind");
    return false;
}

/* Rich text must be exactly one JSON value: it is pasted into what we sign. */
static enum status check_rich_text(struct incident_decoder *decoder, enum incident_field field,
                                   struct field_value *value, size_t *values, struct rule_violation *ret_violation)
{
    if (value->form != FIELD_FORM_RICH_TEXT) {
        return STATUS_OK;
    }
    const struct json_scan_limits limits = {.depth_before = RICH_TEXT_DEPTH, .values_before = (uint32_t)*values};
    if (json_scan_read(decoder->scan, value->text, &limits, ret_violation) != STATUS_OK) {
        snprintf(ret_violation->pointer, sizeof ret_violation->pointer, "%s", incident_rules_field(field)->pointer);
        return STATUS_INVALID;
    }
    size_t count;
    const struct json_node *node = json_scan_nodes(decoder->scan, &count);
    *values += json_scan_values(decoder->scan);
    value->text = bytes_view_slice(value->text, node->start, node->size);
    if (node->kind == JSON_KIND_NULL) {
        value->form = FIELD_FORM_NULL;
        *values -= 1; /* a line need not have it */
    } else if (node->has_space) {
        struct bytes *compact = &decoder->compact[field == INCIDENT_FIELD_DESCRIPTION ? 0 : 1];
        bytes_clear(compact);
        json_scan_compact(value->text, compact);
        value->text = bytes_as_view(compact);
    }
    return STATUS_OK;
}

enum status incident_decoder_decode(struct incident_decoder *decoder, struct bytes_view body,
                                    struct incident_event *ret_event, struct rule_violation *ret_violation)
{
    static const uint8_t NOTHING[1] = {0};
    CHECK(body.size < UINT32_MAX);
    struct walk walk = {.steps = &decoder->steps};
    walk.begin = body.size == 0 ? NOTHING : body.data;
    walk.at = walk.begin;
    walk.end = walk.begin + body.size;
    walk.steps_left = WALK_STEPS_FREE + WALK_STEPS_PER_BYTE * (uint64_t)body.size;
    if (walk_step(&walk, 0, 0) && walk.at != walk.end) {
        fault(&walk, "something follows the record");
    }
    if (walk.fault_text != NULL) {
        rule_violation_set(ret_violation, "avro", "", "byte %zu: %s", (size_t)(walk.at - walk.begin), walk.fault_text);
        return STATUS_INVALID;
    }
    size_t values = incident_rules_values_least(walk.values[INCIDENT_FIELD_END_TIME].form >= FIELD_FORM_INTEGER,
                                                walk.values[INCIDENT_FIELD_SESSION_SCORE].form >= FIELD_FORM_INTEGER);
    static const enum incident_field RICH[] = {INCIDENT_FIELD_DESCRIPTION, INCIDENT_FIELD_RESOLUTION_NOTES};
    for (size_t i = 0; i < ARRAY_COUNT(RICH); i++) {
        enum status status = check_rich_text(decoder, RICH[i], &walk.values[RICH[i]], &values, ret_violation);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return incident_rules_read(walk.values, ret_event, ret_violation);
}
