/* What every sink promises (sink.h), told once and run for the kind that is named: test_sinks http|kafka|file [TEST].
 */
#include "check.h"
#include "log.h"
#include "sink_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 40 };

static const struct sink_part *part; /* of this run */

static int set_up(void **state)
{
    struct sink_world *world = calloc(1, sizeof(*world));

    sink_world_open(world, part);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    sink_world_close(*state);
    free(*state);
    return 0;
}

static void a_delivery_arrives_and_is_answered_once(void **state)
{
    struct sink_world *world = *state;
    const struct world_answer *answer = sink_world_once(world, 1);

    assert_int_equal(answer->verdict, VERDICT_DELIVERED);
    assert_int_equal(answer->error, 0);
    assert_int_equal(answer->retry_after_ms, -1);
    assert_string_equal(answer->detail, "");
    sink_world_assert_arrived(world, (const uint64_t[]){1}, 1);
}

static void many_at_once_arrive(void **state)
{
    struct sink_world *world = *state;
    uint64_t numbers[MANY];
    char *bodies[MANY];
    bool is_answered[MANY] = {0};

    for (uint64_t i = 0; i < MANY; i++) {
        numbers[i] = 1000 + i;
        bodies[i] = sink_world_start(world, numbers[i]);
    }
    sink_world_await(world, MANY);
    for (size_t i = 0; i < MANY; i++) {
        const struct world_answer *answer = &world->answers[i];

        assert_int_equal(answer->verdict, VERDICT_DELIVERED);
        assert_in_range(answer->number, 1000, 1000 + MANY - 1);
        assert_false(is_answered[answer->number - 1000]);
        is_answered[answer->number - 1000] = true;
        free(bodies[i]);
    }
    sink_world_assert_arrived(world, numbers, MANY);
}

static void one_after_another_arrive_in_order(void **state)
{
    struct sink_world *world = *state;
    static const uint64_t numbers[] = {5, 3, 9, 1};

    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        assert_int_equal(sink_world_once(world, numbers[i])->verdict, VERDICT_DELIVERED);
    }
    sink_world_assert_arrived(world, numbers, ARRAY_COUNT(numbers));
}

static void the_same_event_again_arrives_again(void **state)
{
    struct sink_world *world = *state;

    sink_world_once(world, 7);
    sink_world_once(world, 7); /* a number is free after its answer */
    sink_world_assert_arrived(world, (const uint64_t[]){7, 7}, 2);
}

static void a_target_that_fails_is_failed_until_it_is_mended(void **state)
{
    struct sink_world *world = *state;
    int64_t give_up_ms = event_loop_now_ms(world->loop) + 30000;
    char text[SINK_ERROR_MAX];

    assert_int_equal(sink_world_once(world, 1)->verdict, VERDICT_DELIVERED);
    part->break_down(world);
    for (uint64_t number = 2; number < 4; number++) {
        const struct world_answer *answer = sink_world_once(world, number);

        assert_int_equal(answer->verdict, VERDICT_FAILED);
        sink_error_text(answer->error, text);
        assert_true(strlen(text) > 4);
    }
    part->mend(world);
    /* A topic is looked at anew every few seconds only. */
    while (sink_world_once(world, 4)->verdict != VERDICT_DELIVERED) {
        assert_int_equal(part->kind, SINK_KAFKA);
        assert_true(event_loop_now_ms(world->loop) < give_up_ms);
        sink_world_rest(world, 100);
    }
    if (part->kind == SINK_HTTP) { /* the receiver has the ones that it answered with 503 too */
        sink_world_assert_arrived(world, (const uint64_t[]){1, 2, 3, 4}, 4);
    } else {
        sink_world_assert_arrived(world, (const uint64_t[]){1, 4}, 2);
    }
}

static void what_is_cancelled_has_no_answer(void **state)
{
    struct sink_world *world = *state;
    char *first;
    char *second;

    sink_world_cancel(world, 99); /* nobody knows it */
    part->hold(world);
    first = sink_world_start(world, 1);
    second = sink_world_start(world, 2);
    free(sink_world_start(world, 3)); /* freed below its feet if it is still looked at after the cancel */
    sink_world_cancel(world, 3);
    sink_world_cancel(world, 1);
    sink_world_cancel(world, 1);
    memset(first, '#', 8);
    free(first);
    part->let_go(world);
    sink_world_await(world, 1);
    assert_int_equal(world->answers[0].number, 2);
    assert_int_equal(world->answers[0].verdict, VERDICT_DELIVERED);
    free(second);
    assert_int_equal(sink_world_once(world, 4)->verdict, VERDICT_DELIVERED);
    sink_world_cancel(world, 4); /* answered already */
    assert_int_equal(sink_world_once(world, 1)->verdict, VERDICT_DELIVERED);
    assert_int_equal(world->answer_count, 3);
}

static void after_a_stop_nothing_is_answered(void **state)
{
    struct sink_world *world = *state;
    char *bodies[3];

    part->hold(world);
    for (uint64_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        bodies[i] = sink_world_start(world, i + 1);
    }
    world->sink.ops->stop(world->sink.self);
    world->sink.ops->stop(world->sink.self);
    sink_world_cancel(world, 1);
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        free(bodies[i]);
    }
    part->let_go(world);
    assert_int_equal(world->answer_count, 0); /* sink_world_close looks again when the loop has ended */
}

static void stop_inside(struct sink_world *world)
{
    world->sink.ops->stop(world->sink.self);
}

static void it_may_be_stopped_from_an_answer(void **state)
{
    struct sink_world *world = *state;
    char *bodies[8];

    world->on_answer = stop_inside;
    for (uint64_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        bodies[i] = sink_world_start(world, i + 1);
    }
    sink_world_await(world, 1);
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        free(bodies[i]);
    }
}

static char *next_body;

static void start_next(struct sink_world *world)
{
    if (world->answer_count == 1) {
        next_body = sink_world_start(world, 2);
    }
}

static void the_next_may_be_started_from_an_answer(void **state)
{
    struct sink_world *world = *state;
    char *body = sink_world_start(world, 1);

    world->on_answer = start_next;
    sink_world_await(world, 2);
    assert_int_equal(world->answers[1].number, 2);
    assert_int_equal(world->answers[1].verdict, VERDICT_DELIVERED);
    free(body);
    free(next_body);
    sink_world_assert_arrived(world, (const uint64_t[]){1, 2}, 2);
}

static void reopening_loses_nothing(void **state)
{
    struct sink_world *world = *state;
    uint64_t numbers[MANY];
    char *bodies[MANY];

    world->sink.ops->reopen(world->sink.self);
    for (uint64_t i = 0; i < MANY; i++) {
        numbers[i] = i + 1;
        bodies[i] = sink_world_start(world, numbers[i]);
        if (i % 8 == 0) {
            world->sink.ops->reopen(world->sink.self);
        }
    }
    sink_world_await(world, MANY);
    world->sink.ops->reopen(world->sink.self);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(world->answers[i].verdict, VERDICT_DELIVERED);
        free(bodies[i]);
    }
    sink_world_assert_arrived(world, numbers, MANY);
}

/* Runs a start that must abort the process, in a child; nothing of it may reach the target. */
static void expect_abort(struct sink_world *world, int64_t event_tenant, const char *key, int64_t subscription_tenant,
                         enum sink_kind kind)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct subscription subscription = world->subscription;
        const struct record_in record = {.key = bytes_view_of_text(key), .value = BYTES_LITERAL("value")};
        const struct sink_delivery delivery = {.number = 1,
                                               .subscription = &subscription,
                                               .record = &record,
                                               .tenant = event_tenant,
                                               .id = BYTES_LITERAL("0d2f3c1e-0000-8000-8000-000000000001"),
                                               .body = BYTES_LITERAL("{}"),
                                               .now_ms = (int64_t)time(NULL) * 1000};

        subscription.tenant = subscription_tenant;
        subscription.sink = kind;
        signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(1);
        }
        (void)!world->sink.ops->start_attempt(world->sink.self, &delivery, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void another_tenants_event_aborts(void **state)
{
    struct sink_world *world = *state;

    expect_abort(world, WORLD_TENANT + 1, "2050", WORLD_TENANT, part->kind);
    expect_abort(world, WORLD_TENANT, "2051", WORLD_TENANT, part->kind);
    expect_abort(world, WORLD_TENANT, "", WORLD_TENANT, part->kind);
    expect_abort(world, WORLD_TENANT, "2050 ", WORLD_TENANT, part->kind);
    expect_abort(world, WORLD_TENANT, "2050", WORLD_TENANT + 1, part->kind);
    expect_abort(world, WORLD_TENANT, "2050", WORLD_TENANT, (part->kind + 1) % SINK_KIND_COUNT);
    sink_world_once(world, 1);
    sink_world_assert_arrived(world, (const uint64_t[]){1}, 1);
}

int main(int argc, char **argv)
{
    static const struct sink_part *const parts[] = {&http_part, &kafka_part, &file_part};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delivery_arrives_and_is_answered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_at_once_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_after_another_arrive_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_event_again_arrives_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_that_fails_is_failed_until_it_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_cancelled_has_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_stop_nothing_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_may_be_stopped_from_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_may_be_started_from_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reopening_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_tenants_event_aborts, set_up, tear_down),
    };

    if (argc == 3) {
        cmocka_set_test_filter(argv[2]);
    }
    for (size_t i = 0; argc >= 2 && i < ARRAY_COUNT(parts); i++) {
        if (strcmp(argv[1], sink_kind_name(parts[i]->kind)) == 0) {
            part = parts[i];
            log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_AUTO);
            return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
        }
    }
    fprintf(stderr, "usage: test_sinks http|kafka|file [TEST]\n");
    return 64;
}
