#include "avro_schema.h"

#include "avro_name.h"
#include "memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Appends the form of one schema; `space` is the namespace around it. */
static enum status append_schema(struct bytes *form, const json_t *schema, const char *space, int depth,
                                 struct error *ret_error);

static enum status append_name(struct bytes *form, const char *name, const char *space, struct error *ret_error)
{
    if (!avro_name_is_legal(name, true)) {
        return error_set(ret_error, STATUS_INVALID, "schema: \"%.100s\" is not a legal name", name);
    }
    char *full = avro_name_primitive(name) >= 0 ? memory_copy_text(name) : avro_name_full(name, NULL, space);
    bytes_append_json_string(form, bytes_view_of_text(full));
    free(full);
    return STATUS_OK;
}

static enum status append_union(struct bytes *form, const json_t *branches, const char *space, int depth,
                                struct error *ret_error)
{
    enum status status = STATUS_OK;
    bytes_append_byte(form, '[');
    for (size_t i = 0; i < json_array_size(branches) && status == STATUS_OK; i++) {
        bytes_append_text(form, i > 0 ? "," : "");
        status = append_schema(form, json_array_get(branches, i), space, depth, ret_error);
    }
    bytes_append_byte(form, ']');
    return status;
}

static enum status append_fields(struct bytes *form, const json_t *schema, const char *space, int depth,
                                 struct error *ret_error)
{
    const json_t *fields = json_object_get(schema, "fields");
    if (!json_is_array(fields)) {
        return error_set(ret_error, STATUS_INVALID, "schema: a record needs \"fields\", an array");
    }
    enum status status = STATUS_OK;
    bytes_append_text(form, ",\"fields\":[");
    for (size_t i = 0; i < json_array_size(fields) && status == STATUS_OK; i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        const json_t *type = json_object_get(field, "type");
        if (name == NULL || type == NULL || !avro_name_is_legal(name, false)) {
            return error_set(ret_error, STATUS_INVALID, "schema: a field needs a legal \"name\" and a \"type\"");
        }
        bytes_append_format(form, "%s{\"name\":\"%s\",\"type\":", i > 0 ? "," : "", name);
        status = append_schema(form, type, space, depth, ret_error);
        bytes_append_byte(form, '}');
    }
    bytes_append_byte(form, ']');
    return status;
}

static enum status append_symbols(struct bytes *form, const json_t *schema, struct error *ret_error)
{
    const json_t *symbols = json_object_get(schema, "symbols");
    if (!json_is_array(symbols)) {
        return error_set(ret_error, STATUS_INVALID, "schema: an enum needs \"symbols\", an array");
    }
    bytes_append_text(form, ",\"symbols\":[");
    for (size_t i = 0; i < json_array_size(symbols); i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));
        if (symbol == NULL) {
            return error_set(ret_error, STATUS_INVALID, "schema: an enum's symbols must be strings");
        }
        bytes_append_text(form, i > 0 ? "," : "");
        bytes_append_json_string(form, bytes_view_of_text(symbol));
    }
    bytes_append_byte(form, ']');
    return STATUS_OK;
}

/* A record, an enum or a fixed. */
static enum status append_named(struct bytes *form, const json_t *schema, const char *type, const char *space,
                                int depth, struct error *ret_error)
{
    const char *name = json_string_value(json_object_get(schema, "name"));
    const char *own_space = json_string_value(json_object_get(schema, "namespace"));
    if (name == NULL || !avro_name_is_legal(name, true) || !avro_name_is_legal_space(own_space)) {
        return error_set(ret_error, STATUS_INVALID,
                         "schema: a type %s needs a legal \"name\", and \"namespace\" if there is one", type);
    }
    char *full = avro_name_full(name, own_space, space);
    char *inner_space = avro_name_space_of(full);
    enum status status = STATUS_OK;
    bytes_append_format(form, "{\"name\":\"%s\",\"type\":\"%s\"", full, type);
    if (strcmp(type, "record") == 0) {
        status = append_fields(form, schema, inner_space, depth, ret_error);
    } else if (strcmp(type, "enum") == 0) {
        status = append_symbols(form, schema, ret_error);
    } else {
        const json_t *size = json_object_get(schema, "size");
        if (!json_is_integer(size) || json_integer_value(size) < 0) {
            status = error_set(ret_error, STATUS_INVALID, "schema: a fixed needs \"size\", an integer");
        } else {
            bytes_append_text(form, ",\"size\":");
            bytes_append_int64(form, json_integer_value(size));
        }
    }
    bytes_append_byte(form, '}');
    free(inner_space);
    free(full);
    return status;
}

static enum status append_container(struct bytes *form, const json_t *schema, const char *type, const char *key,
                                    const char *space, int depth, struct error *ret_error)
{
    const json_t *inner = json_object_get(schema, key);
    if (inner == NULL) {
        return error_set(ret_error, STATUS_INVALID, "schema: a type %s needs \"%s\"", type, key);
    }
    bytes_append_format(form, "{\"type\":\"%s\",\"%s\":", type, key);
    enum status status = append_schema(form, inner, space, depth, ret_error);
    bytes_append_byte(form, '}');
    return status;
}

static enum status append_schema(struct bytes *form, const json_t *schema, const char *space, int depth,
                                 struct error *ret_error)
{
    if (depth == AVRO_SCHEMA_DEPTH_MAX) {
        return error_set(ret_error, STATUS_INVALID, "schema: nested deeper than %d", AVRO_SCHEMA_DEPTH_MAX);
    }
    depth++;
    if (json_is_string(schema)) {
        return append_name(form, json_string_value(schema), space, ret_error);
    }
    if (json_is_array(schema)) {
        return append_union(form, schema, space, depth, ret_error);
    }
    const json_t *type = json_object_get(schema, "type"); /* NULL as well when it is no object */
    if (json_is_object(type) || json_is_array(type)) {
        return append_schema(form, type, space, depth, ret_error);
    }
    const char *name = json_string_value(type);
    if (name == NULL) {
        return error_set(ret_error, STATUS_INVALID, "schema: expected a name, an array or an object with a \"type\"");
    }
    if (strcmp(name, "record") == 0 || strcmp(name, "enum") == 0 || strcmp(name, "fixed") == 0) {
        return append_named(form, schema, name, space, depth, ret_error);
    }
    if (strcmp(name, "array") == 0) {
        return append_container(form, schema, name, "items", space, depth, ret_error);
    }
    if (strcmp(name, "map") == 0) {
        return append_container(form, schema, name, "values", space, depth, ret_error);
    }
    return append_name(form, name, space, ret_error);
}

enum status avro_schema_canonical_form(struct bytes_view schema_text, struct bytes *ret_canonical,
                                       struct error *ret_error)
{
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
    size_t before = ret_canonical->size;
    enum status status = append_schema(ret_canonical, schema, "", 0, ret_error);
    if (status != STATUS_OK) {
        ret_canonical->size = before;
    }
    json_decref(schema);
    return status;
}

uint64_t avro_schema_crc64(struct bytes_view bytes)
{
    static const uint64_t EMPTY = UINT64_C(0xc15d213aa4d7a795);
    uint64_t table[256];
    for (uint64_t i = 0; i < 256; i++) {
        uint64_t entry = i;
        for (int bit = 0; bit < 8; bit++) {
            entry = (entry >> 1) ^ (EMPTY & (0 - (entry & 1)));
        }
        table[i] = entry;
    }
    uint64_t crc = EMPTY;
    for (size_t i = 0; i < bytes.size; i++) {
        crc = (crc >> 8) ^ table[(crc ^ bytes.data[i]) & 0xFF];
    }
    return crc;
}

enum status avro_schema_fingerprint(struct bytes_view schema_text, uint64_t *ret_fingerprint, struct error *ret_error)
{
    struct bytes form = {0};
    enum status status = avro_schema_canonical_form(schema_text, &form, ret_error);
    if (status == STATUS_OK) {
        *ret_fingerprint = avro_schema_crc64(bytes_as_view(&form));
    }
    bytes_free(&form);
    return status;
}
