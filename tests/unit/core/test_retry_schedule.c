#include "retry_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct delivery_policy contract_policy = {
    .schedule_ms = {0, 5000, 300000, 1800000, 7200000, 18000000, 36000000, 50400000, 72000000, 86400000},
    .schedule_count = 10,
    .refused_ms = {0, 5000, 300000},
    .refused_count = 3,
    .jitter_permille = 0,
    .halt_after = 5,
    .probe_first_ms = 5000,
    .probe_max_ms = 300000,
};

struct event {
    struct retry_history history;
    struct random_source random;
    int64_t now_ms;
    int64_t wait_ms;
    uint64_t successes;
};

static enum retry_outcome answer(struct event *event, enum delivery_verdict verdict, int64_t retry_after_ms)
{
    const struct retry_answer given = {.verdict = verdict,
                                       .now_ms = event->now_ms,
                                       .retry_after_ms = retry_after_ms,
                                       .lane_successes = event->successes};
    event->history.attempts++;
    enum retry_outcome outcome =
        retry_schedule_judge(&contract_policy, &event->random, &event->history, &given, &event->wait_ms);
    event->now_ms += event->wait_ms;
    return outcome;
}

static void test_the_whole_schedule_is_75_hours(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    for (size_t i = 1; i < contract_policy.schedule_count; i++) {
        assert_int_equal(answer(&event, VERDICT_FAILED, -1), RETRY_LATER);
        assert_int_equal(event.wait_ms, contract_policy.schedule_ms[i]);
        event.successes++;
    }
    assert_int_equal(answer(&event, VERDICT_FAILED, -1), RETRY_EXHAUSTED);
    /* 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: 75 h 35 min 5 s */
    assert_int_equal(event.now_ms - 1000 - event.wait_ms, 272105000);
}

static void test_without_a_success_only_the_first_counts(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(answer(&event, VERDICT_FAILED, -1), RETRY_LATER);
        assert_int_equal(event.wait_ms, 5000);
    }
    assert_int_equal(event.history.counted, 1);
    event.successes++;
    assert_int_equal(answer(&event, VERDICT_FAILED, -1), RETRY_LATER);
    assert_int_equal(event.wait_ms, 300000);
    assert_int_equal(answer(&event, VERDICT_FAILED, -1), RETRY_LATER);
    assert_int_equal(event.wait_ms, 5000);
}

static void test_refusals_always_count(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    assert_int_equal(answer(&event, VERDICT_REFUSED, -1), RETRY_LATER);
    assert_int_equal(event.wait_ms, 5000);
    assert_int_equal(answer(&event, VERDICT_REFUSED, -1), RETRY_LATER);
    assert_int_equal(event.wait_ms, 300000);
    assert_int_equal(answer(&event, VERDICT_REFUSED, -1), RETRY_REFUSED);
    assert_int_equal(event.history.counted, 0);
}

static void test_pace_does_not_count(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(answer(&event, VERDICT_PACED, -1), RETRY_LATER);
        assert_int_equal(event.wait_ms, 5000);
    }
    assert_int_equal(event.history.counted, 0);
    assert_int_equal(answer(&event, VERDICT_PACED, 250), RETRY_LATER);
    assert_int_equal(event.wait_ms, 250);
    assert_int_equal(answer(&event, VERDICT_PACED, 0), RETRY_LATER);
    assert_int_equal(event.wait_ms, 0);
}

static void test_retry_after(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    assert_int_equal(answer(&event, VERDICT_FAILED, 1000), RETRY_LATER);
    assert_int_equal(event.wait_ms, 5000);
    assert_int_equal(answer(&event, VERDICT_FAILED, 60000), RETRY_LATER);
    assert_int_equal(event.wait_ms, 60000);
    assert_int_equal(answer(&event, VERDICT_FAILED, INT64_MAX), RETRY_LATER);
    assert_int_equal(event.wait_ms, 86400000);
    assert_int_equal(retry_schedule_hold(-1), 0);
}

static void test_too_long_while_others_got_through(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    assert_int_equal(answer(&event, VERDICT_PACED, -1), RETRY_LATER);
    event.successes++;
    event.now_ms = 1000 + 272105000;
    assert_int_equal(answer(&event, VERDICT_PACED, -1), RETRY_LATER);
    event.now_ms = 1000 + 272105001;
    assert_int_equal(answer(&event, VERDICT_PACED, -1), RETRY_EXHAUSTED);

    struct event alone = {.now_ms = 1000};
    assert_int_equal(answer(&alone, VERDICT_PACED, -1), RETRY_LATER);
    alone.now_ms = 1000 + 2 * INT64_C(272105000);
    assert_int_equal(answer(&alone, VERDICT_PACED, -1), RETRY_LATER);
}

static void test_a_halt_exhausts_nothing_by_time(void **state)
{
    (void)state;
    struct event event = {.now_ms = 1000};
    assert_int_equal(answer(&event, VERDICT_PACED, -1), RETRY_LATER);
    const struct retry_answer probed = {.verdict = VERDICT_PACED,
                                        .now_ms = 2 * INT64_C(272105000),
                                        .retry_after_ms = -1,
                                        .lane_successes = 1,
                                        .is_lane_halted = true};
    event.history.attempts++;
    assert_int_equal(retry_schedule_judge(&contract_policy, &event.random, &event.history, &probed, &event.wait_ms),
                     RETRY_LATER);
}

static void test_jitter_stays_within_its_bounds_and_uses_them(void **state)
{
    (void)state;
    struct delivery_policy policy = contract_policy;
    policy.jitter_permille = 200;
    struct random_source random;
    random_init(&random, 7);
    int64_t lowest = INT64_MAX;
    int64_t highest = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t wait_ms = retry_schedule_jitter(&policy, &random, 5000);
        lowest = wait_ms < lowest ? wait_ms : lowest;
        highest = wait_ms > highest ? wait_ms : highest;
    }
    assert_in_range(lowest, 4000, 4010);
    assert_in_range(highest, 5990, 6000);
    assert_int_equal(retry_schedule_jitter(&policy, &random, 0), 0);
    policy.jitter_permille = 0;
    assert_int_equal(retry_schedule_jitter(&policy, &random, 5000), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_schedule_is_75_hours),
        cmocka_unit_test(test_without_a_success_only_the_first_counts),
        cmocka_unit_test(test_refusals_always_count),
        cmocka_unit_test(test_pace_does_not_count),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_too_long_while_others_got_through),
        cmocka_unit_test(test_a_halt_exhausts_nothing_by_time),
        cmocka_unit_test(test_jitter_stays_within_its_bounds_and_uses_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
