#include "partition_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void take_all(struct partition_ledger *ledger, uint32_t expected)
{
    uint32_t taken = 0;
    while (partition_ledger_take_settled(ledger) != NULL) {
        taken++;
    }
    assert_int_equal(taken, expected);
}

static void test_frontier_is_the_lowest_unsettled(void **state)
{
    (void)state;
    struct partition_ledger ledger;
    struct ledger_entry a, b, c;
    partition_ledger_init(&ledger, 10);
    assert_int_equal(partition_ledger_frontier(&ledger), 10);
    assert_false(partition_ledger_may_commit(&ledger));

    partition_ledger_append(&ledger, &a, 10, 2);
    partition_ledger_append(&ledger, &b, 11, 1);
    partition_ledger_append(&ledger, &c, 12, 1);
    assert_true(partition_ledger_settle_one(&b));
    take_all(&ledger, 0);
    assert_int_equal(partition_ledger_frontier(&ledger), 10);
    assert_false(partition_ledger_settle_one(&a));
    take_all(&ledger, 0);
    assert_true(partition_ledger_settle_one(&a));
    take_all(&ledger, 2);
    assert_int_equal(partition_ledger_frontier(&ledger), 12);
    assert_true(partition_ledger_settle_one(&c));
    take_all(&ledger, 1);
    assert_int_equal(partition_ledger_frontier(&ledger), 13);
}

static void test_holes_are_passed(void **state)
{
    (void)state;
    struct partition_ledger ledger;
    struct ledger_entry a, b;
    partition_ledger_init(&ledger, 10);
    partition_ledger_append(&ledger, &a, 20, 0);
    partition_ledger_append(&ledger, &b, 30, 1);
    take_all(&ledger, 1);
    assert_int_equal(partition_ledger_frontier(&ledger), 30);
}

static void test_one_commit_outstanding_never_backward(void **state)
{
    (void)state;
    struct partition_ledger ledger;
    struct ledger_entry a, b;
    partition_ledger_init(&ledger, 10);
    partition_ledger_append(&ledger, &a, 10, 0);
    take_all(&ledger, 1);
    assert_int_equal(partition_ledger_begin_commit(&ledger), 11);
    partition_ledger_append(&ledger, &b, 11, 0);
    take_all(&ledger, 1);
    assert_false(partition_ledger_may_commit(&ledger));
    partition_ledger_end_commit(&ledger, 11, true);
    assert_int_equal(ledger.committed, 11);
    assert_int_equal(partition_ledger_begin_commit(&ledger), 12);
    partition_ledger_end_commit(&ledger, 12, false);
    assert_int_equal(ledger.committed, 11);
    assert_int_equal(partition_ledger_begin_commit(&ledger), 12);
    partition_ledger_end_commit(&ledger, 12, true);
    assert_false(partition_ledger_may_commit(&ledger));
}

static void test_dropping_keeps_the_frontier(void **state)
{
    (void)state;
    struct partition_ledger ledger;
    struct ledger_entry a, b, c;
    partition_ledger_init(&ledger, 10);
    partition_ledger_append(&ledger, &a, 10, 0);
    partition_ledger_append(&ledger, &b, 15, 1);
    partition_ledger_append(&ledger, &c, 16, 0);
    take_all(&ledger, 1);
    assert_ptr_equal(partition_ledger_drop(&ledger), &c);
    assert_ptr_equal(partition_ledger_drop(&ledger), &b);
    assert_null(partition_ledger_drop(&ledger));
    assert_int_equal(partition_ledger_frontier(&ledger), 15);
    assert_int_equal(partition_ledger_begin_commit(&ledger), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frontier_is_the_lowest_unsettled),
        cmocka_unit_test(test_holes_are_passed),
        cmocka_unit_test(test_one_commit_outstanding_never_backward),
        cmocka_unit_test(test_dropping_keeps_the_frontier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
