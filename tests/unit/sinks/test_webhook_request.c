#include "webhook_request.h"

#include "check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define USER_AGENT ("user-agent: incident-relay/" RELAY_VERSION)

enum { TENANT = 2050 };

static char url[] = "https://crm.example/hooks/incidents?x=1";
static char post[] = "POST";
static char name_team[] = "x-team";
static char value_team[] = "proctoring";
static struct signing_key secret;

static struct subscription subscription_of(void)
{
    static struct http_header headers[1] = {{name_team, value_team}};

    return (struct subscription){.tenant = TENANT,
                                 .http = {.url = url,
                                          .method = post,
                                          .headers = headers,
                                          .header_count = 1,
                                          .secrets = &secret,
                                          .secret_count = 1,
                                          .timeout_ms = 15000,
                                          .max_in_flight = 16}};
}

static struct webhook_attempt attempt_of(const struct subscription *subscription)
{
    return (struct webhook_attempt){.subscription = subscription,
                                    .event_tenant = TENANT,
                                    .key_tenant = TENANT,
                                    .id = BYTES_LITERAL("5b0f9d8e-0000-8000-8000-0123456789ab"),
                                    .timestamp_s = 1770115590,
                                    .signatures = BYTES_LITERAL("v1,aaaa v1,bbbb"),
                                    .traceparent =
                                        BYTES_LITERAL("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
}

static void assert_fields(const struct webhook_request *request, const char *const *lines, size_t count)
{
    assert_int_equal(request->field_count, count);
    for (size_t i = 0; i < count; i++) {
        char line[256];

        snprintf(line, sizeof(line), "%.*s: %.*s", BYTES_PRINTF(request->fields[i].name),
                 BYTES_PRINTF(request->fields[i].value));
        assert_string_equal(line, lines[i]);
    }
}

static void a_request_has_its_fields_in_order(void **state)
{
    static const char *const lines[] = {
        "content-type: application/json",
        USER_AGENT,
        "webhook-id: 5b0f9d8e-0000-8000-8000-0123456789ab",
        "webhook-timestamp: 1770115590",
        "webhook-signature: v1,aaaa v1,bbbb",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "x-team: proctoring",
    };
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;

    (void)state;
    assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_OK);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.url, url);
    assert_fields(&request, lines, ARRAY_COUNT(lines));
}

static void what_is_not_there_is_left_out(void **state)
{
    static const char *const lines[] = {
        "content-type: application/json",
        USER_AGENT,
        "webhook-id: a",
        "webhook-timestamp: 0",
    };
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;

    (void)state;
    subscription.http.header_count = 0;
    subscription.http.secret_count = 0;
    subscription.http.is_unsigned = true;
    attempt.signatures = (struct bytes_view){NULL, 0};
    attempt.traceparent = (struct bytes_view){NULL, 0};
    attempt.id = BYTES_LITERAL("a");
    attempt.timestamp_s = 0;
    assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_OK);
    assert_fields(&request, lines, ARRAY_COUNT(lines));
}

/* A record's traceparent is whatever its writer put there. */
static void a_traceparent_that_is_no_field_value_is_left_out(void **state)
{
    static const char *const bad[] = {"00-a\r\nx-evil: 1", "00-a\n", "\r", " 00-a", "00-a ", "00-\x01", "00-\x7f"};
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        attempt.traceparent = bytes_view_of_text(bad[i]);
        assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_OK);
        assert_int_equal(request.field_count, 6);
        assert_true(bytes_view_equal_text(request.fields[5].name, "x-team"));
    }
    attempt.traceparent = bytes_view_of("a\0b", 3);
    assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_OK);
    assert_int_equal(request.field_count, 6);
}

static void methods(void **state)
{
    static const char *const good[] = {"POST", "PUT", "PATCH"};
    static const char *const bad[] = {"", "GET", "post", "DELETE", "POST ", "POST / HTTP/1.1\r\nx: y\r\n\r\n"};
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;
    struct error error;
    char method[64];

    (void)state;
    subscription.http.method = method;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        snprintf(method, sizeof(method), "%s", good[i]);
        assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_OK);
        assert_string_equal(request.method, good[i]);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        snprintf(method, sizeof(method), "%s", bad[i]);
        assert_int_equal(webhook_request_build(&attempt, &request, &error), STATUS_INVALID);
        assert_string_equal(error.text, "the method is none of POST, PUT, PATCH");
    }
}

static void own_headers_are_checked_again(void **state)
{
    static const char *const names[] = {
        "",           "x team",      "x:team",     "x\r\ny",           "x\xc3\xa9",
        "Host",       "Connection",  "TE",         "webhook-id",       "Webhook-Signature",
        "user-agent", "traceparent", "Trailer",    "content-type",     "Content-Length",
        "upgrade",    "expect",      "keep-alive", "transfer-encoding"};
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;
    struct error error;
    char canary[] = "canary-of-a-value";
    char broken[] = "canary-of-a-value\r\nx: y";
    char name[64];
    struct http_header headers[2] = {{name_team, canary}, {name, canary}};

    (void)state;
    subscription.http.headers = headers;
    subscription.http.header_count = 2;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        snprintf(name, sizeof(name), "%s", names[i]);
        assert_int_equal(webhook_request_build(&attempt, &request, &error), STATUS_INVALID);
        assert_memory_equal(error.text, "header 2: ", 10);
        assert_null(strstr(error.text, "canary"));
    }
    snprintf(name, sizeof(name), "x-ok");
    assert_int_equal(webhook_request_build(&attempt, &request, &error), STATUS_OK);
    headers[0].value = broken;
    assert_int_equal(webhook_request_build(&attempt, &request, &error), STATUS_INVALID);
    assert_memory_equal(error.text, "header 1: ", 10);
    assert_null(strstr(error.text, "canary"));
}

static void the_count_of_own_headers_is_bounded(void **state)
{
    struct http_header headers[SUBSCRIPTION_HEADERS_MAX + 1];
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
        headers[i] = (struct http_header){name_team, value_team};
    }
    subscription.http.headers = headers;
    subscription.http.header_count = SUBSCRIPTION_HEADERS_MAX;
    assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_OK);
    assert_int_equal(request.field_count, SUBSCRIPTION_HEADERS_MAX + 6);
    subscription.http.header_count++;
    assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_INVALID);
}

static void urls_are_checked_again(void **state)
{
    static const char *const bad[] = {"",
                                      "crm.example/hooks",
                                      "ftp://crm.example/",
                                      "https://crm.example/ HTTP/1.1\r\nx: y",
                                      "https://crm.example/a b",
                                      "https://user:pass@crm.example/",
                                      "https:///hooks",
                                      "https://crm.example/\x7f"};
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);
    struct webhook_request request;
    char text[64];

    (void)state;
    subscription.http.url = text;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        snprintf(text, sizeof(text), "%s", bad[i]);
        assert_int_equal(webhook_request_build(&attempt, &request, NULL), STATUS_INVALID);
    }
}

/* Builds in a child, whose end by SIGABRT is what the test is about. */
static bool build_aborts(const struct webhook_attempt *attempt)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        struct webhook_request request;
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        signal(SIGABRT, SIG_DFL); /* cmocka's and the sanitizers' own would come between */
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(null, STDERR_FILENO);
        (void)!webhook_request_build(attempt, &request, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void another_tenant_aborts(void **state)
{
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);

    (void)state;
    assert_false(build_aborts(&attempt));
    attempt.event_tenant = TENANT + 1;
    assert_true(build_aborts(&attempt));
    attempt.key_tenant = TENANT + 1; /* event and key agree, the subscription is another's */
    assert_true(build_aborts(&attempt));
    attempt.event_tenant = TENANT;
    assert_true(build_aborts(&attempt));
    attempt.key_tenant = TENANT;
    subscription.tenant = TENANT + 1;
    assert_true(build_aborts(&attempt));
}

static void an_unsigned_request_of_a_signed_subscription_aborts(void **state)
{
    struct subscription subscription = subscription_of();
    struct webhook_attempt attempt = attempt_of(&subscription);

    (void)state;
    attempt.signatures = (struct bytes_view){NULL, 0};
    assert_true(build_aborts(&attempt));
    attempt = attempt_of(&subscription);
    attempt.id = BYTES_LITERAL("a.b"); /* the dot would move the border between id and timestamp */
    assert_true(build_aborts(&attempt));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_its_fields_in_order),
        cmocka_unit_test(what_is_not_there_is_left_out),
        cmocka_unit_test(a_traceparent_that_is_no_field_value_is_left_out),
        cmocka_unit_test(methods),
        cmocka_unit_test(own_headers_are_checked_again),
        cmocka_unit_test(the_count_of_own_headers_is_bounded),
        cmocka_unit_test(urls_are_checked_again),
        cmocka_unit_test(another_tenant_aborts),
        cmocka_unit_test(an_unsigned_request_of_a_signed_subscription_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
