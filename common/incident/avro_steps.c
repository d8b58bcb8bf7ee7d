#include "avro_steps.h"

#include "avro_name.h"
#include "avro_schema.h"
#include "check.h"
#include "memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

static const uint32_t NO_STEP = UINT32_MAX;

/* Where a schema stands, as seen from our fields. */
struct place {
    enum incident_object object; /* the object of ours that a record here is */
    enum incident_field target;
};

static const struct place ELSEWHERE = {INCIDENT_OBJECT_NONE, INCIDENT_FIELD_COUNT};

/* A type with a name. */
struct named_type {
    SLIST_ENTRY(named_type) link;
    char *full_name;
    const json_t *schema;
    uint32_t step; /* its steps where no field of ours stands; NO_STEP until compiled */
};

struct compiler {
    struct avro_steps *out;
    uint32_t step_capacity;
    uint32_t link_capacity;
    uint32_t symbol_capacity;
    SLIST_HEAD(, named_type) types;
    struct error *ret_error;
};

static enum status compile(struct compiler *compiler, const json_t *schema, const char *space, struct place place,
                           int depth, uint32_t *ret_step);

/* Room for `more` behind `count`, doubling. */
static uint32_t grown(uint32_t capacity, uint32_t count, uint32_t more)
{
    capacity = capacity == 0 ? 64 : capacity;
    while (capacity < count + more) {
        capacity *= 2;
    }
    return capacity;
}

static enum status too_large(struct compiler *compiler)
{
    return error_set(compiler->ret_error, STATUS_INVALID, "schema: it has too many types, fields or symbols");
}

static enum status add_step(struct compiler *compiler, enum avro_step_kind kind, struct place place, uint32_t *ret_step)
{
    struct avro_steps *out = compiler->out;
    if (out->step_count == AVRO_STEPS_MAX) {
        return too_large(compiler);
    }
    if (out->step_count == compiler->step_capacity) {
        compiler->step_capacity = grown(compiler->step_capacity, out->step_count, 1);
        out->steps = memory_resize(out->steps, compiler->step_capacity, sizeof *out->steps);
    }
    *ret_step = out->step_count++;
    out->steps[*ret_step] = (struct avro_step){.kind = kind, .target = place.target, .form = FIELD_FORM_OTHER};
    return STATUS_OK;
}

/* Takes `count` links for the step, to be filled by the caller. */
static enum status add_links(struct compiler *compiler, uint32_t step, size_t count)
{
    struct avro_steps *out = compiler->out;
    if (count > AVRO_LINKS_MAX - out->link_count) {
        return too_large(compiler);
    }
    if (out->link_count + count > compiler->link_capacity) {
        compiler->link_capacity = grown(compiler->link_capacity, out->link_count, (uint32_t)count);
        out->links = memory_resize(out->links, compiler->link_capacity, sizeof *out->links);
    }
    out->steps[step].first = out->link_count;
    out->steps[step].count = (uint32_t)count;
    out->link_count += (uint32_t)count;
    return STATUS_OK;
}

static struct place place_in(struct place place, const char *field_name)
{
    if (place.object == INCIDENT_OBJECT_NONE) {
        return ELSEWHERE;
    }
    enum incident_field field = incident_rules_find(place.object, bytes_view_of_text(field_name));
    if (field == INCIDENT_FIELD_COUNT) {
        return ELSEWHERE;
    }
    return (struct place){incident_rules_field(field)->opens, field};
}

/* How our field takes a value of the step's kind; OTHER is the wrong type. */
static void set_form(struct avro_step *step, const char *logical_type)
{
    if (step->target == INCIDENT_FIELD_COUNT) {
        return;
    }
    bool is_text = step->kind == AVRO_STEP_STRING || step->kind == AVRO_STEP_BYTES;
    switch (incident_rules_field(step->target)->type) {
    case INCIDENT_FIELD_TYPE_OBJECT:
        step->form = step->kind == AVRO_STEP_RECORD ? FIELD_FORM_OBJECT : FIELD_FORM_OTHER;
        break;
    case INCIDENT_FIELD_TYPE_INTEGER:
    case INCIDENT_FIELD_TYPE_VERSION:
        step->form = step->kind == AVRO_STEP_INT || step->kind == AVRO_STEP_LONG ? FIELD_FORM_INTEGER : step->form;
        break;
    case INCIDENT_FIELD_TYPE_TIMESTAMP:
        step->factor = logical_type == NULL || strcmp(logical_type, "timestamp-micros") == 0 ? 1
                       : strcmp(logical_type, "timestamp-millis") == 0                       ? 1000
                                                                                             : 0;
        step->form = step->kind == AVRO_STEP_LONG && step->factor > 0 ? FIELD_FORM_TIME_US : FIELD_FORM_OTHER;
        break;
    case INCIDENT_FIELD_TYPE_RICH_TEXT:
        step->form = is_text ? FIELD_FORM_RICH_TEXT : FIELD_FORM_OTHER;
        break;
    case INCIDENT_FIELD_TYPE_EVENT_TYPE:
    case INCIDENT_FIELD_TYPE_UUID:
        step->form = is_text ? FIELD_FORM_TEXT : FIELD_FORM_OTHER;
        break;
    default:
        step->form = step->kind == AVRO_STEP_ENUM ? FIELD_FORM_TEXT : FIELD_FORM_OTHER;
        break;
    }
    if (step->kind == AVRO_STEP_NULL) {
        step->form = FIELD_FORM_NULL;
    }
}

static enum status compile_union(struct compiler *compiler, const json_t *branches, const char *space,
                                 struct place place, int depth, uint32_t *ret_step)
{
    size_t count = json_array_size(branches);
    enum status status = add_step(compiler, AVRO_STEP_UNION, place, ret_step);
    if (status == STATUS_OK) {
        status = add_links(compiler, *ret_step, count);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const json_t *branch = json_array_get(branches, i);
        uint32_t step = NO_STEP;
        if (json_is_array(branch)) {
            return error_set(compiler->ret_error, STATUS_INVALID, "schema: a union stands directly in a union");
        }
        status = compile(compiler, branch, space, place, depth, &step);
        compiler->out->links[compiler->out->steps[*ret_step].first + i] = step;
    }
    return status;
}

static enum status compile_fields(struct compiler *compiler, const json_t *schema, const char *space,
                                  struct place place, int depth, uint32_t record)
{
    const json_t *fields = json_object_get(schema, "fields");
    size_t count = json_array_size(fields);
    if (!json_is_array(fields)) {
        return error_set(compiler->ret_error, STATUS_INVALID, "schema: a record needs \"fields\", an array");
    }
    bool is_met[INCIDENT_FIELD_COUNT] = {false};
    enum status status = add_links(compiler, record, count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        const json_t *type = json_object_get(field, "type");
        if (name == NULL || type == NULL) {
            return error_set(compiler->ret_error, STATUS_INVALID, "schema: a field needs \"name\" and \"type\"");
        }
        struct place field_place = place_in(place, name);
        if (field_place.target != INCIDENT_FIELD_COUNT) {
            if (is_met[field_place.target]) {
                return error_set(compiler->ret_error, STATUS_INVALID, "schema: the field \"%s\" occurs twice", name);
            }
            is_met[field_place.target] = true;
        }
        uint32_t step = NO_STEP;
        status = compile(compiler, type, space, field_place, depth, &step);
        compiler->out->links[compiler->out->steps[record].first + i] = step;
    }
    return status;
}

static enum status compile_symbols(struct compiler *compiler, const json_t *schema, uint32_t step)
{
    struct avro_steps *out = compiler->out;
    const json_t *symbols = json_object_get(schema, "symbols");
    size_t count = json_array_size(symbols);
    if (!json_is_array(symbols) || count > AVRO_LINKS_MAX - out->symbol_count) {
        return error_set(compiler->ret_error, STATUS_INVALID, "schema: an enum needs \"symbols\", an array");
    }
    if (out->symbol_count + count > compiler->symbol_capacity) {
        compiler->symbol_capacity = grown(compiler->symbol_capacity, out->symbol_count, (uint32_t)count);
        out->symbols = memory_resize(out->symbols, compiler->symbol_capacity, sizeof *out->symbols);
    }
    out->steps[step].first = out->symbol_count;
    out->steps[step].count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        const json_t *symbol = json_array_get(symbols, i);
        if (!json_is_string(symbol)) {
            return error_set(compiler->ret_error, STATUS_INVALID, "schema: an enum's symbols must be strings");
        }
        out->symbols[out->symbol_count++] = bytes_view_of(json_string_value(symbol), json_string_length(symbol));
    }
    return STATUS_OK;
}

static struct named_type *find_type(struct compiler *compiler, const char *full_name)
{
    struct named_type *type;
    SLIST_FOREACH(type, &compiler->types, link)
    {
        if (strcmp(type->full_name, full_name) == 0) {
            break;
        }
    }
    return type;
}

/* A record, an enum or a fixed whose full name is `type`'s. */
static enum status compile_definition(struct compiler *compiler, struct named_type *type, struct place place, int depth,
                                      uint32_t *ret_step)
{
    const json_t *schema = type->schema;
    const char *kind_name = json_string_value(json_object_get(schema, "type"));
    enum avro_step_kind kind = strcmp(kind_name, "record") == 0 ? AVRO_STEP_RECORD
                               : strcmp(kind_name, "enum") == 0 ? AVRO_STEP_ENUM
                                                                : AVRO_STEP_FIXED;
    enum status status = add_step(compiler, kind, place, ret_step);
    if (status != STATUS_OK) {
        return status;
    }
    set_form(&compiler->out->steps[*ret_step], NULL);
    if (place.target == INCIDENT_FIELD_COUNT && place.object == INCIDENT_OBJECT_NONE) {
        type->step = *ret_step; /* before its fields: they may name it */
    }
    if (kind == AVRO_STEP_RECORD) {
        char *space = avro_name_space_of(type->full_name);
        status = compile_fields(compiler, schema, space, place, depth, *ret_step);
        free(space);
        return status;
    }
    if (kind == AVRO_STEP_ENUM) {
        return compile_symbols(compiler, schema, *ret_step);
    }
    const json_t *size = json_object_get(schema, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > INT32_MAX) {
        return error_set(compiler->ret_error, STATUS_INVALID, "schema: a fixed needs \"size\", an integer");
    }
    compiler->out->steps[*ret_step].count = (uint32_t)json_integer_value(size);
    return STATUS_OK;
}

static enum status compile_named(struct compiler *compiler, const json_t *schema, const char *space, struct place place,
                                 int depth, uint32_t *ret_step)
{
    const char *name = json_string_value(json_object_get(schema, "name"));
    const char *own_space = json_string_value(json_object_get(schema, "namespace"));
    if (name == NULL || !avro_name_is_legal(name, true) || !avro_name_is_legal_space(own_space)) {
        return error_set(compiler->ret_error, STATUS_INVALID,
                         "schema: a record, enum or fixed needs a legal \"name\", and \"namespace\" if there is one");
    }
    char *full_name = avro_name_full(name, own_space, space);
    struct named_type *type = find_type(compiler, full_name);
    if (type == NULL) {
        type = memory_alloc(1, sizeof *type);
        *type = (struct named_type){.full_name = full_name, .schema = schema, .step = NO_STEP};
        SLIST_INSERT_HEAD(&compiler->types, type, link);
    } else {
        free(full_name);
        if (type->schema != schema) {
            return error_set(compiler->ret_error, STATUS_INVALID, "schema: \"%s\" is defined twice", type->full_name);
        }
    }
    return compile_definition(compiler, type, place, depth, ret_step);
}

/* A primitive, or a type by its name. */
static enum status compile_name(struct compiler *compiler, const char *name, const char *logical_type,
                                const char *space, struct place place, int depth, uint32_t *ret_step)
{
    int primitive = avro_name_primitive(name);
    if (primitive >= 0) {
        enum status status = add_step(compiler, (enum avro_step_kind)primitive, place, ret_step);
        if (status == STATUS_OK) {
            set_form(&compiler->out->steps[*ret_step], logical_type);
        }
        return status;
    }
    char *full_name = avro_name_full(name, NULL, space);
    struct named_type *type = find_type(compiler, full_name);
    free(full_name);
    if (type == NULL) {
        return error_set(compiler->ret_error, STATUS_INVALID, "schema: \"%.100s\" is not a type", name);
    }
    bool is_elsewhere = place.target == INCIDENT_FIELD_COUNT && place.object == INCIDENT_OBJECT_NONE;
    if (is_elsewhere && type->step != NO_STEP) {
        *ret_step = type->step;
        return STATUS_OK;
    }
    return compile_definition(compiler, type, place, depth, ret_step);
}

static enum status compile_container(struct compiler *compiler, const json_t *schema, enum avro_step_kind kind,
                                     const char *space, struct place place, int depth, uint32_t *ret_step)
{
    const char *key = kind == AVRO_STEP_ARRAY ? "items" : "values";
    const json_t *inner = json_object_get(schema, key);
    if (inner == NULL) {
        return error_set(compiler->ret_error, STATUS_INVALID, "schema: an array or map needs \"%s\"", key);
    }
    enum status status = add_step(compiler, kind, place, ret_step);
    if (status == STATUS_OK) {
        status = add_links(compiler, *ret_step, 1);
    }
    uint32_t step = NO_STEP;
    if (status == STATUS_OK) {
        status = compile(compiler, inner, space, ELSEWHERE, depth, &step);
        compiler->out->links[compiler->out->steps[*ret_step].first] = step;
    }
    return status;
}

static enum status compile(struct compiler *compiler, const json_t *schema, const char *space, struct place place,
                           int depth, uint32_t *ret_step)
{
    if (depth == AVRO_SCHEMA_DEPTH_MAX) {
        return error_set(compiler->ret_error, STATUS_INVALID, "schema: nested deeper than %d", AVRO_SCHEMA_DEPTH_MAX);
    }
    depth++;
    if (json_is_string(schema)) {
        return compile_name(compiler, json_string_value(schema), NULL, space, place, depth, ret_step);
    }
    if (json_is_array(schema)) {
        return compile_union(compiler, schema, space, place, depth, ret_step);
    }
    const json_t *type = json_object_get(schema, "type"); /* NULL as well when it is no object */
    if (json_is_object(type) || json_is_array(type)) {
        return compile(compiler, type, space, place, depth, ret_step);
    }
    const char *name = json_string_value(type);
    if (name == NULL) {
        return error_set(compiler->ret_error, STATUS_INVALID,
                         "schema: expected a name, an array or an object with a \"type\"");
    }
    if (strcmp(name, "record") == 0 || strcmp(name, "enum") == 0 || strcmp(name, "fixed") == 0) {
        return compile_named(compiler, schema, space, place, depth, ret_step);
    }
    if (strcmp(name, "array") == 0 || strcmp(name, "map") == 0) {
        return compile_container(compiler, schema, name[0] == 'a' ? AVRO_STEP_ARRAY : AVRO_STEP_MAP, space, place,
                                 depth, ret_step);
    }
    return compile_name(compiler, name, json_string_value(json_object_get(schema, "logicalType")), space, place, depth,
                        ret_step);
}

static enum status compile_root(struct compiler *compiler, const json_t *schema)
{
    const struct place root = {INCIDENT_OBJECT_ENVELOPE, INCIDENT_FIELD_COUNT};
    uint32_t step = NO_STEP;
    enum status status = compile(compiler, schema, "", root, 0, &step);
    if (status == STATUS_OK && compiler->out->steps[step].kind != AVRO_STEP_RECORD) {
        status = error_set(compiler->ret_error, STATUS_INVALID, "schema: an event's schema must be a record");
    }
    CHECK(status != STATUS_OK || step == 0);
    return status;
}

enum status avro_steps_compile(struct bytes_view schema_text, struct avro_steps *ret_steps, struct error *ret_error)
{
    memset(ret_steps, 0, sizeof *ret_steps);
    json_error_t problem;
    if (schema_text.size > AVRO_SCHEMA_SIZE_MAX) {
        return error_set(ret_error, STATUS_INVALID, "schema: longer than %d bytes", AVRO_SCHEMA_SIZE_MAX);
    }
    json_t *schema = json_loadb((const char *)schema_text.data, schema_text.size,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (schema == NULL) {
        return error_set(ret_error, STATUS_INVALID, "schema: line %d, column %d: %s", problem.line, problem.column,
                         problem.text);
    }
    ret_steps->schema = schema;
    struct compiler compiler = {.out = ret_steps, .ret_error = ret_error};
    SLIST_INIT(&compiler.types);
    enum status status = compile_root(&compiler, schema);
    while (!SLIST_EMPTY(&compiler.types)) {
        struct named_type *type = SLIST_FIRST(&compiler.types);
        SLIST_REMOVE_HEAD(&compiler.types, link);
        free(type->full_name);
        free(type);
    }
    if (status != STATUS_OK) {
        avro_steps_destroy(ret_steps);
    }
    return status;
}

void avro_steps_destroy(struct avro_steps *steps)
{
    json_decref(steps->schema);
    free(steps->steps);
    free(steps->links);
    free(steps->symbols);
    memset(steps, 0, sizeof *steps);
}
