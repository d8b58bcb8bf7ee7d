/* event_loop.h: one thread's loop (libuv): descriptors, one deadline, signals, and a turn.
 *
 * A turn: descriptors and signals call back and should only note what happened; then the turn hook runs once, with
 * one `now`, and drains the notes; then the loop sleeps until something happens or the deadline comes. An idle loop
 * still turns once a second. All calls belong to the loop's thread except event_loop_wake and event_loop_is_live. */
#ifndef RELAY_EVENT_LOOP_H
#define RELAY_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct uv_loop_s uv_loop_t;

struct event_loop;
struct event_loop_watch;

struct event_loop_hooks {
    void (*on_turn)(void *context, int64_t now_ms); /* or NULL */
    void (*on_signal)(void *context, int number);   /* SIGTERM, SIGINT, SIGHUP; NULL: signals are left alone */
    void *context;
};

/* Also sets SIGPIPE to be ignored in the process. */
struct event_loop *event_loop_create(const struct event_loop_hooks *hooks);

/* Runs until event_loop_stop. May be run again after a stop. */
void event_loop_run(struct event_loop *loop);

/* Asks run to return at the end of this turn. */
void event_loop_stop(struct event_loop *loop);

/* Not running, all watches ended, and nothing of another's left on the uv loop but handles that are closing: those it
 * still serves to their end. */
void event_loop_destroy(struct event_loop *loop);

/* Unix time in ms as it was when the first loop of the process was made, carried on by the monotonic clock: it never
 * goes back. The same throughout a turn. */
int64_t event_loop_now_ms(const struct event_loop *loop);

/* Wants a turn at `due_ms` of that clock at the latest; replaces the deadline before. INT64_MAX: none. A deadline in
 * the past gives a turn at once. */
void event_loop_set_deadline(struct event_loop *loop, int64_t due_ms);

/* Calls back when fd is readable, until it is unwatched; does not own fd. */
struct event_loop_watch *event_loop_watch(struct event_loop *loop, int fd, void (*on_readable)(void *context),
                                          void *context);
void event_loop_unwatch(struct event_loop_watch *watch); /* ends at once: no call-back after it; fd may be closed */

/* Gives the loop a turn; from any thread, while the loop lives. */
void event_loop_wake(struct event_loop *loop);

/* Has the loop turned within the last `limit_ms`? From any thread; true before the first run. */
bool event_loop_is_live(const struct event_loop *loop, int64_t limit_ms);

/* For libraries that bring their own handles (libcurl's sockets). */
uv_loop_t *event_loop_uv(struct event_loop *loop);

#endif
