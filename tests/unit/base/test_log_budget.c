#include "log_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void lines_beyond_the_budget_are_counted_and_told_once(void **state)
{
    (void)state;
    struct log_budget budget = {0};
    const int64_t start_ms = 1000000;
    int written = 0;
    for (int i = 0; i < LOG_BUDGET_LINES + 7; i++) {
        written += log_budget_take(&budget, start_ms + i);
    }
    assert_int_equal(written, LOG_BUDGET_LINES);
    assert_int_equal(log_budget_left_out(&budget, start_ms + 100), 0);
    assert_int_equal(log_budget_left_out(&budget, start_ms + LOG_BUDGET_WINDOW_MS), 7);
    assert_int_equal(log_budget_left_out(&budget, start_ms + LOG_BUDGET_WINDOW_MS), 0);
}

static void a_new_window_has_a_new_budget(void **state)
{
    (void)state;
    struct log_budget budget = {0};
    int written = 0;
    for (int64_t window = 1; window <= 3; window++) {
        for (int i = 0; i < 2 * LOG_BUDGET_LINES; i++) {
            written += log_budget_take(&budget, window * LOG_BUDGET_WINDOW_MS);
        }
    }
    assert_int_equal(written, 3 * LOG_BUDGET_LINES);
    assert_int_equal(log_budget_left_out(&budget, 4 * LOG_BUDGET_WINDOW_MS), 3 * LOG_BUDGET_LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_beyond_the_budget_are_counted_and_told_once),
        cmocka_unit_test(a_new_window_has_a_new_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
