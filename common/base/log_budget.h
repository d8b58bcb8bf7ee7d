/* log_budget.h: how many lines one thing may write, and the count of what was left out.
 *
 * A zeroed budget is ready for use; one thread, or the caller's lock. */
#ifndef RELAY_LOG_BUDGET_H
#define RELAY_LOG_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_BUDGET_LINES = 20, LOG_BUDGET_WINDOW_MS = 10000 };

struct log_budget {
    int64_t window_from_ms;
    uint32_t lines;
    uint64_t left_out;
};

/* May one more line be written at `now_ms` (any clock that does not go back)? Counts it either way. */
bool log_budget_take(struct log_budget *budget, int64_t now_ms);

/* How many lines were left out in a window that is over, to be said in a line of its own; 0 for none. */
uint64_t log_budget_left_out(struct log_budget *budget, int64_t now_ms);

#endif
