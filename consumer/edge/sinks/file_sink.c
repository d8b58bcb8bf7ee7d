#include "file_sink.h"

#include "check.h"
#include "hash_table.h"
#include "log.h"
#include "log_budget.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

enum { FILE_MODE = 0640 };

/* A delivery from start to answer. It has its own copy of the bytes: a cancel gives the lender's back at once, and the
 * worker may be writing them. */
struct line {
    uint64_t number;
    struct bytes bytes;
    bool wants_fsync;
    bool is_in_group;
    bool is_cancelled; /* then it is no longer in `in_air` */
    int error;         /* an errno; 0: it is in the file */
    struct file *file;
    UT_hash_handle hh;
    TAILQ_ENTRY(line) link;
};

TAILQ_HEAD(line_list, line);

/* What the worker may touch while a group is under way; nobody else does then. */
struct open_file {
    int fd; /* -1: closed */
    bool is_regular;
    bool is_torn; /* its last line has no end: the next begins with a newline */
};

struct file {
    struct file_sink *sink;
    char *path;
    struct open_file open;
    struct line_list waiting;
    struct line_list group; /* the worker's while is_busy */
    bool is_busy;
    bool wants_reopen;
    bool closes_first; /* the worker's orders */
    bool closes_after;
    uv_work_t work;
    UT_hash_handle hh;
};

struct file_sink {
    struct event_loop *loop;
    sink_listener *listener;
    void *context;
    struct file *files;  /* by path */
    struct line *in_air; /* by number */
    bool is_stopped;
    bool is_destroyed;
    struct log_budget lines;
};

/* ---- in a worker thread ---- */

static int flush_folder(const char *path)
{
    char *copy = memory_copy_text(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd >= 0 && fsync(fd) == 0 ? 0 : errno;

    if (fd >= 0) {
        close(fd);
    }
    free(copy);
    return error;
}

static void close_file(struct open_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    *file = (struct open_file){.fd = -1};
}

static int look_at_file(struct open_file *file)
{
    struct stat facts;
    char last = '\n';

    if (fstat(file->fd, &facts) != 0) {
        return errno;
    }
    if (!S_ISREG(facts.st_mode) && !S_ISCHR(facts.st_mode)) {
        return EINVAL; /* a pipe would lose what nobody has read yet */
    }
    file->is_regular = S_ISREG(facts.st_mode);
    if (file->is_regular && facts.st_size > 0 && pread(file->fd, &last, 1, facts.st_size - 1) != 1) {
        return errno == 0 ? EIO : errno;
    }
    file->is_torn = last != '\n';
    return 0;
}

/* Not blocking, for a pipe without a reader. The folder is flushed with every opening, since who made the file may
 * have died before that. */
static int open_file(const char *path, bool wants_fsync, struct open_file *file)
{
    int error;

    file->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    if (file->fd < 0) {
        return errno;
    }
    error = look_at_file(file);
    if (error == 0 && wants_fsync && file->is_regular) {
        error = flush_folder(path);
    }
    if (error != 0) {
        close_file(file);
    }
    return error;
}

/* Takes `written` bytes off the end again, if the end is ours. */
static bool cut_off(int fd, size_t written)
{
    struct stat facts;
    off_t end = lseek(fd, 0, SEEK_CUR); /* an appending write leaves the place at its end */

    return end >= (off_t)written && fstat(fd, &facts) == 0 && facts.st_size == end &&
           ftruncate(fd, end - (off_t)written) == 0;
}

static int append_locked(struct open_file *file, const struct bytes *line)
{
    static char newline[] = "\n";
    const struct iovec parts[] = {{newline, 1}, {line->data, line->size}};
    size_t size = line->size + (file->is_torn ? 1 : 0);
    ssize_t written;

    do {
        errno = 0;
        written = file->is_torn ? writev(file->fd, parts, 2) : write(file->fd, line->data, line->size);
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        return errno;
    }
    if ((size_t)written == size) {
        file->is_torn = false;
        return 0;
    }
    if (written > 0 && !cut_off(file->fd, (size_t)written)) {
        file->is_torn = true;
    }
    return ENOSPC; /* a file takes a part for no other reason but a full disk, quota or limit */
}

static int append_line(struct open_file *file, const struct bytes *line)
{
    int error;

    if (!file->is_regular) {
        return append_locked(file, line);
    }
    while (flock(file->fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    error = append_locked(file, line);
    flock(file->fd, LOCK_UN);
    return error;
}

static void fail_group(struct line_list *group, int error)
{
    struct line *line;

    TAILQ_FOREACH(line, group, link)
    {
        line->error = line->error == 0 ? error : line->error;
    }
}

static bool group_wants_fsync(const struct line_list *group)
{
    const struct line *line;

    TAILQ_FOREACH(line, group, link)
    {
        if (line->wants_fsync) {
            return true;
        }
    }
    return false;
}

static void write_group(struct file *file)
{
    bool wants_fsync = group_wants_fsync(&file->group);
    struct line *line;

    if (file->open.fd < 0) {
        int error = open_file(file->path, wants_fsync, &file->open);

        if (error != 0) {
            fail_group(&file->group, error);
            return;
        }
    }
    TAILQ_FOREACH(line, &file->group, link)
    {
        line->error = append_line(&file->open, &line->bytes);
    }
    /* After an fsync that failed the next one would say that all is well: the file is opened anew. */
    if (wants_fsync && file->open.is_regular && fdatasync(file->open.fd) != 0) {
        fail_group(&file->group, errno);
        close_file(&file->open);
    }
}

static void on_work(uv_work_t *work)
{
    struct file *file = work->data;

    if (file->closes_first) {
        close_file(&file->open);
    }
    if (!TAILQ_EMPTY(&file->group)) {
        write_group(file);
    }
    if (file->closes_after) {
        close_file(&file->open);
    }
}

/* ---- in the loop's thread ---- */

static void on_worked(uv_work_t *work, int status);

static void free_line(struct line *line)
{
    bytes_free(&line->bytes);
    free(line);
}

static void free_file(struct file *file)
{
    CHECK(!file->is_busy && TAILQ_EMPTY(&file->waiting) && TAILQ_EMPTY(&file->group));
    close_file(&file->open);
    HASH_DEL(file->sink->files, file);
    free(file->path);
    free(file);
}

static void start_group(struct file *file)
{
    struct line *line;

    file->is_busy = true;
    file->closes_first = file->wants_reopen;
    file->wants_reopen = false;
    file->closes_after = HASH_COUNT(file->sink->files) > FILE_SINK_OPEN_MAX;
    for (int i = 0; i < FILE_SINK_GROUP_MAX && (line = TAILQ_FIRST(&file->waiting)) != NULL; i++) {
        TAILQ_REMOVE(&file->waiting, line, link);
        TAILQ_INSERT_TAIL(&file->group, line, link);
        line->is_in_group = true;
    }
    CHECK(uv_queue_work(event_loop_uv(file->sink->loop), &file->work, on_work, on_worked) == 0);
}

static void free_sink_if_idle(struct file_sink *sink)
{
    if (sink->is_destroyed && sink->files == NULL) {
        free(sink);
    }
}

/* What comes next for a file that has nothing under way: work, rest, or the end. */
static void go_on(struct file *file)
{
    struct file_sink *sink = file->sink;

    file->is_busy = false;
    if (!sink->is_stopped && (!TAILQ_EMPTY(&file->waiting) || (file->wants_reopen && file->open.fd >= 0))) {
        start_group(file);
    } else if (sink->is_stopped || file->open.fd < 0) {
        free_file(file);
        free_sink_if_idle(sink);
    }
}

static void tell_answer(struct file_sink *sink, const struct line *line, const char *path)
{
    struct sink_answer answer = {.verdict = VERDICT_DELIVERED, .retry_after_ms = -1, .detail = "", .requests = 1};

    if (line->error != 0) {
        answer.verdict = VERDICT_FAILED;
        answer.error = sink_error_of_file(line->error);
        answer.detail = strerror(line->error);
        if (sink_may_log(&sink->lines, event_loop_now_ms(sink->loop))) {
            log_warn("a file cannot be written to", LOG_TEXT("path", path), LOG_TEXT("reason", answer.detail));
        }
    }
    sink->listener(sink->context, line->number, &answer);
}

static void on_worked(uv_work_t *work, int status)
{
    struct file *file = work->data;
    struct file_sink *sink = file->sink;
    struct line *line;

    CHECK(status == 0); /* nobody cancels it */
    while ((line = TAILQ_FIRST(&file->group)) != NULL) {
        TAILQ_REMOVE(&file->group, line, link);
        if (!line->is_cancelled) {
            HASH_DEL(sink->in_air, line);
            tell_answer(sink, line, file->path);
        }
        free_line(line);
    }
    go_on(file);
}

static struct file *file_of(struct file_sink *sink, const char *path)
{
    struct file *file;

    HASH_FIND_STR(sink->files, path, file);
    if (file == NULL) {
        file = memory_alloc(1, sizeof(*file));
        file->sink = sink;
        file->path = memory_copy_text(path);
        file->open.fd = -1;
        file->work.data = file;
        TAILQ_INIT(&file->waiting);
        TAILQ_INIT(&file->group);
        HASH_ADD_KEYPTR(hh, sink->files, file->path, strlen(file->path), file);
    }
    return file;
}

/* ---- the contract's functions ---- */

static enum status start_attempt(void *context, const struct sink_delivery *delivery, struct error *ret_error)
{
    struct file_sink *sink = context;
    const struct file_target *target = &delivery->subscription->file;
    struct line *line;

    (void)ret_error;
    CHECK(!sink->is_stopped);
    sink_delivery_check(delivery, SINK_FILE);
    line = memory_alloc(1, sizeof(*line));
    line->number = delivery->number;
    line->wants_fsync = target->fsync == FILE_FSYNC_ALWAYS;
    bytes_reserve(&line->bytes, delivery->body.size + 1);
    bytes_append_view(&line->bytes, delivery->body);
    bytes_append_byte(&line->bytes, '\n');
    line->file = file_of(sink, target->path);
    HASH_ADD(hh, sink->in_air, number, sizeof(line->number), line);
    TAILQ_INSERT_TAIL(&line->file->waiting, line, link);
    if (!line->file->is_busy) {
        start_group(line->file);
    }
    return STATUS_OK;
}

static void cancel(void *context, uint64_t number)
{
    struct file_sink *sink = context;
    struct line *line;

    HASH_FIND(hh, sink->in_air, &number, sizeof(number), line);
    if (line == NULL) {
        return;
    }
    HASH_DEL(sink->in_air, line);
    line->is_cancelled = true;
    if (!line->is_in_group) {
        TAILQ_REMOVE(&line->file->waiting, line, link);
        free_line(line);
    }
}

static void reopen(void *context)
{
    struct file_sink *sink = context;
    struct file *file;
    struct file *next;

    HASH_ITER(hh, sink->files, file, next)
    {
        file->wants_reopen = true;
        if (!file->is_busy) {
            start_group(file);
        }
    }
}

static void stop(void *context)
{
    struct file_sink *sink = context;
    struct line *line;
    struct line *next_line;
    struct file *file;
    struct file *next;

    sink->is_stopped = true;
    HASH_ITER(hh, sink->in_air, line, next_line)
    {
        cancel(sink, line->number);
    }
    HASH_ITER(hh, sink->files, file, next)
    {
        if (!file->is_busy) {
            free_file(file);
        }
    }
}

static void destroy(void *context)
{
    struct file_sink *sink = context;

    stop(sink);
    sink->is_destroyed = true;
    free_sink_if_idle(sink);
}

struct sink file_sink_create(struct event_loop *loop, sink_listener *listener, void *context)
{
    static const struct sink_ops ops = {
        .start_attempt = start_attempt, .cancel = cancel, .reopen = reopen, .stop = stop, .destroy = destroy};
    struct file_sink *sink = memory_alloc(1, sizeof(*sink));

    sink->loop = loop;
    sink->listener = listener;
    sink->context = context;
    return (struct sink){.ops = &ops, .self = sink};
}
