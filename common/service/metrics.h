/* metrics.h: counters, gauges and histograms as Prometheus text (exposition format 0.0.4).
 *
 * A metric is made once, by its name and labels, and then changed from any thread without a lock. Names are the
 * caller's (`incident_consumer_…`). Never an event's content in a label. Bounded: METRICS_SERIES_MAX series. */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include "bytes.h"

#include <stddef.h>
#include <stdint.h>

enum { METRICS_SERIES_MAX = 65536, METRICS_BUCKETS_MAX = 24 };

struct metrics;
struct metric; /* one series; lives as long as its registry */

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *metrics); /* nobody uses it or its series any more */

/* Appends `name="value"` with the value escaped, and a comma before it when `labels` is not empty. */
void metrics_append_label(struct bytes *labels, const char *name, const char *value);

/* The series of that name and labels, made when it is not there yet. `labels` is what metrics_append_label made, or
 * NULL or "" for none; name, help and labels are copied. A name has one kind and one help. Past the bound the series
 * counts but is not shown, and one log line says so. From any thread. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help, const char *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels);

/* A histogram of durations: bounds in ms, ascending, at most METRICS_BUCKETS_MAX; shown in seconds, so the name ends
 * in `_seconds`. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help, const char *labels,
                                 const int64_t *bounds_ms, size_t bound_count);

void metric_add(struct metric *metric, int64_t number);    /* counter (never negative) or gauge */
void metric_set(struct metric *metric, int64_t number);    /* gauge, or a counter that is kept elsewhere */
void metric_observe_ms(struct metric *metric, int64_t ms); /* histogram */
int64_t metric_value(const struct metric *metric);         /* of a counter or gauge */

/* Appends the text of all series, each family once with its HELP and TYPE, in order of first making. */
void metrics_render(struct metrics *metrics, struct bytes *text);

#endif
