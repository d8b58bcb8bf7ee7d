#include "event_loop.h"

#include "check.h"
#include "memory.h"
#include "monotonic_clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum { IDLE_TURN_MS = 1000, SIGNAL_COUNT = 3 };

static const int signal_numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};

struct event_loop {
    uv_loop_t uv;
    struct event_loop_hooks hooks;
    uv_prepare_t turn;
    uv_timer_t deadline;
    uv_timer_t idle_turn;
    uv_async_t wake;
    uv_signal_t signals[SIGNAL_COUNT];
    int64_t deadline_ms;
    _Atomic int64_t turned_at_ms; /* of the monotonic clock; -1 before the first turn */
};

struct event_loop_watch {
    uv_poll_t poll;
    void (*on_readable)(void *context);
    void *context;
    bool is_ended;
};

static pthread_once_t clock_once = PTHREAD_ONCE_INIT;
static int64_t unix_less_monotonic_ms;

/* Once for the process, so that all loops agree. */
static void compare_clocks(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    unix_less_monotonic_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - monotonic_clock_ms();
}

int64_t event_loop_now_ms(const struct event_loop *loop)
{
    return (int64_t)uv_now(&loop->uv) + unix_less_monotonic_ms;
}

/* Right before the loop sleeps: everything of this turn, timers included, has called back. */
static void on_turn(uv_prepare_t *handle)
{
    struct event_loop *loop = handle->data;
    uv_update_time(&loop->uv);
    atomic_store_explicit(&loop->turned_at_ms, monotonic_clock_ms(), memory_order_relaxed);
    if (loop->hooks.on_turn != NULL) {
        loop->hooks.on_turn(loop->hooks.context, event_loop_now_ms(loop));
    }
}

/* A timer need only wake the loop: the turn comes by itself. */
static void on_timer(uv_timer_t *handle)
{
    (void)handle;
}

static void on_wake(uv_async_t *handle)
{
    (void)handle;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct event_loop *loop = handle->data;
    loop->hooks.on_signal(loop->hooks.context, number);
}

static void watch_signals(struct event_loop *loop)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        CHECK(uv_signal_init(&loop->uv, &loop->signals[i]) == 0);
        loop->signals[i].data = loop;
        if (loop->hooks.on_signal != NULL) {
            CHECK(uv_signal_start(&loop->signals[i], on_signal, signal_numbers[i]) == 0);
        }
    }
}

struct event_loop *event_loop_create(const struct event_loop_hooks *hooks)
{
    struct event_loop *loop = memory_alloc(1, sizeof(*loop));
    loop->hooks = *hooks;
    loop->deadline_ms = INT64_MAX;
    atomic_init(&loop->turned_at_ms, -1);
    CHECK(pthread_once(&clock_once, compare_clocks) == 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write that fails */
    CHECK(uv_loop_init(&loop->uv) == 0);
    CHECK(uv_prepare_init(&loop->uv, &loop->turn) == 0);
    loop->turn.data = loop;
    CHECK(uv_prepare_start(&loop->turn, on_turn) == 0);
    CHECK(uv_timer_init(&loop->uv, &loop->deadline) == 0);
    CHECK(uv_timer_init(&loop->uv, &loop->idle_turn) == 0);
    CHECK(uv_timer_start(&loop->idle_turn, on_timer, IDLE_TURN_MS, IDLE_TURN_MS) == 0);
    CHECK(uv_async_init(&loop->uv, &loop->wake, on_wake) == 0);
    watch_signals(loop);
    return loop;
}

void event_loop_run(struct event_loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void event_loop_stop(struct event_loop *loop)
{
    uv_stop(&loop->uv);
}

void event_loop_destroy(struct event_loop *loop)
{
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->deadline, NULL);
    uv_close((uv_handle_t *)&loop->idle_turn, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_close((uv_handle_t *)&loop->signals[i], NULL);
    }
    /* A stop that nobody has seen would end the first run before the handles are closed. */
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
    }
    CHECK(uv_loop_close(&loop->uv) == 0);
    free(loop);
}

void event_loop_set_deadline(struct event_loop *loop, int64_t due_ms)
{
    if (due_ms == loop->deadline_ms && uv_is_active((const uv_handle_t *)&loop->deadline)) {
        return;
    }
    loop->deadline_ms = due_ms;
    if (due_ms == INT64_MAX) {
        CHECK(uv_timer_stop(&loop->deadline) == 0);
        return;
    }
    int64_t now_ms = event_loop_now_ms(loop);
    CHECK(uv_timer_start(&loop->deadline, on_timer, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0) == 0);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct event_loop_watch *watch = handle->data;
    if (!watch->is_ended) {
        watch->on_readable(watch->context);
    }
}

struct event_loop_watch *event_loop_watch(struct event_loop *loop, int fd, void (*on_readable)(void *context),
                                          void *context)
{
    struct event_loop_watch *watch = memory_alloc(1, sizeof(*watch));
    watch->on_readable = on_readable;
    watch->context = context;
    CHECK(uv_poll_init(&loop->uv, &watch->poll, fd) == 0);
    watch->poll.data = watch;
    CHECK(uv_poll_start(&watch->poll, UV_READABLE, on_poll) == 0);
    return watch;
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void event_loop_unwatch(struct event_loop_watch *watch)
{
    watch->is_ended = true;
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

void event_loop_wake(struct event_loop *loop)
{
    CHECK(uv_async_send(&loop->wake) == 0);
}

bool event_loop_is_live(const struct event_loop *loop, int64_t limit_ms)
{
    int64_t turned_at_ms = atomic_load_explicit(&loop->turned_at_ms, memory_order_relaxed);
    return turned_at_ms < 0 || monotonic_clock_ms() - turned_at_ms <= limit_ms;
}

uv_loop_t *event_loop_uv(struct event_loop *loop)
{
    return &loop->uv;
}
