/* random.h: a small seeded generator (SplitMix64; Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014). For jitter and simulated worlds, never for keys: the same seed gives the same numbers. */
#ifndef RELAY_RANDOM_H
#define RELAY_RANDOM_H

#include <stdint.h>

struct random_source {
    uint64_t state;
};

void random_init(struct random_source *random, uint64_t seed);
uint64_t random_next(struct random_source *random);

/* Evenly from 0 to bound - 1; bound > 0. */
uint64_t random_below(struct random_source *random, uint64_t bound);

#endif
