/* Values that avro-c writes under a writer's schema made from the input, read by our reader: it finds every field where
 * avro-c put it, and refuses the record when a byte is missing or one is left over. */
#include "avro_witness.h"
#include "check.h"
#include "event_properties.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "incident_avro.h"
#include "writer_schema.h"

#include <string.h>

static void check_cut(struct incident_decoder *decoder, struct bytes_view record)
{
    struct incident_event event;
    struct rule_violation violation;

    if (record.size > 0) {
        struct bytes_view cut = bytes_view_slice(record, 0, record.size - 1);
        CHECK(incident_decoder_decode(decoder, cut, &event, &violation) == STATUS_INVALID);
        CHECK(strcmp(violation.rule, "avro") == 0);
    }
}

static void check_longer(struct incident_decoder *decoder, struct bytes *record)
{
    struct incident_event event;
    struct rule_violation violation;

    bytes_append_byte(record, 0);
    CHECK(incident_decoder_decode(decoder, bytes_as_view(record), &event, &violation) == STATUS_INVALID);
    CHECK(strcmp(violation.rule, "avro") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_of(data, size);
    struct bytes record = {0};
    struct writer_schema schema;
    struct incident_event event;
    struct rule_violation violation;

    writer_schema_make(&input, &schema);
    struct avro_witness *witness = avro_witness_create(&schema);
    struct incident_decoder *decoder = incident_decoder_create(bytes_as_view(&schema.text), NULL);
    CHECK(decoder != NULL);
    avro_witness_write(witness, &input, &record);

    fuzz_allocation_start();
    enum status status = incident_decoder_decode(decoder, bytes_as_view(&record), &event, &violation);
    fuzz_allocation_check(record.size);
    CHECK((status == STATUS_OK) == schema.is_readable);
    if (status == STATUS_OK) {
        avro_witness_check(witness, &event);
        event_properties_check(&event);
    } else {
        event_properties_check_violation(&violation);
        CHECK(strcmp(violation.rule, "avro") != 0);
    }
    check_cut(decoder, bytes_as_view(&record));
    check_longer(decoder, &record);

    incident_decoder_destroy(decoder);
    avro_witness_destroy(witness);
    bytes_free(&schema.text);
    bytes_free(&record);
    return 0;
}
