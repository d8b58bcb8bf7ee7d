/* record_framing.h: which framing a record's value has, told from its first bytes.
 *
 * Sources: Avro 1.11 specification, "Single object encoding" (C3 01, then the CRC-64-AVRO fingerprint of the writer's
 * schema, little-endian); Confluent's wire format (00, then the schema's id in its registry, 4 bytes, big-endian). */
#ifndef RELAY_RECORD_FRAMING_H
#define RELAY_RECORD_FRAMING_H

#include "bytes.h"

#include <stdint.h>

enum framing { FRAMING_SINGLE_OBJECT, FRAMING_CONFLUENT, FRAMING_UNKNOWN };

enum { FRAMING_SINGLE_OBJECT_SIZE = 10, FRAMING_CONFLUENT_SIZE = 5 }; /* bytes before the record */

struct framed {
    enum framing framing;
    uint64_t schema;        /* the fingerprint, or the registry's id; 0 when unknown */
    struct bytes_view body; /* the record; empty when unknown */
};

/* Never fails: a value with another beginning, or one that ends inside it, is FRAMING_UNKNOWN. */
struct framed record_framing_detect(struct bytes_view value);

/* Appends the beginning of a single object. */
void record_framing_append_single_object(struct bytes *value, uint64_t fingerprint);

#endif
