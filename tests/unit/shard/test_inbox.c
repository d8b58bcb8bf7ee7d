#include "inbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void append(struct inbox *inbox, uint64_t attempt)
{
    struct delivery_event event = {.kind = EVENT_ATTEMPT_FINISHED};
    event.attempt_finished.attempt = attempt;
    inbox_append(inbox, &event);
}

static void events_come_out_in_their_order(void **state)
{
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    for (uint64_t i = 0; i < 1000; i++) {
        append(&inbox, i);
    }
    size_t count = 0;
    const struct delivery_event *events = inbox_drain(&inbox, &count);
    assert_int_equal(count, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(events[i].attempt_finished.attempt, i);
    }
    inbox_drain(&inbox, &count);
    assert_int_equal(count, 0);
    inbox_destroy(&inbox);
}

static void what_joins_while_one_drain_is_worked_on_waits_for_the_next(void **state)
{
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    append(&inbox, 1);
    size_t count = 0;
    const struct delivery_event *events = inbox_drain(&inbox, &count);
    for (uint64_t i = 2; i < 500; i++) {
        append(&inbox, i);
    }
    assert_int_equal(count, 1);
    assert_int_equal(events[0].attempt_finished.attempt, 1);
    events = inbox_drain(&inbox, &count);
    assert_int_equal(count, 498);
    assert_int_equal(events[0].attempt_finished.attempt, 2);
    inbox_destroy(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_in_their_order),
        cmocka_unit_test(what_joins_while_one_drain_is_worked_on_waits_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
