#include "metrics.h"

#include "check.h"
#include "hash_table.h"
#include "log.h"
#include "memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The hash table may not return NULL either. */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

struct family;

struct metric {
    enum metric_kind kind;
    const struct family *family;
    char *labels;
    _Atomic int64_t value;    /* of a histogram: the sum in ms */
    _Atomic int64_t *buckets; /* one more than bounds; each counts its own, they are added up when rendered */
    struct metric *next;
};

struct family {
    char *name;
    char *help;
    enum metric_kind kind;
    int64_t bounds_ms[METRICS_BUCKETS_MAX];
    size_t bound_count;
    struct metric *first, *last;
    struct family *next;
};

/* NAME{LABELS} to its series. */
struct index_entry {
    char *key;
    struct metric *metric;
    UT_hash_handle hh;
};

struct metrics {
    pthread_mutex_t mutex;
    struct family *first, *last;
    struct index_entry *index;
    struct metric *hidden; /* made past the bound, kept only to be freed */
    size_t series_count;
    bool is_full_said;
};

struct metrics *metrics_create(void)
{
    struct metrics *metrics = memory_alloc(1, sizeof(*metrics));
    CHECK(pthread_mutex_init(&metrics->mutex, NULL) == 0);
    return metrics;
}

static void free_series(struct metric *first)
{
    while (first != NULL) {
        struct metric *next = first->next;
        free(first->labels);
        free(first->buckets);
        free(first);
        first = next;
    }
}

void metrics_destroy(struct metrics *metrics)
{
    struct index_entry *entry, *later;
    HASH_ITER(hh, metrics->index, entry, later)
    {
        HASH_DEL(metrics->index, entry);
        free(entry->key);
        free(entry);
    }
    while (metrics->first != NULL) {
        struct family *family = metrics->first;
        metrics->first = family->next;
        free_series(family->first);
        free(family->name);
        free(family->help);
        free(family);
    }
    free_series(metrics->hidden);
    pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

/* In a label value `\`, `"` and newline are escaped; in a help text `\` and newline. */
static void append_escaped(struct bytes *text, const char *value, bool escape_quotes)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            bytes_append_text(text, "\\n");
        } else if (*at == '\\' || (*at == '"' && escape_quotes)) {
            bytes_append_byte(text, '\\');
            bytes_append_byte(text, (uint8_t)*at);
        } else {
            bytes_append_byte(text, (uint8_t)*at);
        }
    }
}

void metrics_append_label(struct bytes *labels, const char *name, const char *value)
{
    bytes_append_format(labels, "%s%s=\"", labels->size == 0 ? "" : ",", name);
    append_escaped(labels, value, true);
    bytes_append_byte(labels, '"');
}

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";
    return name[0] != '\0' && (name[0] < '0' || name[0] > '9') && name[strspn(name, allowed)] == '\0';
}

static struct family *find_or_make_family(struct metrics *metrics, enum metric_kind kind, const char *name,
                                          const char *help)
{
    for (struct family *family = metrics->first; family != NULL; family = family->next) {
        if (strcmp(family->name, name) == 0) {
            CHECK(family->kind == kind);
            return family;
        }
    }
    CHECK(is_name(name));
    struct family *family = memory_alloc(1, sizeof(*family));
    family->name = memory_copy_text(name);
    family->help = memory_copy_text(help);
    family->kind = kind;
    *(metrics->last == NULL ? &metrics->first : &metrics->last->next) = family;
    metrics->last = family;
    return family;
}

static struct metric *make_series(struct metrics *metrics, struct family *family, const char *labels, char *key)
{
    struct metric *metric = memory_alloc(1, sizeof(*metric));
    metric->kind = family->kind;
    metric->family = family;
    metric->labels = memory_copy_text(labels);
    if (family->kind == METRIC_HISTOGRAM) {
        metric->buckets = memory_alloc(family->bound_count + 1, sizeof(*metric->buckets));
    }
    if (metrics->series_count == METRICS_SERIES_MAX) {
        if (!metrics->is_full_said) {
            log_warn("too many metric series; new ones are counted but not shown", LOG_INT("limit", METRICS_SERIES_MAX),
                     LOG_TEXT("first", family->name));
        }
        metrics->is_full_said = true;
        metric->next = metrics->hidden;
        metrics->hidden = metric;
        free(key);
        return metric;
    }
    metrics->series_count++;
    *(family->last == NULL ? &family->first : &family->last->next) = metric;
    family->last = metric;
    struct index_entry *entry = memory_alloc(1, sizeof(*entry));
    entry->key = key;
    entry->metric = metric;
    HASH_ADD_KEYPTR(hh, metrics->index, entry->key, strlen(entry->key), entry);
    return metric;
}

static struct metric *find_or_make(struct metrics *metrics, enum metric_kind kind, const char *name, const char *help,
                                   const char *labels, const int64_t *bounds_ms, size_t bound_count)
{
    struct bytes key = {0};
    bytes_append_format(&key, "%s{%s}", name, labels == NULL ? "" : labels);
    char *key_text = bytes_view_to_text(bytes_as_view(&key));
    bytes_free(&key);
    CHECK(pthread_mutex_lock(&metrics->mutex) == 0);
    struct index_entry *entry;
    HASH_FIND_STR(metrics->index, key_text, entry);
    struct metric *metric;
    if (entry != NULL) {
        CHECK(entry->metric->kind == kind);
        metric = entry->metric;
        free(key_text);
    } else {
        struct family *family = find_or_make_family(metrics, kind, name, help);
        if (family->first == NULL && bound_count > 0) {
            memcpy(family->bounds_ms, bounds_ms, bound_count * sizeof(*bounds_ms));
            family->bound_count = bound_count;
        }
        CHECK(family->bound_count == bound_count);
        metric = make_series(metrics, family, labels == NULL ? "" : labels, key_text);
    }
    CHECK(pthread_mutex_unlock(&metrics->mutex) == 0);
    return metric;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return find_or_make(metrics, METRIC_COUNTER, name, help, labels, NULL, 0);
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return find_or_make(metrics, METRIC_GAUGE, name, help, labels, NULL, 0);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help, const char *labels,
                                 const int64_t *bounds_ms, size_t bound_count)
{
    CHECK(bound_count > 0 && bound_count <= METRICS_BUCKETS_MAX);
    for (size_t i = 1; i < bound_count; i++) {
        CHECK(bounds_ms[i - 1] < bounds_ms[i]);
    }
    return find_or_make(metrics, METRIC_HISTOGRAM, name, help, labels, bounds_ms, bound_count);
}

void metric_add(struct metric *metric, int64_t number)
{
    CHECK(metric->kind == METRIC_GAUGE || (metric->kind == METRIC_COUNTER && number >= 0));
    atomic_fetch_add_explicit(&metric->value, number, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t number)
{
    CHECK(metric->kind != METRIC_HISTOGRAM);
    atomic_store_explicit(&metric->value, number, memory_order_relaxed);
}

void metric_observe_ms(struct metric *metric, int64_t ms)
{
    CHECK(metric->kind == METRIC_HISTOGRAM);
    size_t bucket = 0;
    while (bucket < metric->family->bound_count && ms > metric->family->bounds_ms[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, ms, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    CHECK(metric->kind != METRIC_HISTOGRAM);
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

/* Milliseconds as seconds, without a rounding float. */
static void append_seconds(struct bytes *text, int64_t ms)
{
    bytes_append_format(text, "%s%" PRId64, ms < 0 ? "-" : "", (ms < 0 ? -ms : ms) / 1000);
    int64_t rest = (ms < 0 ? -ms : ms) % 1000;
    if (rest != 0) {
        bytes_append_format(text, ".%03" PRId64, rest);
        while (text->data[text->size - 1] == '0') {
            text->size--;
        }
    }
}

static void append_name(struct bytes *text, const struct metric *metric, const char *suffix)
{
    bytes_append_format(text, "%s%s", metric->family->name, suffix);
    if (metric->labels[0] != '\0') {
        bytes_append_format(text, "{%s}", metric->labels);
    }
}

static void render_histogram(struct bytes *text, const struct metric *metric)
{
    const struct family *family = metric->family;
    int64_t count = 0;
    for (size_t i = 0; i <= family->bound_count; i++) {
        count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        bytes_append_format(text, "%s_bucket{%s%sle=\"", family->name, metric->labels,
                            metric->labels[0] == '\0' ? "" : ",");
        if (i < family->bound_count) {
            append_seconds(text, family->bounds_ms[i]);
        } else {
            bytes_append_text(text, "+Inf");
        }
        bytes_append_format(text, "\"} %" PRId64 "\n", count);
    }
    append_name(text, metric, "_sum");
    bytes_append_byte(text, ' ');
    append_seconds(text, atomic_load_explicit(&metric->value, memory_order_relaxed));
    bytes_append_byte(text, '\n');
    /* The same sum as the last bucket: a reader checks that they agree. */
    append_name(text, metric, "_count");
    bytes_append_format(text, " %" PRId64 "\n", count);
}

static void render_family(struct bytes *text, const struct family *family)
{
    bytes_append_format(text, "# HELP %s ", family->name);
    append_escaped(text, family->help, false);
    bytes_append_format(text, "\n# TYPE %s %s\n", family->name, kind_names[family->kind]);
    for (const struct metric *metric = family->first; metric != NULL; metric = metric->next) {
        if (family->kind == METRIC_HISTOGRAM) {
            render_histogram(text, metric);
            continue;
        }
        append_name(text, metric, "");
        bytes_append_format(text, " %" PRId64 "\n", metric_value(metric));
    }
}

void metrics_render(struct metrics *metrics, struct bytes *text)
{
    CHECK(pthread_mutex_lock(&metrics->mutex) == 0);
    for (const struct family *family = metrics->first; family != NULL; family = family->next) {
        if (family->first != NULL) {
            render_family(text, family);
        }
    }
    CHECK(pthread_mutex_unlock(&metrics->mutex) == 0);
}
