#include "time_argument.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* 2026-02-03T10:00:00Z */
#define NOW INT64_C(1770112800000)

static const int64_t UNTOUCHED = -77;

static void reads(const char *text, int64_t expected)
{
    int64_t found = UNTOUCHED;
    struct error error = {.text = ""};
    if (time_argument_read(text, NOW, &found, &error) != STATUS_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    if (found != expected) {
        fail_msg("%s: %lld, not %lld", text, (long long)found, (long long)expected);
    }
}

/* The error says `why`, is one line, and leaves the result alone. */
static void refuses(const char *text, const char *why)
{
    int64_t found = UNTOUCHED;
    struct error error = {.text = ""};
    if (time_argument_read(text, NOW, &found, &error) != STATUS_INVALID) {
        fail_msg("%s is taken as %lld", text, (long long)found);
    }
    if (strstr(error.text, why) == NULL || strchr(error.text, '\n') != NULL) {
        fail_msg("%s: says \"%s\", not \"%s\"", text, error.text, why);
    }
    assert_int_equal(found, UNTOUCHED);
}

static void a_timestamp_with_an_offset(void **state)
{
    (void)state;
    reads("2026-02-03T10:00:00Z", NOW);
    reads("2026-02-03T11:00:00+01:00", NOW);
    reads("2026-02-03T04:30:00-05:30", NOW);
    reads("2026-02-03T10:00:00.123999Z", NOW + 123);
    reads("1969-12-31T23:59:59.9999Z", -1);
    reads("0001-01-01T00:00:00Z", INT64_C(-62135596800000));
    reads("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
}

static void milliseconds_since_1970(void **state)
{
    (void)state;
    reads("0", 0);
    reads("100000000000", INT64_C(100000000000));
    reads("1770112800000", NOW);
    reads("253402300799999", INT64_C(253402300799999));
}

static void a_span_before_now(void **state)
{
    (void)state;
    reads("-0s", NOW);
    reads("-500ms", NOW - 500);
    reads("-90s", NOW - 90000);
    reads("-30m", NOW - 1800000);
    reads("-2h", NOW - 7200000);
    reads("-5d", NOW - INT64_C(432000000));
    reads("-20000d", NOW - INT64_C(1728000000000));
}

static void without_an_offset_it_is_refused(void **state)
{
    (void)state;
    refuses("2026-02-03T10:00:00", "no offset: write 2026-02-03T10:00:00Z");
    refuses("2026-02-03T10:00:00.26", "no offset: write 2026-02-03T10:00:00.26Z");
    refuses("2026-02-03", "is a day");
}

static void seconds_are_not_taken_for_milliseconds(void **state)
{
    (void)state;
    refuses("1770112800", "write 1770112800000");
    refuses("99999999999", "write 99999999999000");
    refuses("1", "write 1000");
}

static void what_is_no_time(void **state)
{
    (void)state;
    refuses("", "is no time");
    refuses("yesterday", "is no time");
    refuses("2h", "is no time");
    refuses("+2h", "is no time");
    refuses("2026-02-30T10:00:00Z", "is no time");
    refuses("2026-02-30", "is no time");
    refuses("2026-02-03 10:00:00Z", "is no time");
    refuses("2026-02-03T10:00:00z", "is no time");
    refuses(" 1770112800000", "is no time");
    refuses("17701128000x0", "is no time");
    refuses("-", "no span of time");
    refuses("-2", "no span of time");
    refuses("-h", "no span of time");
    refuses("-2 h", "no span of time");
    refuses("-2H", "no span of time");
    refuses("-1h30m", "no span of time");
    refuses("--2h", "no span of time");
    refuses("-1770112800000", "no span of time");
}

static void out_of_the_calendar(void **state)
{
    (void)state;
    refuses("253402300800000", "year 9999");
    refuses("99999999999999999999999999", "year 9999");
    refuses("-999999d", "before the year 1");
    refuses("-9223372036854775807d", "before the year 1");
    refuses("-99999999999999999999ms", "before the year 1");
}

/* Whatever a person pastes, the line stays a line of some hundred bytes. */
static void long_text_is_cut(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    refuses(text, "is no time");
    text[0] = '-';
    refuses(text, "no span of time");
    memset(text, '9', sizeof(text) - 1);
    refuses(text, "year 9999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timestamp_with_an_offset),
        cmocka_unit_test(milliseconds_since_1970),
        cmocka_unit_test(a_span_before_now),
        cmocka_unit_test(without_an_offset_it_is_refused),
        cmocka_unit_test(seconds_are_not_taken_for_milliseconds),
        cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(out_of_the_calendar),
        cmocka_unit_test(long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
