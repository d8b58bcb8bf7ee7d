/* writer_schema.h: schemas that other writers of our records might have, made from a fuzzer's bytes.
 *
 * Fields in any order, others between them, unions around them with null first or last or not at all, ints for longs,
 * bytes for strings, milliseconds for microseconds, symbols in another order; now and then a type that is wrong. */
#ifndef RELAY_WRITER_SCHEMA_H
#define RELAY_WRITER_SCHEMA_H

#include "bytes.h"
#include "fuzz_input.h"
#include "incident_rules.h"

#include <stdbool.h>

struct writer_schema {
    struct bytes text; /* free with bytes_free */
    bool is_readable;  /* no field of ours is missing or of a wrong type */
    bool is_millis[INCIDENT_FIELD_COUNT];
    unsigned names; /* given so far */
};

void writer_schema_make(struct fuzz_input *input, struct writer_schema *ret_schema);

#endif
