#include "bytes.h"
#include "command_line.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 600 };

static const char *input, *format;
static const struct command_line_option own[] = {{.name = "input", .ret_value = &input},
                                                 {.name = "format", .ret_value = &format}};

/* Reads a command line given as words with single spaces between them. */
static enum status read_line(const char *words, struct command_line *ret_line, struct error *ret_error)
{
    static char text[8192];
    static char *argv[ARGUMENTS_MAX + 1];
    int argc = 0;
    assert_true(strlen(words) < sizeof(text));
    memcpy(text, words, strlen(words) + 1);
    for (char *at = text; at != NULL;) {
        argv[argc++] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
        assert_true(argc < ARGUMENTS_MAX);
    }
    argv[argc] = NULL;
    optind = 0; /* getopt begins anew: a test reads many lines, a program one */
    input = format = NULL;
    return command_line_read(argc, argv, own, 2, ret_line, ret_error);
}

static void expect_error(const char *words, const char *wanted)
{
    struct command_line line;
    struct error error = {0};
    assert_int_equal(read_line(words, &line, &error), STATUS_INVALID);
    assert_string_equal(error.text, wanted);
}

static void nothing_is_fine(void **state)
{
    (void)state;
    struct command_line line;
    assert_int_equal(read_line("program", &line, NULL), STATUS_OK);
    assert_null(line.config);
    assert_int_equal(line.set_count, 0);
    assert_int_equal(line.operand_count, 0);
    assert_false(line.is_check || line.is_help || line.is_version);
}

static void every_option_is_read(void **state)
{
    (void)state;
    struct command_line line;
    assert_int_equal(
        read_line("program --config a.yaml --set a=1 --set b=2=3 --check --input - --format=event", &line, NULL),
        STATUS_OK);
    assert_string_equal(line.config, "a.yaml");
    assert_int_equal(line.set_count, 2);
    assert_string_equal(line.sets[0], "a=1");
    assert_string_equal(line.sets[1], "b=2=3");
    assert_true(line.is_check);
    assert_string_equal(input, "-");
    assert_string_equal(format, "event");
    assert_int_equal(read_line("program --help --version", &line, NULL), STATUS_OK);
    assert_true(line.is_help && line.is_version);
}

static void operands_keep_their_order(void **state)
{
    (void)state;
    struct command_line line;
    assert_int_equal(read_line("program run --config a.yaml x y -- --z", &line, NULL), STATUS_OK);
    assert_int_equal(line.operand_count, 4);
    assert_string_equal(line.operands[0], "run");
    assert_string_equal(line.operands[2], "y");
    assert_string_equal(line.operands[3], "--z");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    expect_error("program --nonsense", "--nonsense is not an option of this version");
    expect_error("program --config", "--config wants a value");
    expect_error("program --set topic", "--set topic: write --set KEY=VALUE");
    expect_error("program --check=1", "--check=1 is not an option of this version");
}

static void sets_are_bounded(void **state)
{
    (void)state;
    struct bytes words = {0};
    bytes_append_text(&words, "program");
    for (int i = 0; i < COMMAND_LINE_SETS_MAX; i++) {
        bytes_append_text(&words, " --set a=1");
    }
    char *most = bytes_view_to_text(bytes_as_view(&words));
    bytes_append_text(&words, " --set a=1");
    char *too_many = bytes_view_to_text(bytes_as_view(&words));
    struct command_line line;
    assert_int_equal(read_line(most, &line, NULL), STATUS_OK);
    assert_int_equal(line.set_count, COMMAND_LINE_SETS_MAX);
    expect_error(too_many, "--set stands there more than 256 times");
    free(most);
    free(too_many);
    bytes_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_fine),           cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(operands_keep_their_order), cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(sets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
