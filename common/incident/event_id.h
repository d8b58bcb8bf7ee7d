/* event_id.h: the identity of an event: `ce_id` on the log, `webhook-id` at the subscriber.
 *
 * An id is 1 to 64 of A–Z a–z 0–9 _ - (a dot would break the signature). Where none is given it is derived from the
 * event itself, so that the same change sent twice after a crash has the same id. sent_at is no part of it. */
#ifndef RELAY_EVENT_ID_H
#define RELAY_EVENT_ID_H

#include "bytes.h"
#include "incident.h"

#include <stdbool.h>

enum { EVENT_ID_MAX = 64 };

/* True when `id` may be used as it is. */
bool event_id_is_valid(struct bytes_view id);

/* Derives the id of an event from tenant, incident, type and payload. */
void event_id_derive(const struct incident_event *event, char ret_id[EVENT_ID_MAX + 1]);

/* Derives the id of a change whose source has no position that survives a restart: the image before it counts as well
 * (NULL: there was none). */
void event_id_derive_change(const struct incident_event *event, const struct incident *before,
                            char ret_id[EVENT_ID_MAX + 1]);

#endif
