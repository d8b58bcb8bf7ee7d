/* record_encode.h: an event becomes a Kafka record.
 *
 * Key: the tenant in decimal. Value: Avro in single-object encoding. Headers: the Kafka protocol binding of
 * CloudEvents 1.0, binary content mode. Timestamp: sent_at, which is also ce_time. */
#ifndef RELAY_RECORD_ENCODE_H
#define RELAY_RECORD_ENCODE_H

#include "bytes.h"
#include "incident.h"

#include <stddef.h>
#include <stdint.h>

enum { OUTGOING_HEADERS_MAX = 8 };

struct outgoing_header {
    const char *name; /* static */
    struct bytes_view value;
};

struct outgoing_record {
    struct bytes_view key;
    struct bytes_view value;
    struct outgoing_header headers[OUTGOING_HEADERS_MAX];
    size_t header_count;
    int64_t timestamp_ms;
};

struct record_encoder;

/* `source` is ce_source; it must outlive the encoder. */
struct record_encoder *record_encoder_create(const char *source);
void record_encoder_destroy(struct record_encoder *encoder); /* NULL is fine */

/* The record of an event that has sent_at, its id, and the trace that it belongs to (size 0: none). It borrows from
 * `id`, `trace_parent` and the encoder: valid until the next call. */
void record_encode(struct record_encoder *encoder, const struct incident_event *event, const char *id,
                   struct bytes_view trace_parent, struct outgoing_record *ret_record);

#endif
