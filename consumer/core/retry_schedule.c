#include "retry_schedule.h"

#include "check.h"

int64_t retry_schedule_jitter(const struct delivery_policy *policy, struct random_source *random, int64_t wait_ms)
{
    CHECK(wait_ms >= 0);
    int64_t spread = wait_ms / 1000 * policy->jitter_permille + wait_ms % 1000 * policy->jitter_permille / 1000;
    if (spread == 0) {
        return wait_ms;
    }
    return wait_ms - spread + (int64_t)random_below(random, 2 * (uint64_t)spread + 1);
}

int64_t retry_schedule_hold(int64_t retry_after_ms)
{
    if (retry_after_ms < 0) {
        return 0;
    }
    return retry_after_ms < DELIVERY_RETRY_AFTER_MAX_MS ? retry_after_ms : DELIVERY_RETRY_AFTER_MAX_MS;
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Longer than all waits of the schedule, while others got through. A lane that is halted lets nobody through, so
 * nothing is exhausted by its halt. */
static bool failed_too_long(const struct delivery_policy *policy, const struct retry_history *history,
                            const struct retry_answer *answer)
{
    if (answer->is_lane_halted || answer->lane_successes == history->successes_at_first_failure) {
        return false;
    }
    int64_t failing_ms = answer->now_ms - history->first_failure_ms;
    for (size_t i = 1; i < policy->schedule_count && failing_ms >= 0; i++) {
        failing_ms -= policy->schedule_ms[i];
    }
    return failing_ms > 0;
}

static enum retry_outcome judge_refusal(const struct delivery_policy *policy, struct random_source *random,
                                        struct retry_history *history, int64_t *ret_wait_ms)
{
    history->refusals++;
    if (history->refusals >= policy->refused_count) {
        return RETRY_REFUSED;
    }
    *ret_wait_ms = retry_schedule_jitter(policy, random, policy->refused_ms[history->refusals]);
    return RETRY_LATER;
}

static enum retry_outcome judge_failure(const struct delivery_policy *policy, struct random_source *random,
                                        struct retry_history *history, bool counts, int64_t *ret_wait_ms)
{
    *ret_wait_ms = policy->probe_first_ms;
    if (counts) {
        history->counted++;
        if (history->counted >= policy->schedule_count) {
            return RETRY_EXHAUSTED;
        }
        *ret_wait_ms = retry_schedule_jitter(policy, random, policy->schedule_ms[history->counted]);
    }
    return RETRY_LATER;
}

enum retry_outcome retry_schedule_judge(const struct delivery_policy *policy, struct random_source *random,
                                        struct retry_history *history, const struct retry_answer *answer,
                                        int64_t *ret_wait_ms)
{
    CHECK(answer->verdict != VERDICT_DELIVERED && answer->verdict != VERDICT_CUT);
    CHECK(history->attempts > 0);
    bool counts = history->attempts == 1 || answer->lane_successes > history->successes_at_last_failure;
    if (!history->has_failed) {
        history->has_failed = true;
        history->first_failure_ms = answer->now_ms;
        history->successes_at_first_failure = answer->lane_successes;
    }
    history->successes_at_last_failure = answer->lane_successes;

    enum retry_outcome outcome = RETRY_LATER;
    *ret_wait_ms = 0;
    if (answer->verdict == VERDICT_REFUSED) {
        outcome = judge_refusal(policy, random, history, ret_wait_ms);
    } else if (answer->verdict == VERDICT_PACED) {
        *ret_wait_ms = answer->retry_after_ms >= 0 ? 0 : policy->probe_first_ms;
    } else {
        outcome = judge_failure(policy, random, history, counts, ret_wait_ms);
    }
    *ret_wait_ms = longer(*ret_wait_ms, retry_schedule_hold(answer->retry_after_ms));
    if (outcome == RETRY_LATER && failed_too_long(policy, history, answer)) {
        return RETRY_EXHAUSTED;
    }
    return outcome;
}
