#include "order_chain.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>

void order_chain_init(struct order_chains *chains, uint32_t links_max)
{
    *chains = (struct order_chains){.bucket_count = 16};
    while (chains->bucket_count < links_max && chains->bucket_count < (UINT32_C(1) << 31)) {
        chains->bucket_count *= 2;
    }
    chains->buckets = memory_alloc(chains->bucket_count, sizeof(struct order_bucket));
}

void order_chain_destroy(struct order_chains *chains)
{
    free(chains->buckets);
    *chains = (struct order_chains){0};
}

static struct order_bucket *bucket_of(const struct order_chains *chains, uint32_t lane, int64_t key)
{
    /* Fibonacci hashing of both halves; the high bits are the mixed ones. */
    uint64_t mixed = ((uint64_t)key ^ ((uint64_t)lane << 40)) * 0x9e3779b97f4a7c15ULL;
    mixed = (mixed ^ (mixed >> 32) ^ lane) * 0x9e3779b97f4a7c15ULL;
    return &chains->buckets[(mixed >> 32) & (chains->bucket_count - 1)];
}

static void make_first(struct order_chains *chains, struct order_link *link, struct order_link *last)
{
    link->is_first = true;
    link->last = last;
    LIST_INSERT_HEAD(bucket_of(chains, link->lane, link->key), link, found);
    chains->chain_count++;
}

static void unmake_first(struct order_chains *chains, struct order_link *link)
{
    LIST_REMOVE(link, found);
    chains->chain_count--;
}

bool order_chain_append(struct order_chains *chains, struct order_link *link, uint32_t lane, int64_t key)
{
    CHECK(!link->is_linked);
    *link = (struct order_link){.lane = lane, .key = key, .is_linked = true};
    struct order_link *first = NULL;
    LIST_FOREACH(first, bucket_of(chains, lane, key), found)
    {
        if (first->lane == lane && first->key == key) {
            first->last->next = link;
            first->last = link;
            return false;
        }
    }
    make_first(chains, link, link);
    return true;
}

struct order_link *order_chain_advance(struct order_chains *chains, struct order_link *first)
{
    CHECK(first->is_linked && first->is_first);
    struct order_link *next = first->next;
    unmake_first(chains, first);
    if (next != NULL) {
        make_first(chains, next, first->last);
    }
    *first = (struct order_link){0};
    return next;
}

void order_chain_forget(struct order_chains *chains, struct order_link *link)
{
    while (link != NULL && link->is_linked) {
        struct order_link *next = link->next;
        if (link->is_first) {
            unmake_first(chains, link);
        }
        *link = (struct order_link){0};
        link = next;
    }
}
