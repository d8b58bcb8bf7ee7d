#include "log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The fields end with one of kind NONE. */
#define NO_MORE ((struct log_field){LOG_FIELD_NONE, NULL, NULL, 0})
#define FIELDS(...) ((const struct log_field[]){__VA_ARGS__})

static char *render(enum log_format format, const char *message, const struct log_field *fields)
{
    struct bytes line = {0};
    log_render(&line, format, LOG_LEVEL_WARN, message, fields);
    char *text = bytes_view_to_text(bytes_as_view(&line));
    bytes_free(&line);
    return text;
}

static void expect(enum log_format format, const char *message, const struct log_field *fields, const char *wanted)
{
    char *text = render(format, message, fields);
    assert_string_equal(text, wanted);
    free(text);
}

static void both_formats_say_the_same(void **state)
{
    (void)state;
    const struct log_field fields[] = {LOG_TEXT("subscription", "crm-2050"), LOG_INT("failures", 5), NO_MORE};
    expect(LOG_FORMAT_LOGFMT, "lane halted", fields, "level=warn msg=\"lane halted\" subscription=crm-2050 failures=5");
    expect(LOG_FORMAT_JSON, "lane halted", fields,
           "{\"level\":\"warn\",\"msg\":\"lane halted\",\"subscription\":\"crm-2050\",\"failures\":5}");
}

static void a_line_needs_no_fields(void **state)
{
    (void)state;
    expect(LOG_FORMAT_LOGFMT, "ready", FIELDS(NO_MORE), "level=warn msg=ready");
    expect(LOG_FORMAT_JSON, "ready", FIELDS(NO_MORE), "{\"level\":\"warn\",\"msg\":\"ready\"}");
}

static void what_could_be_misread_is_quoted(void **state)
{
    (void)state;
    expect(LOG_FORMAT_LOGFMT, "m", FIELDS(LOG_TEXT("a", ""), LOG_TEXT("b", "x=y"), LOG_TEXT("c", "q\"q"), NO_MORE),
           "level=warn msg=m a=\"\" b=\"x=y\" c=\"q\\\"q\"");
    expect(LOG_FORMAT_LOGFMT, "m", FIELDS(LOG_TEXT("a", NULL), LOG_TEXT("b", "back\\slash"), NO_MORE),
           "level=warn msg=m a=\"\" b=\"back\\\\slash\"");
}

/* A second line could be forged with a newline. */
static void a_value_cannot_begin_a_new_line(void **state)
{
    (void)state;
    const struct log_field fields[] = {LOG_TEXT("reason", "x\nlevel=error msg=forged\r\t\x01"), NO_MORE};
    expect(LOG_FORMAT_LOGFMT, "m", fields, "level=warn msg=m reason=\"x\\nlevel=error msg=forged\\r\\t\\u0001\"");
    expect(LOG_FORMAT_JSON, "m", fields,
           "{\"level\":\"warn\",\"msg\":\"m\",\"reason\":\"x\\nlevel=error msg=forged\\r\\t\\u0001\"}");
}

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    expect(LOG_FORMAT_JSON, "m", FIELDS(LOG_TEXT("a", "\xc3\xa9 \xff \xc0\xaf \xed\xa0\x80"), NO_MORE),
           "{\"level\":\"warn\",\"msg\":\"m\",\"a\":\"\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "
           "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
    expect(LOG_FORMAT_LOGFMT, "m", FIELDS(LOG_TEXT("a", "\xf0\x9f\x98\x80\xf5"), NO_MORE),
           "level=warn msg=m a=\"\xf0\x9f\x98\x80\xef\xbf\xbd\"");
}

static void a_long_value_is_cut(void **state)
{
    (void)state;
    char value[3000];
    memset(value, 'v', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    char *text = render(LOG_FORMAT_LOGFMT, "m", FIELDS(LOG_TEXT("a", value), NO_MORE));
    assert_int_equal(strlen(text), strlen("level=warn msg=m a=\"\"") + 1024);
    free(text);
}

static void numbers_have_their_whole_range(void **state)
{
    (void)state;
    expect(LOG_FORMAT_JSON, "m", FIELDS(LOG_INT("low", INT64_MIN), LOG_INT("high", INT64_MAX), NO_MORE),
           "{\"level\":\"warn\",\"msg\":\"m\",\"low\":-9223372036854775808,\"high\":9223372036854775807}");
}

/* Standard error goes to a pipe, so the format AUTO must be JSON. */
static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_configure(LOG_LEVEL_WARN, LOG_FORMAT_AUTO);
    log_info("not this");
    log_warn("but this", LOG_INT("n", 1));
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(ends[1]);
    char text[512] = {0};
    ssize_t got = read(ends[0], text, sizeof(text) - 1);
    assert_true(got > 0);
    assert_int_equal(read(ends[0], text + got, 1), 0);
    close(ends[0]);
    assert_int_equal(strncmp(text, "{\"time\":\"20", 11), 0);
    assert_string_equal(strstr(text, "Z\","), "Z\",\"level\":\"warn\",\"msg\":\"but this\",\"n\":1}\n");
    assert_false(log_enabled(LOG_LEVEL_DEBUG));
    assert_true(log_enabled(LOG_LEVEL_INFO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_say_the_same),       cmocka_unit_test(a_line_needs_no_fields),
        cmocka_unit_test(what_could_be_misread_is_quoted), cmocka_unit_test(a_value_cannot_begin_a_new_line),
        cmocka_unit_test(what_is_not_utf8_is_replaced),    cmocka_unit_test(a_long_value_is_cut),
        cmocka_unit_test(numbers_have_their_whole_range),  cmocka_unit_test(lines_below_the_level_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
