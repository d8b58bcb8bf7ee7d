#include "order_chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_first_goes_the_others_wait(void **state)
{
    (void)state;
    struct order_chains chains;
    struct order_link a = {0}, b = {0}, c = {0};
    order_chain_init(&chains, 4);
    assert_true(order_chain_append(&chains, &a, 1, 5));
    assert_false(order_chain_append(&chains, &b, 1, 5));
    assert_false(order_chain_append(&chains, &c, 1, 5));
    assert_ptr_equal(order_chain_remove(&chains, &a), &b);
    assert_false(order_chain_append(&chains, &a, 1, 5));
    assert_ptr_equal(order_chain_remove(&chains, &b), &c);
    assert_ptr_equal(order_chain_remove(&chains, &c), &a);
    assert_null(order_chain_remove(&chains, &a));
    assert_int_equal(chains.chain_count, 0);
    order_chain_destroy(&chains);
}

static void test_keys_are_pairs(void **state)
{
    (void)state;
    struct order_chains chains;
    struct order_link links[4] = {{0}};
    order_chain_init(&chains, 4);
    assert_true(order_chain_append(&chains, &links[0], 1, 5));
    assert_true(order_chain_append(&chains, &links[1], 2, 5));
    assert_true(order_chain_append(&chains, &links[2], 1, 6));
    assert_true(order_chain_append(&chains, &links[3], 5, 1));
    assert_int_equal(chains.chain_count, 4);
    order_chain_destroy(&chains);
}

static void test_many_keys_in_few_buckets(void **state)
{
    (void)state;
    enum { KEYS = 2000 };
    static struct order_link first[KEYS], second[KEYS];
    struct order_chains chains;
    order_chain_init(&chains, 1);
    for (int64_t i = 0; i < KEYS; i++) {
        assert_true(order_chain_append(&chains, &first[i], 3, i));
    }
    for (int64_t i = 0; i < KEYS; i++) {
        assert_false(order_chain_append(&chains, &second[i], 3, i));
    }
    for (int64_t i = 0; i < KEYS; i++) {
        assert_ptr_equal(order_chain_remove(&chains, &first[i]), &second[i]);
    }
    order_chain_destroy(&chains);
}

static void test_from_the_middle_and_the_end(void **state)
{
    (void)state;
    struct order_chains chains;
    struct order_link a = {0}, b = {0}, c = {0}, d = {0};
    order_chain_init(&chains, 4);
    assert_true(order_chain_append(&chains, &a, 1, 5));
    assert_false(order_chain_append(&chains, &b, 1, 5));
    assert_false(order_chain_append(&chains, &c, 1, 5));
    assert_null(order_chain_remove(&chains, &b));
    assert_null(order_chain_remove(&chains, &c));
    assert_false(order_chain_append(&chains, &d, 1, 5));
    assert_false(order_chain_append(&chains, &b, 1, 5));
    assert_ptr_equal(order_chain_remove(&chains, &a), &d);
    assert_ptr_equal(order_chain_remove(&chains, &d), &b);
    assert_null(order_chain_remove(&chains, &b));
    assert_int_equal(chains.chain_count, 0);
    order_chain_destroy(&chains);
}

static void test_more_room_keeps_the_chains(void **state)
{
    (void)state;
    enum { KEYS = 200 };
    static struct order_link first[KEYS], second[KEYS];
    struct order_chains chains;
    order_chain_init(&chains, 1);
    for (int64_t i = 0; i < KEYS; i++) {
        assert_true(order_chain_append(&chains, &first[i], 3, i));
    }
    order_chain_reserve(&chains, 2000);
    assert_int_equal(chains.bucket_count, 2048);
    order_chain_reserve(&chains, 1);
    assert_int_equal(chains.bucket_count, 2048);
    assert_int_equal(chains.chain_count, KEYS);
    for (int64_t i = 0; i < KEYS; i++) {
        assert_false(order_chain_append(&chains, &second[i], 3, i));
        assert_ptr_equal(order_chain_remove(&chains, &first[i]), &second[i]);
    }
    order_chain_destroy(&chains);
}

static void test_forget(void **state)
{
    (void)state;
    struct order_chains chains;
    struct order_link a = {0}, b = {0}, alone = {0};
    order_chain_init(&chains, 4);
    assert_true(order_chain_append(&chains, &a, 1, 5));
    assert_false(order_chain_append(&chains, &b, 1, 5));
    order_chain_forget(&chains, &b);
    order_chain_forget(&chains, &a);
    order_chain_forget(&chains, &alone);
    assert_int_equal(chains.chain_count, 0);
    assert_true(order_chain_append(&chains, &b, 1, 5));
    order_chain_destroy(&chains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_goes_the_others_wait), cmocka_unit_test(test_keys_are_pairs),
        cmocka_unit_test(test_many_keys_in_few_buckets),       cmocka_unit_test(test_from_the_middle_and_the_end),
        cmocka_unit_test(test_more_room_keeps_the_chains),     cmocka_unit_test(test_forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
