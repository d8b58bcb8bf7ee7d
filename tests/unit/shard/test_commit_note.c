#include "partition_starts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int32_t parse(const char *text)
{
    return commit_note_parse(text, strlen(text));
}

static void a_note_comes_back(void **state)
{
    (void)state;
    static const int32_t counts[] = {1, 12, INT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        char note[COMMIT_NOTE_MAX];
        commit_note_format(note, counts[i]);
        assert_int_equal(parse(note), counts[i]);
    }
}

static void anything_else_is_no_note(void **state)
{
    (void)state;
    static const char *const others[] = {"",          "1;parts=",   "1;parts=0", "1;parts=-3", "1;parts=2147483648",
                                         "2;parts=4", "1;parts=4 ", "x1;parts=4"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(parse(others[i]), 0);
    }
    assert_int_equal(commit_note_parse(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_comes_back),
        cmocka_unit_test(anything_else_is_no_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
