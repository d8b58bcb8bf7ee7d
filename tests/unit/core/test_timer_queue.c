#include "timer_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_by_time_then_in_the_order_set(void **state)
{
    (void)state;
    struct timer_queue queue;
    struct timer a = {0}, b = {0}, c = {0};
    timer_queue_init(&queue);
    assert_true(timer_queue_next(&queue) == TIMER_QUEUE_EMPTY);
    timer_queue_set(&queue, &a, TIMER_LANE, 20);
    timer_queue_set(&queue, &b, TIMER_LANE, 10);
    timer_queue_set(&queue, &c, TIMER_LANE, 10);
    assert_int_equal(timer_queue_next(&queue), 10);
    assert_null(timer_queue_take_due(&queue, 9));
    assert_ptr_equal(timer_queue_take_due(&queue, 10), &b);
    assert_ptr_equal(timer_queue_take_due(&queue, 10), &c);
    assert_null(timer_queue_take_due(&queue, 10));
    assert_ptr_equal(timer_queue_take_due(&queue, 100), &a);
    assert_false(a.is_set || b.is_set || c.is_set);
}

static void test_set_anew_and_cancel(void **state)
{
    (void)state;
    struct timer_queue queue;
    struct timer a = {0}, b = {0};
    timer_queue_init(&queue);
    timer_queue_set(&queue, &a, TIMER_LANE, 10);
    timer_queue_set(&queue, &b, TIMER_DELIVERY, 20);
    timer_queue_set(&queue, &a, TIMER_LANE, 30);
    assert_int_equal(timer_queue_next(&queue), 20);
    timer_queue_cancel(&queue, &b);
    timer_queue_cancel(&queue, &b);
    assert_int_equal(timer_queue_next(&queue), 30);
    assert_ptr_equal(timer_queue_take_due(&queue, 30), &a);
    assert_true(timer_queue_next(&queue) == TIMER_QUEUE_EMPTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_time_then_in_the_order_set),
        cmocka_unit_test(test_set_anew_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
