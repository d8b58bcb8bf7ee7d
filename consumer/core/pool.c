#include "pool.h"

#include "check.h"
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>

static void add_chunk(struct pool *pool, uint32_t count)
{
    CHECK(count > 0 && pool->chunk_count < POOL_CHUNKS_MAX);
    pool->chunks[pool->chunk_count++] =
        (struct pool_chunk){.objects = memory_alloc(count, pool->object_size), .first = pool->capacity, .count = count};
    pool->capacity += count;
    pool->returned = memory_resize(pool->returned, pool->capacity, sizeof(uint32_t));
}

void pool_init(struct pool *pool, uint32_t capacity, size_t object_size)
{
    *pool = (struct pool){.object_size = object_size};
    add_chunk(pool, capacity);
}

void pool_destroy(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++) {
        free(pool->chunks[i].objects);
    }
    free(pool->returned);
    *pool = (struct pool){0};
}

void pool_reserve(struct pool *pool, uint32_t capacity)
{
    if (capacity <= pool->capacity) {
        return;
    }
    /* Memory that was never used costs nothing; many small chunks would cost a search. */
    uint32_t half = pool->capacity / 2;
    uint32_t left = UINT32_MAX - pool->capacity;
    uint32_t wanted = capacity - pool->capacity;
    add_chunk(pool, wanted >= half ? wanted : (half < left ? half : left));
}

void *pool_take(struct pool *pool)
{
    uint32_t index = 0;
    if (pool->returned_count > 0) {
        index = pool->returned[--pool->returned_count];
    } else if (pool->touched < pool->capacity) {
        index = pool->touched++;
    } else {
        return NULL;
    }
    pool->taken++;
    return pool_at(pool, index);
}

void pool_return(struct pool *pool, void *object)
{
    CHECK(pool->taken > 0);
    pool->taken--;
    pool->returned[pool->returned_count++] = pool_index(pool, object);
}

uint32_t pool_index(const struct pool *pool, const void *object)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++) {
        const struct pool_chunk *chunk = &pool->chunks[i];
        uintptr_t distance = (uintptr_t)object - (uintptr_t)chunk->objects;
        if ((uintptr_t)object >= (uintptr_t)chunk->objects && distance / pool->object_size < chunk->count) {
            uint32_t index = chunk->first + (uint32_t)(distance / pool->object_size);
            CHECK(distance % pool->object_size == 0 && index < pool->touched);
            return index;
        }
    }
    CHECK(false);
    return 0;
}

void *pool_at(const struct pool *pool, uint32_t index)
{
    CHECK(index < pool->touched);
    const struct pool_chunk *chunk = pool->chunks;
    while (index - chunk->first >= chunk->count) {
        chunk++;
    }
    return chunk->objects + (index - chunk->first) * pool->object_size;
}
