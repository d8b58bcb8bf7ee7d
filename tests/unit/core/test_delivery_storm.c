/* Storms: thousands of small random worlds, each with a checker that keeps its own books. STORM_SEED=n runs one of
 * them, STORM_SEEDS=n that many. */
#include "storm_world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t seed_in_progress;

/* A check inside the core aborts without knowing the seed. */
static void name_the_seed(int signal_number)
{
    (void)signal_number;
    /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c): abort's, not amid another call */
    dprintf(STDERR_FILENO, "STORM_SEED=%" PRIu64 "\n", seed_in_progress);
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void test_promises_hold_in_storms(void **state)
{
    (void)state;
    uint64_t first = number_from_environment("STORM_SEED", 1);
    uint64_t count = number_from_environment("STORM_SEEDS", getenv("STORM_SEED") != NULL ? 1 : 4000);
    struct storm_result sum = {0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        seed_in_progress = seed;
        struct storm_result result = storm_world_run(seed);
        sum.steps += result.steps;
        sum.settled += result.settled;
        sum.halts += result.halts;
        sum.dead_letters += result.dead_letters;
        sum.revokes += result.revokes;
        sum.replacements += result.replacements;
    }
    fprintf(stderr,
            "storms: %" PRIu64 ", steps %" PRIu64 ", settled %" PRIu64 ", halts %" PRIu64 ", dead letters %" PRIu64
            ", revokes %" PRIu64 ", replacements %" PRIu64 "\n",
            count, sum.steps, sum.settled, sum.halts, sum.dead_letters, sum.revokes, sum.replacements);
    /* A storm in which nothing happens proves nothing. */
    assert_true(sum.settled > count && sum.dead_letters > 0 && sum.revokes > 0 && sum.halts > 0 &&
                sum.replacements > 0);
}

static void test_same_seed_same_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct storm_result first = storm_world_run(seed);
        struct storm_result second = storm_world_run(seed);
        assert_true(first.trace == second.trace && first.steps == second.steps);
    }
    assert_true(storm_world_run(1).trace != storm_world_run(2).trace);
}

int main(void)
{
    signal(SIGABRT, name_the_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises_hold_in_storms),
        cmocka_unit_test(test_same_seed_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
