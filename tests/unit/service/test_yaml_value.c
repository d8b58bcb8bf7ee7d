#include "memory.h"
#include "yaml_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A scalar as it would stand in a file. */
static struct yaml_node plain(const char *text)
{
    return (struct yaml_node){.kind = YAML_SCALAR, .is_plain = true, .line = 1, .column = 1, .text = text};
}

static struct yaml_node quoted(const char *text)
{
    struct yaml_node node = plain(text);
    node.is_plain = false;
    return node;
}

static void expect_duration(const char *text, int64_t wanted_ms)
{
    struct yaml_node node = plain(text);
    int64_t ms = -7;
    assert_int_equal(yaml_value_duration_ms(&node, 0, INT64_MAX, &ms, NULL), STATUS_OK);
    assert_true(ms == wanted_ms);
}

static void durations_have_units(void **state)
{
    (void)state;
    expect_duration("500ms", 500);
    expect_duration("30s", 30000);
    expect_duration("5m", 300000);
    expect_duration("2h", 7200000);
    expect_duration("5d", 432000000);
    expect_duration("0", 0);
    expect_duration("0s", 0);
    static const char *const wrong[] = {"30", "1.5s", "-5s", "5 s", "5S", "s", "5sec", "5s ", "999999999999999999d",
                                        ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct yaml_node node = quoted(wrong[i]);
        int64_t ms = -7;
        struct error error;
        assert_int_equal(yaml_value_duration_ms(&node, 0, INT64_MAX, &ms, &error), STATUS_INVALID);
        assert_true(ms == -7);
        assert_non_null(strstr(error.text, "is not a duration like 500ms, 30s, 5m, 2h or 5d"));
    }
}

static void durations_are_printed_in_their_largest_unit(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{500, "500ms"},  {1500, "1500ms"}, {30000, "30s"},    {90000, "90s"},
                 {7200000, "2h"}, {86400000, "1d"}, {432000000, "5d"}, {0, "0"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes bytes = {0};
        yaml_value_append_duration(&bytes, cases[i].ms);
        assert_true(bytes_view_equal_text(bytes_as_view(&bytes), cases[i].text));
        bytes_free(&bytes);
    }
}

static void sizes_have_binary_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {{"16 MiB", 16 << 20}, {"16MiB", 16 << 20}, {"64KiB", 65536}, {"1 GiB", 1 << 30}, {"4096", 4096}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct yaml_node node = plain(cases[i].text);
        int64_t size;
        assert_int_equal(yaml_value_size_bytes(&node, 1, INT64_MAX, &size, NULL), STATUS_OK);
        assert_true(size == cases[i].bytes);
    }
    static const char *const wrong[] = {"16 MB", "16M", "16mib", "16  MiB", "1.5 MiB", "16 ", "-1", "9999999999 GiB"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct yaml_node node = plain(wrong[i]);
        int64_t size;
        assert_int_equal(yaml_value_size_bytes(&node, 0, INT64_MAX, &size, NULL), STATUS_INVALID);
    }
}

static void integers_are_decimal_and_within_bounds(void **state)
{
    (void)state;
    struct yaml_node node = plain("10");
    int64_t number;
    struct error error;
    assert_int_equal(yaml_value_int(&node, 1, 10, &number, &error), STATUS_OK);
    assert_true(number == 10);
    assert_int_equal(yaml_value_int(&node, 1, 9, &number, &error), STATUS_INVALID);
    assert_string_equal(error.text, "\"10\" is not within 1 and 9");
    assert_int_equal(yaml_value_int(&node, 11, INT64_MAX, &number, &error), STATUS_INVALID);
    assert_string_equal(error.text, "\"10\" is not 11 or more");
    static const char *const wrong[] = {
        "80x", "010", "0x10", "1e3", "1_000", "1.0", "", "true", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        node = plain(wrong[i]);
        assert_int_equal(yaml_value_int(&node, 0, INT64_MAX, &number, &error), STATUS_INVALID);
    }
    node = quoted("10");
    assert_int_equal(yaml_value_int(&node, 0, 10, &number, &error), STATUS_INVALID);
    assert_string_equal(error.text, "is text in quotes, not an integer; leave the quotes out");
    node = plain("1");
    int64_t ms;
    node = plain("2d");
    assert_int_equal(yaml_value_duration_ms(&node, 1000, 3600000, &ms, &error), STATUS_INVALID);
    assert_string_equal(error.text, "\"2d\" is not within 1s and 1h");
}

static void booleans_are_two_words(void **state)
{
    (void)state;
    struct yaml_node node = plain("true");
    bool value = false;
    assert_int_equal(yaml_value_bool(&node, &value, NULL), STATUS_OK);
    assert_true(value);
    node = plain("false");
    assert_int_equal(yaml_value_bool(&node, &value, NULL), STATUS_OK);
    assert_false(value);
    static const char *const wrong[] = {"yes", "no", "on", "True", "1", "0", "maybe", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        node = plain(wrong[i]);
        assert_int_equal(yaml_value_bool(&node, &value, NULL), STATUS_INVALID);
    }
    node = quoted("true");
    assert_int_equal(yaml_value_bool(&node, &value, NULL), STATUS_INVALID);
}

static void numbers_may_have_a_fraction(void **state)
{
    (void)state;
    struct yaml_node node = plain("0.2");
    double number;
    assert_int_equal(yaml_value_number(&node, 0, 1, &number, NULL), STATUS_OK);
    assert_true(number > 0.1999 && number < 0.2001);
    node = plain("1");
    assert_int_equal(yaml_value_number(&node, 0, 1, &number, NULL), STATUS_OK);
    assert_true(number >= 1 && number <= 1);
    static const char *const wrong[] = {"1.1", "-0.1", ".5", "1.", "1e-1", "inf", "nan", "0x1", "1,5", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        node = plain(wrong[i]);
        assert_int_equal(yaml_value_number(&node, 0, 1, &number, NULL), STATUS_INVALID);
    }
}

static void a_choice_names_all_others(void **state)
{
    (void)state;
    static const char *const choices[] = {"event", "change", NULL};
    struct yaml_node node = quoted("change");
    int index = -1;
    struct error error;
    assert_int_equal(yaml_value_choice(&node, choices, &index, &error), STATUS_OK);
    assert_int_equal(index, 1);
    node = plain("events");
    assert_int_equal(yaml_value_choice(&node, choices, &index, &error), STATUS_INVALID);
    assert_string_equal(error.text, "\"events\" is not one of event, change");
    assert_int_equal(index, 1);
}

static void a_text_may_stand_in_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("TEST_YAML_VALUE", "hunter2", 1), 0);
    struct yaml_node node = plain("env:TEST_YAML_VALUE");
    char *text;
    struct error error;
    assert_int_equal(yaml_value_source(&node), YAML_VALUE_ENV);
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_OK);
    assert_string_equal(text, "hunter2");
    free(text);
    /* What came from there is not shown. */
    int64_t number;
    assert_int_equal(yaml_value_int(&node, 0, 9, &number, &error), STATUS_INVALID);
    assert_string_equal(error.text, "the value of env:TEST_YAML_VALUE is not an integer");
    assert_int_equal(setenv("TEST_YAML_VALUE", "7", 1), 0);
    assert_int_equal(yaml_value_int(&node, 0, 9, &number, &error), STATUS_OK);
    assert_true(number == 7);
    assert_int_equal(unsetenv("TEST_YAML_VALUE"), 0);
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_NOT_FOUND);
    assert_string_equal(error.text, "the environment variable TEST_YAML_VALUE is not set");
    assert_null(text);
    node = plain("env:");
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_INVALID);
}

/* A file with this content; its name as `file:PATH`. */
static const char *write_file(const char *content, size_t size, char *path)
{
    static char value[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), (ssize_t)size);
    close(fd);
    (void)snprintf(value, sizeof(value), "file:%s", path);
    return value;
}

static void expect_file(const char *content, size_t size, const char *wanted)
{
    char path[] = "/tmp/test_yaml_value_XXXXXX";
    struct yaml_node node = plain(write_file(content, size, path));
    char *text;
    struct error error = {0};
    enum status status = yaml_value_text(&node, &text, &error);
    unlink(path);
    assert_int_equal(status, wanted == NULL ? STATUS_INVALID : STATUS_OK);
    if (wanted != NULL) {
        assert_string_equal(text, wanted);
        free(text);
    } else {
        assert_null(strstr(error.text, "secret"));
    }
}

static void a_text_may_stand_in_a_file(void **state)
{
    (void)state;
    expect_file("whsec_x", 7, "whsec_x");
    expect_file("whsec_x\n", 8, "whsec_x");
    expect_file("whsec_x\n\n", 9, "whsec_x\n"); /* one newline, not more */
    expect_file("", 0, "");
    expect_file("secret\0secret", 13, NULL);
    char *big = memory_alloc(65537, 1);
    memset(big, 's', 65537);
    expect_file(big, 65537, NULL);
    big[65536] = '\0';
    expect_file(big, 65536, big);
    free(big);
    struct yaml_node node = plain("file:/nowhere/secret");
    char *text;
    struct error error;
    assert_int_equal(yaml_value_source(&node), YAML_VALUE_FILE);
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_NOT_FOUND);
    assert_string_equal(error.text, "the file /nowhere/secret: No such file or directory");
    node = plain("file:/tmp");
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_IO);
}

static void nothing_and_containers_are_no_text(void **state)
{
    (void)state;
    struct yaml_node node = plain("");
    char *text;
    struct error error;
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_INVALID);
    assert_string_equal(error.text, "has no value; leave the key out for the default");
    node = quoted("");
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_OK);
    assert_string_equal(text, "");
    free(text);
    node = (struct yaml_node){.kind = YAML_SEQUENCE};
    assert_int_equal(yaml_value_text(&node, &text, &error), STATUS_INVALID);
    assert_string_equal(error.text, "must be a single value, not a list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units),       cmocka_unit_test(durations_are_printed_in_their_largest_unit),
        cmocka_unit_test(sizes_have_binary_units),    cmocka_unit_test(integers_are_decimal_and_within_bounds),
        cmocka_unit_test(booleans_are_two_words),     cmocka_unit_test(numbers_may_have_a_fraction),
        cmocka_unit_test(a_choice_names_all_others),  cmocka_unit_test(a_text_may_stand_in_the_environment),
        cmocka_unit_test(a_text_may_stand_in_a_file), cmocka_unit_test(nothing_and_containers_are_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
