#include "commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_command_is_found_by_its_own_name(void **state)
{
    static const char *const names[] = {"run", "explain", "dead-letters", "check-url", "sign", "verify"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct command *command = commands_find(names[i]);

        assert_non_null(command);
        assert_string_equal(command->name, names[i]);
        assert_false(commands_is_later(names[i]));
    }
    assert_null(commands_find("walk"));
    assert_null(commands_find("ru"));
    assert_null(commands_find(""));
    assert_false(commands_is_later("walk"));
}

static void what_comes_later_is_no_command_and_not_in_the_help(void **state)
{
    static const char *const names[] = {"lanes", "replay"};
    char *help = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&help, &size);

    (void)state;
    assert_non_null(file);
    commands_print_help(file);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(commands_is_later(names[i]));
        assert_null(commands_find(names[i]));
        assert_null(strstr(help, names[i]));
    }
    assert_non_null(strstr(help, "check-url URL..."));
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_is_found_by_its_own_name),
        cmocka_unit_test(what_comes_later_is_no_command_and_not_in_the_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
