/* No byte of a header or a URL gets out of its place: what a subscription holds is refused, or arrives byte for byte
 * in the line that it belongs to, and every other line is as it was. */
#include "sink_bench.h"

#include "check.h"
#include "random.h"
#include "raw_receiver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENANT = 7 };

struct injection {
    struct raw_receiver *receiver;
    struct sink_bench bench;
    char url[256];
    char method[8];
    char name[64];
    char value[64];
    struct http_header header;
    struct bytes traceparent;
    struct subscription subscription;
};

static void serve_ok(struct raw_peer *peer)
{
    while (raw_read_request(peer) && raw_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) {
    }
}

static int set_up(void **state)
{
    struct injection *injection = calloc(1, sizeof(*injection));

    assert_non_null(injection);
    injection->receiver = raw_receiver_start(serve_ok, NULL);
    sink_bench_init(&injection->bench, NULL);
    snprintf(injection->url, sizeof(injection->url), "%s",
             sink_bench_url("http", raw_receiver_port(injection->receiver)));
    snprintf(injection->method, sizeof(injection->method), "POST");
    snprintf(injection->name, sizeof(injection->name), "x-own");
    snprintf(injection->value, sizeof(injection->value), "own");
    injection->header = (struct http_header){injection->name, injection->value};
    injection->subscription = (struct subscription){.tenant = TENANT,
                                                    .http = {.url = injection->url,
                                                             .method = injection->method,
                                                             .headers = &injection->header,
                                                             .header_count = 1,
                                                             .is_unsigned = true}};
    *state = injection;
    return 0;
}

static int tear_down(void **state)
{
    struct injection *injection = *state;

    sink_bench_finish(&injection->bench);
    raw_receiver_stop(injection->receiver);
    bytes_free(&injection->traceparent);
    free(injection);
    return 0;
}

/* The head that a strict reader must see. */
static void expect_head(struct injection *injection, bool has_traceparent)
{
    unsigned last = raw_receiver_requests(injection->receiver) - 1;
    const char *path = strchr(injection->url + strlen("http://"), '/');
    struct bytes expected = {0};

    bytes_append_format(&expected, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\n", path,
                        raw_receiver_port(injection->receiver));
    bytes_append_text(&expected, "content-type: application/json\r\nuser-agent: incident-relay/" RELAY_VERSION "\r\n");
    bytes_append_text(&expected, "webhook-id: evt_1\r\nwebhook-timestamp: 1\r\n");
    if (has_traceparent) {
        bytes_append_text(&expected, "traceparent: ");
        bytes_append_view(&expected, bytes_as_view(&injection->traceparent));
        bytes_append_text(&expected, "\r\n");
    }
    bytes_append_format(&expected, "%s: %s\r\nContent-Length: 2\r\n\r\n", injection->name, injection->value);
    assert_true(bytes_view_equal(raw_receiver_head(injection->receiver, last), bytes_as_view(&expected)));
    assert_true(bytes_view_equal_text(raw_receiver_body(injection->receiver, last), "{}"));
    bytes_free(&expected);
}

/* Sends it if it may be sent. True: it was, and arrived exactly. */
static bool send_or_refuse(struct injection *injection)
{
    struct webhook_attempt attempt = {.subscription = &injection->subscription,
                                      .event_tenant = TENANT,
                                      .key_tenant = TENANT,
                                      .id = BYTES_LITERAL("evt_1"),
                                      .timestamp_s = 1,
                                      .traceparent = bytes_as_view(&injection->traceparent)};
    unsigned before = raw_receiver_requests(injection->receiver);
    struct webhook_request request;

    if (webhook_request_build(&attempt, &request, NULL) != STATUS_OK) {
        return false;
    }
    injection->bench.answer_count = 0;
    assert_int_equal(http_sink_start_attempt(injection->bench.sink, 1, &request, BYTES_LITERAL("{}"), 9000), STATUS_OK);
    sink_bench_await(&injection->bench, 1);
    assert_int_equal(injection->bench.answers[0].status, 200);
    assert_int_equal(raw_receiver_requests(injection->receiver), before + 1);
    expect_head(injection, request.field_count == 6);
    return true;
}

static bool is_inner(unsigned byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_outer(unsigned byte)
{
    return is_inner(byte) && byte != '\t' && byte != ' ';
}

static void every_byte_in_a_value(void **state)
{
    struct injection *injection = *state;

    for (unsigned at = 0; at < 3; at++) {
        for (unsigned byte = 1; byte < 256; byte++) {
            snprintf(injection->value, sizeof(injection->value), "abc");
            injection->value[at] = (char)byte;
            assert_int_equal(send_or_refuse(injection), at == 1 ? is_inner(byte) : is_outer(byte));
        }
    }
}

static void every_byte_in_a_name(void **state)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct injection *injection = *state;

    for (unsigned at = 0; at < 3; at++) {
        for (unsigned byte = 1; byte < 256; byte++) {
            snprintf(injection->name, sizeof(injection->name), "x-n");
            injection->name[at] = (char)byte;
            assert_int_equal(send_or_refuse(injection), strchr(token, (int)byte) != NULL);
        }
    }
}

/* Here a NUL can stand as well. */
static void every_byte_in_a_traceparent(void **state)
{
    struct injection *injection = *state;

    for (unsigned at = 0; at < 3; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            unsigned before = raw_receiver_requests(injection->receiver);

            bytes_clear(&injection->traceparent);
            bytes_append_text(&injection->traceparent, "abc");
            injection->traceparent.data[at] = (uint8_t)byte;
            assert_true(send_or_refuse(injection)); /* with it or without */
            assert_int_equal(memmem(raw_receiver_head(injection->receiver, before).data,
                                    raw_receiver_head(injection->receiver, before).size, "traceparent", 11) != NULL,
                             at == 1 ? is_inner(byte) : is_outer(byte));
        }
    }
}

static void every_byte_in_a_url(void **state)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=:@/?";
    struct injection *injection = *state;
    size_t size = strlen(injection->url);

    for (unsigned byte = 1; byte < 256; byte++) {
        snprintf(injection->url + size, sizeof(injection->url) - size, "/a%cb", (int)byte);
        assert_int_equal(send_or_refuse(injection), strchr(plain, (int)byte) != NULL);
    }
    snprintf(injection->url + size, sizeof(injection->url) - size, "/%%0d%%0Ax:y?%%00");
    assert_true(send_or_refuse(injection));
}

/* Values of random bytes, half of them from those that matter. */
static void values_of_random_bytes(void **state)
{
    static const char matters[] = "\r\n: \t,;\"\\\v\f\x01\x7f\x80\xff";
    struct injection *injection = *state;
    struct random_source random;
    unsigned sent = 0;

    random_init(&random, 20260203);
    for (unsigned i = 0; i < 1000; i++) {
        size_t size = 1 + random_below(&random, 12);

        for (size_t at = 0; at < size; at++) {
            injection->value[at] = random_below(&random, 4) == 0 ? matters[random_below(&random, sizeof(matters) - 1)]
                                                                 : (char)(1 + random_below(&random, 255));
        }
        injection->value[size] = '\0';
        sent += send_or_refuse(injection);
    }
    assert_in_range(sent, 100, 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_byte_in_a_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_byte_in_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_byte_in_a_traceparent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_byte_in_a_url, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_of_random_bytes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
