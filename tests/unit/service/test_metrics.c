#include "metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000 };

static void expect_text(struct metrics *metrics, const char *wanted)
{
    struct bytes bytes = {0};
    metrics_render(metrics, &bytes);
    char *text = bytes_view_to_text(bytes_as_view(&bytes));
    assert_string_equal(text, wanted);
    free(text);
    bytes_free(&bytes);
}

static void families_are_shown_once_with_all_their_series(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create();
    struct bytes labels = {0};
    metrics_append_label(&labels, "subscription", "crm-2050");
    metrics_append_label(&labels, "answer", "2xx");
    char *labels_text = bytes_view_to_text(bytes_as_view(&labels));
    struct metric *read = metrics_counter(metrics, "x_read_total", "Lines read.", NULL);
    struct metric *first = metrics_counter(metrics, "x_sent_total", "Deliveries.", labels_text);
    struct metric *held = metrics_gauge(metrics, "x_held", "In hand.", "");
    struct metric *second = metrics_counter(metrics, "x_sent_total", "Deliveries.", "subscription=\"b\"");
    metric_add(read, 3);
    metric_add(read, 4);
    metric_add(first, 1);
    metric_add(second, 2);
    metric_set(held, 9);
    metric_add(held, -10);
    /* The same name and labels are the same series. */
    assert_ptr_equal(metrics_counter(metrics, "x_sent_total", "Deliveries.", labels_text), first);
    assert_true(metric_value(read) == 7);
    expect_text(metrics, "# HELP x_read_total Lines read.\n"
                         "# TYPE x_read_total counter\n"
                         "x_read_total 7\n"
                         "# HELP x_sent_total Deliveries.\n"
                         "# TYPE x_sent_total counter\n"
                         "x_sent_total{subscription=\"crm-2050\",answer=\"2xx\"} 1\n"
                         "x_sent_total{subscription=\"b\"} 2\n"
                         "# HELP x_held In hand.\n"
                         "# TYPE x_held gauge\n"
                         "x_held -1\n");
    free(labels_text);
    bytes_free(&labels);
    metrics_destroy(metrics);
}

static void a_histogram_adds_up_and_speaks_of_seconds(void **state)
{
    (void)state;
    static const int64_t bounds_ms[] = {5, 100, 2500};
    struct metrics *metrics = metrics_create();
    struct metric *plain = metrics_histogram(metrics, "x_seconds", "Time.", NULL, bounds_ms, 3);
    struct metric *labelled = metrics_histogram(metrics, "x_seconds", "Time.", "a=\"b\"", bounds_ms, 3);
    metric_observe_ms(plain, 0);
    metric_observe_ms(plain, 5);
    metric_observe_ms(plain, 6);
    metric_observe_ms(plain, 2500);
    metric_observe_ms(plain, 2501);
    metric_observe_ms(labelled, 1000);
    expect_text(metrics, "# HELP x_seconds Time.\n"
                         "# TYPE x_seconds histogram\n"
                         "x_seconds_bucket{le=\"0.005\"} 2\n"
                         "x_seconds_bucket{le=\"0.1\"} 3\n"
                         "x_seconds_bucket{le=\"2.5\"} 4\n"
                         "x_seconds_bucket{le=\"+Inf\"} 5\n"
                         "x_seconds_sum 5.012\n"
                         "x_seconds_count 5\n"
                         "x_seconds_bucket{a=\"b\",le=\"0.005\"} 0\n"
                         "x_seconds_bucket{a=\"b\",le=\"0.1\"} 0\n"
                         "x_seconds_bucket{a=\"b\",le=\"2.5\"} 1\n"
                         "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 1\n"
                         "x_seconds_sum{a=\"b\"} 1\n"
                         "x_seconds_count{a=\"b\"} 1\n");
    metrics_destroy(metrics);
}

static void a_label_cannot_forge_a_line(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create();
    struct bytes labels = {0};
    metrics_append_label(&labels, "id", "a\"} 1\nforged 2\\");
    char *text = bytes_view_to_text(bytes_as_view(&labels));
    assert_string_equal(text, "id=\"a\\\"} 1\\nforged 2\\\\\"");
    metric_add(metrics_counter(metrics, "x_total", "One\nline with a \\ and a \".", text), 1);
    expect_text(metrics, "# HELP x_total One\\nline with a \\\\ and a \".\n"
                         "# TYPE x_total counter\n"
                         "x_total{id=\"a\\\"} 1\\nforged 2\\\\\"} 1\n");
    free(text);
    bytes_free(&labels);
    metrics_destroy(metrics);
}

static void an_empty_registry_is_an_empty_text(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create();
    expect_text(metrics, "");
    metrics_destroy(metrics);
}

static void *count_from_a_thread(void *context)
{
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(metrics_counter(context, "x_total", "Help.", i % 2 == 0 ? "a=\"0\"" : "a=\"1\""), 1);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_from_a_thread, metrics), 0);
    }
    struct bytes text = {0};
    metrics_render(metrics, &text); /* at the same time */
    bytes_free(&text);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 2; i++) {
        const char *labels = i == 0 ? "a=\"0\"" : "a=\"1\"";
        assert_true(metric_value(metrics_counter(metrics, "x_total", "Help.", labels)) == THREADS * ROUNDS / 2);
    }
    metrics_destroy(metrics);
}

static void past_the_bound_series_count_but_are_not_shown(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create();
    struct metric *last = NULL;
    for (int i = 0; i < METRICS_SERIES_MAX + 2; i++) {
        char labels[32];
        (void)snprintf(labels, sizeof(labels), "n=\"%d\"", i);
        last = metrics_gauge(metrics, "x", "Help.", labels);
    }
    metric_set(last, 5);
    assert_true(metric_value(last) == 5);
    struct bytes text = {0};
    metrics_render(metrics, &text);
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n';
    }
    assert_int_equal(lines, METRICS_SERIES_MAX + 2); /* HELP and TYPE */
    bytes_free(&text);
    metrics_destroy(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_shown_once_with_all_their_series),
        cmocka_unit_test(a_histogram_adds_up_and_speaks_of_seconds),
        cmocka_unit_test(a_label_cannot_forge_a_line),
        cmocka_unit_test(an_empty_registry_is_an_empty_text),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(past_the_bound_series_count_but_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
