/* kafka_record.h: a message of librdkafka as the record that record_decode reads. */
#ifndef RELAY_KAFKA_RECORD_H
#define RELAY_KAFKA_RECORD_H

#include "record_decode.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

/* Room for a record's headers, kept from record to record. A zeroed one is ready for use. */
struct kafka_record_headers {
    struct record_header *items;
    size_t capacity;
};

/* The record borrows from `message` and from `headers`, which serves one record at a time. */
struct record_in kafka_record_view(const rd_kafka_message_t *message, struct kafka_record_headers *headers);

void kafka_record_headers_free(struct kafka_record_headers *headers); /* back to zeroed */

#endif
