/* incident_avro.h: an incident event as an Avro record, both ways.
 *
 * Writing is avro-c with the schema of this build. Reading is one bounds-checked walk over the bytes, compiled from the
 * writer's schema: fields find their place by name and enums by symbol, whatever order, extra fields or types the
 * writer has, and no byte of a record reaches avro-c (it trusts lengths). */
#ifndef RELAY_INCIDENT_AVRO_H
#define RELAY_INCIDENT_AVRO_H

#include "bytes.h"
#include "incident.h"
#include "incident_rules.h"
#include "status.h"

#include <stdint.h>

struct incident_encoder; /* one per thread */

struct incident_encoder *incident_encoder_create(void);
void incident_encoder_destroy(struct incident_encoder *encoder); /* NULL is fine */

/* The fingerprint of the schema that the encoder writes. */
uint64_t incident_encoder_fingerprint(const struct incident_encoder *encoder);

/* Appends the event in Avro's single-object encoding: C3 01, the fingerprint, the record. The event has passed the
 * rules and has sent_at. */
void incident_encoder_encode(struct incident_encoder *encoder, const struct incident_event *event,
                             struct bytes *record);

struct incident_decoder; /* one per thread and writer's schema */

/* A decoder for records written with `schema_text`, which need not outlive the call.
 * Errors: STATUS_INVALID when it is no schema or its root is no record; *ret_error (may be NULL) says why and NULL is
 * returned. */
WARN_UNUSED struct incident_decoder *incident_decoder_create(struct bytes_view schema_text, struct error *ret_error);
void incident_decoder_destroy(struct incident_decoder *decoder); /* NULL is fine */

/* Reads one record, without its framing, that fills `body` (below 4 GiB) wholly. The event's views borrow from `body`
 * and from the decoder: valid until the next call and while `body` is.
 * Errors: STATUS_INVALID with *ret_violation filled: rule "avro" for bytes that are not a record of the schema,
 * otherwise the rule that the door would name; rich text that is no JSON has its json.* rule and the field's pointer.
 */
WARN_UNUSED enum status incident_decoder_decode(struct incident_decoder *decoder, struct bytes_view body,
                                                struct incident_event *ret_event, struct rule_violation *ret_violation);

#endif
