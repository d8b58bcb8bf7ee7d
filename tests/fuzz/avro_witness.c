#include "avro_witness.h"

#include "check.h"
#include "json_scan.h"
#include "memory.h"
#include "utc_time.h"

#include <avro.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct avro_witness {
    const struct writer_schema *writer;
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t record;
    struct fuzz_input *input;
    struct json_scan *scan;
};

static void must(int answer)
{
    CHECK(answer == 0);
}

struct avro_witness *avro_witness_create(const struct writer_schema *schema)
{
    struct avro_witness *witness = memory_alloc(1, sizeof *witness);

    witness->writer = schema;
    must(avro_schema_from_json_length((const char *)schema->text.data, schema->text.size, &witness->schema));
    witness->class = avro_generic_class_from_schema(witness->schema);
    CHECK(witness->class != NULL);
    must(avro_generic_value_new(witness->class, &witness->record));
    witness->scan = json_scan_create();
    return witness;
}

void avro_witness_destroy(struct avro_witness *witness)
{
    avro_value_decref(&witness->record);
    avro_value_iface_decref(witness->class);
    avro_schema_decref(witness->schema);
    json_scan_destroy(witness->scan);
    free(witness);
}

/* ---- writing ---- */

static void fill(struct avro_witness *witness, avro_value_t *value, enum incident_object object,
                 enum incident_field field);

static int64_t some_number(struct avro_witness *witness, avro_type_t type)
{
    static const int64_t odd[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    uint64_t number = fuzz_input_number(witness->input);
    int64_t chosen = number % 4 == 0 ? odd[number / 4 % ARRAY_COUNT(odd)] : (int64_t)(number >> number % 64);

    return type == AVRO_INT32 ? (int32_t)chosen : chosen;
}

static int64_t own_number(struct avro_witness *witness, enum incident_field field, avro_type_t type)
{
    const struct incident_field_rule *rule = incident_rules_field(field);
    int64_t number = some_number(witness, type);

    if (rule->type == INCIDENT_FIELD_TYPE_VERSION) {
        return INCIDENT_VERSION;
    }
    if (rule->type == INCIDENT_FIELD_TYPE_TIMESTAMP) {
        int64_t us = number < 0 ? number % -UTC_TIME_LEAST_US : number % UTC_TIME_MOST_US;
        return witness->writer->is_millis[field] ? utc_time_us_to_ms(us) : us;
    }
    return number >= rule->least ? number : 1;
}

static struct bytes_view own_text(struct avro_witness *witness, enum incident_field field)
{
    static const char *const rich[] = {"\"a\"",
                                       "{\"a\":[1,2.50,1e5,\"\\u00e9\"]}",
                                       "[]",
                                       "-0",
                                       "{\"b\":{},\"b\":null}",
                                       "\"\xc3\xa9\xf0\x9f\x98\x80\"",
                                       "true"};
    static const char *const uuids[] = {"01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-CDEF-0123-456789abcDEF"};
    size_t choice = fuzz_input_byte(witness->input);

    switch (incident_rules_field(field)->type) {
    case INCIDENT_FIELD_TYPE_EVENT_TYPE:
        return bytes_view_of_text(event_type_name((enum event_type)(choice % EVENT_TYPE_COUNT)));
    case INCIDENT_FIELD_TYPE_UUID:
        return bytes_view_of_text(uuids[choice % ARRAY_COUNT(uuids)]);
    default:
        return bytes_view_of_text(rich[choice % ARRAY_COUNT(rich)]);
    }
}

static void fill_text(struct avro_witness *witness, avro_value_t *value, enum incident_field field, avro_type_t type)
{
    struct bytes_view text =
        field != INCIDENT_FIELD_COUNT && incident_rules_field(field)->opens == INCIDENT_OBJECT_NONE
            ? own_text(witness, field)
            : bytes_view_slice(BYTES_LITERAL("other text \xc3\xa9"), 0, fuzz_input_below(witness->input, 11));
    char copy[128] = "";

    CHECK(text.size < sizeof copy);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    must(type == AVRO_STRING ? avro_value_set_string_len(value, copy, text.size + 1)
                             : avro_value_set_bytes(value, copy, text.size));
}

static void fill_record(struct avro_witness *witness, avro_value_t *value, enum incident_object object)
{
    size_t count = 0;

    must(avro_value_get_size(value, &count));
    for (size_t i = 0; i < count; i++) {
        avro_value_t inner = {0};
        const char *name = NULL;
        enum incident_field field = INCIDENT_FIELD_COUNT;

        must(avro_value_get_by_index(value, i, &inner, &name));
        if (object != INCIDENT_OBJECT_NONE) {
            field = incident_rules_find(object, bytes_view_of_text(name));
        }
        fill(witness, &inner, field == INCIDENT_FIELD_COUNT ? INCIDENT_OBJECT_NONE : incident_rules_field(field)->opens,
             field);
    }
}

static void fill_items(struct avro_witness *witness, avro_value_t *value, avro_type_t type)
{
    for (size_t count = fuzz_input_below(witness->input, 4); count > 0; count--) {
        avro_value_t inner = {0};
        size_t index;
        char key[2] = {(char)('a' + count), '\0'};

        must(type == AVRO_ARRAY ? avro_value_append(value, &inner, &index)
                                : avro_value_add(value, key, &inner, &index, NULL));
        fill(witness, &inner, INCIDENT_OBJECT_NONE, INCIDENT_FIELD_COUNT);
    }
}

/* One of ours may be null where the rules let it be; otherwise it is the branch that is neither null nor boolean. */
static int choose_branch(struct avro_witness *witness, avro_schema_t schema, enum incident_field field)
{
    int count = (int)avro_schema_union_size(schema);
    int chosen = (int)fuzz_input_below(witness->input, (size_t)count);

    if (field == INCIDENT_FIELD_COUNT) {
        return chosen;
    }
    avro_type_t type = avro_typeof(avro_schema_union_branch(schema, chosen));
    if (type == AVRO_NULL && incident_rules_field(field)->is_nullable) {
        return chosen;
    }
    for (int i = 0; i < count; i++) {
        type = avro_typeof(avro_schema_union_branch(schema, i));
        chosen = type != AVRO_NULL && type != AVRO_BOOLEAN ? i : chosen;
    }
    return chosen;
}

static void fill_enum(struct avro_witness *witness, avro_value_t *value, enum incident_field field)
{
    int count = avro_schema_enum_number_of_symbols(avro_value_get_schema(value));

    /* The last one of ours is a symbol that nobody knows. */
    count -= field == INCIDENT_FIELD_COUNT ? 0 : 1;
    must(avro_value_set_enum(value, (int)fuzz_input_below(witness->input, (size_t)count)));
}

static void fill_number(struct avro_witness *witness, avro_value_t *value, enum incident_field field, avro_type_t type)
{
    int64_t number = field != INCIDENT_FIELD_COUNT && incident_rules_field(field)->opens == INCIDENT_OBJECT_NONE
                         ? own_number(witness, field, type)
                         : some_number(witness, type);

    must(type == AVRO_INT32 ? avro_value_set_int(value, (int32_t)number) : avro_value_set_long(value, number));
}

static void fill(struct avro_witness *witness, avro_value_t *value, enum incident_object object,
                 enum incident_field field)
{
    static uint8_t fixed[32];
    avro_schema_t schema = avro_value_get_schema(value);
    avro_type_t type = avro_value_get_type(value);
    avro_value_t branch = {0};

    switch (type) {
    case AVRO_STRING:
    case AVRO_BYTES:
        fill_text(witness, value, field, type);
        break;
    case AVRO_INT32:
    case AVRO_INT64:
        fill_number(witness, value, field, type);
        break;
    case AVRO_FLOAT:
        must(avro_value_set_float(value, (float)fuzz_input_byte(witness->input)));
        break;
    case AVRO_DOUBLE:
        must(avro_value_set_double(value, (double)fuzz_input_byte(witness->input)));
        break;
    case AVRO_BOOLEAN:
        must(avro_value_set_boolean(value, fuzz_input_byte(witness->input) % 2));
        break;
    case AVRO_NULL:
        must(avro_value_set_null(value));
        break;
    case AVRO_FIXED:
        must(avro_value_set_fixed(value, fixed, (size_t)avro_schema_fixed_size(schema)));
        break;
    case AVRO_ENUM:
        fill_enum(witness, value, field);
        break;
    case AVRO_ARRAY:
    case AVRO_MAP:
        fill_items(witness, value, type);
        break;
    case AVRO_UNION:
        must(avro_value_set_branch(value, choose_branch(witness, schema, field), &branch));
        fill(witness, &branch, object, field);
        break;
    default:
        CHECK(type == AVRO_RECORD);
        fill_record(witness, value, object);
        break;
    }
}

void avro_witness_write(struct avro_witness *witness, struct fuzz_input *input, struct bytes *record)
{
    size_t size = 0;

    witness->input = input;
    must(avro_value_reset(&witness->record));
    fill(witness, &witness->record, INCIDENT_OBJECT_ENVELOPE, INCIDENT_FIELD_COUNT);
    must(avro_value_sizeof(&witness->record, &size));
    bytes_reserve(record, record->size + size + 1);
    avro_writer_t writer = avro_writer_memory((const char *)record->data + record->size, (int64_t)size + 1);
    must(avro_value_write(writer, &witness->record));
    CHECK(avro_writer_tell(writer) == (int64_t)size);
    record->size += size;
    avro_writer_free(writer);
}

void avro_witness_read(struct avro_witness *witness, struct bytes_view record)
{
    avro_reader_t reader = avro_reader_memory((const char *)record.data, (int64_t)record.size);

    must(avro_value_reset(&witness->record));
    must(avro_value_read(reader, &witness->record));
    avro_reader_free(reader);
}

/* ---- comparing ---- */

/* The field's value, out of its union. False: it is not in the schema, or null. */
static bool find_value(const struct avro_witness *witness, enum incident_field field, avro_value_t *ret_value)
{
    const struct incident_field_rule *rule = incident_rules_field(field);
    avro_value_t parent = witness->record;

    for (int i = 0; i < INCIDENT_FIELD_COUNT && rule->parent != INCIDENT_OBJECT_ENVELOPE; i++) {
        if (incident_rules_field((enum incident_field)i)->opens == rule->parent) {
            CHECK(find_value(witness, (enum incident_field)i, &parent));
        }
    }
    if (avro_value_get_by_name(&parent, rule->name, ret_value, NULL) != 0) {
        return false;
    }
    if (avro_value_get_type(ret_value) == AVRO_UNION) {
        avro_value_t branch = {0};
        must(avro_value_get_current_branch(ret_value, &branch));
        *ret_value = branch;
    }
    return avro_value_get_type(ret_value) != AVRO_NULL;
}

static void check_number(const struct avro_witness *witness, enum incident_field field, bool has_number, int64_t number)
{
    avro_value_t value;
    int64_t there = 0;
    int32_t small = 0;

    CHECK(find_value(witness, field, &value) == has_number);
    if (!has_number) {
        return;
    }
    if (avro_value_get_type(&value) == AVRO_INT32) {
        must(avro_value_get_int(&value, &small));
        there = small;
    } else {
        must(avro_value_get_long(&value, &there));
    }
    CHECK((witness->writer->is_millis[field] ? there * 1000 : there) == number);
}

static struct bytes_view text_of(avro_value_t *value)
{
    const char *text = NULL;
    const void *bytes = NULL;
    size_t size = 0;

    if (avro_value_get_type(value) == AVRO_STRING) {
        must(avro_value_get_string(value, &text, &size));
        return bytes_view_of(text, size - 1);
    }
    must(avro_value_get_bytes(value, &bytes, &size));
    return bytes_view_of(bytes, size);
}

static void check_name(const struct avro_witness *witness, enum incident_field field, const char *name)
{
    avro_value_t value;
    int ordinal = 0;

    CHECK(find_value(witness, field, &value));
    must(avro_value_get_enum(&value, &ordinal));
    CHECK(strcmp(avro_schema_enum_get(avro_value_get_schema(&value), ordinal), name) == 0);
}

static void check_text(const struct avro_witness *witness, enum incident_field field, const char *text)
{
    avro_value_t value;

    CHECK(find_value(witness, field, &value));
    struct bytes_view there = text_of(&value);
    CHECK(there.size == strlen(text) && strncasecmp((const char *)there.data, text, there.size) == 0);
}

static void check_rich_text(const struct avro_witness *witness, enum incident_field field, struct bytes_view text)
{
    struct json_scan_limits limits = {0};
    struct rule_violation violation;
    struct bytes compact = {0};
    avro_value_t value;

    if (!find_value(witness, field, &value)) {
        CHECK(text.size == 0);
        return;
    }
    struct bytes_view there = text_of(&value);
    CHECK(json_scan_read(witness->scan, there, &limits, &violation) == STATUS_OK);
    json_scan_compact(there, &compact);
    CHECK(bytes_view_equal(bytes_as_view(&compact), text.size == 0 ? BYTES_LITERAL("null") : text));
    bytes_free(&compact);
}

void avro_witness_check(const struct avro_witness *witness, const struct incident_event *event)
{
    const struct incident *incident = &event->incident;
    const struct session *session = &incident->session;

    check_text(witness, INCIDENT_FIELD_EVENT_TYPE, event_type_name(event->type));
    check_number(witness, INCIDENT_FIELD_ID, true, incident->id);
    check_rich_text(witness, INCIDENT_FIELD_DESCRIPTION, incident->description);
    check_name(witness, INCIDENT_FIELD_STATUS, incident_status_name(incident->status));
    check_name(witness, INCIDENT_FIELD_SEVERITY, severity_name(incident->severity));
    check_number(witness, INCIDENT_FIELD_START_TIME, true, incident->start_time_us);
    check_number(witness, INCIDENT_FIELD_END_TIME, incident->has_end_time, incident->end_time_us);
    check_rich_text(witness, INCIDENT_FIELD_RESOLUTION_NOTES, incident->resolution_notes);
    check_number(witness, INCIDENT_FIELD_SESSION_ID, true, session->id);
    check_text(witness, INCIDENT_FIELD_SESSION_UUID, session->uuid);
    check_number(witness, INCIDENT_FIELD_SESSION_SCORE, session->has_score, session->score);
    check_name(witness, INCIDENT_FIELD_SESSION_STATUS, session_status_name(session->status));
    check_number(witness, INCIDENT_FIELD_SESSION_CREATED_AT, true, session->created_at_us);
    check_number(witness, INCIDENT_FIELD_SESSION_UPDATED_AT, true, session->updated_at_us);
    check_number(witness, INCIDENT_FIELD_TENANT_ID, true, incident->tenant_id);
    check_number(witness, INCIDENT_FIELD_CREATED_AT, true, incident->created_at_us);
    check_number(witness, INCIDENT_FIELD_UPDATED_AT, true, incident->updated_at_us);
    check_number(witness, INCIDENT_FIELD_META_VERSION, true, event->version);
    check_number(witness, INCIDENT_FIELD_META_SENT_AT, event->has_sent_at, event->sent_at_us);
}
