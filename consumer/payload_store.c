#include "payload_store.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    struct payload payload;
    uint8_t *memory; /* one block: the headers' array, then all bytes; NULL while the slot is free */
    size_t size;
    uint32_t next_free;
};

struct payload_store {
    struct slot *slots;
    uint32_t count;
    uint32_t first_free; /* count: none */
};

struct payload_store *payload_store_create(uint32_t slots)
{
    struct payload_store *store = memory_alloc(1, sizeof(*store));
    store->slots = memory_alloc(slots, sizeof(struct slot));
    store->count = slots;
    for (uint32_t i = 0; i < slots; i++) {
        store->slots[i].next_free = i + 1;
    }
    return store;
}

void payload_store_destroy(struct payload_store *store)
{
    if (store == NULL) {
        return;
    }
    for (uint32_t i = 0; i < store->count; i++) {
        free(store->slots[i].memory);
    }
    free(store->slots);
    free(store);
}

/* Copies `view` to *at, moves *at behind it and returns the copy. */
static struct bytes_view keep(uint8_t **at, struct bytes_view view)
{
    if (view.size == 0) {
        return (struct bytes_view){NULL, 0};
    }
    uint8_t *copy = memcpy(*at, view.data, view.size);
    *at += view.size;
    return bytes_view_of(copy, view.size);
}

static size_t size_of(const struct payload *payload)
{
    const struct record_in *record = &payload->record;
    size_t size = record->header_count * sizeof(struct record_header);
    for (size_t i = 0; i < record->header_count; i++) {
        size += strlen(record->headers[i].name) + 1 + record->headers[i].value.size;
    }
    return size + record->key.size + record->value.size + payload->traceparent.size + payload->body.size;
}

uint32_t payload_store_put(struct payload_store *store, const struct payload *payload)
{
    CHECK(store->first_free < store->count);
    uint32_t ticket = store->first_free;
    struct slot *slot = &store->slots[ticket];
    store->first_free = slot->next_free;

    slot->size = size_of(payload);
    slot->memory = memory_alloc(1, slot->size > 0 ? slot->size : 1);
    slot->payload = *payload;

    struct record_in *record = &slot->payload.record;
    struct record_header *headers = (struct record_header *)(void *)slot->memory;
    uint8_t *at = slot->memory + record->header_count * sizeof(struct record_header);
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i] = payload->record.headers[i];
        const char *name = payload->record.headers[i].name;
        headers[i].name = (const char *)keep(&at, bytes_view_of(name, strlen(name) + 1)).data;
        headers[i].value = keep(&at, payload->record.headers[i].value);
    }
    record->headers = headers;
    record->key = keep(&at, payload->record.key);
    record->value = keep(&at, payload->record.value);
    slot->payload.traceparent = keep(&at, payload->traceparent);
    slot->payload.body = keep(&at, payload->body);
    CHECK(at == slot->memory + slot->size);
    return ticket;
}

static struct slot *slot_of(const struct payload_store *store, uint32_t ticket)
{
    CHECK(ticket < store->count && store->slots[ticket].memory != NULL);
    return &store->slots[ticket];
}

const struct payload *payload_store_get(const struct payload_store *store, uint32_t ticket)
{
    return &slot_of(store, ticket)->payload;
}

size_t payload_store_size(const struct payload_store *store, uint32_t ticket)
{
    return slot_of(store, ticket)->size;
}

void payload_store_release(struct payload_store *store, uint32_t ticket)
{
    struct slot *slot = slot_of(store, ticket);
    free(slot->memory);
    slot->memory = NULL;
    slot->size = 0;
    slot->next_free = store->first_free;
    store->first_free = ticket;
}
