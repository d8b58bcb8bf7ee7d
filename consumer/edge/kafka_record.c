#include "kafka_record.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>

struct record_in kafka_record_view(const rd_kafka_message_t *message, struct kafka_record_headers *headers)
{
    rd_kafka_timestamp_type_t type;
    struct record_in record = {
        .key = bytes_view_of(message->key, message->key_len),
        .value = bytes_view_of(message->payload, message->len),
        .key_is_null = message->key == NULL,
        .value_is_null = message->payload == NULL,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
    };
    rd_kafka_headers_t *found = NULL;
    if (rd_kafka_message_headers(message, &found) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return record;
    }
    size_t count = rd_kafka_header_cnt(found);
    if (count > headers->capacity) {
        headers->items = memory_resize(headers->items, count, sizeof(*headers->items));
        headers->capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        struct record_header *header = &headers->items[i];
        const void *value = NULL;
        size_t size = 0;
        CHECK(rd_kafka_header_get_all(found, i, &header->name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR);
        header->value = bytes_view_of(value, size);
        header->value_is_null = value == NULL;
    }
    record.headers = headers->items;
    record.header_count = count;
    return record;
}

void kafka_record_headers_free(struct kafka_record_headers *headers)
{
    free(headers->items);
    *headers = (struct kafka_record_headers){0};
}
