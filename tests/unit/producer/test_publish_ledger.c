/* The ledger: order, bounds, holds, and the position up to which all is settled. */
#include "check.h"
#include "publish_ledger.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct publish_ledger *make(uint32_t events_max, int64_t bytes_max)
{
    const struct publish_limits limits = {.events_max = events_max, .bytes_max = bytes_max};
    return publish_ledger_create(&limits);
}

/* A line of ten bytes and its newline. */
static uint64_t admit(struct publish_ledger *ledger, int64_t line, int64_t bytes)
{
    uint64_t place = publish_ledger_admit(ledger, (struct publish_position){line, (line - 1) * 11}, bytes);
    publish_ledger_read_to(ledger, (struct publish_position){line + 1, line * 11});
    publish_ledger_check(ledger);
    return place;
}

static uint64_t send_next(struct publish_ledger *ledger)
{
    uint64_t place = UINT64_MAX;
    assert_true(publish_ledger_next_to_send(ledger, &place));
    publish_ledger_sent(ledger, place);
    publish_ledger_check(ledger);
    return place;
}

static void assert_position(const struct publish_ledger *ledger, int64_t line)
{
    struct publish_position position = publish_ledger_position(ledger);
    assert_int_equal(position.line, line);
    assert_int_equal(position.offset, (line - 1) * 11);
}

static void assert_nothing_to_send(struct publish_ledger *ledger)
{
    uint64_t place;
    assert_false(publish_ledger_next_to_send(ledger, &place));
}

static void test_position_is_the_settled_prefix(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(10, 1000);
    assert_position(ledger, 1);
    for (int64_t line = 1; line <= 3; line++) {
        admit(ledger, line, 100);
    }
    publish_ledger_read_to(ledger, (struct publish_position){5, 44}); /* line 4 was blank */
    for (uint64_t place = 0; place < 3; place++) {
        assert_int_equal(send_next(ledger), place);
    }
    assert_position(ledger, 1);
    publish_ledger_delivered(ledger, 1);
    assert_position(ledger, 1);
    publish_ledger_delivered(ledger, 0);
    assert_position(ledger, 3);
    publish_ledger_delivered(ledger, 2);
    assert_position(ledger, 5);
    publish_ledger_check(ledger);
    publish_ledger_destroy(ledger);
}

static void test_bounds(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(3, 1000);
    assert_true(publish_ledger_has_room(ledger, 5000)); /* larger than the bound, but alone */
    admit(ledger, 1, 5000);
    assert_false(publish_ledger_has_room(ledger, 1));
    send_next(ledger);
    publish_ledger_delivered(ledger, 0);
    admit(ledger, 2, 600);
    assert_true(publish_ledger_has_room(ledger, 400));
    assert_false(publish_ledger_has_room(ledger, 401));
    admit(ledger, 3, 200);
    admit(ledger, 4, 200);
    assert_false(publish_ledger_has_room(ledger, 0)); /* three places */
    send_next(ledger), send_next(ledger), send_next(ledger);
    publish_ledger_delivered(ledger, 2);
    /* The bytes are free, the place in the middle is not. */
    assert_int_equal(publish_ledger_counts(ledger).bytes, 800);
    assert_int_equal(publish_ledger_counts(ledger).places, 3);
    assert_false(publish_ledger_has_room(ledger, 1));
    publish_ledger_delivered(ledger, 1);
    assert_int_equal(publish_ledger_counts(ledger).places, 1);
    assert_true(publish_ledger_has_room(ledger, 800));
    publish_ledger_destroy(ledger);
}

static void test_refused_is_settled_only_when_rejected(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(10, 1000);
    uint64_t place = 99;
    for (int64_t line = 1; line <= 3; line++) {
        admit(ledger, line, 10);
        send_next(ledger);
    }
    assert_false(publish_ledger_next_refused(ledger, &place));
    publish_ledger_refused(ledger, 2);
    publish_ledger_refused(ledger, 1);
    publish_ledger_delivered(ledger, 0);
    assert_position(ledger, 2);
    assert_true(publish_ledger_next_refused(ledger, &place));
    assert_int_equal(place, 1);
    assert_int_equal(publish_ledger_start_of(ledger, 1).line, 2);
    publish_ledger_rejected(ledger, 1);
    assert_position(ledger, 3);
    assert_true(publish_ledger_next_refused(ledger, &place));
    assert_int_equal(place, 2);
    publish_ledger_rejected(ledger, 2);
    assert_position(ledger, 4);
    assert_int_equal(publish_ledger_counts(ledger).bytes, 0);
    publish_ledger_check(ledger);
    publish_ledger_destroy(ledger);
}

static void test_returned_are_sent_again_in_order(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(10, 1000);
    for (int64_t line = 1; line <= 5; line++) {
        admit(ledger, line, 10);
    }
    for (int i = 0; i < 4; i++) {
        send_next(ledger);
    }
    publish_ledger_returned(ledger, 3, false);
    assert_true(publish_ledger_is_held(ledger));
    assert_false(publish_ledger_has_room(ledger, 1));
    assert_nothing_to_send(ledger); /* not even place 4, which was never sent: it is behind 3 */
    publish_ledger_delivered(ledger, 2);
    publish_ledger_returned(ledger, 1, false);
    publish_ledger_returned(ledger, 0, false);
    publish_ledger_check(ledger);

    publish_ledger_resume(ledger);
    assert_int_equal(send_next(ledger), 0);
    assert_nothing_to_send(ledger); /* the trial is alone */
    assert_true(publish_ledger_went_alone(ledger, 0));
    publish_ledger_delivered(ledger, 0);
    assert_int_equal(send_next(ledger), 1);
    assert_int_equal(send_next(ledger), 3);
    assert_int_equal(send_next(ledger), 4);
    assert_nothing_to_send(ledger);
    publish_ledger_destroy(ledger);
}

static void test_failed_trial_holds_again(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(10, 1000);
    admit(ledger, 1, 10);
    admit(ledger, 2, 10);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(send_next(ledger), 0);
        publish_ledger_returned(ledger, 0, false);
        assert_true(publish_ledger_is_held(ledger));
        publish_ledger_resume(ledger);
    }
    assert_int_equal(send_next(ledger), 0);
    publish_ledger_delivered(ledger, 0);
    assert_int_equal(send_next(ledger), 1);
    assert_false(publish_ledger_went_alone(ledger, 1));
    publish_ledger_destroy(ledger);
}

static void test_each_of_a_refused_batch_goes_alone(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(10, 1000);
    for (int64_t line = 1; line <= 4; line++) {
        admit(ledger, line, 10);
    }
    send_next(ledger), send_next(ledger), send_next(ledger);
    for (uint64_t place = 0; place < 3; place++) {
        publish_ledger_returned(ledger, place, true);
    }
    publish_ledger_resume(ledger);
    for (uint64_t place = 0; place < 3; place++) {
        assert_int_equal(send_next(ledger), place);
        assert_nothing_to_send(ledger);
        assert_true(publish_ledger_went_alone(ledger, place));
        if (place == 1) {
            publish_ledger_refused(ledger, place);
        } else {
            publish_ledger_delivered(ledger, place);
        }
        publish_ledger_check(ledger);
    }
    assert_int_equal(send_next(ledger), 3);
    assert_false(publish_ledger_went_alone(ledger, 3));
    assert_position(ledger, 2);
    publish_ledger_destroy(ledger);
}

static void test_lost_client_brings_all_back(void **state)
{
    (void)state;
    struct publish_ledger *ledger = make(10, 1000);
    for (int64_t line = 1; line <= 4; line++) {
        admit(ledger, line, 10);
        send_next(ledger);
    }
    publish_ledger_delivered(ledger, 1);
    publish_ledger_refused(ledger, 2);
    publish_ledger_returned_all(ledger);
    struct publish_counts counts = publish_ledger_counts(ledger);
    assert_int_equal(counts.waiting, 2);
    assert_int_equal(counts.sent, 0);
    assert_int_equal(counts.refused, 1);
    assert_true(publish_ledger_is_held(ledger));
    publish_ledger_check(ledger);
    publish_ledger_resume(ledger);
    assert_int_equal(send_next(ledger), 0);
    publish_ledger_delivered(ledger, 0);
    assert_int_equal(send_next(ledger), 3);
    publish_ledger_destroy(ledger);

    ledger = make(1, 1);
    publish_ledger_returned_all(ledger); /* nothing was sent: held all the same, until the new client is ready */
    assert_true(publish_ledger_is_held(ledger));
    publish_ledger_resume(ledger);
    assert_true(publish_ledger_has_room(ledger, 1));
    publish_ledger_destroy(ledger);
}

enum { STORM_LINES = 3000, STORM_ROOM = 17 };

struct storm {
    struct publish_ledger *ledger;
    struct random_source random;
    uint64_t sent[STORM_ROOM];
    size_t sent_count;
    int settled[STORM_LINES]; /* how often a line was settled: once */
    int64_t lines;
    uint64_t last_sent; /* since the last hold: places must rise */
    bool has_sent;
};

static void storm_report(struct storm *storm)
{
    size_t at = random_below(&storm->random, storm->sent_count);
    uint64_t place = storm->sent[at];
    storm->sent[at] = storm->sent[--storm->sent_count];
    switch (random_below(&storm->random, 20)) {
    case 0:
        publish_ledger_returned(storm->ledger, place, false);
        return;
    case 1:
        if (!publish_ledger_went_alone(storm->ledger, place)) {
            publish_ledger_returned(storm->ledger, place, true);
            return;
        }
        publish_ledger_refused(storm->ledger, place);
        return;
    case 2:
        publish_ledger_refused(storm->ledger, place);
        return;
    default:
        storm->settled[place]++;
        publish_ledger_delivered(storm->ledger, place);
        return;
    }
}

static void storm_step(struct storm *storm)
{
    uint64_t place;
    switch (random_below(&storm->random, 4)) {
    case 0:
        if (storm->lines < STORM_LINES && publish_ledger_has_room(storm->ledger, 10)) {
            storm->lines++;
            assert_int_equal(admit(storm->ledger, storm->lines, 10), storm->lines - 1);
        }
        return;
    case 1:
        if (publish_ledger_next_to_send(storm->ledger, &place)) {
            assert_true(!storm->has_sent || place > storm->last_sent);
            storm->last_sent = place;
            storm->has_sent = true;
            publish_ledger_sent(storm->ledger, place);
            assert_true(storm->sent_count == 0 || !publish_ledger_went_alone(storm->ledger, place));
            storm->sent[storm->sent_count++] = place;
        }
        return;
    case 2:
        if (storm->sent_count > 0) {
            storm_report(storm);
        } else if (publish_ledger_is_held(storm->ledger)) {
            publish_ledger_resume(storm->ledger);
            storm->has_sent = false;
        }
        return;
    default:
        if (publish_ledger_next_refused(storm->ledger, &place)) {
            storm->settled[place]++;
            publish_ledger_rejected(storm->ledger, place);
        }
        return;
    }
}

static void assert_prefix(const struct storm *storm)
{
    int64_t line = 1;
    while (line <= storm->lines && storm->settled[line - 1] == 1) {
        line++;
    }
    assert_position(storm->ledger, line);
}

static void test_storm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct storm storm = {.ledger = make(STORM_ROOM, 120)};
        random_init(&storm.random, seed);
        int64_t steps = 0;
        while (storm.lines < STORM_LINES || publish_ledger_counts(storm.ledger).places > 0) {
            storm_step(&storm);
            publish_ledger_check(storm.ledger);
            assert_true(++steps < 100 * STORM_LINES);
            if (steps % 16 == 0) {
                assert_prefix(&storm);
            }
        }
        for (int64_t line = 0; line < STORM_LINES; line++) {
            assert_int_equal(storm.settled[line], 1);
        }
        assert_position(storm.ledger, STORM_LINES + 1);
        publish_ledger_destroy(storm.ledger);
    }
}

/* From a checkpoint, and again when a followed file is followed by the next one. */
static void test_start(void **state)
{
    (void)state;
    const struct publish_limits limits = {.events_max = 4, .bytes_max = 100};
    struct publish_ledger *ledger = publish_ledger_create(&limits);
    publish_ledger_start(ledger, (struct publish_position){.line = 100, .offset = 5000});
    assert_int_equal(publish_ledger_position(ledger).line, 100);
    assert_int_equal(publish_ledger_position(ledger).offset, 5000);
    uint64_t place = publish_ledger_admit(ledger, (struct publish_position){.line = 101, .offset = 5001}, 10);
    publish_ledger_read_to(ledger, (struct publish_position){.line = 102, .offset = 5010});
    assert_int_equal(publish_ledger_position(ledger).line, 101);
    assert_true(publish_ledger_next_to_send(ledger, &place));
    publish_ledger_sent(ledger, place);
    publish_ledger_delivered(ledger, place);
    assert_int_equal(publish_ledger_position(ledger).offset, 5010);
    publish_ledger_start(ledger, (struct publish_position){.line = 1, .offset = 0});
    publish_ledger_check(ledger);
    assert_int_equal(publish_ledger_position(ledger).line, 1);
    (void)publish_ledger_admit(ledger, (struct publish_position){.line = 1, .offset = 0}, 10);
    publish_ledger_check(ledger);
    assert_int_equal(publish_ledger_position(ledger).offset, 0);
    publish_ledger_destroy(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_position_is_the_settled_prefix),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_refused_is_settled_only_when_rejected),
        cmocka_unit_test(test_returned_are_sent_again_in_order),
        cmocka_unit_test(test_failed_trial_holds_again),
        cmocka_unit_test(test_each_of_a_refused_batch_goes_alone),
        cmocka_unit_test(test_lost_client_brings_all_back),
        cmocka_unit_test(test_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
