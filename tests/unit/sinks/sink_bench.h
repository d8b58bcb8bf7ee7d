/* sink_bench.h: an http sink in a loop, and what it answered. */
#ifndef RELAY_TEST_SINK_BENCH_H
#define RELAY_TEST_SINK_BENCH_H

#include "http_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <uv.h>

enum { BENCH_ANSWERS_MAX = 512 };

struct bench_answer {
    uint64_t attempt;
    int status;
    enum transport_failure failure;
    char retry_after[80];
    char detail[160];
    uint32_t header_bytes;
    uint32_t body_bytes;
    uint32_t requests;
};

struct sink_bench {
    uv_loop_t loop;
    struct address_gate *gate;
    struct http_sink *sink;
    struct bench_answer answers[BENCH_ANSWERS_MAX]; /* in the order of the calls of `done` */
    unsigned answer_count;
    void (*on_answer)(struct sink_bench *bench); /* called inside `done`; may be NULL */
};

struct bench_options {
    uint32_t connections_max; /* 0: 16 */
    const char *ca_file;
    bool deny_loopback;
    bool deny_http;
};

void sink_bench_init(struct sink_bench *bench, const struct bench_options *options);
void sink_bench_finish(struct sink_bench *bench); /* stops the sink and asserts that the loop then ends */

/* Runs the loop until there are so many answers in all; a hang of 20 s fails the test. */
void sink_bench_await(struct sink_bench *bench, unsigned answers);

/* Runs the loop until `is_true`; a hang of 20 s fails the test. */
void sink_bench_await_that(struct sink_bench *bench, bool (*is_true)(void *context), void *context);

/* A POST of a small JSON body with two header fields; asserts that it starts. */
void sink_bench_post(struct sink_bench *bench, uint64_t attempt, const char *url, int64_t timeout_ms);

/* `http://127.0.0.1:PORT/hook`; a static buffer. */
const char *sink_bench_url(const char *scheme, uint16_t port);

/* One attempt from start to answer. */
const struct bench_answer *sink_bench_once(struct sink_bench *bench, const char *url, int64_t timeout_ms);

/* Milliseconds of the monotonic clock. */
int64_t sink_bench_clock_ms(void);

#endif
