/* payload_store.h: the bytes of the events in hand.
 *
 * The delivery core holds integers; the bytes of a record stay here from its fetch until the core releases
 * them. The slot is the ticket. One copy per event, shared by all of its deliveries: librdkafka's message is not
 * kept, since it would pin the whole fetch buffer that it lies in. */
#ifndef RELAY_PAYLOAD_STORE_H
#define RELAY_PAYLOAD_STORE_H

#include "bytes.h"
#include "record_decode.h"

#include <stdint.h>

struct payload {
    /* where it stands on the log */
    const char *topic; /* borrowed from the settings */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* CreateTime, -1 when the record has none */

    /* the record as it was read, for a dead letter */
    struct record_in record;

    /* what was read out of it; for a record that could not be read only `reason` and `pointer` */
    int64_t tenant;
    int64_t incident;
    char id[EVENT_ID_MAX + 1];
    char reason[RECORD_REASON_MAX];
    char pointer[RECORD_POINTER_MAX]; /* of the field that broke a rule */
    struct bytes_view traceparent;    /* empty when there is none */
    struct bytes_view body;           /* the JSON of payload version 1, rendered once */
};

struct payload_store;

/* Room for `slots` payloads; their bytes are allocated as they come. */
struct payload_store *payload_store_create(uint32_t slots);
void payload_store_destroy(struct payload_store *store);

/* Copies the record, what was decoded from it and the rendered body into a free slot and returns its ticket. There must
 * be a free slot: the core gives credit for no more records than there are. */
uint32_t payload_store_put(struct payload_store *store, const struct payload *payload);

/* Valid until payload_store_release of the ticket. */
const struct payload *payload_store_get(const struct payload_store *store, uint32_t ticket);

/* Bytes that the ticket takes, for the core's bound. */
size_t payload_store_size(const struct payload_store *store, uint32_t ticket);

void payload_store_release(struct payload_store *store, uint32_t ticket);

#endif
