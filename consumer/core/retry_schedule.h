/* retry_schedule.h: when an event that was not delivered is due again, or why it never will be.
 *
 * Two schedules: one for an event that fails while others of its lane get through, a short one for an event that its
 * endpoint refuses. What fails because everything fails is a matter of the lane (see lane.h) and counts against
 * neither. */
#ifndef RELAY_RETRY_SCHEDULE_H
#define RELAY_RETRY_SCHEDULE_H

#include "delivery_core.h"
#include "random.h"

#include <stdbool.h>
#include <stdint.h>

/* What one event has behind it with one subscription; zeroed is a new one. */
struct retry_history {
    uint32_t attempts; /* started and not cut */
    uint32_t counted;  /* of those that failed, the ones that count against the schedule */
    uint32_t refusals;
    bool has_failed;
    int64_t first_failure_ms;
    uint64_t successes_at_first_failure; /* the lane's count of 2xx then */
    uint64_t successes_at_last_failure;
};

/* An answer that is neither a 2xx nor a cut. */
struct retry_answer {
    enum delivery_verdict verdict;
    int64_t now_ms;
    int64_t retry_after_ms;  /* -1: none */
    uint64_t lane_successes; /* 2xx that the lane has had */
    bool is_lane_halted;     /* before this answer */
};

enum retry_outcome { RETRY_LATER, RETRY_EXHAUSTED, RETRY_REFUSED };

/* Writes the answer into the history and judges. With RETRY_LATER *ret_wait_ms is the wait from now. */
enum retry_outcome retry_schedule_judge(const struct delivery_policy *policy, struct random_source *random,
                                        struct retry_history *history, const struct retry_answer *answer,
                                        int64_t *ret_wait_ms);

/* `wait_ms`, more or less by up to the policy's jitter. */
int64_t retry_schedule_jitter(const struct delivery_policy *policy, struct random_source *random, int64_t wait_ms);

/* A Retry-After as it is obeyed: at most a day; 0 for none. */
int64_t retry_schedule_hold(int64_t retry_after_ms);

#endif
