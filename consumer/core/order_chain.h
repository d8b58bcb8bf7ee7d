/* order_chain.h: who waits behind whom.
 *
 * A chain is a queue of deliveries with one ordering key; what is appended may be sent once it is the first. Keys are
 * pairs (a lane, an incident or 0 for the whole lane), found by a hash table that is sized by _init and _reserve. The
 * links are members of the deliveries. */
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
    struct order_link *previous;
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

/* Room for that many links without long searches; never less than before. */
void order_chain_reserve(struct order_chains *chains, uint32_t links_max);

/* Puts the link at the end of its key's chain; true when it is the first, so that it may be sent. */
bool order_chain_append(struct order_chains *chains, struct order_link *link, uint32_t lane, int64_t key);

/* Takes a link out of its chain; returns the one that has become the first by it, or NULL. */
struct order_link *order_chain_remove(struct order_chains *chains, struct order_link *link);

/* Forgets the first link of a chain, or its last ones, together with all that are behind: for a lane that ends or is
 * chained anew. A link that is in no chain is fine. */
void order_chain_forget(struct order_chains *chains, struct order_link *link);

#endif
