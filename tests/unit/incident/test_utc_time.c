/* utc_time: what is a timestamp, what is none, and both spellings out. */
#include "utc_time.h"

#include "check.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *row_of(int64_t us)
{
    static struct bytes text;
    bytes_clear(&text);
    utc_time_append_row(&text, us);
    bytes_append_byte(&text, '\0');
    return (const char *)text.data;
}

static void reads_right_ones(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } CASES[] = {
        {"2026-02-03T10:46:23.26+00:00", "2026-02-03T10:46:23.26+00:00"},
        {"2026-02-03T10:46:23Z", "2026-02-03T10:46:23+00:00"},
        {"2026-02-03T10:46:23.000000Z", "2026-02-03T10:46:23+00:00"},
        {"2026-02-03T10:46:23.000001Z", "2026-02-03T10:46:23.000001+00:00"},
        {"2026-02-03T10:46:23.1234567Z", "2026-02-03T10:46:23.123456+00:00"},
        {"2026-02-03T10:46:23.9999999999999999999999999Z", "2026-02-03T10:46:23.999999+00:00"},
        {"2026-02-03T10:46:23.0000009Z", "2026-02-03T10:46:23+00:00"},
        {"2026-02-03T10:46:23-00:00", "2026-02-03T10:46:23+00:00"},
        {"2026-02-03T10:46:23+05:30", "2026-02-03T05:16:23+00:00"},
        {"2026-02-03T10:46:23-23:59", "2026-02-04T10:45:23+00:00"},
        {"2026-02-03T10:46:23+23:59", "2026-02-02T10:47:23+00:00"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00+00:00"},
        {"2024-12-31T23:59:59.5-00:01", "2025-01-01T00:00:59.5+00:00"},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00"},
        {"1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999+00:00"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"},
        {"0000-12-31T23:30:00-01:00", "0001-01-01T00:30:00+00:00"},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"},
        {"9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999+00:00"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        int64_t us = 0;
        if (utc_time_parse(bytes_view_of_text(CASES[i].in), &us) != STATUS_OK) {
            fail_msg("%s is refused", CASES[i].in);
        }
        assert_string_equal(row_of(us), CASES[i].out);
    }
}

static void refuses_wrong_ones(void **state)
{
    static const char *const CASES[] = {
        "",
        "2026",
        "2026-02-03",
        "2026-02-03T10:46:23",
        "2026-02-03T10:46:23.5",
        "2026-02-03 10:46:23Z",
        "2026-02-03t10:46:23Z",
        "2026-02-03T10:46:23z",
        "2026-02-03T10:46:60Z",
        "2026-12-31T23:59:60Z",
        "2026-02-03T10:60:23Z",
        "2026-02-03T24:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "1900-02-29T10:00:00Z",
        "2026-04-31T10:00:00Z",
        "2026-00-03T10:46:23Z",
        "2026-13-03T10:46:23Z",
        "2026-02-00T10:46:23Z",
        "2026-02-03T10:46:23.Z",
        "2026-02-03T10:46:23,5Z",
        "2026-02-03T10:46:23+24:00",
        "2026-02-03T10:46:23+00:60",
        "2026-02-03T10:46:23+0000",
        "2026-02-03T10:46:23+00",
        "2026-02-03T10:46:23+00:0",
        "2026-02-03T10:46:23+00:00 ",
        " 2026-02-03T10:46:23Z",
        "2026-02-03T10:46:23ZZ",
        "2026-02-03T10:46Z",
        "2026-2-03T10:46:23Z",
        "02026-02-03T10:46:23Z",
        "+2026-02-03T10:46:23Z",
        "-001-02-03T10:46:23Z",
        "2026-02-03T-1:46:23Z",
        "2026-02-03T10:46:2 Z",
        "0000-12-31T23:59:59Z",
        "0000-06-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026/02/03T10:46:23Z",
        "2026-02-03T10:46:23\342\210\22205:00", /* U+2212 as the sign */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        int64_t us = 42;
        if (utc_time_parse(bytes_view_of_text(CASES[i]), &us) != STATUS_INVALID) {
            fail_msg("%s is accepted", CASES[i]);
        }
        assert_int_equal(us, 42);
    }
}

static void every_byte_of_a_right_one_counts(void **state)
{
    static const char TEXT[] = "2026-02-03T10:46:23.26+05:00";
    (void)state;
    for (size_t i = 0; i < sizeof TEXT - 1; i++) {
        char text[sizeof TEXT];
        int64_t us;
        memcpy(text, TEXT, sizeof TEXT);
        text[i] = 'x';
        assert_int_equal(utc_time_parse(bytes_view_of(text, sizeof TEXT - 1), &us), STATUS_INVALID);
        assert_int_equal(utc_time_parse(bytes_view_of(TEXT, i), &us), STATUS_INVALID);
    }
}

/* The C library's calendar is the witness: every day of 400 years, after which the calendar repeats, and every 13th of
 * the others. */
static void agrees_with_the_c_library(void **state)
{
    (void)state;
    const int64_t day_us = INT64_C(86400) * 1000000;
    int days = 0;
    for (int64_t us = UTC_TIME_LEAST_US; us <= UTC_TIME_MOST_US; us += days++ < 146097 ? day_us : 13 * day_us) {
        time_t seconds = (time_t)(us / 1000000);
        struct tm parts;
        char expected[64];
        gmtime_r(&seconds, &parts);
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT00:00:00+00:00", parts.tm_year + 1900, parts.tm_mon + 1,
                 parts.tm_mday);
        int64_t back = 0;
        assert_string_equal(row_of(us), expected);
        assert_int_equal(utc_time_parse(bytes_view_of_text(expected), &back), STATUS_OK);
        assert_true(back == us);
    }
}

static void prints_and_reads_back(void **state)
{
    struct random_source random;
    (void)state;
    random_init(&random, 7);
    for (int i = 0; i < 200000; i++) {
        uint64_t span = (uint64_t)(UTC_TIME_MOST_US - UTC_TIME_LEAST_US) + 1;
        int64_t us = UTC_TIME_LEAST_US + (int64_t)random_below(&random, span);
        int64_t back = 0;
        assert_int_equal(utc_time_parse(bytes_view_of_text(row_of(us)), &back), STATUS_OK);
        assert_true(back == us);
    }
}

static void prints_millis(void **state)
{
    struct bytes text = {0};
    (void)state;
    utc_time_append_millis(&text, INT64_C(1770115590000));
    utc_time_append_millis(&text, -1);
    utc_time_append_millis(&text, UTC_TIME_MOST_US / 1000);
    utc_time_append_millis(&text, UTC_TIME_LEAST_US / 1000);
    assert_true(bytes_view_equal_text(bytes_as_view(&text), "2026-02-03T10:46:30.000Z1969-12-31T23:59:59.999Z"
                                                            "9999-12-31T23:59:59.999Z0001-01-01T00:00:00.000Z"));
    bytes_free(&text);
    assert_int_equal(utc_time_us_to_ms(1999), 1);
    assert_int_equal(utc_time_us_to_ms(-1), -1);
    assert_int_equal(utc_time_us_to_ms(-1000), -1);
    assert_int_equal(utc_time_us_to_ms(-1001), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_right_ones),
        cmocka_unit_test(refuses_wrong_ones),
        cmocka_unit_test(every_byte_of_a_right_one_counts),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(prints_and_reads_back),
        cmocka_unit_test(prints_millis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
