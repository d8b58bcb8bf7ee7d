/* storm_world.h: a random world around a delivery core: logs, a broker, endpoints with moods, a clock that jumps. */
#ifndef RELAY_STORM_WORLD_H
#define RELAY_STORM_WORLD_H

#include <stdint.h>

struct storm_result {
    uint64_t trace; /* a hash of all actions in their order */
    uint64_t steps;
    uint64_t settled;
    uint64_t halts;
    uint64_t dead_letters;
    uint64_t revokes;
    uint64_t replacements;
};

/* Lives through one storm: some hundreds of random events, then a revoke, a drain or a crash, then fair weather until
 * everything owed is settled. Aborts with the seed when a promise is broken. */
struct storm_result storm_world_run(uint64_t seed);

#endif
