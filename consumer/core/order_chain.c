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

void order_chain_reserve(struct order_chains *chains, uint32_t links_max)
{
    struct order_chains larger;
    order_chain_init(&larger, links_max);
    if (larger.bucket_count <= chains->bucket_count) {
        order_chain_destroy(&larger);
        return;
    }
    for (uint32_t i = 0; i < chains->bucket_count; i++) {
        struct order_link *first = NULL;
        while ((first = LIST_FIRST(&chains->buckets[i])) != NULL) {
            LIST_REMOVE(first, found);
            LIST_INSERT_HEAD(bucket_of(&larger, first->lane, first->key), first, found);
        }
    }
    larger.chain_count = chains->chain_count;
    order_chain_destroy(chains);
    *chains = larger;
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

static struct order_link *find_first(const struct order_chains *chains, uint32_t lane, int64_t key)
{
    struct order_link *first = NULL;
    LIST_FOREACH(first, bucket_of(chains, lane, key), found)
    {
        if (first->lane == lane && first->key == key) {
            break;
        }
    }
    return first;
}

bool order_chain_append(struct order_chains *chains, struct order_link *link, uint32_t lane, int64_t key)
{
    CHECK(!link->is_linked);
    *link = (struct order_link){.lane = lane, .key = key, .is_linked = true};
    struct order_link *first = find_first(chains, lane, key);
    if (first == NULL) {
        make_first(chains, link, link);
        return true;
    }
    link->previous = first->last;
    first->last->next = link;
    first->last = link;
    return false;
}

struct order_link *order_chain_remove(struct order_chains *chains, struct order_link *link)
{
    CHECK(link->is_linked);
    struct order_link *next = link->next;
    bool was_first = link->is_first;
    if (next != NULL) {
        next->previous = link->previous;
    }
    if (was_first) {
        unmake_first(chains, link);
        if (next != NULL) {
            make_first(chains, next, link->last);
        }
    } else {
        link->previous->next = next;
        if (next == NULL) {
            find_first(chains, link->lane, link->key)->last = link->previous;
        }
    }
    *link = (struct order_link){0};
    return was_first ? next : NULL;
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
