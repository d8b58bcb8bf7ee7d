/* shard.h: one thread with its own loop, group member, connections and delivery core; it shares nothing but counters
 * and the set of subscriptions.
 *
 * One turn of it: everything that the edges had to say since the last turn stands in the inbox; the turn stamps one
 * `now`, steps the core through the inbox, takes new records as far as the core gives credit, and arms the timer for
 * the core's next deadline. Edges never call the core, and the core never calls them: actions are carried out here. */
#ifndef RELAY_SHARD_H
#define RELAY_SHARD_H

#include "consumer_settings.h"
#include "shard_metrics.h"
#include "status.h"
#include "subscription.h"
#include "subscription_changes.h"

#include <stdbool.h>
#include <stdint.h>

struct shard;

struct shard_parts {
    uint32_t index;                               /* among the shards of this process, from 0 */
    const struct consumer_settings *settings;     /* borrowed for the shard's life */
    const struct subscription_set *subscriptions; /* in force until the first reload */
    struct shard_metrics *metrics;                /* the same */
    const struct accepted_gap *accepted_gaps;     /* the same */
    size_t accepted_gap_count;
    uint32_t partitions_max;
    /* Called from the shard's thread: what shard_reload handed over is in force in this shard. */
    void (*on_reloaded)(void *context);
    /* Called from the shard's thread: it has drained and serves its group until shard_leave. (One that left at once
     * would have the others' partitions taken from them in the middle of their drain.) */
    void (*on_drained)(void *context);
    /* Called from the shard's thread: it has left the group and ended. */
    void (*on_ended)(void *context);
    void *context;
};

/* Errors: STATUS_INVALID when librdkafka refuses the settings. */
WARN_UNUSED enum status shard_create(const struct shard_parts *parts, struct shard **ret_shard,
                                     struct error *ret_error);

/* Starts the thread and joins the group. */
WARN_UNUSED enum status shard_start(struct shard *shard, struct error *ret_error);

/* From any thread: has `set` take the place of the set in force, which `changes` starts from; NULL: nothing changed.
 * Sinks reopen what they hold open. Both are borrowed until on_reloaded, the set until the next one after it. One
 * reload at a time. */
void shard_reload(struct shard *shard, const struct subscription_set *set, const struct subscription_changes *changes);

/* From any thread: reads no more, starts nothing, waits for what is in the air for `wait_ms`, cuts the rest, commits:
 * then it has drained. A second call can only shorten the wait; 0 cuts at once. */
void shard_stop(struct shard *shard, int64_t wait_ms);

/* From any thread, after on_drained or before it to cut it short: leaves the group and ends. */
void shard_leave(struct shard *shard);

/* From any thread. */
bool shard_has_joined(const struct shard *shard);
bool shard_is_live(const struct shard *shard, int64_t limit_ms); /* its loop has turned within the last `limit_ms` */
bool shard_has_failed(const struct shard *shard);                /* it ended because it could not go on (logged) */

/* After on_ended; joins the thread. */
void shard_destroy(struct shard *shard);

#endif
