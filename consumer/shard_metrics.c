#include "shard_metrics.h"

#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Makes the series of one shard. */
struct maker {
    struct metrics *registry;
    char shard[12];
};

/* `name` may be NULL: only the shard's own label then. */
static char *make_labels(const struct maker *maker, const char *name, const char *value)
{
    struct bytes labels = {0};
    metrics_append_label(&labels, "shard", maker->shard);
    if (name != NULL) {
        metrics_append_label(&labels, name, value);
    }
    char *text = bytes_view_to_text(bytes_as_view(&labels));
    bytes_free(&labels);
    return text;
}

static struct metric *counter(const struct maker *maker, const char *name, const char *help, const char *label,
                              const char *value)
{
    char *labels = make_labels(maker, label, value);
    struct metric *metric = metrics_counter(maker->registry, name, help, labels);
    free(labels);
    return metric;
}

static struct metric *gauge(const struct maker *maker, const char *name, const char *help)
{
    char *labels = make_labels(maker, NULL, NULL);
    struct metric *metric = metrics_gauge(maker->registry, name, help, labels);
    free(labels);
    return metric;
}

static void init_counters(struct shard_metrics *metrics, const struct maker *maker)
{
    static const char *const readings[] = {[RECORD_READABLE] = "readable",
                                           [RECORD_UNREADABLE] = "unreadable",
                                           [RECORD_SCHEMA_UNKNOWN] = "schema_unknown",
                                           [RECORD_TOMBSTONE] = "tombstone"};
    for (size_t i = 0; i < ARRAY_COUNT(readings); i++) {
        metrics->records[i] = counter(maker, "incident_consumer_records_total", "Records read from the event topics.",
                                      "reading", readings[i]);
    }
    static const char *const verdicts[] = {[VERDICT_DELIVERED] = "delivered",
                                           [VERDICT_GONE] = "gone",
                                           [VERDICT_PACED] = "paced",
                                           [VERDICT_FAILED] = "failed",
                                           [VERDICT_REFUSED] = "refused",
                                           [VERDICT_DENIED] = "denied",
                                           [VERDICT_CUT] = "cut"};
    for (size_t i = 0; i < ARRAY_COUNT(verdicts); i++) {
        metrics->attempts[i] = counter(maker, "incident_consumer_attempts_total",
                                       "Delivery attempts that were answered, by verdict.", "verdict", verdicts[i]);
    }
    static const char *const outcomes[] = {"ok", "failed"};
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        metrics->dead_letters[i] = counter(maker, "incident_consumer_dead_letter_writes_total",
                                           "Writes to the dead-letter topic.", "outcome", outcomes[i]);
        metrics->commits[i] = counter(maker, "incident_consumer_commits_total", "Offset commits that were answered.",
                                      "outcome", outcomes[i]);
    }
    metrics->resent = counter(maker, "incident_consumer_requests_resent_total",
                              "Requests sent once more because a pooled connection was dead: the receiver may have "
                              "seen the same webhook-id twice.",
                              NULL, NULL);
    metrics->end_time_expected = counter(maker, "incident_consumer_end_time_expected_total",
                                         "RESOLVED incidents passed on without an end_time.", NULL, NULL);
    metrics->late_answers = counter(maker, "incident_consumer_late_answers_total",
                                    "Answers dropped because their attempt or assignment was over.", NULL, NULL);
}

void shard_metrics_init(struct shard_metrics *metrics, struct metrics *registry, uint32_t shard)
{
    struct maker maker = {.registry = registry};
    snprintf(maker.shard, sizeof(maker.shard), "%" PRIu32, shard);
    init_counters(metrics, &maker);
    metrics->partitions_assigned =
        gauge(&maker, "incident_consumer_partitions_assigned", "Partitions this member owns.");
    metrics->partitions_held =
        gauge(&maker, "incident_consumer_partitions_held",
              "Partitions of which nothing more is read: hand full behind a lane, unknown schema, gap.");
    metrics->records_in_hand =
        gauge(&maker, "incident_consumer_records_in_hand", "Records between their fetch and the commit frontier.");
    metrics->bytes_in_hand = gauge(&maker, "incident_consumer_bytes_in_hand", "Bytes of the events in hand.");
    metrics->deliveries_in_air =
        gauge(&maker, "incident_consumer_deliveries_in_air", "Attempts that wait for their answer.");
    metrics->deliveries_waiting =
        gauge(&maker, "incident_consumer_deliveries_waiting", "Deliveries that wait for their next attempt.");
    metrics->deliveries_blocked = gauge(&maker, "incident_consumer_deliveries_blocked",
                                        "Deliveries behind an earlier one of their ordering key.");
    metrics->lanes_halted =
        gauge(&maker, "incident_consumer_lanes_halted", "Subscriptions on a partition that are halted.");
}

void shard_metrics_count_record(struct shard_metrics *metrics, enum record_reading reading)
{
    metric_add(metrics->records[reading], 1);
}

void shard_metrics_count_attempt(struct shard_metrics *metrics, enum delivery_verdict verdict)
{
    metric_add(metrics->attempts[verdict], 1);
}

void shard_metrics_count_resent(struct shard_metrics *metrics)
{
    metric_add(metrics->resent, 1);
}

void shard_metrics_count_dead_letter_write(struct shard_metrics *metrics, bool ok)
{
    metric_add(metrics->dead_letters[ok ? 0 : 1], 1);
}

void shard_metrics_count_commit(struct shard_metrics *metrics, bool ok)
{
    metric_add(metrics->commits[ok ? 0 : 1], 1);
}

void shard_metrics_count_end_time_expected(struct shard_metrics *metrics)
{
    metric_add(metrics->end_time_expected, 1);
}

void shard_metrics_show(struct shard_metrics *metrics, const struct delivery_stats *stats)
{
    metric_set(metrics->partitions_assigned, stats->partitions_assigned);
    metric_set(metrics->partitions_held, stats->partitions_held);
    metric_set(metrics->records_in_hand, stats->records_in_hand);
    metric_set(metrics->bytes_in_hand, (int64_t)stats->bytes_in_hand);
    metric_set(metrics->deliveries_in_air, stats->deliveries_in_air);
    metric_set(metrics->deliveries_waiting, stats->deliveries_waiting);
    metric_set(metrics->deliveries_blocked, stats->deliveries_blocked);
    metric_set(metrics->lanes_halted, stats->lanes_halted);
    metric_set(metrics->late_answers, (int64_t)stats->late_events);
}
