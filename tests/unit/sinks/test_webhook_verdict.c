#include "webhook_verdict.h"

#include "check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t now_ms = INT64_C(784111777000); /* Sun, 06 Nov 1994 08:49:37 GMT */
static const int64_t day_ms = WEBHOOK_RETRY_AFTER_MAX_MS;

static struct webhook_judgement judge(int status, enum transport_failure failure, const char *retry_after)
{
    struct webhook_answer answer = {
        .status = status, .failure = failure, .retry_after = bytes_view_of_text(retry_after)};
    struct webhook_judgement judgement;

    webhook_verdict_judge(&answer, now_ms, &judgement);
    return judgement;
}

/* The table of the README, status by status. */
static enum delivery_verdict expected_verdict(int status)
{
    if (status / 100 == 2) {
        return VERDICT_DELIVERED;
    }
    if (status == 410) {
        return VERDICT_GONE;
    }
    if (status == 429) {
        return VERDICT_PACED;
    }
    if (status / 100 == 4 && status != 408 && status != 425) {
        return VERDICT_REFUSED;
    }
    return VERDICT_FAILED;
}

static void every_status_has_its_verdict(void **state)
{
    (void)state;
    for (int status = 200; status <= 999; status++) {
        struct webhook_judgement judgement = judge(status, TRANSPORT_OK, "");
        char error[16];

        snprintf(error, sizeof(error), "http %d", status);
        if (judgement.verdict != expected_verdict(status)) {
            fail_msg("%d: verdict %d", status, judgement.verdict);
        }
        assert_string_equal(judgement.error, status / 100 == 2 ? "" : error);
        assert_int_equal(judgement.retry_after_ms, -1);
    }
}

static void every_failure_has_its_word(void **state)
{
    static const struct {
        enum transport_failure failure;
        enum delivery_verdict verdict;
        const char *error;
    } failures[] = {
        {TRANSPORT_CONNECT, VERDICT_FAILED, "connect"},
        {TRANSPORT_TIMEOUT, VERDICT_FAILED, "timeout"},
        {TRANSPORT_TLS, VERDICT_FAILED, "tls"},
        {TRANSPORT_DNS, VERDICT_FAILED, "dns"},
        {TRANSPORT_TOO_LARGE, VERDICT_FAILED, "too-large"},
        {TRANSPORT_ADDRESS_DENIED, VERDICT_DENIED, "address-denied"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
        struct webhook_judgement judgement = judge(0, failures[i].failure, "5");

        assert_int_equal(judgement.verdict, failures[i].verdict);
        assert_string_equal(judgement.error, failures[i].error);
        assert_int_equal(judgement.retry_after_ms, -1);
    }
}

static void retry_after_counts_on_429_and_503_only(void **state)
{
    (void)state;
    for (int status = 200; status <= 599; status++) {
        int64_t expected_ms = status == 429 || status == 503 ? 7000 : -1;

        assert_int_equal(judge(status, TRANSPORT_OK, "7").retry_after_ms, expected_ms);
    }
    assert_int_equal(judge(503, TRANSPORT_OK, "0").retry_after_ms, 0);
    assert_int_equal(judge(503, TRANSPORT_OK, "soon").retry_after_ms, -1);
    assert_int_equal(judge(429, TRANSPORT_OK, "").retry_after_ms, -1);
}

static void seconds(void **state)
{
    static const struct {
        const char *text;
        int64_t wait_ms;
    } good[] = {
        {"0", 0},
        {"1", 1000},
        {"120", 120000},
        {"00005", 5000},
        {"86399", 86399000},
        {"86400", 86400000},
        {"86401", 86400000},
        {"99999999999", 86400000},
        {"9223372036854775807", 86400000},
        {"9223372036854775808", 86400000},
        {"18446744073709551617", 86400000}, /* 2^64 + 1: must not come out as 1 */
        {"9999999999999999999999999999999999999999999999999999999999999999", 86400000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        int64_t wait_ms = -2;

        assert_true(webhook_verdict_read_retry_after(bytes_view_of_text(good[i].text), now_ms, &wait_ms));
        assert_int_equal(wait_ms, good[i].wait_ms);
    }
}

static void dates(void **state)
{
    static const struct {
        const char *text;
        int64_t wait_ms;
    } good[] = {
        /* RFC 9110's example, in its three forms: now */
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 0},
        {"Sun Nov  6 08:49:37 1994", 0},
        /* five seconds on */
        {"Sun, 06 Nov 1994 08:49:42 GMT", 5000},
        {"Sunday, 06-Nov-94 08:49:42 GMT", 5000},
        {"Sun Nov  6 08:49:42 1994", 5000},
        /* an hour on, over the end of a day */
        {"Mon, 07 Nov 1994 08:49:36 GMT", 86399000},
        {"Mon Nov 07 08:49:36 1994", 86399000},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 86400000},
        {"Mon, 07 Nov 1994 08:49:38 GMT", 86400000},
        {"Wed, 16 Nov 1994 00:00:00 GMT", 86400000},
        {"Wed Nov 16 00:00:00 1994", 86400000},
        /* past and far */
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Mon, 01 Jan 0001 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 86400000},
        /* two digits: fifty years ahead is the century before */
        {"Wednesday, 01-Jan-20 00:00:00 GMT", 86400000},
        {"Friday, 01-Jan-44 00:00:00 GMT", 86400000},
        {"Saturday, 01-Jan-50 00:00:00 GMT", 0},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 86400000},
        /* a leap second, and a weekday that is not that day's */
        {"Sun, 06 Nov 1994 08:49:60 GMT", 22000},
        {"Tue, 06 Nov 1994 08:49:42 GMT", 5000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        int64_t wait_ms = -2;

        if (!webhook_verdict_read_retry_after(bytes_view_of_text(good[i].text), now_ms, &wait_ms) ||
            wait_ms != good[i].wait_ms) {
            fail_msg("%s: %lld", good[i].text, (long long)wait_ms);
        }
    }
}

static void anything_else_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "-1",
        "+5",
        "1.5",
        "1e3",
        "0x10",
        "5s",
        "5 5",
        "5,",
        "\t5",
        "5 ",
        "\xd9\xa5",
        "\xff",
        "NaN",
        "Inf",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 1995 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sun, 06 Nov 1994 0a:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:3",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov   08:49:37 1994",
        "Sun, ",
        "Sun",
        "Su",
        "1994-11-06T08:49:37Z",
        "Sun Nov 1  08:49:37 1994",
        "Sunday",
        "Sunday,",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        int64_t wait_ms = -2;

        if (webhook_verdict_read_retry_after(bytes_view_of_text(bad[i]), now_ms, &wait_ms)) {
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)wait_ms);
        }
    }
    /* A NUL inside is no end. */
    int64_t wait_ms;
    assert_false(webhook_verdict_read_retry_after(bytes_view_of("5\0", 2), now_ms, &wait_ms));
}

/* Each text of a date with each of its bytes replaced by each byte: what is read stays within a day. */
static void no_byte_gets_out_of_bounds(void **state)
{
    static const char *const texts[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994", "120"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        size_t size = strlen(texts[i]);

        for (size_t at = 0; at < size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t text[40];
                int64_t wait_ms = 0;

                memcpy(text, texts[i], size);
                text[at] = (uint8_t)byte;
                if (webhook_verdict_read_retry_after(bytes_view_of(text, size), now_ms, &wait_ms)) {
                    assert_in_range(wait_ms, 0, day_ms);
                }
                (void)webhook_verdict_read_retry_after(bytes_view_of(text, at), now_ms, &wait_ms);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_verdict),
        cmocka_unit_test(every_failure_has_its_word),
        cmocka_unit_test(retry_after_counts_on_429_and_503_only),
        cmocka_unit_test(seconds),
        cmocka_unit_test(dates),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(no_byte_gets_out_of_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
