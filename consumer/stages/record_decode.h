/* record_decode.h: from a record as it came off the log to an event, or to the reason why there is none.
 *
 * Everything that another producer can put on the topic has an answer here; nothing aborts and nothing is guessed.
 * Sources: Avro 1.11 single-object encoding; Confluent wire format; CloudEvents 1.0.2 Kafka binding (header names);
 * W3C Trace Context level 1, section 3.2 (traceparent). */
#ifndef RELAY_RECORD_DECODE_H
#define RELAY_RECORD_DECODE_H

#include "bytes.h"
#include "event_id.h"
#include "incident.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_VALUE_MAX = 1024 * 1024, /* bytes; a larger value is not looked at */
    RECORD_REASON_MAX = 96,
    RECORD_POINTER_MAX = 64,
    RECORD_SCHEMA_TEXT_MAX = 48,
};

struct record_header {
    const char *name;
    struct bytes_view value;
    bool value_is_null;
};

/* All of it is borrowed from whoever fetched the record. */
struct record_in {
    struct bytes_view key;
    struct bytes_view value;
    bool key_is_null;
    bool value_is_null;
    const struct record_header *headers;
    size_t header_count;
    int64_t timestamp_ms; /* CreateTime; Unix milliseconds */
};

enum record_reading {
    RECORD_READABLE,       /* event, id and traceparent are filled */
    RECORD_UNREADABLE,     /* reason is filled: a dead letter. Of a key.mismatch the event too, to be looked at only */
    RECORD_SCHEMA_UNKNOWN, /* schema is filled; reason is what a dead letter says if the schema never comes */
    RECORD_TOMBSTONE,      /* a null value: counted and skipped */
};

struct decoded_record {
    enum record_reading reading;
    struct incident_event event; /* its views are the decoder's or the record's: valid until the next call and while
                                    the record is held */
    char id[EVENT_ID_MAX + 1];   /* the header's, or derived */
    bool id_is_derived;
    struct bytes_view traceparent;    /* the record's; size 0 when it has none, an invalid one or several */
    char reason[RECORD_REASON_MAX];   /* `undecodable.RULE`, `key.mismatch`, `schema.unknown`; else empty */
    char pointer[RECORD_POINTER_MAX]; /* of the field that broke a rule, for a log line; may be empty. Never a value */
    uint64_t schema;                  /* of RECORD_SCHEMA_UNKNOWN: a CRC-64-AVRO fingerprint, or a registry's id */
    bool schema_is_registry_id;       /* which of the two: equal numbers of different kinds are different schemas */
};

/* Knows the schemas of this build. One per thread. */
struct record_decoder;

/* Free with record_decoder_destroy. */
struct record_decoder *record_decoder_create(void);
void record_decoder_destroy(struct record_decoder *decoder); /* NULL is fine */

/* Reads one record; fills *ret wholly, whatever the record holds. Unreadable (the first that applies):
 *   undecodable.value.size   the value has more than RECORD_VALUE_MAX bytes
 *   undecodable.framing      neither single-object encoding nor Confluent framing
 *   undecodable.avro         the body is not what its schema says, or bytes are left over
 *   undecodable.RULE         a field breaks the rule of the producer's door of that name
 *   key.mismatch             the key is not the event's tenant in decimal ASCII */
void record_decode(struct record_decoder *decoder, const struct record_in *in, struct decoded_record *ret);

/* The schema of a RECORD_SCHEMA_UNKNOWN as a person reads it: `fingerprint 05f8d1e96888e865`, `registry id 7`. */
void record_schema_text(const struct decoded_record *record, char ret_text[RECORD_SCHEMA_TEXT_MAX]);

#endif
