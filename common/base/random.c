#include "random.h"

#include "check.h"

void random_init(struct random_source *random, uint64_t seed)
{
    random->state = seed;
}

uint64_t random_next(struct random_source *random)
{
    uint64_t mixed = (random->state += 0x9e3779b97f4a7c15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
}

uint64_t random_below(struct random_source *random, uint64_t bound)
{
    CHECK(bound > 0);
    /* The highest multiple of bound: above it the remainder would favour small numbers. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t number = random_next(random);
    while (number >= limit) {
        number = random_next(random);
    }
    return number % bound;
}
