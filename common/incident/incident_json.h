/* incident_json.h: the canonical JSON of an event: what a subscriber receives, byte for byte.
 *
 * Keys in the order of the contract's tables, no white space, row timestamps as PostgreSQL prints them, sent_at with
 * three digits and `Z`, rich text as it came. Everything is appended to `json`; nothing can fail. */
#ifndef RELAY_INCIDENT_JSON_H
#define RELAY_INCIDENT_JSON_H

#include "bytes.h"
#include "incident.h"

/* The envelope. An event without sent_at is rendered without the key. Its values must have passed the rules. */
void incident_json_render(const struct incident_event *event, struct bytes *json);

/* The payload object alone. */
void incident_json_render_payload(const struct incident *incident, struct bytes *json);

/* What a change's identity holds of the image before it: id, status, severity, resolution_notes, tenant_id. */
void incident_json_render_before(const struct incident *incident, struct bytes *json);

#endif
