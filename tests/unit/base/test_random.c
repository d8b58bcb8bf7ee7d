#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The first numbers of SplitMix64 from seed 1234567, as its authors' C program prints them. */
static void the_numbers_are_those_of_the_paper(void **state)
{
    (void)state;
    static const uint64_t wanted[] = {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
                                      4593380528125082431ULL, 16408922859458223821ULL};
    struct random_source random;
    random_init(&random, 1234567);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(random_next(&random) == wanted[i]);
    }
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    struct random_source a, b, c;
    random_init(&a, 42);
    random_init(&b, 42);
    random_init(&c, 43);
    int different = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_next(&a);
        assert_true(number == random_next(&b));
        different += number != random_next(&c);
    }
    assert_int_equal(different, 1000);
}

static void below_is_below_and_even(void **state)
{
    (void)state;
    struct random_source random;
    random_init(&random, 1);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        counts[random_below(&random, 7)]++;
    }
    for (int i = 0; i < 7; i++) {
        /* 10,000 each; six standard deviations are 556. */
        assert_in_range(counts[i], 9444, 10556);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(random_below(&random, 1) == 0);
    }
    uint64_t large = (UINT64_MAX / 2) + 2; /* nearly half of all numbers must be thrown away */
    for (int i = 0; i < 1000; i++) {
        assert_true(random_below(&random, large) < large);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_those_of_the_paper),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(below_is_below_and_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
