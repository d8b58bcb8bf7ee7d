#include "consumer_app.h"

#include "admin_http.h"
#include "check.h"
#include "event_loop.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "reload.h"
#include "shard.h"
#include "shard_metrics.h"
#include "startup.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

enum {
    LIVE_LIMIT_MS = 10000,   /* a loop that has not turned for longer is dead */
    PARTITIONS_HEADROOM = 64 /* slots beyond twice the partitions of today */
};

/* preparing -> running -> ended; a stop while preparing goes straight to ended. */
enum app_state { APP_PREPARING, APP_RUNNING, APP_ENDED };

struct consumer_app {
    const struct consumer_run *run;
    const struct consumer_settings *settings;
    struct reload reload;
    bool is_reload_asked; /* a SIGHUP came while the one before was not finished */
    struct event_loop *loop;
    struct metrics *metrics;
    struct shard_metrics *shard_metrics; /* one for each shard */
    struct admin_http *admin;

    enum app_state state;
    enum exit_status exit_status;
    uv_work_t startup;
    struct startup_facts facts;
    enum status startup_status;
    struct error startup_error;
    _Atomic bool is_stopping;
    _Atomic bool is_running; /* the shards are there; the admin listener's thread looks at them from then on */
    _Atomic uint32_t shards_drained;
    _Atomic uint32_t shards_ended;
    _Atomic uint32_t shards_reloaded; /* of the reload that is under way */
    bool is_leaving;                  /* all have drained, and were told to leave */
    struct shard **shards;
    uint32_t shard_count; /* made so far; all of them once is_running */
};

/* ---- health: called on the admin listener's thread ---- */

static bool is_live(void *context, struct bytes *why)
{
    struct consumer_app *app = context;
    bool live = event_loop_is_live(app->loop, LIVE_LIMIT_MS);
    for (uint32_t i = 0; atomic_load(&app->is_running) && i < app->shard_count; i++) {
        live = live && shard_is_live(app->shards[i], LIVE_LIMIT_MS);
    }
    if (!live) {
        bytes_append_text(why, "a loop has not turned for 10 s");
    }
    return live;
}

static bool have_all_joined(const struct consumer_app *app)
{
    for (uint32_t i = 0; i < app->shard_count; i++) {
        if (!shard_has_joined(app->shards[i])) {
            return false;
        }
    }
    return true;
}

static bool is_ready(void *context, struct bytes *why)
{
    struct consumer_app *app = context;
    if (atomic_load(&app->is_stopping)) {
        bytes_append_text(why, "stopping");
    } else if (!atomic_load(&app->is_running)) {
        bytes_append_text(why, "the broker has not answered, or a topic is missing; see the log");
    } else if (!have_all_joined(app)) {
        bytes_append_text(why, "the group has not been joined yet");
    } else {
        return true;
    }
    return false;
}

/* ---- the shards ---- */

static void on_shard_reloaded(void *context)
{
    struct consumer_app *app = context;
    atomic_fetch_add(&app->shards_reloaded, 1);
    event_loop_wake(app->loop);
}

static void on_shard_drained(void *context)
{
    struct consumer_app *app = context;
    atomic_fetch_add(&app->shards_drained, 1);
    event_loop_wake(app->loop);
}

static void on_shard_ended(void *context)
{
    struct consumer_app *app = context;
    atomic_fetch_add(&app->shards_ended, 1);
    event_loop_wake(app->loop);
}

static void end(struct consumer_app *app, enum exit_status exit_status)
{
    app->state = APP_ENDED;
    app->exit_status = exit_status;
    event_loop_stop(app->loop);
}

static void stop_shards(struct consumer_app *app, int64_t wait_ms)
{
    for (uint32_t i = 0; i < app->shard_count; i++) {
        shard_stop(app->shards[i], wait_ms);
    }
}

static bool has_any_failed(const struct consumer_app *app)
{
    for (uint32_t i = 0; i < app->shard_count; i++) {
        if (shard_has_failed(app->shards[i])) {
            return true;
        }
    }
    return false;
}

static void leave_together(struct consumer_app *app)
{
    app->is_leaving = true;
    for (uint32_t i = 0; i < app->shard_count; i++) {
        shard_leave(app->shards[i]);
    }
}

static enum status make_shards(struct consumer_app *app, struct error *ret_error)
{
    enum status status = STATUS_OK;
    app->shards = memory_alloc((size_t)app->settings->shards, sizeof(struct shard *));
    for (uint32_t i = 0; i < (uint32_t)app->settings->shards && status == STATUS_OK; i++) {
        const struct shard_parts parts = {
            .index = i,
            .settings = app->settings,
            .subscriptions = app->reload.in_force,
            .accepted_gaps = app->run->accepted_gaps,
            .accepted_gap_count = app->run->accepted_gap_count,
            .metrics = &app->shard_metrics[i],
            .partitions_max = 2 * app->facts.partitions + PARTITIONS_HEADROOM,
            .on_reloaded = on_shard_reloaded,
            .on_drained = on_shard_drained,
            .on_ended = on_shard_ended,
            .context = app,
        };
        status = shard_create(&parts, &app->shards[i], ret_error);
        app->shard_count += status == STATUS_OK;
    }
    return status;
}

static void start_shards(struct consumer_app *app)
{
    struct error error = {0};
    enum status status = make_shards(app, &error);
    for (uint32_t i = 0; i < app->shard_count && status == STATUS_OK; i++) {
        status = shard_start(app->shards[i], &error);
    }
    if (status != STATUS_OK) {
        log_error("cannot start", LOG_TEXT("reason", error.text));
        stop_shards(app, 0);
        leave_together(app);
        end(app, EXIT_STATUS_SETTINGS);
        return;
    }
    atomic_store(&app->is_running, true);
    app->state = APP_RUNNING;
    log_info("joining the group", LOG_TEXT("group", app->settings->group), LOG_INT("shards", app->shard_count),
             LOG_INT("subscriptions", app->reload.in_force->count), LOG_INT("partitions", app->facts.partitions));
}

/* ---- start-up, on a thread of libuv's pool ---- */

static bool is_cancelled(void *context)
{
    struct consumer_app *app = context;
    return atomic_load(&app->is_stopping);
}

static void prepare(uv_work_t *work)
{
    struct consumer_app *app = work->data;
    app->startup_status = startup_prepare(app->run, is_cancelled, app, &app->facts, &app->startup_error);
}

static void on_prepared(uv_work_t *work, int uv_status)
{
    struct consumer_app *app = work->data;
    CHECK(uv_status == 0);
    if (atomic_load(&app->is_stopping)) {
        end(app, EXIT_STATUS_OK);
    } else if (app->startup_status != STATUS_OK) {
        log_error("gave up at start", LOG_TEXT("reason", app->startup_error.text));
        end(app, app->startup_status == STATUS_INVALID ? EXIT_STATUS_SETTINGS : EXIT_STATUS_UNAVAILABLE);
    } else {
        start_shards(app);
    }
}

/* ---- signals and turns ---- */

/* One reload at a time: a SIGHUP that comes meanwhile has the file read once more afterwards. */
static void start_reload(struct consumer_app *app)
{
    app->is_reload_asked = app->state != APP_RUNNING || app->reload.next != NULL;
    if (app->is_reload_asked) {
        return;
    }
    bool has_changes = reload_begin(&app->reload, app->settings);
    atomic_store(&app->shards_reloaded, 0);
    for (uint32_t i = 0; i < app->shard_count; i++) {
        shard_reload(app->shards[i], has_changes ? app->reload.next : NULL, &app->reload.changes);
    }
}

static void finish_reload(struct consumer_app *app)
{
    if (app->reload.next != NULL && atomic_load(&app->shards_reloaded) == app->shard_count) {
        reload_finish(&app->reload);
    }
    if (app->is_reload_asked) {
        start_reload(app);
    }
}

static void on_signal(void *context, int number)
{
    struct consumer_app *app = context;
    if (number == SIGHUP) {
        start_reload(app);
        return;
    }
    bool again = atomic_exchange(&app->is_stopping, true);
    log_info(again ? "asked to stop again: cutting what is in the air" : "asked to stop: draining",
             LOG_INT("drain_ms", again ? 0 : app->settings->drain_ms));
    stop_shards(app, again ? 0 : app->settings->drain_ms);
}

static void on_turn(void *context, int64_t now_ms)
{
    (void)now_ms;
    struct consumer_app *app = context;
    if (app->state != APP_RUNNING) {
        return;
    }
    if (has_any_failed(app) && !atomic_exchange(&app->is_stopping, true)) {
        stop_shards(app, app->settings->drain_ms); /* one that cannot go on takes the others with it */
    }
    finish_reload(app);
    if (!app->is_leaving && atomic_load(&app->shards_drained) == app->shard_count) {
        leave_together(app);
    }
    if (atomic_load(&app->shards_ended) == app->shard_count) {
        end(app, has_any_failed(app) ? EXIT_STATUS_UNAVAILABLE : EXIT_STATUS_OK);
    }
}

/* ---- start to end ---- */

static enum status start_admin(struct consumer_app *app)
{
    const struct admin_http_health health = {.is_live = is_live, .is_ready = is_ready, .context = app};
    struct error error = {0};
    enum status status = admin_http_start(app->settings->admin_listen, app->metrics, &health, &app->admin, &error);
    if (status != STATUS_OK) {
        log_error("the admin listener cannot be started; choose another address with admin.listen",
                  LOG_TEXT("reason", error.text));
        return status;
    }
    log_info("admin listener", LOG_TEXT("listen", app->settings->admin_listen),
             LOG_INT("port", admin_http_port(app->admin)));
    return STATUS_OK;
}

static void init_metrics(struct consumer_app *app)
{
    app->metrics = metrics_create();
    app->shard_metrics = memory_alloc((size_t)app->settings->shards, sizeof(struct shard_metrics));
    for (uint32_t i = 0; i < (uint32_t)app->settings->shards; i++) {
        shard_metrics_init(&app->shard_metrics[i], app->metrics, i);
    }
    reload_init(&app->reload, app->run->subscriptions, app->metrics);
}

enum exit_status consumer_app_run(const struct consumer_run *run)
{
    struct consumer_app app = {.run = run, .settings = run->settings};
    app.loop =
        event_loop_create(&(struct event_loop_hooks){.on_turn = on_turn, .on_signal = on_signal, .context = &app});
    init_metrics(&app);
    if (start_admin(&app) == STATUS_OK) {
        app.startup.data = &app;
        CHECK(uv_queue_work(event_loop_uv(app.loop), &app.startup, prepare, on_prepared) == 0);
        event_loop_run(app.loop);
    } else {
        app.exit_status = EXIT_STATUS_SETTINGS;
    }
    admin_http_stop(app.admin);
    for (uint32_t i = 0; i < app.shard_count; i++) {
        shard_destroy(app.shards[i]);
    }
    free(app.shards);
    event_loop_destroy(app.loop);
    reload_destroy(&app.reload);
    metrics_destroy(app.metrics);
    free(app.shard_metrics);
    log_info("stopped", LOG_INT("exit_status", app.exit_status));
    return app.exit_status;
}
