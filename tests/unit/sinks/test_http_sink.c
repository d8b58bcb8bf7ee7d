/* The sink with receivers that behave, or almost: requests byte for byte, pooling, limits, cancel and stop. */
#include "sink_bench.h"

#include "check.h"
#include "raw_receiver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ok[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

static void serve_ok(struct raw_peer *peer)
{
    while (raw_read_request(peer) && raw_send(peer, ok)) {
    }
}

/* Answers when the test says so (mode 1). */
static void serve_when_told(struct raw_peer *peer)
{
    while (raw_read_request(peer)) {
        while (raw_receiver_mode(peer->receiver) == 0) {
            if (!raw_pause(peer, 2)) {
                return;
            }
        }
        if (!raw_send(peer, ok)) {
            return;
        }
    }
}

static const char *loopback_url(uint16_t port)
{
    return sink_bench_url("http", port);
}

/* ---- what goes out ---- */

static void a_request_is_what_was_asked_for(void **state)
{
    static const char format[] = "PUT /hook?a=b HTTP/1.1\r\n"
                                 "Host: 127.0.0.1:%u\r\n"
                                 "Accept: */*\r\n"
                                 "content-type: application/json\r\n"
                                 "x-odd: a:b;c, \"d\"\t\xc3\xa9\r\n"
                                 "Content-Length: 4\r\n"
                                 "\r\n";
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct sink_bench bench;
    struct webhook_request request = {.method = "PUT", .field_count = 2};
    char url[64];
    char expected[256];

    (void)state;
    sink_bench_init(&bench, NULL);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook?a=b", raw_receiver_port(receiver));
    request.url = url;
    request.fields[0] = (struct webhook_field){BYTES_LITERAL("content-type"), BYTES_LITERAL("application/json")};
    request.fields[1] = (struct webhook_field){BYTES_LITERAL("x-odd"), BYTES_LITERAL("a:b;c, \"d\"\t\xc3\xa9")};
    assert_int_equal(http_sink_start_attempt(bench.sink, 7, &request, BYTES_LITERAL("a\0b\n"), 5000), STATUS_OK);
    sink_bench_await(&bench, 1);
    assert_int_equal(bench.answers[0].attempt, 7);
    assert_int_equal(bench.answers[0].status, 200);
    assert_int_equal(bench.answers[0].requests, 1);
    assert_int_equal(bench.answers[0].body_bytes, 2);
    assert_int_equal(bench.answers[0].header_bytes, strlen(ok) - 2);
    snprintf(expected, sizeof(expected), format, raw_receiver_port(receiver));
    assert_true(bytes_view_equal_text(raw_receiver_head(receiver, 0), expected));
    assert_true(bytes_view_equal(raw_receiver_body(receiver, 0), BYTES_LITERAL("a\0b\n")));
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static void bodies_of_every_size_arrive(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 262144, 1100000, 3000000};
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    uint8_t *body = malloc(3000000);
    struct sink_bench bench;
    struct webhook_request request = {.method = "PATCH", .url = loopback_url(raw_receiver_port(receiver))};

    (void)state;
    assert_non_null(body);
    for (size_t i = 0; i < 3000000; i++) {
        body[i] = (uint8_t)(i * 2654435761U >> 13);
    }
    sink_bench_init(&bench, NULL);
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct bytes_view view = bytes_view_of(i == 0 ? NULL : body, sizes[i]);

        assert_int_equal(http_sink_start_attempt(bench.sink, i, &request, view, 10000), STATUS_OK);
        sink_bench_await(&bench, i + 1);
        assert_int_equal(bench.answers[i].status, 200);
        assert_true(bytes_view_equal(raw_receiver_body(receiver, i), view));
        /* No leave is asked for a big body (it would cost a second), and it is never sent in chunks. */
        assert_null(memmem(raw_receiver_head(receiver, i).data, raw_receiver_head(receiver, i).size, "xpect", 5));
        assert_null(memmem(raw_receiver_head(receiver, i).data, raw_receiver_head(receiver, i).size, "hunked", 6));
    }
    assert_int_equal(raw_receiver_connections(receiver), 1);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    free(body);
}

/* Two subscribers behind one address share connection and handle; nothing else. */
static void nothing_of_one_request_is_in_the_next(void **state)
{
    static const char format[] = "POST /two HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\n"
                                 "content-type: application/json\r\nContent-Length: 1\r\n\r\n";
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct bench_options one_slot = {.connections_max = 1};
    struct sink_bench bench;
    struct webhook_request first = {.method = "PUT", .field_count = 4};
    struct webhook_request second = {.method = "POST", .field_count = 1};
    char urls[2][64];
    char expected[256];

    (void)state;
    sink_bench_init(&bench, &one_slot);
    snprintf(urls[0], sizeof(urls[0]), "http://127.0.0.1:%u/one?canary", raw_receiver_port(receiver));
    snprintf(urls[1], sizeof(urls[1]), "http://127.0.0.1:%u/two", raw_receiver_port(receiver));
    first.url = urls[0];
    second.url = urls[1];
    first.fields[0] = (struct webhook_field){BYTES_LITERAL("authorization"), BYTES_LITERAL("Bearer canary")};
    first.fields[1] = (struct webhook_field){BYTES_LITERAL("cookie"), BYTES_LITERAL("canary=1")};
    first.fields[2] = (struct webhook_field){BYTES_LITERAL("accept"), BYTES_LITERAL("canary/1")};
    first.fields[3] = (struct webhook_field){BYTES_LITERAL("webhook-signature"), BYTES_LITERAL("v1,canary")};
    second.fields[0] = (struct webhook_field){BYTES_LITERAL("content-type"), BYTES_LITERAL("application/json")};
    assert_int_equal(http_sink_start_attempt(bench.sink, 1, &first, BYTES_LITERAL("canary"), 5000), STATUS_OK);
    sink_bench_await(&bench, 1);
    assert_int_equal(http_sink_start_attempt(bench.sink, 2, &second, BYTES_LITERAL("2"), 5000), STATUS_OK);
    sink_bench_await(&bench, 2);
    assert_int_equal(raw_receiver_connections(receiver), 1);
    snprintf(expected, sizeof(expected), format, raw_receiver_port(receiver));
    assert_true(bytes_view_equal_text(raw_receiver_head(receiver, 1), expected));
    assert_true(bytes_view_equal_text(raw_receiver_body(receiver, 1), "2"));
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static void serve_cookies(struct raw_peer *peer)
{
    while (raw_read_request(peer) &&
           raw_send(peer,
                    "HTTP/1.1 200 OK\r\nset-cookie: canary=1; path=/\r\nset-cookie: b=2\r\n"
                    "strict-transport-security: max-age=9999\r\nalt-svc: h2=\":1\"\r\ncontent-length: 0\r\n\r\n")) {
    }
}

static void a_receiver_leaves_nothing_in_us(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_cookies, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sink_bench_once(&bench, loopback_url(raw_receiver_port(receiver)), 5000)->status, 200);
    }
    for (unsigned i = 1; i < 3; i++) {
        assert_true(bytes_view_equal(raw_receiver_head(receiver, i), raw_receiver_head(receiver, 0)));
    }
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static void the_environments_proxy_is_not_used(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"};
    struct raw_receiver *proxy = raw_receiver_start(serve_ok, NULL);
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct sink_bench bench;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        setenv(names[i], loopback_url(raw_receiver_port(proxy)), 1);
    }
    sink_bench_init(&bench, NULL);
    assert_int_equal(sink_bench_once(&bench, loopback_url(raw_receiver_port(receiver)), 5000)->status, 200);
    assert_int_equal(raw_receiver_connections(proxy), 0);
    assert_int_equal(raw_receiver_requests(receiver), 1);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        unsetenv(names[i]);
    }
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    raw_receiver_stop(proxy);
}

/* ---- connections ---- */

static void a_connection_is_used_again(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    for (int i = 0; i < 50; i++) {
        const struct bench_answer *answer = sink_bench_once(&bench, loopback_url(raw_receiver_port(receiver)), 5000);

        assert_int_equal(answer->status, 200);
        assert_int_equal(answer->requests, 1);
    }
    assert_int_equal(raw_receiver_connections(receiver), 1);
    assert_int_equal(raw_receiver_requests(receiver), 50);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static bool has_free_slot(void *sink)
{
    return http_sink_in_flight(sink) < 64;
}

static void many_at_once(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct bench_options options = {.connections_max = 64};
    struct sink_bench bench;
    unsigned started = 0;
    bool seen[300] = {false};

    (void)state;
    sink_bench_init(&bench, &options);
    while (started < 300) {
        while (started < 300 && http_sink_in_flight(bench.sink) < 64) {
            sink_bench_post(&bench, started++, loopback_url(raw_receiver_port(receiver)), 10000);
        }
        sink_bench_await_that(&bench, has_free_slot, bench.sink);
    }
    sink_bench_await(&bench, 300);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(bench.answers[i].status, 200);
        assert_false(seen[bench.answers[i].attempt]);
        seen[bench.answers[i].attempt] = true;
    }
    assert_int_equal(raw_receiver_requests(receiver), 300);
    assert_true(raw_receiver_connections(receiver) <= 64);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static void when_every_slot_is_taken_it_says_so(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_when_told, NULL);
    struct bench_options options = {.connections_max = 2};
    struct sink_bench bench;
    struct webhook_request request = {.method = "POST"};

    (void)state;
    sink_bench_init(&bench, &options);
    request.url = loopback_url(raw_receiver_port(receiver));
    assert_int_equal(http_sink_start_attempt(bench.sink, 1, &request, BYTES_LITERAL("1"), 9000), STATUS_OK);
    assert_int_equal(http_sink_start_attempt(bench.sink, 2, &request, BYTES_LITERAL("2"), 9000), STATUS_OK);
    assert_int_equal(http_sink_start_attempt(bench.sink, 3, &request, BYTES_LITERAL("3"), 9000), STATUS_FULL);
    assert_int_equal(http_sink_in_flight(bench.sink), 2);
    raw_receiver_set_mode(receiver, 1);
    sink_bench_await(&bench, 2);
    assert_int_equal(http_sink_start_attempt(bench.sink, 3, &request, BYTES_LITERAL("3"), 9000), STATUS_OK);
    sink_bench_await(&bench, 3);
    assert_int_equal(bench.answers[2].status, 200);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

struct open_wanted {
    struct raw_receiver **receivers;
    unsigned open;
};

static bool is_open_count(void *context)
{
    struct open_wanted *wanted = context;
    unsigned open = 0;

    for (unsigned i = 0; i < 4; i++) {
        open += raw_receiver_open_connections(wanted->receivers[i]);
    }
    return open == wanted->open;
}

static bool a_request_is_read(void *receiver)
{
    return raw_receiver_requests(receiver) == 1;
}

/* Pooled connections count: a new one takes the place of an idle one. */
static void open_connections_are_bounded(void **state)
{
    struct bench_options options = {.connections_max = 2};
    struct raw_receiver *receivers[4];
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &options);
    for (unsigned i = 0; i < 4; i++) {
        receivers[i] = raw_receiver_start(serve_ok, NULL);
    }
    for (unsigned i = 0; i < 8; i++) {
        struct open_wanted wanted = {receivers, i == 0 ? 1 : 2};

        assert_int_equal(sink_bench_once(&bench, loopback_url(raw_receiver_port(receivers[i % 4])), 5000)->status, 200);
        sink_bench_await_that(&bench, is_open_count, &wanted);
    }
    sink_bench_finish(&bench);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(raw_receiver_requests(receivers[i]), 2);
        raw_receiver_stop(receivers[i]);
    }
}

/* Also while the new one is in the air: an idle one is closed before it is opened. */
static void idle_connections_make_room(void **state)
{
    struct bench_options options = {.connections_max = 2};
    struct raw_receiver *receivers[4];
    struct open_wanted wanted = {receivers, 2};
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &options);
    for (unsigned i = 0; i < 4; i++) {
        receivers[i] = raw_receiver_start(i < 2 ? serve_ok : serve_when_told, NULL);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sink_bench_once(&bench, loopback_url(raw_receiver_port(receivers[i])), 5000)->status, 200);
    }
    for (unsigned i = 2; i < 4; i++) {
        sink_bench_post(&bench, i, loopback_url(raw_receiver_port(receivers[i])), 50000);
        sink_bench_await_that(&bench, a_request_is_read, receivers[i]);
        sink_bench_await_that(&bench, is_open_count, &wanted);
    }
    raw_receiver_set_mode(receivers[2], 1);
    raw_receiver_set_mode(receivers[3], 1);
    sink_bench_await(&bench, 4);
    sink_bench_finish(&bench);
    for (unsigned i = 0; i < 4; i++) {
        raw_receiver_stop(receivers[i]);
    }
}

/* ---- cancel and stop ---- */

static bool nothing_is_open(void *receiver)
{
    return raw_receiver_open_connections(receiver) == 0;
}

static bool two_requests_are_read(void *receiver)
{
    return raw_receiver_requests(receiver) == 2;
}

static void a_cancel_closes_the_connection_and_is_the_end(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_when_told, NULL);
    struct bench_options options = {.connections_max = 2};
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &options);
    sink_bench_post(&bench, 1, loopback_url(raw_receiver_port(receiver)), 9000);
    sink_bench_post(&bench, 2, loopback_url(raw_receiver_port(receiver)), 9000);
    sink_bench_await_that(&bench, two_requests_are_read, receiver);
    http_sink_cancel(bench.sink, 1);
    http_sink_cancel(bench.sink, 1);  /* not in the air any more */
    http_sink_cancel(bench.sink, 99); /* never was */
    http_sink_cancel(bench.sink, 2);
    assert_int_equal(http_sink_in_flight(bench.sink), 0);
    sink_bench_await_that(&bench, nothing_is_open, receiver);
    /* The slots are free, and the answers of the next are the next's. */
    raw_receiver_set_mode(receiver, 1);
    sink_bench_post(&bench, 3, loopback_url(raw_receiver_port(receiver)), 9000);
    sink_bench_post(&bench, 1, loopback_url(raw_receiver_port(receiver)), 9000); /* its number is free too */
    sink_bench_await(&bench, 2);
    assert_int_equal(bench.answers[0].attempt + bench.answers[1].attempt, 4);
    assert_int_equal(raw_receiver_connections(receiver), 4);
    sink_bench_finish(&bench);
    assert_int_equal(bench.answer_count, 2);
    raw_receiver_stop(receiver);
}

/* Before the loop has turned, while nothing is connected. */
static void a_cancel_right_after_the_start(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    sink_bench_post(&bench, 1, loopback_url(raw_receiver_port(receiver)), 9000);
    http_sink_cancel(bench.sink, 1);
    assert_int_equal(sink_bench_once(&bench, loopback_url(raw_receiver_port(receiver)), 9000)->status, 200);
    assert_int_equal(raw_receiver_requests(receiver), 1);
    sink_bench_finish(&bench);
    assert_int_equal(bench.answer_count, 1);
    raw_receiver_stop(receiver);
}

static struct raw_receiver *chain_receiver;

static void start_and_cancel_inside_done(struct sink_bench *bench)
{
    if (bench->answer_count < 20) {
        sink_bench_post(bench, 100 + 2 * bench->answer_count, loopback_url(raw_receiver_port(chain_receiver)), 9000);
        sink_bench_post(bench, 101 + 2 * bench->answer_count, loopback_url(raw_receiver_port(chain_receiver)), 9000);
        http_sink_cancel(bench->sink, 101 + 2 * bench->answer_count);
    } else {
        http_sink_stop(bench->sink);
    }
}

static void done_may_start_cancel_and_stop(void **state)
{
    struct sink_bench bench;

    (void)state;
    chain_receiver = raw_receiver_start(serve_ok, NULL);
    sink_bench_init(&bench, NULL);
    bench.on_answer = start_and_cancel_inside_done;
    sink_bench_post(&bench, 1, loopback_url(raw_receiver_port(chain_receiver)), 9000);
    sink_bench_await(&bench, 20);
    http_sink_stop(bench.sink);
    sink_bench_finish(&bench);
    assert_int_equal(bench.answer_count, 20);
    raw_receiver_stop(chain_receiver);
}

static void stop_inside_done(struct sink_bench *bench)
{
    http_sink_stop(bench->sink);
}

/* Many attempts end in one turn; the first `done` stops the sink: no second one comes. */
static void no_done_after_a_stop_inside_done(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_when_told, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    bench.on_answer = stop_inside_done;
    for (uint64_t i = 0; i < 10; i++) {
        /* All of these end in libcurl's first turn: the scheme is no scheme of ours. */
        sink_bench_post(&bench, i, "gopher://127.0.0.1/", 9000);
    }
    sink_bench_await(&bench, 1);
    sink_bench_finish(&bench);
    assert_int_equal(bench.answer_count, 1);
    raw_receiver_stop(receiver);
}

static void a_stop_ends_the_loop(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_when_told, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    sink_bench_post(&bench, 1, loopback_url(raw_receiver_port(receiver)), 9000);
    sink_bench_post(&bench, 2, loopback_url(raw_receiver_port(receiver)), 9000);
    sink_bench_await_that(&bench, two_requests_are_read, receiver);
    http_sink_stop(bench.sink);
    assert_int_equal(http_sink_in_flight(bench.sink), 0);
    sink_bench_finish(&bench); /* asserts that the loop ends, with nothing open in it */
    assert_int_equal(bench.answer_count, 0);
    raw_receiver_await_closed(receiver);
    raw_receiver_stop(receiver);
}

static void a_sink_that_never_turned_can_be_destroyed(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    sink_bench_finish(&bench);
    sink_bench_init(&bench, NULL);
    sink_bench_post(&bench, 1, loopback_url(raw_receiver_port(receiver)), 9000);
    sink_bench_finish(&bench);
    assert_int_equal(bench.answer_count, 0);
    http_sink_destroy(NULL);
    raw_receiver_stop(receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_what_was_asked_for),
        cmocka_unit_test(bodies_of_every_size_arrive),
        cmocka_unit_test(nothing_of_one_request_is_in_the_next),
        cmocka_unit_test(a_receiver_leaves_nothing_in_us),
        cmocka_unit_test(the_environments_proxy_is_not_used),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(when_every_slot_is_taken_it_says_so),
        cmocka_unit_test(open_connections_are_bounded),
        cmocka_unit_test(idle_connections_make_room),
        cmocka_unit_test(a_cancel_closes_the_connection_and_is_the_end),
        cmocka_unit_test(a_cancel_right_after_the_start),
        cmocka_unit_test(done_may_start_cancel_and_stop),
        cmocka_unit_test(no_done_after_a_stop_inside_done),
        cmocka_unit_test(a_stop_ends_the_loop),
        cmocka_unit_test(a_sink_that_never_turned_can_be_destroyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
