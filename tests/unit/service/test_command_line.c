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
static struct command_line_list secrets;
static bool is_follow;
static const struct command_line_option own[] = {{.name = "input", .ret_value = &input},
                                                 {.name = "format", .ret_value = &format},
                                                 {.name = "secret", .ret_list = &secrets},
                                                 {.name = "follow", .ret_flag = &is_follow}};

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
    secrets.count = 0;
    is_follow = false;
    return command_line_read(argc, argv, own, sizeof(own) / sizeof(own[0]), ret_line, ret_error);
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

static void lists_and_flags_are_read(void **state)
{
    (void)state;
    struct command_line line;
    assert_int_equal(read_line("program sign --secret a --follow --secret=b x --secret --follow", &line, NULL),
                     STATUS_OK);
    assert_true(is_follow);
    assert_int_equal(secrets.count, 3);
    assert_string_equal(secrets.values[0], "a");
    assert_string_equal(secrets.values[1], "b");
    assert_string_equal(secrets.values[2], "--follow");
    assert_int_equal(line.operand_count, 2);
    assert_int_equal(read_line("program", &line, NULL), STATUS_OK);
    assert_false(is_follow);
    expect_error("program --follow=yes", "--follow=yes is not an option of this version");
    expect_error("program --secret", "--secret wants a value");
    expect_error("program --secret 1 --secret 2 --secret 3 --secret 4 --secret 5 --secret 6 --secret 7 --secret 8 "
                 "--secret 9 --secret a --secret b --secret c --secret d --secret e --secret f --secret g --secret h",
                 "--secret stands there more than 16 times");
}

static void the_command_is_found_before_its_options_are_known(void **state)
{
    static const struct {
        const char *words[6];
        const char *first;
    } cases[] = {
        {{"program"}, NULL},
        {{"program", "run"}, "run"},
        {{"program", "run", "--config", "a"}, "run"},
        {{"program", "--config", "a", "run"}, "run"},
        {{"program", "--config=a", "run"}, "run"},
        {{"program", "-c", "a", "-sb=1", "run"}, "run"},
        {{"program", "--set", "run=1", "--check"}, NULL},
        {{"program", "--check", "--", "run"}, "run"},
        {{"program", "--con", "a", "run"}, "run"},
        {{"program", "--config"}, NULL},
        {{"program", "--"}, NULL},
        {{"program", "-"}, "-"},
        {{"program", "--help", "sign"}, "sign"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[6];
        int argc = 0;
        const char *first;
        for (; argc < 6 && cases[i].words[argc] != NULL; argc++) {
            argv[argc] = strdup(cases[i].words[argc]);
        }
        first = command_line_first_operand(argc, argv);
        if (cases[i].first == NULL) {
            assert_null(first);
        } else {
            assert_non_null(first);
            assert_string_equal(first, cases[i].first);
        }
        while (argc > 0) {
            free(argv[--argc]);
        }
    }
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    expect_error("program --nonsense", "--nonsense is not an option of this version");
    expect_error("program --config", "--config wants a value");
    expect_error("program --set topic", "--set topic: write --set KEY=VALUE");
    expect_error("program --check=1", "--check=1 is not an option of this version");
    expect_error("program show -1:0", "-1:0 is not an option of this version");
    expect_error("program show -1:0 x", "-1:0 is not an option of this version");
    expect_error("program --check -x", "-x is not an option of this version");
    expect_error("program show x -hy z", "-hy is not an option of this version");
    expect_error("program -k", "-k is not an option of this version");
    expect_error("program x -c", "-c wants a value");
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
        cmocka_unit_test(nothing_is_fine),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(operands_keep_their_order),
        cmocka_unit_test(lists_and_flags_are_read),
        cmocka_unit_test(the_command_is_found_before_its_options_are_known),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(sets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
