#include "pool.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>

void pool_init(struct pool *pool, uint32_t capacity, size_t object_size)
{
    CHECK(capacity > 0);
    *pool = (struct pool){.object_size = object_size, .capacity = capacity};
    pool->objects = memory_alloc(capacity, object_size);
    pool->returned = memory_alloc(capacity, sizeof(uint32_t));
}

void pool_destroy(struct pool *pool)
{
    free(pool->objects);
    free(pool->returned);
    *pool = (struct pool){0};
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
    return pool->objects + index * pool->object_size;
}

void pool_return(struct pool *pool, void *object)
{
    CHECK(pool->taken > 0);
    pool->taken--;
    pool->returned[pool->returned_count++] = pool_index(pool, object);
}

uint32_t pool_index(const struct pool *pool, const void *object)
{
    size_t distance = (size_t)((const unsigned char *)object - pool->objects);
    CHECK(distance % pool->object_size == 0 && distance / pool->object_size < pool->touched);
    return (uint32_t)(distance / pool->object_size);
}

void *pool_at(const struct pool *pool, uint32_t index)
{
    CHECK(index < pool->touched);
    return pool->objects + index * pool->object_size;
}
