#include "shard_metrics.h"

#include <string.h>

static struct metric *labelled_counter(struct metrics *registry, const char *name, const char *help, const char *label,
                                       const char *value)
{
    struct bytes labels = {0};
    metrics_append_label(&labels, label, value);
    bytes_append_byte(&labels, '\0');
    struct metric *metric = metrics_counter(registry, name, help, (const char *)labels.data);
    bytes_free(&labels);
    return metric;
}

static void init_counters(struct shard_metrics *metrics, struct metrics *registry)
{
    static const char *const readings[] = {[RECORD_READABLE] = "readable",
                                           [RECORD_UNREADABLE] = "unreadable",
                                           [RECORD_SCHEMA_UNKNOWN] = "schema_unknown",
                                           [RECORD_TOMBSTONE] = "tombstone"};
    for (size_t i = 0; i <= RECORD_TOMBSTONE; i++) {
        metrics->records[i] = labelled_counter(registry, "incident_consumer_records_total",
                                               "Records read from the event topics.", "reading", readings[i]);
    }
    static const char *const verdicts[] = {[VERDICT_DELIVERED] = "delivered",
                                           [VERDICT_GONE] = "gone",
                                           [VERDICT_PACED] = "paced",
                                           [VERDICT_FAILED] = "failed",
                                           [VERDICT_REFUSED] = "refused",
                                           [VERDICT_DENIED] = "denied",
                                           [VERDICT_CUT] = "cut"};
    for (size_t i = 0; i <= VERDICT_CUT; i++) {
        metrics->attempts[i] =
            labelled_counter(registry, "incident_consumer_attempts_total",
                             "Delivery attempts that were answered, by verdict.", "verdict", verdicts[i]);
    }
    metrics->resent = metrics_counter(registry, "incident_consumer_requests_resent_total",
                                      "Requests sent once more because a pooled connection was dead: the receiver may "
                                      "have seen the same webhook-id twice.",
                                      NULL);
    static const char *const outcomes[] = {"ok", "failed"};
    for (size_t i = 0; i < 2; i++) {
        metrics->dead_letters[i] = labelled_counter(registry, "incident_consumer_dead_letter_writes_total",
                                                    "Writes to the dead-letter topic.", "outcome", outcomes[i]);
        metrics->commits[i] = labelled_counter(registry, "incident_consumer_commits_total",
                                               "Offset commits that were answered.", "outcome", outcomes[i]);
    }
    metrics->end_time_expected = metrics_counter(registry, "incident_consumer_end_time_expected_total",
                                                 "RESOLVED incidents passed on without an end_time.", NULL);
    metrics->late_answers = metrics_counter(registry, "incident_consumer_late_answers_total",
                                            "Answers dropped because their attempt or assignment was over.", NULL);
}

void shard_metrics_init(struct shard_metrics *metrics, struct metrics *registry)
{
    init_counters(metrics, registry);
    metrics->partitions_assigned =
        metrics_gauge(registry, "incident_consumer_partitions_assigned", "Partitions this member owns.", NULL);
    metrics->partitions_held =
        metrics_gauge(registry, "incident_consumer_partitions_held",
                      "Partitions of which nothing more is read: hand full behind a lane, unknown schema, gap.", NULL);
    metrics->records_in_hand = metrics_gauge(registry, "incident_consumer_records_in_hand",
                                             "Records between their fetch and the commit frontier.", NULL);
    metrics->bytes_in_hand =
        metrics_gauge(registry, "incident_consumer_bytes_in_hand", "Bytes of the events in hand.", NULL);
    metrics->deliveries_in_air =
        metrics_gauge(registry, "incident_consumer_deliveries_in_air", "Attempts that wait for their answer.", NULL);
    metrics->deliveries_waiting = metrics_gauge(registry, "incident_consumer_deliveries_waiting",
                                                "Deliveries that wait for their next attempt.", NULL);
    metrics->deliveries_blocked = metrics_gauge(registry, "incident_consumer_deliveries_blocked",
                                                "Deliveries behind an earlier one of their ordering key.", NULL);
    metrics->lanes_halted = metrics_gauge(registry, "incident_consumer_lanes_halted",
                                          "Subscriptions on a partition that are halted.", NULL);
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
