/* A writer's schema as a registry would give it: its canonical form, its fingerprint, and a reader made from it. */
#include "avro_schema.h"
#include "check.h"
#include "event_properties.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "incident_avro.h"
#include "json_scan.h"

#include <string.h>

/* A schema becomes a tree of jansson's and a table of steps that stay as long as the reader does: that costs a multiple
 * of the text, which is bounded itself (AVRO_SCHEMA_SIZE_MAX). The reader has a fixed tape for rich text besides. */
enum { SCHEMA_FACTOR = 96, SCHEMA_FIXED = 256 * 1024 };

static void check_error(const struct error *error)
{
    size_t size = strnlen(error->text, sizeof error->text);

    CHECK(error->status == STATUS_INVALID && size > 0 && size < sizeof error->text);
}

static void check_canonical_form(struct bytes_view text)
{
    struct bytes canonical = {0};
    struct bytes again = {0};
    struct error error = {0};
    uint64_t fingerprint = 0;

    fuzz_allocation_start();
    enum status status = avro_schema_canonical_form(text, &canonical, &error);
    fuzz_allocation_check_bound(text.size, SCHEMA_FACTOR, SCHEMA_FIXED);
    CHECK(avro_schema_fingerprint(text, &fingerprint, NULL) == status);
    if (status != STATUS_OK) {
        CHECK(canonical.size == 0);
        check_error(&error);
        bytes_free(&canonical);
        return;
    }
    CHECK(fingerprint == avro_schema_crc64(bytes_as_view(&canonical)));
    CHECK(json_scan_is_utf8(bytes_as_view(&canonical)));
    CHECK(avro_schema_canonical_form(bytes_as_view(&canonical), &again, NULL) == STATUS_OK);
    CHECK(bytes_view_equal(bytes_as_view(&canonical), bytes_as_view(&again)));
    bytes_free(&canonical);
    bytes_free(&again);
}

static void check_reader(struct bytes_view text)
{
    static const uint8_t zeros[64];
    struct incident_event event;
    struct rule_violation violation;
    struct error error = {0};

    fuzz_allocation_start();
    struct incident_decoder *decoder = incident_decoder_create(text, &error);
    fuzz_allocation_check_bound(text.size, SCHEMA_FACTOR, SCHEMA_FIXED);
    if (decoder == NULL) {
        check_error(&error);
        return;
    }
    for (size_t size = 0; size <= sizeof zeros; size += 16) {
        if (incident_decoder_decode(decoder, bytes_view_of(zeros, size), &event, &violation) == STATUS_OK) {
            event_properties_check(&event);
        } else {
            event_properties_check_violation(&violation);
        }
    }
    (void)!incident_decoder_decode(decoder, text, &event, &violation);
    incident_decoder_destroy(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_canonical_form(bytes_view_of(data, size));
    check_reader(bytes_view_of(data, size));
    return 0;
}
