#include "log_budget.h"

static bool is_over(const struct log_budget *budget, int64_t now_ms)
{
    return now_ms - budget->window_from_ms >= LOG_BUDGET_WINDOW_MS;
}

bool log_budget_take(struct log_budget *budget, int64_t now_ms)
{
    if (is_over(budget, now_ms)) {
        budget->window_from_ms = now_ms;
        budget->lines = 0;
    }
    if (budget->lines < LOG_BUDGET_LINES) {
        budget->lines++;
        return true;
    }
    budget->left_out++;
    return false;
}

uint64_t log_budget_left_out(struct log_budget *budget, int64_t now_ms)
{
    if (budget->left_out == 0 || !is_over(budget, now_ms)) {
        return 0;
    }
    uint64_t left_out = budget->left_out;
    budget->left_out = 0;
    return left_out;
}
