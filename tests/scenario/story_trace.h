/* story_trace.h: what the core wants done, as indented lines. */
#ifndef RELAY_STORY_TRACE_H
#define RELAY_STORY_TRACE_H

#include "story_world.h"

/* Prints the actions of the last step and the credits that have changed; notes attempts, writes and commits, so that
 * the story can answer them. */
void story_trace_step(struct story_world *world);

/* Prints what the replacement of this set has dropped. */
void story_trace_dropped(struct story_world *world, const struct story_set *before);

/* Prints gauges and counters, and each assigned partition. */
void story_trace_stats(struct story_world *world);

/* Prints the core's moves from now on. */
void story_trace_moves(struct story_world *world);

/* Appends milliseconds as seconds: 5s, 4.812s. */
void story_trace_seconds(struct bytes *trace, int64_t ms);

#endif
