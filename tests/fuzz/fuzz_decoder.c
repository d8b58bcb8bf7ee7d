/* Bytes off the log: as a record of our schema, as one of some other writer's, and as a whole record with key, framing
 * and headers. What is accepted avro-c reads to the same values. */
#include "avro_schema.h"
#include "avro_witness.h"
#include "check.h"
#include "event_id.h"
#include "event_properties.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "incident_avro.h"
#include "record_decode.h"
#include "record_framing.h"
#include "trace_parent.h"
#include "writer_schema.h"

#include <string.h>

static void read_body(struct incident_decoder *decoder, const struct writer_schema *schema, struct bytes_view body)
{
    struct incident_event event;
    struct rule_violation violation;

    fuzz_allocation_start();
    enum status status = incident_decoder_decode(decoder, body, &event, &violation);
    fuzz_allocation_check(body.size);
    if (status != STATUS_OK) {
        event_properties_check_violation(&violation);
        return;
    }
    struct avro_witness *witness = avro_witness_create(schema);
    avro_witness_read(witness, body);
    avro_witness_check(witness, &event);
    avro_witness_destroy(witness);
    event_properties_check(&event);
}

static void read_ours(struct bytes_view body)
{
    static struct incident_decoder *decoder;
    static struct writer_schema schema;

    if (decoder == NULL) {
        bytes_append_text(&schema.text, incident_schema_v1_text);
        schema.is_readable = true;
        decoder = incident_decoder_create(bytes_as_view(&schema.text), NULL);
        CHECK(decoder != NULL);
    }
    read_body(decoder, &schema, body);
}

static void read_foreign(struct fuzz_input *input)
{
    struct writer_schema schema;

    writer_schema_make(input, &schema);
    struct incident_decoder *decoder = incident_decoder_create(bytes_as_view(&schema.text), NULL);
    CHECK(decoder != NULL);
    read_body(decoder, &schema, input->left);
    incident_decoder_destroy(decoder);
    bytes_free(&schema.text);
}

static void check_record(const struct record_in *in, const struct decoded_record *record)
{
    char schema[RECORD_SCHEMA_TEXT_MAX];

    CHECK(memchr(record->reason, '\0', sizeof record->reason) != NULL);
    CHECK(memchr(record->pointer, '\0', sizeof record->pointer) != NULL);
    CHECK((record->reading == RECORD_TOMBSTONE) == in->value_is_null);
    switch (record->reading) {
    case RECORD_READABLE:
        CHECK(record->reason[0] == '\0');
        CHECK(event_id_is_valid(bytes_view_of_text(record->id)));
        CHECK(record->traceparent.size == 0 || trace_parent_is_valid(record->traceparent));
        CHECK(!in->key_is_null);
        event_properties_check(&record->event);
        break;
    case RECORD_UNREADABLE:
        CHECK(strncmp(record->reason, "undecodable.", 12) == 0 || strcmp(record->reason, "key.mismatch") == 0);
        break;
    case RECORD_SCHEMA_UNKNOWN:
        CHECK(strcmp(record->reason, "schema.unknown") == 0);
        record_schema_text(record, schema);
        CHECK(memchr(schema, '\0', sizeof schema) != NULL);
        break;
    case RECORD_TOMBSTONE:
        break;
    }
}

static size_t make_headers(struct fuzz_input *input, struct record_header headers[4])
{
    static const char *const names[] = {"ce_id", "traceparent", "content-type", "CE_ID", ""};
    size_t count = fuzz_input_below(input, 5);

    for (size_t i = 0; i < count; i++) {
        uint8_t choice = fuzz_input_byte(input);
        headers[i].name = names[choice % ARRAY_COUNT(names)];
        headers[i].value_is_null = choice >= 250;
        headers[i].value = BYTES_LITERAL("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        if (choice % 2 == 1) {
            size_t most = input->left.size < 80 ? input->left.size : 80;
            size_t size = fuzz_input_below(input, most + 1);
            headers[i].value = bytes_view_slice(input->left, 0, size < input->left.size ? size : input->left.size);
        }
    }
    return count;
}

/* The key is the first bytes of the input, up to a dot. */
static void read_record(struct fuzz_input *input)
{
    static struct record_decoder *decoder;
    struct record_header headers[4];
    struct decoded_record record;
    struct record_in in = {.timestamp_ms = 1700000000000, .headers = headers};

    if (decoder == NULL) {
        decoder = record_decoder_create();
    }
    uint8_t choice = fuzz_input_byte(input);
    in.key_is_null = choice == 255;
    in.value_is_null = choice == 254;
    in.header_count = make_headers(input, headers);
    const uint8_t *dot = input->left.size == 0 ? NULL : memchr(input->left.data, '.', input->left.size);
    size_t key_size = dot == NULL ? 0 : (size_t)(dot - input->left.data);
    size_t start = dot == NULL ? 0 : key_size + 1;
    in.key = bytes_view_slice(input->left, 0, key_size);
    in.value = bytes_view_slice(input->left, start, input->left.size - start);
    fuzz_allocation_start();
    record_decode(decoder, &in, &record);
    fuzz_allocation_check(in.value.size);
    check_record(&in, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_of(data, size);

    switch (fuzz_input_byte(&input) % 4) {
    case 0:
        read_ours(input.left);
        break;
    case 1:
        read_foreign(&input);
        break;
    default:
        read_record(&input);
        break;
    }
    return 0;
}
