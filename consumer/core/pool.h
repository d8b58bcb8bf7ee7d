/* pool.h: a fixed number of equal objects, taken and given back by index; all memory at _init.
 *
 * An object keeps its bytes while it is not taken, so that a late answer can still look at it. Memory that was never
 * used is never touched. */
#ifndef RELAY_POOL_H
#define RELAY_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool {
    unsigned char *objects;
    size_t object_size;
    uint32_t capacity;
    uint32_t taken;
    uint32_t touched;   /* objects below it were taken at least once */
    uint32_t *returned; /* a stack of indexes */
    uint32_t returned_count;
};

void pool_init(struct pool *pool, uint32_t capacity, size_t object_size);
void pool_destroy(struct pool *pool);

/* An object that is not taken, or NULL. It is zeroed only when it is taken for the first time. */
void *pool_take(struct pool *pool);
void pool_return(struct pool *pool, void *object);

uint32_t pool_index(const struct pool *pool, const void *object);

/* The object of an index that was taken at least once. */
void *pool_at(const struct pool *pool, uint32_t index);

#endif
