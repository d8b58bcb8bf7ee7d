#include "hand.h"

#include "check.h"

static uint32_t clamp_to_uint32(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static uint32_t at_least_one(uint32_t number)
{
    return number > 0 ? number : 1;
}

uint32_t hand_records_bound(const struct delivery_limits *limits)
{
    return clamp_to_uint32((uint64_t)limits->records_max + limits->partitions_max);
}

uint32_t hand_deliveries_bound(const struct delivery_limits *limits)
{
    return clamp_to_uint32(4 * (uint64_t)hand_records_bound(limits) + at_least_one(limits->fanout_max));
}

void hand_init(struct hand *hand, const struct delivery_limits *limits)
{
    *hand = (struct hand){
        .records_max = limits->records_max,
        .deliveries_max = hand_deliveries_bound(limits),
        .bytes_max = limits->bytes_max,
        .fanout_max = at_least_one(limits->fanout_max),
    };
}

void hand_set_fanout(struct hand *hand, const struct delivery_limits *limits)
{
    uint32_t bound = hand_deliveries_bound(limits);
    hand->fanout_max = at_least_one(limits->fanout_max);
    hand->deliveries_max = bound > hand->deliveries_max ? bound : hand->deliveries_max;
}

uint32_t hand_record_share(const struct hand *hand)
{
    CHECK(hand->partitions > 0);
    return at_least_one(hand->records_max / hand->partitions);
}

static uint32_t left(uint32_t bound, uint32_t taken)
{
    return bound > taken ? bound - taken : 0;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t hand_credit(const struct hand *hand, const struct hand_load *partition)
{
    CHECK(hand->partitions > 0 && hand->fanout_max > 0);
    uint32_t deliveries_left = left(hand->deliveries_max, hand->load.deliveries);
    if (deliveries_left < hand->fanout_max) {
        return 0;
    }
    uint32_t deliveries_share = left(hand->deliveries_max / hand->partitions, partition->deliveries);
    uint32_t credit =
        lesser(left(hand_record_share(hand), partition->records), left(hand->records_max, hand->load.records));
    credit = lesser(credit, lesser(deliveries_share, deliveries_left) / hand->fanout_max);
    if (partition->bytes >= hand->bytes_max / hand->partitions || hand->load.bytes >= hand->bytes_max) {
        credit = 0;
    }
    return credit == 0 && partition->records == 0 ? 1 : credit;
}
