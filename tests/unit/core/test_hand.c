#include "hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct hand make_hand(uint32_t partitions)
{
    const struct delivery_limits limits = {
        .partitions_max = 4, .records_max = 100, .bytes_max = 1000, .attempts_max = 1, .fanout_max = 2};
    struct hand hand;
    hand_init(&hand, &limits);
    hand.partitions = partitions;
    return hand;
}

static void test_shares(void **state)
{
    (void)state;
    struct hand hand = make_hand(1);
    const struct hand_load nothing = {0};
    assert_int_equal(hand_credit(&hand, &nothing), 100);
    hand.partitions = 4;
    assert_int_equal(hand_credit(&hand, &nothing), 25);
    hand.partitions = 300;
    assert_int_equal(hand_credit(&hand, &nothing), 1);
    assert_int_equal(hand_record_share(&hand), 1);
}

static void test_one_full_partition_leaves_the_others_alone(void **state)
{
    (void)state;
    struct hand hand = make_hand(4);
    const struct hand_load full = {.records = 25, .deliveries = 50, .bytes = 10};
    const struct hand_load other = {.records = 1, .deliveries = 1, .bytes = 1};
    hand.load = (struct hand_load){.records = 26, .deliveries = 51, .bytes = 11};
    assert_int_equal(hand_credit(&hand, &full), 0);
    assert_int_equal(hand_credit(&hand, &other), 24);
}

static void test_bytes(void **state)
{
    (void)state;
    struct hand hand = make_hand(2);
    struct hand_load load = {.records = 1, .deliveries = 1, .bytes = 499};
    hand.load = load;
    assert_int_equal(hand_credit(&hand, &load), 49);
    load.bytes = hand.load.bytes = 500;
    assert_int_equal(hand_credit(&hand, &load), 0);
    /* With nothing of its own in hand one more is always taken. */
    hand.load.bytes = 5000;
    assert_int_equal(hand_credit(&hand, &(struct hand_load){0}), 1);
}

static void test_no_more_records_than_there_are_tickets(void **state)
{
    (void)state;
    struct hand hand = make_hand(2);
    hand.load = (struct hand_load){.records = 100, .deliveries = 100};
    assert_int_equal(hand_credit(&hand, &(struct hand_load){.records = 10}), 0);
    assert_int_equal(hand_credit(&hand, &(struct hand_load){0}), 1);
    const struct delivery_limits limits = {.partitions_max = 4, .records_max = 100, .fanout_max = 2};
    assert_int_equal(hand_records_bound(&limits), 104);
    assert_int_equal(hand.deliveries_max, hand_deliveries_bound(&limits));
}

static void test_room_for_the_widest_fan_out(void **state)
{
    (void)state;
    struct hand hand = make_hand(1);
    hand.load.deliveries = hand.deliveries_max - 1;
    assert_int_equal(hand_credit(&hand, &(struct hand_load){0}), 0);
    hand.load.deliveries = hand.deliveries_max - 2;
    assert_int_equal(hand_credit(&hand, &(struct hand_load){0}), 1);
}

static void test_another_fanout(void **state)
{
    (void)state;
    struct delivery_limits limits = {
        .partitions_max = 4, .records_max = 10, .bytes_max = 1000, .attempts_max = 1, .fanout_max = 2};
    struct hand hand;
    hand_init(&hand, &limits);
    hand.partitions = 1;
    assert_int_equal(hand.deliveries_max, 4 * 14 + 2);
    const struct hand_load nothing = {0};
    assert_int_equal(hand_credit(&hand, &nothing), 10);
    limits.fanout_max = 20;
    hand_set_fanout(&hand, &limits);
    assert_int_equal(hand.deliveries_max, 4 * 14 + 20);
    assert_int_equal(hand_credit(&hand, &nothing), 3);
    /* What may be in hand already is not lowered. */
    limits.fanout_max = 0;
    hand_set_fanout(&hand, &limits);
    assert_int_equal(hand.deliveries_max, 4 * 14 + 20);
    assert_int_equal(hand_credit(&hand, &nothing), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_one_full_partition_leaves_the_others_alone),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_no_more_records_than_there_are_tickets),
        cmocka_unit_test(test_room_for_the_widest_fan_out),
        cmocka_unit_test(test_another_fanout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
