#include "producer_app.h"

#include "admin_http.h"
#include "check.h"
#include "kafka_publisher.h"
#include "line_source.h"
#include "log.h"
#include "memory.h"
#include "monotonic_clock.h"
#include "producer_checkpoint.h"
#include "producer_counts.h"
#include "producer_files.h"
#include "producer_reader.h"
#include "producer_sender.h"
#include "producer_work.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    LIVE_LIMIT_MS = 10000, /* a loop that has not turned for longer is dead */
    TURN_MOST_MS = 1000,   /* an idle loop still turns */
    ASK_TIMEOUT_MS = 1000,
    FOLLOW_MS = 250, /* between two looks at a followed file */
    PROGRESS_MS = 2000,
};

/*   READING --end of input--> FINISHING --all acknowledged--> ENDED
 *      |                          |                             ^
 *      +---signal, a file fails---+---> DRAINING --all back, or drain is over, or a second signal---+
 *
 * A followed file has no end: where another one takes its place, READING goes on with that one as soon as all of the
 * old one is acknowledged. */
enum app_state { APP_READING, APP_FINISHING, APP_DRAINING, APP_ENDED };

struct producer_app {
    const struct producer_settings *settings;
    struct metrics *metrics;
    struct admin_http *admin;
    struct producer_files files;
    struct kafka_publisher *publisher;
    struct producer_work work;
    struct producer_reader *reader;
    struct producer_sender *sender;
    int signal_fd;

    enum app_state state;
    enum reader_state reader_state;
    enum exit_status trouble; /* why it could not go on; OK: it could */
    bool has_been_open;       /* publishing could begin */
    bool is_rejects_broken;
    bool is_signalled;  /* asked to stop; a failure may have begun the drain before */
    int64_t started_ms; /* monotonic, as all but now_ms */
    int64_t drain_until_ms;
    int64_t follow_due_ms; /* when a followed file is read next, though nothing tells of more */
    int64_t look_due_ms;   /* and when its path is looked at */
    bool is_queue_full_said;
    int64_t progress_due_ms; /* INT64_MAX: never */
    int64_t now_ms;          /* Unix time; never goes back */

    atomic_bool is_open; /* read by the admin listener's thread */
    _Atomic int64_t turned_ms;
};

/* A clock that is set back must not stamp an event earlier than the one before it. */
static void read_clock(struct producer_app *app)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    app->now_ms = now_ms > app->now_ms ? now_ms : app->now_ms;
}

/* ---- health: called on the admin listener's thread ---- */

static bool is_live(void *context, struct bytes *why)
{
    const struct producer_app *app = context;
    if (monotonic_clock_ms() - atomic_load(&app->turned_ms) > LIVE_LIMIT_MS) {
        bytes_append_text(why, "the loop has not turned for 10 s");
        return false;
    }
    return true;
}

static bool is_ready(void *context, struct bytes *why)
{
    const struct producer_app *app = context;
    if (!atomic_load(&app->is_open)) {
        bytes_append_text(why, "the broker has not answered, or publishing waits; see the log");
        return false;
    }
    return true;
}

/* ---- start ---- */

static void explain_files(enum exit_status exit_status, const struct error *error)
{
    if (exit_status == EXIT_STATUS_NO_INPUT) {
        log_error("the input cannot be read; name another with --input", LOG_TEXT("reason", error->text));
    } else if (exit_status == EXIT_STATUS_CANT_WRITE) {
        log_error("a file cannot be written; choose another for the rejects with --set rejects=FILE, for the "
                  "checkpoint with --checkpoint FILE",
                  LOG_TEXT("reason", error->text));
    } else {
        log_error("a file cannot be used for this", LOG_TEXT("reason", error->text));
    }
}

/* Before any thread is started, so that all inherit it: the signals come through the descriptor and nowhere else. */
static int open_signals(void)
{
    static const int numbers[] = {SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        /* Ignored by who started us (nohup, a script's background): then they stay ignored. */
        struct sigaction action;
        CHECK(sigaction(numbers[i], NULL, &action) == 0);
        if (action.sa_handler != SIG_IGN) {
            sigaddset(&set, numbers[i]);
        }
    }
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR); /* a file that may not grow is a write that fails */
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static enum exit_status open_publisher(struct producer_app *app)
{
    const struct kafka_publisher_settings settings = {
        .properties = &app->settings->kafka,
        .topic = app->settings->topic,
        .records_max = (uint32_t)app->settings->in_flight_events,
        .bytes_max = app->settings->in_flight_bytes,
    };
    struct error error = {0};
    if (kafka_publisher_create(&settings, &app->publisher, &error) != STATUS_OK) {
        log_error("the Kafka client cannot be made", LOG_TEXT("reason", error.text));
        return EXIT_STATUS_SETTINGS;
    }
    return EXIT_STATUS_OK;
}

static enum exit_status open_admin(struct producer_app *app)
{
    const struct admin_http_health health = {.is_live = is_live, .is_ready = is_ready, .context = app};
    struct error error = {0};
    if (app->settings->admin_listen == NULL) {
        return EXIT_STATUS_OK;
    }
    if (admin_http_start(app->settings->admin_listen, app->metrics, &health, &app->admin, &error) != STATUS_OK) {
        log_error("the admin listener cannot be started; choose another address with admin.listen",
                  LOG_TEXT("reason", error.text));
        return EXIT_STATUS_SETTINGS;
    }
    log_info("admin listener", LOG_TEXT("listen", app->settings->admin_listen),
             LOG_INT("port", admin_http_port(app->admin)));
    return EXIT_STATUS_OK;
}

static void open_work(struct producer_app *app)
{
    const struct publish_position start = app->files.start;
    const struct publish_limits limits = {.events_max = (uint32_t)app->settings->in_flight_events,
                                          .bytes_max = app->settings->in_flight_bytes};
    app->work = (struct producer_work){
        .input = app->settings->input,
        .ledger = publish_ledger_create(&limits),
        .store = record_store_create(limits.events_max),
        .rejects = app->files.rejects,
        .counts = producer_counts_create(app->metrics),
        .stops_at_reject = app->settings->on_invalid == INVALID_STOP,
    };
    publish_ledger_start(app->work.ledger, start);
    if (app->settings->is_followed) {
        line_source_follow(app->files.source);
    }
    if (start.offset > 0) {
        log_info("going on at the checkpoint", LOG_TEXT("input", app->settings->input),
                 LOG_TEXT("checkpoint", app->settings->checkpoint), LOG_INT("line", start.line),
                 LOG_INT("offset", start.offset));
    }
}

static enum exit_status open_app(struct producer_app *app)
{
    struct error error = {0};
    app->started_ms = monotonic_clock_ms();
    app->progress_due_ms = isatty(STDERR_FILENO) == 1 ? app->started_ms + PROGRESS_MS : INT64_MAX;
    atomic_store(&app->turned_ms, app->started_ms);
    app->signal_fd = open_signals();
    app->metrics = metrics_create();
    enum exit_status exit_status = producer_files_open(app->settings, &app->files, &error);
    if (exit_status != EXIT_STATUS_OK) {
        explain_files(exit_status, &error);
        return exit_status;
    }
    open_work(app);
    exit_status = open_publisher(app);
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = open_admin(app);
    }
    if (exit_status == EXIT_STATUS_OK) {
        app->reader =
            producer_reader_create(&app->work, app->files.source, app->settings->format, app->settings->source_id);
        app->sender = producer_sender_create(&app->work, app->publisher, app->settings->topic);
    }
    return exit_status;
}

static void close_app(struct producer_app *app)
{
    admin_http_stop(app->admin);
    producer_sender_destroy(app->sender);
    producer_reader_destroy(app->reader);
    kafka_publisher_destroy(app->publisher);
    publish_ledger_destroy(app->work.ledger);
    record_store_destroy(app->work.store);
    producer_counts_destroy(app->work.counts);
    producer_files_close(&app->files);
    metrics_destroy(app->metrics);
    close(app->signal_fd);
}

/* ---- the loop ---- */

static void begin_drain(struct producer_app *app, int64_t mono_ms)
{
    if (app->state == APP_READING || app->state == APP_FINISHING) {
        producer_reader_stop(app->reader);
        app->state = APP_DRAINING;
        app->drain_until_ms = mono_ms + app->settings->drain_ms;
    }
}

static void fail(struct producer_app *app, enum exit_status trouble, const struct error *error, int64_t mono_ms)
{
    if (app->trouble == EXIT_STATUS_OK) {
        app->trouble = trouble;
    }
    switch (trouble) {
    case EXIT_STATUS_CANT_WRITE:
        app->is_rejects_broken = true;
        log_error("the rejects file cannot be written, so nothing more is read; make room or choose another with "
                  "--set rejects=FILE, then start again",
                  LOG_TEXT("file", app->settings->rejects), LOG_TEXT("reason", error->text));
        break;
    case EXIT_STATUS_NO_INPUT:
        log_error("the input cannot be read on", LOG_TEXT("input", app->settings->input),
                  LOG_TEXT("reason", error->text));
        break;
    case EXIT_STATUS_UNAVAILABLE:
        log_error("publishing could not begin within startup_timeout", LOG_TEXT("topic", app->settings->topic),
                  LOG_TEXT("reason", error->text));
        break;
    default:
        log_error("cannot go on", LOG_TEXT("reason", error->text));
        break;
    }
    begin_drain(app, mono_ms);
}

static void take_signals(struct producer_app *app, int64_t mono_ms)
{
    struct signalfd_siginfo signal_info;
    while (read(app->signal_fd, &signal_info, sizeof(signal_info)) == (ssize_t)sizeof(signal_info)) {
        if (app->is_signalled && app->state != APP_ENDED) {
            log_warn("a second signal: what is in flight is not waited for");
            app->state = APP_ENDED;
        } else if (app->state != APP_ENDED) {
            app->is_signalled = true;
            log_info("stopping: nothing more is read, what is in flight is waited for",
                     LOG_INT("drain_ms", app->settings->drain_ms));
            begin_drain(app, mono_ms);
        }
    }
}

/* on_invalid is stop: the first line in the rejects ends the reading. */
static void stop_at_reject(struct producer_app *app, int64_t mono_ms)
{
    const struct producer_work *work = &app->work;
    if (!work->stops_at_reject || work->last_reject.line == 0 || app->state != APP_READING) {
        return;
    }
    log_error(
        "a line was rejected, and on_invalid is stop: nothing more is read; the rejects file has the line and why",
        LOG_TEXT("input", app->settings->input), LOG_INT("line", work->last_reject.line),
        LOG_INT("offset", work->last_reject.offset), LOG_TEXT("rule", work->last_rule),
        LOG_TEXT("rejects", app->settings->rejects));
    app->trouble = app->trouble == EXIT_STATUS_OK ? EXIT_STATUS_BAD_DATA : app->trouble;
    begin_drain(app, mono_ms);
}

static void save_position(struct producer_app *app, int64_t mono_ms)
{
    struct error error = {0};
    struct publish_position position = publish_ledger_position(app->work.ledger);
    if (app->files.checkpoint == NULL ||
        producer_checkpoint_write(app->files.checkpoint, position, app->work.rejects, mono_ms, &error) == STATUS_OK) {
        return;
    }
    if (app->trouble == EXIT_STATUS_OK) {
        app->trouble = EXIT_STATUS_CANT_WRITE;
        log_error("the checkpoint cannot be written, so nothing more is read; make room or choose another with "
                  "--checkpoint FILE, then start again",
                  LOG_TEXT("file", app->settings->checkpoint), LOG_TEXT("reason", error.text));
        begin_drain(app, mono_ms);
    }
}

/* ---- a followed file ---- */

static void say_missed(struct producer_app *app)
{
    struct line_source_missed missed;
    if (line_source_has_missed(app->files.source, &missed)) {
        log_error("something was appended to a renamed input after it had been quiet for a second and was left; it is "
                  "not published: publish what that file has behind this offset with --input, and let its writer open "
                  "the new file sooner",
                  LOG_TEXT("input", app->settings->input), LOG_INT("inode", (int64_t)missed.inode),
                  LOG_INT("offset", missed.offset), LOG_INT("bytes", missed.bytes));
    }
}

/* Has another file taken the input's name? A full queue is said once, and tried again. */
static void look_around(struct producer_app *app, int64_t mono_ms)
{
    if (!app->settings->is_followed || mono_ms < app->look_due_ms) {
        return;
    }
    bool is_first_look = app->look_due_ms == 0;
    app->look_due_ms = mono_ms + FOLLOW_MS;
    say_missed(app);
    bool is_new = false;
    bool is_full = line_source_look_around(app->files.source, &is_new) != STATUS_OK;
    if (is_new && is_first_look) {
        log_warn("the input was renamed while nobody read it: going on with that file, then with the one that has its "
                 "name now; a third one that had it in between is noticed only under a rotated name (in.log.1, "
                 "in.log-20260203)",
                 LOG_TEXT("input", app->settings->input));
    }
    if (is_new) {
        save_position(app, mono_ms); /* a run that comes after this one must know it as well */
    }
    if (is_full && !app->is_queue_full_said) {
        log_error("the input was renamed more often than can be followed; files may be passed over unless publishing "
                  "goes on before the next renaming",
                  LOG_TEXT("input", app->settings->input), LOG_INT("waiting", INPUT_QUEUE_MAX));
    }
    app->is_queue_full_said = is_full;
}

/* The old file is at its end: begins with the next one, when nothing of the old one is on its way any more. */
static void go_on_with_next(struct producer_app *app, int64_t mono_ms)
{
    if (!app->settings->is_followed || app->state != APP_READING || app->reader_state != READER_IS_AT_END ||
        publish_ledger_counts(app->work.ledger).places > 0) {
        return;
    }
    struct publish_position end = publish_ledger_position(app->work.ledger);
    bool is_other = line_source_go_on(app->files.source);
    if (is_other) {
        log_info("the input has been read to its end; going on with the file that has taken its name",
                 LOG_TEXT("input", app->settings->input), LOG_INT("lines", end.line - 1), LOG_INT("bytes", end.offset));
    } else {
        log_warn("the input has become shorter than what was read of it; going on at its start",
                 LOG_TEXT("input", app->settings->input), LOG_INT("line", end.line), LOG_INT("offset", end.offset));
    }
    publish_ledger_start(app->work.ledger, (struct publish_position){.line = 1, .offset = 0});
    app->reader_state = READER_WANTS_INPUT;
    if (app->files.checkpoint != NULL) {
        producer_checkpoint_forget(app->files.checkpoint);
        save_position(app, mono_ms);
    }
}

static void on_reader_state(struct producer_app *app, enum reader_state state, const struct error *error,
                            int64_t mono_ms)
{
    app->reader_state = state;
    switch (state) {
    case READER_WANTS_INPUT:
    case READER_IS_BLOCKED:
        return;
    case READER_IS_AT_END:
        app->state = app->settings->is_followed ? APP_READING : APP_FINISHING;
        return;
    case READER_HAS_REJECTED:
        stop_at_reject(app, mono_ms);
        return;
    case READER_INPUT_FAILED:
        fail(app, EXIT_STATUS_NO_INPUT, error, mono_ms);
        return;
    case READER_REJECTS_FAILED:
        fail(app, EXIT_STATUS_CANT_WRITE, error, mono_ms);
        return;
    }
}

static void run_reader(struct producer_app *app, bool is_readable, int64_t mono_ms)
{
    struct error error = {0};
    look_around(app, mono_ms);
    if (app->state == APP_READING && app->reader_state == READER_IS_AT_END) {
        go_on_with_next(app, mono_ms);
        return;
    }
    if (line_source_is_waiting(app->files.source)) {
        is_readable = mono_ms >= app->follow_due_ms; /* the descriptor of a file does not tell */
        app->follow_due_ms = is_readable ? mono_ms + FOLLOW_MS : app->follow_due_ms;
    }
    if (app->state == APP_READING && is_readable && app->reader_state == READER_WANTS_INPUT) {
        on_reader_state(app, producer_reader_fill(app->reader, &error), &error, mono_ms);
    }
    if (app->state == APP_READING) {
        bool is_open = producer_sender_is_open(app->sender);
        on_reader_state(app, producer_reader_run(app->reader, app->now_ms, is_open, &error), &error, mono_ms);
    }
}

static void decide_end(struct producer_app *app, int64_t mono_ms)
{
    struct publish_counts counts = publish_ledger_counts(app->work.ledger);
    bool is_all_back = counts.waiting + counts.sent == 0 && (counts.refused == 0 || app->is_rejects_broken);
    bool is_finished = app->state == APP_FINISHING && counts.places == 0;
    bool is_drained = app->state == APP_DRAINING && (is_all_back || mono_ms >= app->drain_until_ms);
    if (is_finished || is_drained) {
        app->state = APP_ENDED;
    }
}

static void run_sender(struct producer_app *app, bool is_readable, int64_t mono_ms)
{
    struct error error = {0};
    int64_t left_ms = INT64_MAX;
    if (!app->has_been_open && app->settings->startup_timeout_ms >= 0) {
        left_ms = app->started_ms + app->settings->startup_timeout_ms - mono_ms;
    }
    int ask_ms = left_ms < 1 ? 1 : left_ms < ASK_TIMEOUT_MS ? (int)left_ms : ASK_TIMEOUT_MS;
    if (app->state == APP_READING && app->reader_state == READER_WANTS_INPUT && is_readable) {
        ask_ms = 0; /* there may be more to read that needs no broker: blank lines, rejects, the end */
    }
    if (producer_sender_send(app->sender, mono_ms, ask_ms, &error) != STATUS_OK) {
        fail(app, EXIT_STATUS_SETTINGS, &error, mono_ms);
        app->state = APP_ENDED;
        return;
    }
    bool is_open = producer_sender_is_open(app->sender);
    app->has_been_open = app->has_been_open || is_open;
    atomic_store(&app->is_open, is_open);
    bool is_late = !app->has_been_open && left_ms <= monotonic_clock_ms() - mono_ms;
    if (is_late && app->state != APP_DRAINING) {
        error_set(&error, STATUS_UNAVAILABLE, "%s", producer_sender_reason(app->sender));
        fail(app, EXIT_STATUS_UNAVAILABLE, &error, mono_ms);
        app->state = APP_ENDED;
    }
}

static void turn(struct producer_app *app, bool is_readable)
{
    struct error error = {0};
    int64_t mono_ms = monotonic_clock_ms();
    atomic_store(&app->turned_ms, mono_ms);
    read_clock(app);
    take_signals(app, mono_ms);
    if (app->state == APP_ENDED) {
        return;
    }
    producer_sender_take_reports(app->sender, mono_ms);
    if (!app->is_rejects_broken && producer_sender_reject_refused(app->sender, &error) != STATUS_OK) {
        fail(app, EXIT_STATUS_CANT_WRITE, &error, mono_ms);
    }
    stop_at_reject(app, mono_ms);
    run_reader(app, is_readable, mono_ms);
    if (app->files.checkpoint != NULL && producer_checkpoint_is_due(app->files.checkpoint, mono_ms)) {
        save_position(app, mono_ms);
    }
    decide_end(app, mono_ms);
    if (app->state != APP_ENDED) {
        run_sender(app, is_readable, mono_ms);
    }
    struct publish_counts counts = publish_ledger_counts(app->work.ledger);
    producer_counts_in_flight(app->work.counts, &counts, publish_ledger_is_held(app->work.ledger));
    if (mono_ms >= app->progress_due_ms && app->state != APP_ENDED) {
        app->progress_due_ms = mono_ms + PROGRESS_MS;
        producer_counts_progress(app->work.counts, line_source_offset(app->files.source),
                                 line_source_size(app->files.source));
    }
}

/* How long the loop may sleep. */
static int sleep_ms(const struct producer_app *app)
{
    int64_t until_ms = producer_sender_deadline(app->sender);
    if (app->state == APP_DRAINING && app->drain_until_ms < until_ms) {
        until_ms = app->drain_until_ms;
    }
    if (app->state == APP_READING && line_source_is_waiting(app->files.source) && app->follow_due_ms < until_ms) {
        until_ms = app->follow_due_ms;
    }
    if (app->state == APP_READING && app->reader_state == READER_IS_AT_END &&
        publish_ledger_counts(app->work.ledger).places == 0) {
        return 0; /* the next file begins */
    }
    if (app->state == APP_READING && app->reader_state == READER_IS_BLOCKED && producer_sender_is_open(app->sender) &&
        publish_ledger_counts(app->work.ledger).places == 0) {
        return 0; /* it was blocked only until the topic was known */
    }
    int64_t left_ms = until_ms == INT64_MAX ? TURN_MOST_MS : until_ms - monotonic_clock_ms();
    return left_ms < 0 ? 0 : left_ms < TURN_MOST_MS ? (int)left_ms : TURN_MOST_MS;
}

static void run_loop(struct producer_app *app)
{
    enum { SIGNAL, PUBLISHER, INPUT, FD_COUNT };
    while (app->state != APP_ENDED) {
        bool wants_input = app->state == APP_READING && app->reader_state == READER_WANTS_INPUT &&
                           !line_source_is_waiting(app->files.source);
        struct pollfd fds[FD_COUNT] = {
            [SIGNAL] = {.fd = app->signal_fd, .events = POLLIN},
            [PUBLISHER] = {.fd = kafka_publisher_fd(app->publisher), .events = POLLIN},
            [INPUT] = {.fd = wants_input ? line_source_fd(app->files.source) : -1, .events = POLLIN},
        };
        int count = poll(fds, FD_COUNT, sleep_ms(app));
        turn(app, count > 0 && fds[INPUT].revents != 0);
    }
}

/* ---- end ---- */

/* Is all of the input dealt with? Of a followed file: all lines that are there now. */
static bool is_all_done(const struct producer_app *app)
{
    bool is_at_end = app->settings->is_followed
                         ? app->reader_state == READER_WANTS_INPUT && line_source_is_caught_up(app->files.source)
                         : app->reader_state == READER_IS_AT_END;
    return is_at_end && publish_ledger_counts(app->work.ledger).places == 0;
}

static enum exit_status say_end(struct producer_app *app)
{
    struct error error = {0};
    bool is_done = is_all_done(app);
    if (app->trouble == EXIT_STATUS_OK && rejects_file_sync(app->work.rejects, &error) != STATUS_OK) {
        fail(app, EXIT_STATUS_CANT_WRITE, &error, monotonic_clock_ms());
    }
    if (!app->is_rejects_broken) {
        save_position(app, monotonic_clock_ms());
    }
    if (!is_done) {
        struct publish_position position = publish_ledger_position(app->work.ledger);
        log_warn("stopped before the end of the input: everything before this position is dealt with; what follows may "
                 "be sent again, with the same ids",
                 LOG_TEXT("input", app->settings->input), LOG_INT("line", position.line),
                 LOG_INT("offset", position.offset));
    }
    producer_counts_log(app->work.counts, is_done ? "done" : "stopped", app->files.start,
                        monotonic_clock_ms() - app->started_ms);
    if (app->trouble != EXIT_STATUS_OK) {
        return app->trouble;
    }
    if (!is_done) {
        return EXIT_STATUS_STOPPED;
    }
    return producer_counts_rejects(app->work.counts) > 0 ? EXIT_STATUS_BAD_DATA : EXIT_STATUS_OK;
}

enum exit_status producer_app_run(const struct producer_settings *settings)
{
    struct producer_app app = {.settings = settings, .signal_fd = -1};
    enum exit_status exit_status = open_app(&app);
    if (exit_status == EXIT_STATUS_OK) {
        run_loop(&app);
        exit_status = say_end(&app);
    }
    close_app(&app);
    return exit_status;
}
