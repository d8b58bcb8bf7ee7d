/* The sink over TLS: whom it believes, and receivers that misbehave inside the handshake and behind it. */
#include "sink_bench.h"

#include "check.h"
#include "raw_receiver.h"
#include "test_certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400 };

static void serve_ok(struct raw_peer *peer)
{
    while (raw_read_request(peer) && raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) {
    }
}

static void serve_silence(struct raw_peer *peer)
{
    raw_wait_closed(peer);
}

/* One attempt at a receiver with that certificate, which is trusted or not. */
static struct bench_answer attempt_with(const struct test_certificate *certificate, bool is_trusted, raw_script *script)
{
    struct raw_receiver *receiver = raw_receiver_start(script, certificate->server);
    /* http stays denied: https needs no leave. */
    struct bench_options options = {.ca_file = is_trusted ? certificate->file : NULL, .deny_http = true};
    struct sink_bench bench;
    struct bench_answer answer;

    sink_bench_init(&bench, &options);
    answer = *sink_bench_once(&bench, sink_bench_url("https", raw_receiver_port(receiver)), 5000);
    if (answer.failure == TRANSPORT_TLS) {
        assert_int_equal(raw_receiver_requests(receiver), 0);
        assert_int_equal(answer.requests, 0);
    }
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    return answer;
}

static void a_trusted_certificate_is_served(void **state)
{
    struct test_certificate certificate = test_certificate_make("IP:127.0.0.1", DAY_S);
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, certificate.server);
    struct bench_options options = {.ca_file = certificate.file};
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &options);
    for (int i = 0; i < 5; i++) {
        const struct bench_answer *answer =
            sink_bench_once(&bench, sink_bench_url("https", raw_receiver_port(receiver)), 5000);

        assert_int_equal(answer->status, 200);
        assert_int_equal(answer->requests, 1);
        assert_int_equal(answer->body_bytes, 2);
    }
    assert_int_equal(raw_receiver_connections(receiver), 1);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    test_certificate_free(&certificate);
}

static void certificates_that_prove_nothing_are_refused(void **state)
{
    static const struct {
        const char *names;
        long ends_in_s;
        bool is_trusted;
    } cases[] = {
        {"IP:127.0.0.1", DAY_S, false},                 /* nobody vouches for it */
        {"IP:127.0.0.1", -1, true},                     /* over */
        {"IP:127.0.0.2", DAY_S, true},                  /* another's */
        {"DNS:crm.example,DNS:127.0.0.1", DAY_S, true}, /* an address is no name */
        {"DNS:localhost", DAY_S, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct test_certificate certificate = test_certificate_make(cases[i].names, cases[i].ends_in_s);

        assert_int_equal(attempt_with(&certificate, cases[i].is_trusted, serve_ok).failure, TRANSPORT_TLS);
        test_certificate_free(&certificate);
    }
}

static void old_protocols_are_refused(void **state)
{
    struct test_certificate certificate = test_certificate_make("IP:127.0.0.1", DAY_S);

    (void)state;
    assert_int_equal(SSL_CTX_set_max_proto_version(certificate.server, TLS1_2_VERSION), 1);
    assert_int_equal(attempt_with(&certificate, true, serve_ok).status, 200);
    SSL_CTX_set_security_level(certificate.server, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(certificate.server, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(certificate.server, TLS1_1_VERSION), 1);
    assert_int_equal(attempt_with(&certificate, true, serve_ok).failure, TRANSPORT_TLS);
    test_certificate_free(&certificate);
}

static void serve_plain(struct raw_peer *peer)
{
    raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    raw_wait_closed(peer);
}

static void tls_and_plain_do_not_meet(void **state)
{
    struct test_certificate certificate = test_certificate_make("IP:127.0.0.1", DAY_S);
    struct raw_receiver *plain = raw_receiver_start(serve_plain, NULL);
    struct raw_receiver *tls = raw_receiver_start(serve_ok, certificate.server);
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, NULL);
    assert_int_equal(sink_bench_once(&bench, sink_bench_url("https", raw_receiver_port(plain)), 5000)->failure,
                     TRANSPORT_TLS);
    assert_int_equal(sink_bench_once(&bench, sink_bench_url("http", raw_receiver_port(tls)), 5000)->failure,
                     TRANSPORT_CONNECT);
    sink_bench_finish(&bench);
    raw_receiver_stop(plain);
    raw_receiver_stop(tls);
    test_certificate_free(&certificate);
}

static void a_handshake_that_hangs_is_a_timeout(void **state)
{
    struct raw_receiver *receiver = raw_receiver_start(serve_silence, NULL);
    int64_t start_ms = sink_bench_clock_ms();
    struct sink_bench bench;
    const struct bench_answer *answer;

    (void)state;
    sink_bench_init(&bench, NULL);
    answer = sink_bench_once(&bench, sink_bench_url("https", raw_receiver_port(receiver)), 300);
    assert_int_equal(answer->failure, TRANSPORT_TIMEOUT);
    assert_int_equal(answer->requests, 0);
    assert_in_range(sink_bench_clock_ms() - start_ms, 300, 1300);
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
}

/* ---- floods, which TLS hides from a look at the socket ---- */

static void flood(struct raw_peer *peer, const char *text)
{
    while (raw_send(peer, text)) {
    }
}

static void serve_an_endless_status_line(struct raw_peer *peer)
{
    char piece[16 * 1024];

    memset(piece, 'a', sizeof(piece));
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 ");
    while (raw_send_bytes(peer, piece, sizeof(piece))) {
    }
}

static void serve_endless_interim_answers(struct raw_peer *peer)
{
    raw_read_request(peer);
    flood(peer, "HTTP/1.1 103 Early\r\nx: 01234567890123456789012345678901234567890123456789\r\n\r\n");
}

static void serve_a_body_without_end(struct raw_peer *peer)
{
    raw_read_request(peer);
    raw_send(peer, "HTTP/1.1 200 OK\r\n\r\n");
    flood(peer, "0123456789012345678901234567890123456789012345678901234567890123456789");
}

static void serve_a_close(struct raw_peer *peer)
{
    raw_read_request(peer);
}

static void floods_are_bounded(void **state)
{
    struct test_certificate certificate = test_certificate_make("IP:127.0.0.1", DAY_S);
    struct bench_answer answer;

    (void)state;
    answer = attempt_with(&certificate, true, serve_an_endless_status_line);
    assert_int_equal(answer.failure, TRANSPORT_TOO_LARGE);
    assert_int_equal(attempt_with(&certificate, true, serve_endless_interim_answers).failure, TRANSPORT_TOO_LARGE);
    answer = attempt_with(&certificate, true, serve_a_body_without_end);
    assert_int_equal(answer.status, 200);
    assert_int_equal(attempt_with(&certificate, true, serve_a_close).failure, TRANSPORT_CONNECT);
    test_certificate_free(&certificate);
}

/* libcurl alone takes a waiting record of an idle TLS connection for the next request's answer. */
static void serve_one_too_many(struct raw_peer *peer)
{
    if (raw_read_request(peer)) {
        raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        raw_pause(peer, 20);
        raw_send(peer, "HTTP/1.1 204 Forged\r\n\r\n");
        raw_receiver_set_mode(peer->receiver, raw_receiver_mode(peer->receiver) + 1);
        raw_wait_closed(peer);
    }
}

static bool nothing_is_open(void *receiver)
{
    return raw_receiver_open_connections(receiver) == 0;
}

static void an_answer_nobody_asked_for_is_nobodys(void **state)
{
    struct test_certificate certificate = test_certificate_make("IP:127.0.0.1", DAY_S);
    struct raw_receiver *receiver = raw_receiver_start(serve_one_too_many, certificate.server);
    struct bench_options options = {.ca_file = certificate.file};
    struct sink_bench bench;

    (void)state;
    sink_bench_init(&bench, &options);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sink_bench_once(&bench, sink_bench_url("https", raw_receiver_port(receiver)), 5000)->status,
                         200);
        sink_bench_await_that(&bench, nothing_is_open, receiver);
    }
    assert_int_equal(raw_receiver_requests(receiver), 3);
    assert_int_equal(raw_receiver_mode(receiver), 3); /* it did send them */
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    test_certificate_free(&certificate);
}

static void a_big_body_arrives(void **state)
{
    static uint8_t body[3000000];
    struct test_certificate certificate = test_certificate_make("IP:127.0.0.1", DAY_S);
    struct raw_receiver *receiver = raw_receiver_start(serve_ok, certificate.server);
    struct bench_options options = {.ca_file = certificate.file};
    struct webhook_request request = {.method = "PUT", .url = sink_bench_url("https", raw_receiver_port(receiver))};
    struct sink_bench bench;

    (void)state;
    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] = (uint8_t)(i * 2654435761U >> 13);
    }
    sink_bench_init(&bench, &options);
    assert_int_equal(http_sink_start_attempt(bench.sink, 1, &request, bytes_view_of(body, sizeof(body)), 9000),
                     STATUS_OK);
    sink_bench_await(&bench, 1);
    assert_int_equal(bench.answers[0].status, 200);
    assert_true(bytes_view_equal(raw_receiver_body(receiver, 0), bytes_view_of(body, sizeof(body))));
    sink_bench_finish(&bench);
    raw_receiver_stop(receiver);
    test_certificate_free(&certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trusted_certificate_is_served),
        cmocka_unit_test(certificates_that_prove_nothing_are_refused),
        cmocka_unit_test(old_protocols_are_refused),
        cmocka_unit_test(tls_and_plain_do_not_meet),
        cmocka_unit_test(a_handshake_that_hangs_is_a_timeout),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(an_answer_nobody_asked_for_is_nobodys),
        cmocka_unit_test(a_big_body_arrives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
