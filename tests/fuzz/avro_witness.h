/* avro_witness.h: avro-c as the witness of our reader.
 *
 * It trusts lengths, so it may only see bytes that it wrote itself or that our reader has walked over. */
#ifndef RELAY_AVRO_WITNESS_H
#define RELAY_AVRO_WITNESS_H

#include "bytes.h"
#include "fuzz_input.h"
#include "incident.h"
#include "writer_schema.h"

struct avro_witness;

/* Aborts when avro-c refuses the schema. */
struct avro_witness *avro_witness_create(const struct writer_schema *schema);
void avro_witness_destroy(struct avro_witness *witness);

/* Makes a value from the input, legal by the rules in every field of ours that has a type of ours, and appends its
 * record. */
void avro_witness_write(struct avro_witness *witness, struct fuzz_input *input, struct bytes *record);

/* Reads a record. */
void avro_witness_read(struct avro_witness *witness, struct bytes_view record);

/* Aborts when the event is not what was written or read last. */
void avro_witness_check(const struct avro_witness *witness, const struct incident_event *event);

#endif
