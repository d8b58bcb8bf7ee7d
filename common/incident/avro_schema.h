/* avro_schema.h: names and fingerprints of Avro schemas.
 *
 * avro-c drops defaults, aliases and logical types when it prints a schema again, and has no fingerprint: so this works
 * on the schema's own text. Source: Avro 1.11 specification, "Parsing Canonical Form for Schemas" and "Schema
 * Fingerprints". */
#ifndef RELAY_AVRO_SCHEMA_H
#define RELAY_AVRO_SCHEMA_H

#include "bytes.h"
#include "status.h"

#include <stdint.h>

enum { AVRO_SCHEMA_SIZE_MAX = 1024 * 1024 }; /* bytes of a schema's text */
enum { AVRO_SCHEMA_DEPTH_MAX = 64 };         /* JSON containers in it */

/* schemas/incident_event.v1.avsc as it was when the program was built; NUL-terminated. */
extern const char incident_schema_v1_text[];

/* Appends the parsing canonical form of `schema_text`. It checks what the form needs (JSON, types, names), not every
 * rule for schemas.
 * Errors: STATUS_INVALID with a line in *ret_error (may be NULL); *ret_canonical is as before then. */
WARN_UNUSED enum status avro_schema_canonical_form(struct bytes_view schema_text, struct bytes *ret_canonical,
                                                   struct error *ret_error);

/* CRC-64-AVRO of bytes: of the canonical form it is the schema's fingerprint. */
uint64_t avro_schema_crc64(struct bytes_view bytes);

/* The fingerprint of `schema_text`.
 * Errors: STATUS_INVALID as avro_schema_canonical_form. */
WARN_UNUSED enum status avro_schema_fingerprint(struct bytes_view schema_text, uint64_t *ret_fingerprint,
                                                struct error *ret_error);

#endif
