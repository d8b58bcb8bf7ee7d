/* The sink with receivers that stall, flood, lie and break off. Bounds of time are four times what is promised, so
 * that only a hang fails; bounds of bytes are exact. */
#include "sink_bench.h"

#include "check.h"
#include "raw_receiver.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MS = 300, LATE_MS = 4 * 250 };

/* One attempt against a receiver of its own. */
static struct bench_answer attempt_against(raw_script *script, int64_t timeout_ms)
{
    struct raw_receiver *receiver = raw_receiver_start(script, NULL);
    struct sink_bench bench;
    struct bench_answer answer;
    int64_t start_ms = sink_bench_clock_ms();

    sink_bench_init(&bench, NULL);
    answer = *sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), timeout_ms);
    assert_true(sink_bench_clock_ms() - start_ms <= timeout_ms + LATE_MS);
    assert_int_equal(raw_receiver_connections(receiver), 1);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    return answer;
}

static void expect_failure(raw_script *script, enum transport_failure failure)
{
    struct bench_answer answer = attempt_against(script, 5000);

    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.failure, failure);
    assert_int_equal(answer.requests, 1);
}

/* It ends by itself, not by its time-out. */
static struct bench_answer expect_status(raw_script *script, int status)
{
    int64_t start_ms = sink_bench_clock_ms();
    struct bench_answer answer = attempt_against(script, 20000);

    assert_true(sink_bench_clock_ms() - start_ms < 10000);
    assert_int_equal(answer.status, status);
    assert_int_equal(answer.requests, 1);
    return answer;
}

static struct bench_answer expect_timeout(raw_script *script)
{
    int64_t start_ms = sink_bench_clock_ms();
    struct bench_answer answer = attempt_against(script, TIMEOUT_MS);

    assert_true(sink_bench_clock_ms() - start_ms >= TIMEOUT_MS);
    return answer;
}

/* ---- not even connecting ---- */

enum { BACKLOG_FILLERS = 8 };

/* A listener whose backlog is full: the kernel drops every further SYN, as a firewall does. */
struct full_listener {
    int socket;
    int fillers[BACKLOG_FILLERS];
    uint16_t port;
};

static void full_listener_open(struct full_listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    listener->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener->socket, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener->socket, 0), 0);
    assert_int_equal(getsockname(listener->socket, (struct sockaddr *)&address, &size), 0);
    listener->port = ntohs(address.sin_port);
    for (size_t i = 0; i < BACKLOG_FILLERS; i++) {
        listener->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(listener->fillers[i], (struct sockaddr *)&address, size);
    }
}

static void full_listener_close(struct full_listener *listener)
{
    for (size_t i = 0; i < BACKLOG_FILLERS; i++) {
        close(listener->fillers[i]);
    }
    close(listener->socket);
}

static void serve_ok(struct raw_peer *peer)
{
    while (raw_read_request(peer) && raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) {
    }
}

/* libcurl closes a socket that is still connecting without a word; its number comes back for the next one. */
static void an_attempt_that_never_connects_leaves_nothing_behind(void **state)
{
    (void)state;
    struct full_listener listener;
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, NULL);
    struct sink_bench bench;
    uint16_t healthy = raw_receiver_port(receiver);

    full_listener_open(&listener);
    sink_bench_init(&bench, NULL);
    for (unsigned round = 0; round < 3; round++) {
        const struct bench_answer *answer = sink_bench_once(&bench, sink_bench_url("http", listener.port), TIMEOUT_MS);
        assert_int_equal(answer->failure, TRANSPORT_TIMEOUT);
        sink_bench_post(&bench, 1000 + round, sink_bench_url("http", listener.port), 60000);
        uv_run(&bench.loop, UV_RUN_NOWAIT);
        http_sink_cancel(bench.sink, 1000 + round);
        answer = sink_bench_once(&bench, sink_bench_url("http", healthy), 5000);
        assert_int_equal(answer->status, 200);
    }
    sink_bench_finish(&bench);
    full_listener_close(&listener);
    raw_receiver_stop(receiver);
}

/* ---- stalling ---- */

static void serve_silence(struct raw_peer *peer)
{
    raw_wait_closed(peer);
}

static void trickle(struct raw_peer *peer, const char *text)
{
    for (size_t i = 0; raw_pause(peer, 20) && raw_send_bytes(peer, text + i, 1); i += text[i + 1] != '\0') {
    }
}

static void serve_a_slow_status(struct raw_peer *peer)
{
    raw_read_request(peer);
    trickle(peer, "HTTP/1.1 200 OKKKKKKKKKKKKKKKKKKKKKKKKKK");
}

static void serve_slow_fields(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 503 Wait\r\nretry-after: 9\r\n");
    trickle(peer, "x-very-very-very-very-very-long-name: a");
}

static void serve_a_slow_body(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
    trickle(peer, "a");
}

static void serve_slow_interim_answers(struct raw_peer *peer)
{
    raw_read_request(peer);
    while (raw_send(peer, "HTTP/1.1 100 Continue\r\n\r\n") && raw_pause(peer, 20)) {
    }
}

static void silence_is_a_timeout(void **state)
{
    struct bench_answer answer = expect_timeout(serve_silence);

    (void)state;
    assert_int_equal(answer.failure, TRANSPORT_TIMEOUT);
    assert_int_equal(answer.header_bytes, 0);
    assert_int_equal(answer.requests, 1);
}

static void a_trickle_before_the_status_is_a_timeout(void **state)
{
    (void)state;
    assert_int_equal(expect_timeout(serve_a_slow_status).failure, TRANSPORT_TIMEOUT);
    assert_int_equal(expect_timeout(serve_slow_interim_answers).failure, TRANSPORT_TIMEOUT);
}

static void a_trickle_after_the_status_leaves_the_status(void **state)
{
    struct bench_answer answer = expect_timeout(serve_slow_fields);

    (void)state;
    assert_int_equal(answer.status, 503);
    assert_string_equal(answer.retry_after, "9");
    answer = expect_timeout(serve_a_slow_body);
    assert_int_equal(answer.status, 200);
    assert_true(answer.body_bytes > 0);
}

/* ---- flooding ---- */

static void flood(struct raw_peer *peer, const char *text)
{
    while (raw_send(peer, text)) {
    }
}

static void serve_endless_fields(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\n");
    flood(peer, "x-flood: 0123456789012345678901234567890123456789\r\n");
}

static void serve_one_endless_field(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 500 No\r\nx-flood: ");
    flood(peer, "0123456789012345678901234567890123456789");
}

static void serve_an_endless_status_line(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 ");
    flood(peer, "0123456789012345678901234567890123456789");
}

static void serve_endless_interim_answers(struct raw_peer *peer)
{
    raw_read_request(peer);
    flood(peer, "HTTP/1.1 103 Early\r\nx: y\r\n\r\n");
}

static void serve_a_body_without_end(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\n\r\n");
    flood(peer, "0123456789012345678901234567890123456789");
}

static void serve_chunks_without_end(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 404 No\r\ntransfer-encoding: chunked\r\n\r\n");
    flood(peer, "10\r\n0123456789abcdef\r\n");
}

static void serve_an_endless_chunk_extension(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;");
    flood(peer, "extension=0123456789;");
}

static void serve_endless_trailers(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n");
    flood(peer, "x-trailer: 0123456789012345678901234567890123456789\r\n");
}

static void serve_a_huge_length(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n");
    flood(peer, "0123456789012345678901234567890123456789");
}

static void floods_end_and_the_status_stands(void **state)
{
    (void)state;
    assert_int_equal(expect_status(serve_endless_fields, 200).header_bytes, HTTP_SINK_HEADER_MAX);
    expect_status(serve_one_endless_field, 500);
    assert_int_equal(expect_status(serve_a_body_without_end, 200).body_bytes, HTTP_SINK_BODY_MAX);
    assert_int_equal(expect_status(serve_chunks_without_end, 404).body_bytes, HTTP_SINK_BODY_MAX);
    assert_int_equal(expect_status(serve_a_huge_length, 200).body_bytes, HTTP_SINK_BODY_MAX);
    expect_status(serve_an_endless_chunk_extension, 200);
    expect_status(serve_endless_trailers, 200);
}

static void a_flood_before_the_status_is_too_large(void **state)
{
    static raw_script *const scripts[] = {serve_an_endless_status_line, serve_endless_interim_answers};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(scripts); i++) {
        struct bench_answer answer = attempt_against(scripts[i], 5000);

        assert_int_equal(answer.failure, TRANSPORT_TOO_LARGE);
        assert_int_equal(answer.requests, 1);
    }
}

enum { FLOOD_LINE, FLOOD_LINE_SLOWLY, FLOOD_BODY };

static void serve_a_counted_flood(struct raw_peer *peer)
{
    int mode = raw_receiver_mode(peer->receiver);
    int buffer = 4096;

    CHECK(setsockopt(peer->socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) == 0);
    raw_read_request(peer);
    raw_send(peer, mode == FLOOD_BODY ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 200 ");
    while (raw_send(peer, "0123456789012345678901234567890123456789012345678901234567890123456789") &&
           (mode != FLOOD_LINE_SLOWLY || raw_pause(peer, 1))) {
    }
    raw_receiver_set_mode(peer->receiver, (int)peer->sent);
}

/* What the kernels took from a flooding script: what is read of it, and both sockets' buffers (64 KiB at most). */
static void a_flood_is_not_drained(void **state)
{
    static const int bounds[] = {
        [FLOOD_LINE] = (100 + 64) * 1024, /* libcurl's own bound of a line */
        [FLOOD_LINE_SLOWLY] = HTTP_SINK_HEADER_MAX + 60 * 1024,
        [FLOOD_BODY] = HTTP_SINK_BODY_MAX + 64 * 1024,
    };

    (void)state;
    for (int mode = FLOOD_LINE; mode <= FLOOD_BODY; mode++) {
        struct raw_receiver *receiver = raw_receiver_start(serve_a_counted_flood, NULL);
        struct sink_bench bench;

        raw_receiver_set_mode(receiver, mode);
        sink_bench_init(&bench, NULL);
        sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 15000);
        sink_bench_finish(&bench);
        raw_receiver_await_closed(receiver);
        assert_in_range(raw_receiver_mode(receiver), HTTP_SINK_BODY_MAX, bounds[mode]);
        raw_receiver_stop(receiver);
    }
}

/* ---- exactly at the bounds ---- */

static void send_fields(struct raw_peer *peer, size_t bytes)
{
    static const char last[] = "\r\ncontent-length: 0\r\n\r\n";
    struct bytes text = {0};

    bytes_append_text(&text, "HTTP/1.1 200 OK\r\nx: ");
    while (text.size < bytes - strlen(last)) {
        bool is_long = text.size % 1000 == 990 && text.size < bytes - strlen(last) - 10;

        bytes_append_text(&text, is_long ? "\r\nx: " : "v");
    }
    bytes_append_text(&text, last);
    raw_send_bytes(peer, text.data, text.size);
    bytes_free(&text);
}

static void serve_by_mode(struct raw_peer *peer)
{
    while (raw_read_request(peer)) {
        int mode = raw_receiver_mode(peer->receiver);

        if (mode > 0) {
            struct bytes text = {0};

            bytes_append_format(&text, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n", mode);
            while (mode-- > 0) {
                bytes_append_byte(&text, 'b');
            }
            raw_send_bytes(peer, text.data, text.size);
            bytes_free(&text);
        } else {
            send_fields(peer, (size_t)-mode);
        }
    }
}

static void the_bounds_are_exact(void **state)
{
    /* A size (a body's, or negative: of the header fields), and whether the connection lives on. */
    static const struct {
        int mode;
        bool is_kept;
    } cases[] = {
        {1, true},
        {HTTP_SINK_BODY_MAX - 1, true},
        {HTTP_SINK_BODY_MAX, true},
        {HTTP_SINK_BODY_MAX + 1, false},
        {-1000, true},
        {-(HTTP_SINK_HEADER_MAX / 2), true},
        {-(HTTP_SINK_HEADER_MAX + 1), false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct raw_receiver *receiver = raw_receiver_start(serve_by_mode, NULL);
        struct sink_bench bench;
        const struct bench_answer *answer;

        sink_bench_init(&bench, NULL);
        raw_receiver_set_mode(receiver, cases[i].mode);
        answer = sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000);
        assert_int_equal(answer->status, 200);
        if (cases[i].is_kept) {
            int bytes = cases[i].mode > 0 ? (int)answer->body_bytes : -(int)answer->header_bytes;

            assert_int_equal(bytes, cases[i].mode);
        }
        raw_receiver_set_mode(receiver, 1);
        answer = sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000);
        assert_int_equal(answer->status, 200);
        assert_int_equal(answer->requests, 1);
        assert_int_equal(raw_receiver_connections(receiver), cases[i].is_kept ? 1 : 2);
        sink_bench_finish(&bench);
        raw_receiver_stop(receiver);
    }
}

/* ---- lying and breaking off ---- */

static void serve_too_short_a_body(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
}

static void serve_a_negative_length(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 202 OK\r\ncontent-length: -5\r\n\r\nabc");
}

static void serve_bad_chunks(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc");
    raw_wait_closed(peer);
}

static void serve_a_bad_encoding(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc");
    raw_wait_closed(peer);
}

static void serve_a_reset_in_the_body(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\nabc");
    raw_pause(peer, 50); /* a reset overtakes what was not read */
    raw_reset(peer);
}

static void serve_a_reset(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_reset(peer);
}

static void serve_a_close(struct raw_peer *peer)
{
    raw_read_request(peer);
}

static void serve_half_a_status_line(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 20");
}

static void serve_an_interim_answer_only(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void serve_no_http(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "220 mail.example ESMTP\r\n");
    raw_wait_closed(peer);
}

/* By itself libcurl reads whatever follows `HTTP/` and is no status as 200. */
static void serve_a_bad_version(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/x.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    raw_wait_closed(peer);
}

static void serve_a_short_status(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 20\r\ncontent-length: 0\r\n\r\n");
    raw_wait_closed(peer);
}

static void serve_a_version_without_an_end(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1xx 200 OK\r\ncontent-length: 0\r\n\r\n");
    raw_wait_closed(peer);
}

static void serve_nuls(struct raw_peer *peer)
{
    static const char zeros[1000];

    raw_read_request(peer);
    raw_send_bytes(peer, zeros, sizeof(zeros));
    raw_wait_closed(peer);
}

static void serve_nuls_in_fields(struct raw_peer *peer)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n";

    raw_read_request(peer);
    raw_send_bytes(peer, text, sizeof(text) - 1);
    raw_wait_closed(peer);
}

static void serve_a_switch(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nabc");
    raw_wait_closed(peer);
}

static void serve_a_strange_status(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n");
    raw_wait_closed(peer);
}

static void whatever_becomes_of_the_body_the_status_stands(void **state)
{
    (void)state;
    assert_int_equal(expect_status(serve_too_short_a_body, 200).body_bytes, 3);
    expect_status(serve_a_negative_length, 202);
    expect_status(serve_bad_chunks, 200);
    expect_status(serve_a_bad_encoding, 200);
    assert_int_equal(expect_status(serve_a_reset_in_the_body, 200).body_bytes, 3);
    expect_status(serve_nuls_in_fields, 200);
    expect_status(serve_a_strange_status, 999);
}

static void without_a_final_status_it_is_a_connection_failure(void **state)
{
    (void)state;
    expect_failure(serve_a_reset, TRANSPORT_CONNECT);
    expect_failure(serve_a_close, TRANSPORT_CONNECT);
    expect_failure(serve_half_a_status_line, TRANSPORT_CONNECT);
    expect_failure(serve_an_interim_answer_only, TRANSPORT_CONNECT);
    expect_failure(serve_no_http, TRANSPORT_CONNECT);
    expect_failure(serve_nuls, TRANSPORT_CONNECT);
    expect_failure(serve_a_bad_version, TRANSPORT_CONNECT);
    expect_failure(serve_a_short_status, TRANSPORT_CONNECT);
    expect_failure(serve_a_version_without_an_end, TRANSPORT_CONNECT);
    expect_failure(serve_a_switch, TRANSPORT_CONNECT);
}

/* ---- answers that are legal and easy to get wrong ---- */

static void serve_bodiless(struct raw_peer *peer)
{
    static const char *const answers[] = {
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nretry-after: 77\r\n\r\nHTTP/1.1 200 OK\r\n"
        "content-length: 0\r\n\r\n",
        "HTTP/1.1 503 No\r\nRetry-After:  \t7 \r\nretry-after: 8\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 429 No\r\nretry-after: "
        "123456789012345678901234567890123456789012345678901234567890123456789\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 429 No\r\nretry-after:\r\ncontent-length: 0\r\n\r\n",
    };

    while (raw_read_request(peer) && raw_send(peer, answers[peer->requests - 1])) {
    }
}

static void answers_without_a_body_leave_the_connection_open(void **state)
{
    static const int statuses[] = {204, 304, 200, 503, 429, 429};
    static const char *const waits[] = {"", "", "", "7", "", ""};
    struct raw_receiver *receiver = raw_receiver_start(serve_bodiless, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        const struct bench_answer *answer =
            sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000);

        assert_int_equal(answer->status, statuses[i]);
        assert_string_equal(answer->retry_after, waits[i]);
    }
    assert_int_equal(raw_receiver_connections(receiver), 1);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static uint16_t canary_port;

static void serve_redirects(struct raw_peer *peer)
{
    static const int statuses[] = {300, 301, 302, 303, 305, 307, 308};
    struct bytes text = {0};

    while (raw_read_request(peer)) {
        bytes_clear(&text);
        bytes_append_format(&text,
                            "HTTP/1.1 %d Away\r\nlocation: http://127.0.0.1:%u/inside\r\nrefresh: 0; "
                            "url=http://127.0.0.1:%u/\r\ncontent-length: 0\r\n\r\n",
                            statuses[peer->requests - 1], canary_port, canary_port);
        if (!raw_send_bytes(peer, text.data, text.size)) {
            break;
        }
    }
    bytes_free(&text);
}

static void redirects_are_not_followed(void **state)
{
    static const int statuses[] = {300, 301, 302, 303, 305, 307, 308};
    struct raw_receiver *canary = raw_receiver_start(serve_silence, NULL);
    struct raw_receiver *receiver = raw_receiver_start(serve_redirects, NULL);
    struct sink_bench bench;

    (void)state;
    canary_port = raw_receiver_port(canary);
    sink_bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        assert_int_equal(sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000)->status,
                         statuses[i]);
    }
    assert_int_equal(raw_receiver_connections(canary), 0);
    assert_int_equal(raw_receiver_requests(receiver), ARRAY_COUNT(statuses));
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    raw_receiver_stop(canary);
}

static void serve_an_early_answer(struct raw_peer *peer)
{
    raw_read_head(peer);
    raw_send(peer, raw_receiver_mode(peer->receiver) == 200
                       ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                       : "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    raw_wait_closed(peer);
}

static void an_answer_before_the_body_is_read_counts(void **state)
{
    static uint8_t body[4000000];

    (void)state;
    for (int status = 200; status < 414; status += 213) {
        struct raw_receiver *receiver = raw_receiver_start(serve_an_early_answer, NULL);
        struct webhook_request request = {.method = "POST", .url = sink_bench_url("http", raw_receiver_port(receiver))};
        struct sink_bench bench;

        raw_receiver_set_mode(receiver, status);
        sink_bench_init(&bench, NULL);
        assert_int_equal(http_sink_start_attempt(bench.sink, 1, &request, bytes_view_of(body, sizeof(body)), 5000),
                         STATUS_OK);
        sink_bench_await(&bench, 1);
        assert_int_equal(bench.answers[0].status, status);
        sink_bench_finish(&bench);
        raw_receiver_stop(receiver);
    }
}

/* ---- pooled connections that are dead ---- */

enum { MODE_SERVE, MODE_CLOSE_UNANSWERED, MODE_HOLD };

/* Answers, and then: waits for the next, reads it and closes, or holds. */
static void serve_then_close(struct raw_peer *peer)
{
    while (raw_read_request(peer)) {
        while (raw_receiver_mode(peer->receiver) == MODE_HOLD) {
            if (!raw_pause(peer, 2)) {
                return;
            }
        }
        /* Only a connection that has been used breaks: the next one, which is new, is served. */
        if (raw_receiver_mode(peer->receiver) == MODE_CLOSE_UNANSWERED && peer->requests > 1) {
            return;
        }
        if (!raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) {
            return;
        }
    }
}

static void serve_one_then_close(struct raw_peer *peer)
{
    if (raw_read_request(peer)) {
        raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
}

static bool nothing_is_open(void *receiver)
{
    return raw_receiver_open_connections(receiver) == 0;
}

/* The usual case: the receiver closed the idle connection, and we know. Nothing is lost, nothing is sent twice. */
static void a_connection_closed_while_idle_is_not_used(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_one_then_close, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    for (unsigned i = 0; i < 5; i++) {
        const struct bench_answer *answer =
            sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000);

        assert_int_equal(answer->status, 200);
        assert_int_equal(answer->requests, 1);
        assert_int_equal(raw_receiver_requests(receiver), i + 1);
        sink_bench_await_that(&bench, nothing_is_open, receiver);
    }
    assert_int_equal(raw_receiver_connections(receiver), 5);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

/* The race: closed when the request was on its way, or after it was read. Sent once more, and said so. */
static void a_request_on_a_dying_connection_is_sent_once_more(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_then_close, NULL);
    struct sink_bench bench;
    const struct bench_answer *answer;

    (void)state;
    sink_bench_init(&bench, NULL);
    assert_int_equal(sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000)->requests, 1);
    raw_receiver_set_mode(receiver, MODE_CLOSE_UNANSWERED);
    answer = sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000);
    assert_int_equal(answer->status, 200);
    assert_int_equal(answer->requests, 2);
    assert_int_equal(raw_receiver_requests(receiver), 3);
    assert_int_equal(raw_receiver_connections(receiver), 2);
    assert_true(bytes_view_equal(raw_receiver_head(receiver, 1), raw_receiver_head(receiver, 2)));
    assert_true(bytes_view_equal(raw_receiver_body(receiver, 1), raw_receiver_body(receiver, 2)));
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static bool four_requests_are_read(void *receiver)
{
    return raw_receiver_requests(receiver) == 4;
}

/* A receiver that does so on every pooled connection gets it twice, not once for each of them. */
static void and_not_a_third_time(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_then_close, NULL);
    struct sink_bench bench;
    const struct bench_answer *answer;

    (void)state;
    sink_bench_init(&bench, NULL);
    raw_receiver_set_mode(receiver, MODE_HOLD);
    for (uint64_t i = 0; i < 4; i++) {
        sink_bench_post(&bench, i, sink_bench_url("http", raw_receiver_port(receiver)), 9000);
    }
    sink_bench_await_that(&bench, four_requests_are_read, receiver);
    raw_receiver_set_mode(receiver, MODE_SERVE);
    sink_bench_await(&bench, 4);
    raw_receiver_set_mode(receiver, MODE_CLOSE_UNANSWERED);
    answer = sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000);
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->failure, TRANSPORT_CONNECT);
    assert_int_equal(answer->requests, 2);
    assert_int_equal(raw_receiver_requests(receiver), 6);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

/* Two answers to one request: the second must not pass for the answer to the next one. */
static void serve_one_too_many(struct raw_peer *peer)
{
    if (raw_read_request(peer)) {
        raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        raw_pause(peer, 20);
        raw_send(peer, "HTTP/1.1 204 Forged\r\n\r\n");
        raw_wait_closed(peer);
    }
}

static void an_answer_nobody_asked_for_is_nobodys(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_one_too_many, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000)->status,
                         200);
        sink_bench_await_that(&bench, nothing_is_open, receiver);
    }
    assert_int_equal(raw_receiver_requests(receiver), 3);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

/* ---- addresses and names ---- */

static pthread_mutex_t lookup_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t lookup_change = PTHREAD_COND_INITIALIZER;
static bool lookups_hang;
static unsigned lookups_hanging;

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static lookup *real_lookup(void)
{
    lookup *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    CHECK(symbol != NULL);
    memcpy(&real, &symbol, sizeof(real));
    return real;
}

static void hang_until_released(void)
{
    pthread_mutex_lock(&lookup_lock);
    lookups_hanging++;
    while (lookups_hang) {
        pthread_cond_wait(&lookup_change, &lookup_lock);
    }
    lookups_hanging--;
    pthread_cond_broadcast(&lookup_change);
    pthread_mutex_unlock(&lookup_lock);
}

/* libcurl's resolver, replaced for three names. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret_found)
{
    int status;

    if (name != NULL && strcmp(name, "hangs.test") == 0) {
        hang_until_released();
        return EAI_NONAME;
    }
    if (name != NULL && strcmp(name, "unknown.test") == 0) {
        return EAI_NONAME;
    }
    if (name == NULL || strcmp(name, "two.test") != 0) {
        return real_lookup()(name, service, hints, ret_found);
    }
    /* An address of our own network first, then one that is allowed. */
    status = real_lookup()("10.1.2.3", service, hints, ret_found);
    return status != 0 ? status : real_lookup()("127.0.0.1", service, hints, &(*ret_found)->ai_next);
}

static void release_lookups(void)
{
    pthread_mutex_lock(&lookup_lock);
    lookups_hang = false;
    pthread_cond_broadcast(&lookup_change);
    while (lookups_hanging > 0) {
        pthread_cond_wait(&lookup_change, &lookup_lock);
    }
    pthread_mutex_unlock(&lookup_lock);
}

/* Not the other attempts, not its own time-out, not a cancel, not the end of the sink. */
static void a_look_up_that_hangs_holds_nobody(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_then_close, NULL);
    struct sink_bench bench;
    int64_t start_ms = sink_bench_clock_ms();

    (void)state;
    lookups_hang = true;
    sink_bench_init(&bench, NULL);
    sink_bench_post(&bench, 1, "http://hangs.test/", TIMEOUT_MS);
    sink_bench_post(&bench, 2, "http://hangs.test/", 60000);
    sink_bench_post(&bench, 3, "http://hangs.test/", 60000);
    sink_bench_post(&bench, 4, sink_bench_url("http", raw_receiver_port(receiver)), 60000);
    sink_bench_await(&bench, 1);
    assert_int_equal(bench.answers[0].attempt, 4);
    assert_int_equal(bench.answers[0].status, 200);
    sink_bench_await(&bench, 2);
    assert_int_equal(bench.answers[1].attempt, 1);
    assert_int_equal(bench.answers[1].failure, TRANSPORT_TIMEOUT);
    http_sink_cancel(bench.sink, 2);
    sink_bench_finish(&bench);
    assert_true(sink_bench_clock_ms() - start_ms < TIMEOUT_MS + LATE_MS);
    release_lookups();
    raw_receiver_stop(receiver);
}

static void a_name_without_an_address_is_a_dns_failure(void **state)
{
    struct sink_bench bench;
    const struct bench_answer *answer;

    (void)state;
    sink_bench_init(&bench, NULL);
    answer = sink_bench_once(&bench, "http://unknown.test/", 5000);
    assert_int_equal(answer->failure, TRANSPORT_DNS);
    assert_int_equal(answer->requests, 0);
    sink_bench_finish(&bench);
}

static void a_closed_port_is_a_connection_failure(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_silence, NULL);
    uint16_t port = raw_receiver_port(receiver);
    struct sink_bench bench;
    const struct bench_answer *answer;

    (void)state;
    raw_receiver_stop(receiver);
    sink_bench_init(&bench, NULL);
    answer = sink_bench_once(&bench, sink_bench_url("http", port), 5000);
    assert_int_equal(answer->failure, TRANSPORT_CONNECT);
    assert_int_equal(answer->requests, 0);
    sink_bench_finish(&bench);
}

/* Of a name's addresses, those that are allowed are tried; only when none is, the address is the reason. */
static void of_two_addresses_the_allowed_one_is_called(void **state)
{
    struct bench_options deny = {.deny_loopback = true};
    struct raw_receiver *receiver = raw_receiver_start(serve_then_close, NULL);
    struct sink_bench bench;
    const struct bench_answer *answer;
    char url[64];

    (void)state;
    snprintf(url, sizeof(url), "http://two.test:%u/", raw_receiver_port(receiver));
    sink_bench_init(&bench, NULL);
    answer = sink_bench_once(&bench, url, 5000);
    assert_int_equal(answer->status, 200);
    assert_int_equal(raw_receiver_requests(receiver), 1);
    sink_bench_finish(&bench);

    sink_bench_init(&bench, &deny);
    answer = sink_bench_once(&bench, url, 5000);
    assert_int_equal(answer->failure, TRANSPORT_ADDRESS_DENIED);
    assert_int_equal(raw_receiver_connections(receiver), 1);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static void no_spelling_reaches_a_denied_address(void **state)
{
    static const struct {
        const char *host, *rule;
    } spellings[] = {
        {"127.0.0.1", "127.0.0.0/8 (built in)"},
        {"2130706433", "127.0.0.0/8 (built in)"},
        {"0x7f.1", "127.0.0.0/8 (built in)"},
        {"127.1", "127.0.0.0/8 (built in)"},
        {"0177.0.0.1", "127.0.0.0/8 (built in)"},
        {"017700000001", "127.0.0.0/8 (built in)"},
        {"0x7f000001", "127.0.0.0/8 (built in)"},

        {"%31%32%37.0.0.1", "127.0.0.0/8 (built in)"},
        {"0", "0.0.0.0/8 (built in)"},
        {"0.0.0.0", "0.0.0.0/8 (built in)"},
        {"10.0.0.1", "10.0.0.0/8 (built in)"},
        {"169.254.169.254", "169.254.0.0/16 (built in)"},
        {"2852039166", "169.254.0.0/16 (built in)"},
        {"[::1]", "outside of 2000::/3 (built in)"},
        {"[::ffff:127.0.0.1]", "outside of 2000::/3 (built in)"},
        {"[::ffff:7f00:1]", "outside of 2000::/3 (built in)"},
        {"[::]", "outside of 2000::/3 (built in)"},
        {"[64:ff9b::7f00:1]", "outside of 2000::/3 (built in)"},
        {"[fe80::1%25lo]", "outside of 2000::/3 (built in)"},
        {"[2002:7f00:1::]", "2002::/16 (built in)"},
        {"localhost", NULL},
    };
    struct bench_options deny = {.deny_loopback = true};
    struct raw_receiver *receiver = raw_receiver_start(serve_then_close, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &deny);
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        const struct bench_answer *answer;
        char url[96];

        snprintf(url, sizeof(url), "http://%s:%u/", spellings[i].host, raw_receiver_port(receiver));
        answer = sink_bench_once(&bench, url, 5000);
        if (answer->failure != TRANSPORT_ADDRESS_DENIED || answer->requests != 0) {
            fail_msg("%s: %d %d (%s)", url, answer->status, answer->failure, answer->detail);
        }
        if (spellings[i].rule != NULL) {
            assert_string_equal(answer->detail, spellings[i].rule);
        }
    }
    assert_int_equal(raw_receiver_connections(receiver), 0);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

static void http_is_denied_unless_the_settings_say_so(void **state)
{
    static const char *const others[] = {
        "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "127.0.0.1/hook", "", "dict://127.0.0.1/"};
    struct bench_options deny = {.deny_http = true};
    struct raw_receiver *receiver = raw_receiver_start(serve_then_close, NULL);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &deny);
    assert_int_equal(sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(receiver)), 5000)->failure,
                     TRANSPORT_ADDRESS_DENIED);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        assert_int_equal(sink_bench_once(&bench, others[i], 5000)->failure, TRANSPORT_ADDRESS_DENIED);
    }
    sink_bench_finish(&bench);
    sink_bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        assert_int_equal(sink_bench_once(&bench, others[i], 5000)->failure, TRANSPORT_ADDRESS_DENIED);
    }
    assert_int_equal(raw_receiver_connections(receiver), 0);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attempt_that_never_connects_leaves_nothing_behind),
        cmocka_unit_test(silence_is_a_timeout),
        cmocka_unit_test(a_trickle_before_the_status_is_a_timeout),
        cmocka_unit_test(a_trickle_after_the_status_leaves_the_status),
        cmocka_unit_test(floods_end_and_the_status_stands),
        cmocka_unit_test(a_flood_before_the_status_is_too_large),
        cmocka_unit_test(a_flood_is_not_drained),
        cmocka_unit_test(the_bounds_are_exact),
        cmocka_unit_test(whatever_becomes_of_the_body_the_status_stands),
        cmocka_unit_test(without_a_final_status_it_is_a_connection_failure),
        cmocka_unit_test(answers_without_a_body_leave_the_connection_open),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(an_answer_before_the_body_is_read_counts),
        cmocka_unit_test(a_connection_closed_while_idle_is_not_used),
        cmocka_unit_test(a_request_on_a_dying_connection_is_sent_once_more),
        cmocka_unit_test(and_not_a_third_time),
        cmocka_unit_test(an_answer_nobody_asked_for_is_nobodys),
        cmocka_unit_test(a_look_up_that_hangs_holds_nobody),
        cmocka_unit_test(a_name_without_an_address_is_a_dns_failure),
        cmocka_unit_test(a_closed_port_is_a_connection_failure),
        cmocka_unit_test(of_two_addresses_the_allowed_one_is_called),
        cmocka_unit_test(no_spelling_reaches_a_denied_address),
        cmocka_unit_test(http_is_denied_unless_the_settings_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
