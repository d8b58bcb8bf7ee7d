/* pool.h: a bounded number of equal objects, taken and given back by index; all memory at _init and _reserve.
 *
 * An object stays where it is for the pool's life: more room is a chunk of its own. An object keeps its bytes while it
 * is not taken, so that a late answer can still look at it. Memory that was never used is never touched. */
#ifndef RELAY_POOL_H
#define RELAY_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { POOL_CHUNKS_MAX = 64 }; /* each but the first makes the pool larger by half at least */

struct pool_chunk {
    unsigned char *objects;
    uint32_t first; /* index of its first object */
    uint32_t count;
};

struct pool {
    struct pool_chunk chunks[POOL_CHUNKS_MAX];
    uint32_t chunk_count;
    size_t object_size;
    uint32_t capacity;
    uint32_t taken;
    uint32_t touched;   /* objects below it were taken at least once */
    uint32_t *returned; /* a stack of indexes */
    uint32_t returned_count;
};

void pool_init(struct pool *pool, uint32_t capacity, size_t object_size);
void pool_destroy(struct pool *pool);

/* Makes room for at least `capacity` objects; it never gets less. */
void pool_reserve(struct pool *pool, uint32_t capacity);

/* An object that is not taken, or NULL. It is zeroed only when it is taken for the first time. */
void *pool_take(struct pool *pool);
void pool_return(struct pool *pool, void *object);

uint32_t pool_index(const struct pool *pool, const void *object);

/* The object of an index that was taken at least once. */
void *pool_at(const struct pool *pool, uint32_t index);

#endif
