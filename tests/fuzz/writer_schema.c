#include "writer_schema.h"

#include "check.h"
#include "incident.h"

#include <string.h>

enum { TYPE_DEPTH_MAX = 3 };

struct making {
    struct fuzz_input *input;
    struct writer_schema *schema;
    struct bytes *text;
};

static void write_type(struct making *making, int depth, bool is_in_union);
static void write_record(struct making *making, enum incident_object object);

/* True once in `times`. */
static bool is_once_in(struct making *making, size_t times)
{
    return fuzz_input_below(making->input, times) == 1;
}

static void write_other_fields(struct making *making, int depth, const char *comma)
{
    for (size_t count = fuzz_input_below(making->input, 3); count > 0; count--) {
        bytes_append_format(making->text, "%s{\"name\":\"x%u\",\"type\":", comma, making->schema->names++);
        write_type(making, depth, false);
        bytes_append_text(making->text, "}");
        comma = ",";
    }
}

static void write_union(struct making *making, int depth)
{
    static const char *const branches[] = {"\"null\"", "\"boolean\"", "\"long\"", "\"string\"", "\"double\""};
    size_t count = fuzz_input_below(making->input, ARRAY_COUNT(branches));

    bytes_append_text(making->text, "[");
    for (size_t i = 0; i < count; i++) {
        bytes_append_format(making->text, "%s,", branches[i]);
    }
    bytes_append_text(making->text, "{\"type\":\"array\",\"items\":");
    write_type(making, depth, false);
    bytes_append_text(making->text, "}]");
}

static void write_named_type(struct making *making, int depth, size_t kind)
{
    unsigned name = making->schema->names++;

    if (kind == 0) {
        bytes_append_format(making->text, "{\"type\":\"fixed\",\"name\":\"T%u\",\"size\":%zu}", name,
                            fuzz_input_below(making->input, 20) + 1);
    } else if (kind == 1) {
        bytes_append_format(making->text, "{\"type\":\"enum\",\"name\":\"T%u\",\"symbols\":[\"A\",\"B\",\"C\"]}", name);
    } else {
        bytes_append_format(making->text, "{\"type\":\"record\",\"name\":\"T%u\",\"fields\":[", name);
        bytes_append_format(making->text, "{\"name\":\"x%u\",\"type\":\"int\"}", making->schema->names++);
        write_other_fields(making, depth, ",");
        bytes_append_text(making->text, "]}");
    }
}

/* Any type at all, of a field that is none of ours. */
static void write_type(struct making *making, int depth, bool is_in_union)
{
    static const char *const primitives[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};
    size_t kind = fuzz_input_below(making->input, depth == TYPE_DEPTH_MAX ? 8 : 14);

    depth++;
    if (kind < ARRAY_COUNT(primitives)) {
        bytes_append_format(making->text, "\"%s\"", primitives[kind]);
    } else if (kind < 11) {
        write_named_type(making, depth, kind - 8);
    } else if (kind == 13 && !is_in_union) {
        write_union(making, depth);
    } else {
        bytes_append_text(making->text,
                          kind == 11 ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
        write_type(making, depth, false);
        bytes_append_text(making->text, "}");
    }
}

static void write_enum(struct making *making, const char *(*name_of)(unsigned), unsigned count)
{
    size_t first = fuzz_input_below(making->input, count);

    bytes_append_format(making->text, "{\"type\":\"enum\",\"name\":\"E%u\",\"symbols\":[", making->schema->names++);
    for (unsigned i = 0; i < count; i++) {
        bytes_append_format(making->text, "\"%s\",", name_of((unsigned)(first + i) % count));
    }
    bytes_append_text(making->text, "\"OF_TOMORROW\"]}");
}

static const char *status_of(unsigned i)
{
    return incident_status_name((enum incident_status)i);
}

static const char *severity_of(unsigned i)
{
    return severity_name((enum severity)i);
}

static const char *session_status_of(unsigned i)
{
    return session_status_name((enum session_status)i);
}

/* Of a field of ours, as it ought to be. */
static void write_own_type(struct making *making, enum incident_field field)
{
    bool is_other = is_once_in(making, 3);

    switch (incident_rules_field(field)->type) {
    case INCIDENT_FIELD_TYPE_OBJECT:
        write_record(making, incident_rules_field(field)->opens);
        break;
    case INCIDENT_FIELD_TYPE_INTEGER:
    case INCIDENT_FIELD_TYPE_VERSION:
        bytes_append_text(making->text, is_other ? "\"int\"" : "\"long\"");
        break;
    case INCIDENT_FIELD_TYPE_STATUS:
        write_enum(making, status_of, INCIDENT_STATUS_COUNT);
        break;
    case INCIDENT_FIELD_TYPE_SEVERITY:
        write_enum(making, severity_of, SEVERITY_COUNT);
        break;
    case INCIDENT_FIELD_TYPE_SESSION_STATUS:
        write_enum(making, session_status_of, SESSION_STATUS_COUNT);
        break;
    case INCIDENT_FIELD_TYPE_TIMESTAMP:
        making->schema->is_millis[field] = is_other;
        bytes_append_format(making->text, "{\"type\":\"long\",\"logicalType\":\"timestamp-%s\"}",
                            is_other ? "millis" : "micros");
        break;
    case INCIDENT_FIELD_TYPE_EVENT_TYPE:
    case INCIDENT_FIELD_TYPE_UUID:
    case INCIDENT_FIELD_TYPE_RICH_TEXT:
        bytes_append_text(making->text, is_other ? "\"bytes\"" : "\"string\"");
        break;
    }
}

static void write_own_field(struct making *making, enum incident_field field)
{
    const struct incident_field_rule *rule = incident_rules_field(field);
    size_t form = fuzz_input_below(making->input, 6);

    bytes_append_format(making->text, "{\"name\":\"%s\",\"type\":", rule->name);
    if (is_once_in(making, 64)) {
        making->schema->is_readable = false;
        bytes_append_text(making->text, "\"double\"}");
        return;
    }
    if (form == 1) {
        bytes_append_text(making->text, "[\"null\",");
    } else if (form == 2) {
        bytes_append_text(making->text, "[\"boolean\",");
    } else if (form == 3) {
        bytes_append_text(making->text, "[");
    }
    write_own_type(making, field);
    bytes_append_text(making->text, form == 3 ? ",\"null\"]}" : form == 1 || form == 2 ? "]}" : "}");
}

static void write_record(struct making *making, enum incident_object object)
{
    enum incident_field fields[INCIDENT_FIELD_COUNT];
    size_t count = 0;
    const char *comma = "";

    for (int i = 0; i < INCIDENT_FIELD_COUNT; i++) {
        const struct incident_field_rule *rule = incident_rules_field((enum incident_field)i);
        if (rule->parent == object && !(is_once_in(making, rule->may_be_absent ? 8 : 128))) {
            fields[count++] = (enum incident_field)i;
        } else if (rule->parent == object && !rule->may_be_absent) {
            making->schema->is_readable = false;
        }
    }
    bytes_append_format(making->text, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[", making->schema->names++);
    for (; count > 0; comma = ",") {
        size_t next = is_once_in(making, 2) ? fuzz_input_below(making->input, count) : 0;
        bytes_append_text(making->text, comma);
        write_own_field(making, fields[next]);
        memmove(&fields[next], &fields[next + 1], (--count - next) * sizeof fields[0]);
        if (is_once_in(making, 6)) {
            write_other_fields(making, 0, ",");
        }
    }
    bytes_append_text(making->text, "]}");
}

void writer_schema_make(struct fuzz_input *input, struct writer_schema *ret_schema)
{
    struct making making = {.input = input, .schema = ret_schema, .text = &ret_schema->text};

    *ret_schema = (struct writer_schema){.is_readable = true};
    write_record(&making, INCIDENT_OBJECT_ENVELOPE);
}
