#include "record_store.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint8_t *bytes; /* all views of `record` and `line` point into it; NULL: empty */
    uint64_t place;
    struct outgoing_record record;
    struct bytes_view line;
    int error;
};

struct record_store {
    struct slot *slots;
    uint32_t slot_count;
};

struct record_store *record_store_create(uint32_t slot_count)
{
    CHECK(slot_count >= 1);
    struct record_store *store = memory_alloc(1, sizeof(*store));
    store->slots = memory_alloc(slot_count, sizeof(*store->slots));
    store->slot_count = slot_count;
    return store;
}

void record_store_destroy(struct record_store *store)
{
    if (store == NULL) {
        return;
    }
    for (uint32_t i = 0; i < store->slot_count; i++) {
        free(store->slots[i].bytes);
    }
    free(store->slots);
    free(store);
}

int64_t record_store_size(const struct outgoing_record *record, struct bytes_view line)
{
    size_t size = record->key.size + record->value.size + line.size;
    for (size_t i = 0; i < record->header_count; i++) {
        size += record->headers[i].value.size;
    }
    return (int64_t)size;
}

static struct bytes_view copy_to(uint8_t **at, struct bytes_view view)
{
    uint8_t *start = *at;
    if (view.size > 0) {
        memcpy(start, view.data, view.size);
    }
    *at += view.size;
    return bytes_view_of(start, view.size);
}

void record_store_put(struct record_store *store, uint64_t place, const struct outgoing_record *record,
                      struct bytes_view line)
{
    struct slot *slot = &store->slots[place % store->slot_count];
    CHECK(slot->bytes == NULL);
    *slot = (struct slot){.place = place, .record = *record};
    slot->bytes = memory_alloc((size_t)record_store_size(record, line), 1);
    uint8_t *at = slot->bytes;
    slot->record.key = copy_to(&at, record->key);
    slot->record.value = copy_to(&at, record->value);
    for (size_t i = 0; i < record->header_count; i++) {
        slot->record.headers[i].value = copy_to(&at, record->headers[i].value);
    }
    slot->line = copy_to(&at, line);
}

static struct slot *find(const struct record_store *store, uint64_t place)
{
    struct slot *slot = &store->slots[place % store->slot_count];
    CHECK(slot->bytes != NULL && slot->place == place);
    return slot;
}

const struct outgoing_record *record_store_record(const struct record_store *store, uint64_t place)
{
    return &find(store, place)->record;
}

struct bytes_view record_store_line(const struct record_store *store, uint64_t place)
{
    return find(store, place)->line;
}

void record_store_set_error(struct record_store *store, uint64_t place, int error)
{
    find(store, place)->error = error;
}

int record_store_error(const struct record_store *store, uint64_t place)
{
    return find(store, place)->error;
}

void record_store_drop(struct record_store *store, uint64_t place)
{
    struct slot *slot = find(store, place);
    free(slot->bytes);
    slot->bytes = NULL;
}
