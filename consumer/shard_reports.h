/* shard_reports.h: the log lines of a shard. */
#ifndef RELAY_SHARD_REPORTS_H
#define RELAY_SHARD_REPORTS_H

#include "dead_letter_writer.h"
#include "delivery_core.h"
#include "payload_store.h"
#include "record_decode.h"
#include "subscription.h"

#include <stdint.h>

struct shard;

/* As long as the budget lasts; what it left out is said in one line, when its time has come. */
void shard_report_dead_letter(struct shard *shard, const struct payload *payload, const struct dead_letter *letter);
void shard_report_left_out(struct shard *shard, int64_t now_ms);

/* Of ACTION_REPORT_LANE_… and ACTION_REPORT_PARTITION_…. */
void shard_report_lane(struct shard *shard, const struct delivery_action *action);
void shard_report_partition(struct shard *shard, const struct delivery_action *action);

/* Said once for each schema that turns up, not for each record: the partition is held, and dead letters have a line of
 * their own. */
void shard_report_unknown_schema(struct shard *shard, const struct payload *payload,
                                 const struct decoded_record *record);

/* What the last replacement took from those of `old_set`. */
void shard_report_dropped(const struct shard *shard, const struct subscription_set *old_set);

#endif
