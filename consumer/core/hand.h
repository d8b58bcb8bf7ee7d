/* hand.h: how much may be in hand, and whose it is.
 *
 * The bounds of the whole are shared out equally among the assigned partitions, so that one that cannot move (its
 * oldest event is owed by a dead endpoint) keeps the others from nothing. A partition with nothing in hand may always
 * take one record, as long as there is room for all the deliveries that it could have. */
#ifndef RELAY_HAND_H
#define RELAY_HAND_H

#include "delivery_core.h"

#include <stdint.h>

/* What one partition has in hand; of the whole hand the sums. */
struct hand_load {
    uint32_t records;
    uint32_t deliveries;
    uint64_t bytes;
};

struct hand {
    uint32_t records_max;    /* and one more for each partition that has nothing */
    uint32_t deliveries_max; /* never exceeded, never lowered */
    uint64_t bytes_max;      /* exceeded by at most one record for each partition */
    uint32_t fanout_max;
    uint32_t partitions; /* that share it */
    struct hand_load load;
};

void hand_init(struct hand *hand, const struct delivery_limits *limits);

/* The limits' fan-out has changed. */
void hand_set_fanout(struct hand *hand, const struct delivery_limits *limits);

/* The most records, and deliveries, that these limits let in. */
uint32_t hand_records_bound(const struct delivery_limits *limits);
uint32_t hand_deliveries_bound(const struct delivery_limits *limits);

/* How many records a partition with this load may take; the sizes of all but the first are not known. */
uint32_t hand_credit(const struct hand *hand, const struct hand_load *partition);

/* An even part of records_max; at least 1. */
uint32_t hand_record_share(const struct hand *hand);

#endif
