#include "sink_bench.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HANG_MS = 20000 };

static const char body_text[] = "{\"event_type\":\"incident.instance.create\"}";

static void on_done(void *context, uint64_t attempt, const struct http_answer *answer)
{
    struct sink_bench *bench = context;
    struct bench_answer *kept = &bench->answers[bench->answer_count];

    CHECK(bench->answer_count < BENCH_ANSWERS_MAX);
    bench->answer_count++;
    *kept = (struct bench_answer){.attempt = attempt,
                                  .status = answer->answer.status,
                                  .failure = answer->answer.failure,
                                  .header_bytes = answer->header_bytes,
                                  .body_bytes = answer->body_bytes,
                                  .requests = answer->requests};
    snprintf(kept->retry_after, sizeof(kept->retry_after), "%.*s", BYTES_PRINTF(answer->answer.retry_after));
    snprintf(kept->detail, sizeof(kept->detail), "%s", answer->detail);
    /* What holds for every answer. */
    CHECK((kept->status == 0) == (kept->failure != TRANSPORT_OK));
    CHECK((kept->status == 0) == (kept->detail[0] != '\0'));
    CHECK(kept->header_bytes <= HTTP_SINK_HEADER_MAX);
    CHECK(kept->body_bytes <= HTTP_SINK_BODY_MAX);
    CHECK(kept->requests <= 2);
    if (bench->on_answer != NULL) {
        bench->on_answer(bench);
    }
}

void sink_bench_init(struct sink_bench *bench, const struct bench_options *options)
{
    static const struct bench_options none;
    static const char *const loopback[] = {"127.0.0.0/8"};
    const struct bench_options *chosen = options == NULL ? &none : options;
    struct address_gate_settings settings = {
        .is_http_allowed = !chosen->deny_http, .allow = loopback, .allow_count = chosen->deny_loopback ? 0 : 1};
    struct http_sink_limits limits = {.connections_max = chosen->connections_max == 0 ? 16 : chosen->connections_max,
                                      .ca_file = chosen->ca_file};

    signal(SIGPIPE, SIG_IGN);
    memset(bench, 0, sizeof(*bench));
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    assert_int_equal(address_gate_create(&settings, &bench->gate, NULL), STATUS_OK);
    bench->sink = http_sink_create(&bench->loop, &limits, bench->gate, on_done, bench);
}

void sink_bench_finish(struct sink_bench *bench)
{
    http_sink_destroy(bench->sink);
    assert_int_equal(uv_run(&bench->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    address_gate_destroy(bench->gate);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer; /* only wakes the loop */
}

static void on_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

void sink_bench_await_that(struct sink_bench *bench, bool (*is_true)(void *context), void *context)
{
    int64_t deadline_ms = sink_bench_clock_ms() + HANG_MS;
    bool is_closed = false;
    uv_timer_t tick;

    assert_int_equal(uv_timer_init(&bench->loop, &tick), 0);
    assert_int_equal(uv_timer_start(&tick, on_tick, 5, 5), 0);
    while (!is_true(context) && sink_bench_clock_ms() < deadline_ms) {
        uv_run(&bench->loop, UV_RUN_ONCE);
    }
    tick.data = &is_closed;
    uv_close((uv_handle_t *)&tick, on_closed);
    while (!is_closed) {
        uv_run(&bench->loop, UV_RUN_NOWAIT);
    }
    assert_true(is_true(context));
}

struct count_wanted {
    const struct sink_bench *bench;
    unsigned answers;
};

static bool has_answers(void *context)
{
    const struct count_wanted *wanted = context;

    return wanted->bench->answer_count >= wanted->answers;
}

void sink_bench_await(struct sink_bench *bench, unsigned answers)
{
    struct count_wanted wanted = {bench, answers};

    sink_bench_await_that(bench, has_answers, &wanted);
    assert_int_equal(bench->answer_count, answers);
}

void sink_bench_post(struct sink_bench *bench, uint64_t attempt, const char *url, int64_t timeout_ms)
{
    struct webhook_request request = {.method = "POST", .url = url, .field_count = 2};

    request.fields[0] = (struct webhook_field){BYTES_LITERAL("content-type"), BYTES_LITERAL("application/json")};
    request.fields[1] = (struct webhook_field){BYTES_LITERAL("webhook-id"), BYTES_LITERAL("msg_1")};
    assert_int_equal(http_sink_start_attempt(bench->sink, attempt, &request, bytes_view_of_text(body_text), timeout_ms),
                     STATUS_OK);
}

const char *sink_bench_url(const char *scheme, uint16_t port)
{
    static char url[64];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%u/hook", scheme, port);
    return url;
}

const struct bench_answer *sink_bench_once(struct sink_bench *bench, const char *url, int64_t timeout_ms)
{
    unsigned before = bench->answer_count;

    sink_bench_post(bench, 1000 + before, url, timeout_ms);
    assert_int_equal(bench->answer_count, before); /* never inside start */
    sink_bench_await(bench, before + 1);
    assert_int_equal(bench->answers[before].attempt, 1000 + before);
    assert_int_equal(http_sink_in_flight(bench->sink), 0);
    return &bench->answers[before];
}

int64_t sink_bench_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
