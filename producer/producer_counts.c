#include "producer_counts.h"

#include "log.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct producer_counts {
    struct metrics *metrics;
    struct metric *read;
    struct metric *blank;
    struct metric *published;
    struct metric *warned[INTAKE_WARNING_COUNT];
    struct metric *in_flight_events;
    struct metric *in_flight_bytes;
    struct metric *held;
    int64_t rejected;      /* of all rules */
    int64_t fired_nothing; /* for all reasons */
    int64_t done_at_progress;
};

static const char rejects_name[] = "incident_producer_rejects_total";
static const char rejects_help[] = "Lines written to the rejects file, by rule.";

static struct metric *labelled_counter(struct metrics *metrics, const char *name, const char *help, const char *label,
                                       const char *value)
{
    struct bytes labels = {0};
    metrics_append_label(&labels, label, value);
    bytes_append_byte(&labels, '\0');
    struct metric *metric = metrics_counter(metrics, name, help, (const char *)labels.data);
    bytes_free(&labels);
    return metric;
}

struct producer_counts *producer_counts_create(struct metrics *metrics)
{
    struct producer_counts *counts = memory_alloc(1, sizeof(*counts));
    counts->metrics = metrics;
    counts->read =
        metrics_counter(metrics, "incident_producer_lines_read_total", "Lines of the input dealt with.", NULL);
    counts->blank = metrics_counter(metrics, "incident_producer_lines_blank_total", "Lines without content.", NULL);
    counts->published = metrics_counter(metrics, "incident_producer_events_published_total",
                                        "Events acknowledged by the broker.", NULL);
    for (unsigned i = 0; i < INTAKE_WARNING_COUNT; i++) {
        counts->warned[i] = labelled_counter(metrics, "incident_producer_warnings_total",
                                             "Lines that were taken although a rule warns, by rule.", "rule",
                                             intake_warning_rule((enum intake_warning)i));
    }
    counts->in_flight_events = metrics_gauge(metrics, "incident_producer_in_flight_events",
                                             "Events taken in and not settled, with those settled out of turn.", NULL);
    counts->in_flight_bytes =
        metrics_gauge(metrics, "incident_producer_in_flight_bytes", "Bytes of the events not settled.", NULL);
    counts->held = metrics_gauge(metrics, "incident_producer_held",
                                 "1 while nothing is published until something outside is put right.", NULL);
    return counts;
}

void producer_counts_destroy(struct producer_counts *counts)
{
    free(counts);
}

void producer_counts_read(struct producer_counts *counts)
{
    metric_add(counts->read, 1);
}

void producer_counts_blank(struct producer_counts *counts)
{
    metric_add(counts->blank, 1);
}

void producer_counts_published(struct producer_counts *counts)
{
    metric_add(counts->published, 1);
}

void producer_counts_rejected(struct producer_counts *counts, const char *rule)
{
    counts->rejected++;
    metric_add(labelled_counter(counts->metrics, rejects_name, rejects_help, "rule", rule), 1);
}

void producer_counts_fired_nothing(struct producer_counts *counts, const char *reason)
{
    counts->fired_nothing++;
    metric_add(labelled_counter(counts->metrics, "incident_producer_changes_fired_nothing_total",
                                "Changes that are no event, by reason.", "reason", reason),
               1);
}

void producer_counts_warned(struct producer_counts *counts, enum intake_warning warning)
{
    metric_add(counts->warned[warning], 1);
}

void producer_counts_in_flight(struct producer_counts *counts, const struct publish_counts *in_flight, bool is_held)
{
    metric_set(counts->in_flight_events, in_flight->places);
    metric_set(counts->in_flight_bytes, in_flight->bytes);
    metric_set(counts->held, is_held);
}

int64_t producer_counts_rejects(const struct producer_counts *counts)
{
    return counts->rejected;
}

void producer_counts_log(const struct producer_counts *counts, const char *message, struct publish_position start,
                         int64_t duration_ms)
{
    char seconds[32];
    snprintf(seconds, sizeof(seconds), "%" PRId64 ".%03" PRId64, duration_ms / 1000, duration_ms % 1000);
    const struct log_field fields[] = {
        LOG_INT("read", metric_value(counts->read)),
        LOG_INT("blank", metric_value(counts->blank)),
        LOG_INT("published", metric_value(counts->published)),
        LOG_INT("rejected", counts->rejected),
        LOG_INT("fired_nothing", counts->fired_nothing),
        LOG_INT("warned_end_time_expected", metric_value(counts->warned[INTAKE_WARNING_END_TIME])),
        LOG_INT("warned_id_invalid", metric_value(counts->warned[INTAKE_WARNING_ID])),
        LOG_INT("warned_traceparent_invalid", metric_value(counts->warned[INTAKE_WARNING_TRACE_PARENT])),
        LOG_INT("began_line", start.line),
        LOG_INT("began_offset", start.offset),
        LOG_TEXT("seconds", seconds),
        {0},
    };
    log_write(LOG_LEVEL_INFO, message, fields);
}

void producer_counts_progress(struct producer_counts *counts, int64_t offset, int64_t size)
{
    int64_t done = metric_value(counts->read) + metric_value(counts->published);
    if (done == counts->done_at_progress) {
        return;
    }
    counts->done_at_progress = done;
    const struct log_field fields[] = {
        LOG_INT("read", metric_value(counts->read)),
        LOG_INT("published", metric_value(counts->published)),
        LOG_INT("rejected", counts->rejected),
        LOG_INT("in_flight", metric_value(counts->in_flight_events)),
        size > 0 ? LOG_INT("percent", (int64_t)((double)offset * 100 / (double)size)) : (struct log_field){0},
        {0},
    };
    log_write(LOG_LEVEL_INFO, "progress", fields);
}
