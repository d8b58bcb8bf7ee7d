/* shard_intake.h: one fetch, one decode, one rendering for all of an event's deliveries. */
#ifndef RELAY_SHARD_INTAKE_H
#define RELAY_SHARD_INTAKE_H

#include <stdint.h>

struct shard;

/* As many as the core has credit for and a turn has time for; has_more_to_take says whether more may be there. Each
 * turn another partition comes first, so that a busy one cannot keep the others waiting. */
void shard_take_records(struct shard *shard, int64_t now_ms);

#endif
