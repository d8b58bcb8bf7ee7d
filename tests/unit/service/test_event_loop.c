#include "event_loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* What a loop did, one letter per call-back: t a turn, r readable, S a signal. */
struct story {
    struct event_loop *loop;
    struct event_loop_watch *watch;
    char letters[256];
    size_t count;
    int turns;
    int stop_after_turns;
    int last_signal;
    int fd;
    int64_t last_now_ms;
    int64_t next_deadline_ms; /* set in the next turn; 0: none */
};

static void tell(struct story *story, char letter)
{
    assert_true(story->count < sizeof(story->letters) - 1);
    story->letters[story->count++] = letter;
}

static void on_turn(void *context, int64_t now_ms)
{
    struct story *story = context;
    tell(story, 't');
    assert_true(now_ms >= story->last_now_ms);
    assert_true(now_ms == event_loop_now_ms(story->loop));
    story->last_now_ms = now_ms;
    story->turns++;
    if (story->next_deadline_ms != 0) {
        event_loop_set_deadline(story->loop, story->next_deadline_ms);
        story->next_deadline_ms = 0;
    }
    if (story->turns == story->stop_after_turns) {
        event_loop_stop(story->loop);
    }
}

static void on_signal(void *context, int number)
{
    struct story *story = context;
    tell(story, 'S');
    story->last_signal = number;
    event_loop_stop(story->loop);
}

static void on_readable(void *context)
{
    struct story *story = context;
    char byte;
    tell(story, 'r');
    assert_int_equal(read(story->fd, &byte, 1), 1);
}

static void set_up(struct story *story, bool with_signals)
{
    *story = (struct story){0};
    const struct event_loop_hooks hooks = {
        .on_turn = on_turn, .on_signal = with_signals ? on_signal : NULL, .context = story};
    story->loop = event_loop_create(&hooks);
    event_loop_set_deadline(story->loop, INT64_MAX);
}

static int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void now_is_unix_time(void **state)
{
    (void)state;
    struct story story;
    set_up(&story, false);
    int64_t away_ms = event_loop_now_ms(story.loop) - unix_ms();
    assert_true(away_ms > -2000 && away_ms < 2000);
    event_loop_destroy(story.loop);
}

static void a_turn_follows_what_was_readable(void **state)
{
    (void)state;
    struct story story;
    set_up(&story, false);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    story.fd = ends[0];
    story.watch = event_loop_watch(story.loop, ends[0], on_readable, &story);
    assert_int_equal(write(ends[1], "ab", 2), 2);
    story.stop_after_turns = 3;
    event_loop_run(story.loop);
    /* A level, not an edge: it calls back while there is something. */
    assert_string_equal(story.letters, "trtrt");
    event_loop_unwatch(story.watch);
    assert_int_equal(write(ends[1], "c", 1), 1);
    story.stop_after_turns = story.turns + 2;
    event_loop_wake(story.loop);
    event_loop_run(story.loop);
    assert_null(strchr(story.letters + 5, 'r'));
    close(ends[0]);
    close(ends[1]);
    event_loop_destroy(story.loop);
}

static void a_deadline_gives_a_turn_when_it_comes(void **state)
{
    (void)state;
    struct story story;
    set_up(&story, false);
    int64_t start_ms = event_loop_now_ms(story.loop);
    event_loop_set_deadline(story.loop, start_ms + 10000);
    event_loop_set_deadline(story.loop, start_ms + 60); /* replaces the one before */
    story.stop_after_turns = 2;
    event_loop_run(story.loop);
    assert_true(story.last_now_ms >= start_ms + 60);
    assert_true(story.last_now_ms < start_ms + 900); /* before the turn of an idle second */
    story.next_deadline_ms = start_ms;               /* in the past: at once */
    story.stop_after_turns = story.turns + 2;
    int64_t again_ms = story.last_now_ms;
    event_loop_run(story.loop);
    assert_true(story.last_now_ms < again_ms + 900);
    event_loop_destroy(story.loop);
}

static void an_idle_loop_still_turns(void **state)
{
    (void)state;
    struct story story;
    set_up(&story, false);
    assert_true(event_loop_is_live(story.loop, 1));
    story.stop_after_turns = 2;
    event_loop_run(story.loop);
    assert_string_equal(story.letters, "tt");
    assert_true(event_loop_is_live(story.loop, 60000));
    assert_false(event_loop_is_live(story.loop, -1));
    event_loop_destroy(story.loop);
}

static void *wake_from_a_thread(void *context)
{
    event_loop_wake(context);
    return NULL;
}

static void another_thread_may_wake_it(void **state)
{
    (void)state;
    struct story story;
    set_up(&story, false);
    pthread_t thread;
    story.stop_after_turns = 2;
    int64_t start_ms = event_loop_now_ms(story.loop);
    assert_int_equal(pthread_create(&thread, NULL, wake_from_a_thread, story.loop), 0);
    event_loop_run(story.loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(story.last_now_ms < start_ms + 900);
    event_loop_destroy(story.loop);
}

static void signals_call_back_in_the_loop(void **state)
{
    (void)state;
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct story story;
    set_up(&story, true);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(raise(numbers[i]), 0);
        event_loop_run(story.loop);
        assert_int_equal(story.last_signal, numbers[i]);
    }
    event_loop_destroy(story.loop);
}

static void a_closed_pipe_does_not_kill(void **state)
{
    (void)state;
    struct story story;
    set_up(&story, false);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    event_loop_destroy(story.loop);
}

static void two_loops_agree_on_the_time(void **state)
{
    (void)state;
    struct story one, two;
    set_up(&one, false);
    set_up(&two, false);
    int64_t away_ms = event_loop_now_ms(two.loop) - event_loop_now_ms(one.loop);
    assert_true(away_ms >= 0 && away_ms < 1000);
    event_loop_destroy(one.loop);
    event_loop_destroy(two.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now_is_unix_time),
        cmocka_unit_test(a_turn_follows_what_was_readable),
        cmocka_unit_test(a_deadline_gives_a_turn_when_it_comes),
        cmocka_unit_test(an_idle_loop_still_turns),
        cmocka_unit_test(another_thread_may_wake_it),
        cmocka_unit_test(signals_call_back_in_the_loop),
        cmocka_unit_test(a_closed_pipe_does_not_kill),
        cmocka_unit_test(two_loops_agree_on_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
