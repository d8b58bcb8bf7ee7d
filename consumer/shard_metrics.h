/* shard_metrics.h: what a shard counts, for /metrics. The numbers are shared with the admin listener's thread and
 * nothing else of a shard is. */
#ifndef RELAY_SHARD_METRICS_H
#define RELAY_SHARD_METRICS_H

#include "delivery_core.h"
#include "metrics.h"
#include "record_decode.h"

#include <stdbool.h>

struct shard_metrics {
    struct metric *records[RECORD_TOMBSTONE + 1]; /* by enum record_reading */
    struct metric *attempts[VERDICT_CUT + 1];     /* by enum delivery_verdict */
    struct metric *resent;
    struct metric *dead_letters[2]; /* written, failed */
    struct metric *commits[2];      /* acknowledged, failed */
    struct metric *end_time_expected;
    struct metric *late_answers;
    struct metric *partitions_assigned;
    struct metric *partitions_held;
    struct metric *records_in_hand;
    struct metric *bytes_in_hand;
    struct metric *deliveries_in_air;
    struct metric *deliveries_waiting;
    struct metric *deliveries_blocked;
    struct metric *lanes_halted;
};

/* Every series has the label shard="INDEX": a sum over it is the program's. */
void shard_metrics_init(struct shard_metrics *metrics, struct metrics *registry, uint32_t shard);

void shard_metrics_count_record(struct shard_metrics *metrics, enum record_reading reading);
void shard_metrics_count_attempt(struct shard_metrics *metrics, enum delivery_verdict verdict);
void shard_metrics_count_resent(struct shard_metrics *metrics);
void shard_metrics_count_dead_letter_write(struct shard_metrics *metrics, bool ok);
void shard_metrics_count_commit(struct shard_metrics *metrics, bool ok);
void shard_metrics_count_end_time_expected(struct shard_metrics *metrics);

/* Shows the core's gauges as they are now. */
void shard_metrics_show(struct shard_metrics *metrics, const struct delivery_stats *stats);

#endif
