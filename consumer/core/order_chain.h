/* order_chain.h: who waits behind whom.
 *
 * A chain is a queue of deliveries with one ordering key; only its first one may be sent. Keys are pairs (a lane, an
 * incident or 0 for the whole lane), found by a hash table that is sized once. The links are members of the deliveries,
 * so nothing is allocated. */
#ifndef RELAY_ORDER_CHAIN_H
#define RELAY_ORDER_CHAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Zeroed is in no chain. */
struct order_link {
    uint32_t lane;
    int64_t key;
    bool is_linked;
    bool is_first;
    struct order_link *next;
    struct order_link *last;      /* of the first one only */
    LIST_ENTRY(order_link) found; /* in its bucket; the first one only */
};

LIST_HEAD(order_bucket, order_link);

struct order_chains {
    struct order_bucket *buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t chain_count;
};

void order_chain_init(struct order_chains *chains, uint32_t links_max);
void order_chain_destroy(struct order_chains *chains);

/* Puts the link at the end of its key's chain; true when it is the first, so that it may be sent. */
bool order_chain_append(struct order_chains *chains, struct order_link *link, uint32_t lane, int64_t key);

/* Takes the first link of a chain off; returns the one that is first now, or NULL. */
struct order_link *order_chain_advance(struct order_chains *chains, struct order_link *first);

/* Forgets a link together with all that are behind it: for a lane that ends. A link that is in no chain is fine. */
void order_chain_forget(struct order_chains *chains, struct order_link *link);

#endif
