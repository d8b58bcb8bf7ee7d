#include "line_source.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_AHEAD = 256 * 1024, /* beyond a line of full length and its newline */
    QUIET_READS = 4,         /* that find nothing, before a file that lost its path is taken to be complete */
};

struct line_source {
    char *path;
    int fd;
    bool is_stdin;
    bool is_followed;
    bool is_waiting;            /* the last read has found nothing */
    bool is_shortened;          /* ended because it is shorter than what was read */
    int left_fd;                /* of the file that was read before this one; -1: none, or told of */
    int64_t left_size;          /* bytes that were read of it */
    int quiet_reads;            /* since another file has its path, one after the other */
    int queue[INPUT_QUEUE_MAX]; /* descriptors of the files that come after this one */
    uint32_t queue_count;
    bool is_ended;       /* a read has said so */
    bool is_in_long;     /* the start of a long line has been taken, its end not */
    bool is_first_shown; /* line_source_next has answered since the last take or fill */
    enum line_part shown;
    struct bytes_view shown_bytes;
    size_t shown_advance; /* bytes that taking it uses up, the newline among them */
    size_t line_max;
    size_t capacity;
    size_t start;   /* first byte not taken */
    size_t scanned; /* no newline from start to here */
    size_t end;     /* bytes in the buffer */
    int64_t number; /* of the line at `start`, or the long one */
    int64_t offset; /* of that line */
    int64_t taken;  /* bytes before `start` in the input */
    uint8_t *buffer;
    uint8_t head[INPUT_HEAD_MAX]; /* the first bytes of this file, as they were read */
    size_t head_size;
};

static enum status open_path(const char *path, int *ret_fd, struct error *ret_error)
{
    /* Without O_NONBLOCK the opening of a FIFO would wait for its writer, and no signal would be served meanwhile. For
     * a regular file it means nothing. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_set(ret_error, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "%s: %s", path, strerror(errno));
    }
    *ret_fd = fd;
    return STATUS_OK;
}

enum status line_source_open(const char *path, size_t line_max, struct line_source **ret_source,
                             struct error *ret_error)
{
    CHECK(line_max >= 1);
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = STDIN_FILENO;
    if (!is_stdin) {
        enum status status = open_path(path, &fd, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    struct stat facts;
    int failed = fstat(fd, &facts);
    if (failed != 0 || S_ISDIR(facts.st_mode)) {
        error_set(ret_error, STATUS_IO, "%s: %s", is_stdin ? "standard input" : path,
                  failed != 0 ? strerror(errno) : "is a directory; name a file of JSON lines in it");
        if (!is_stdin) {
            close(fd);
        }
        return STATUS_IO;
    }
    struct line_source *source = memory_alloc(1, sizeof(*source));
    source->path = memory_copy_text(path);
    source->fd = fd;
    source->is_stdin = is_stdin;
    source->left_fd = -1;
    source->line_max = line_max;
    source->capacity = line_max + 1 + READ_AHEAD;
    source->number = 1;
    source->buffer = memory_alloc(source->capacity, 1);
    *ret_source = source;
    return STATUS_OK;
}

static void forget_left(struct line_source *source)
{
    if (source->left_fd >= 0) {
        close(source->left_fd);
        source->left_fd = -1;
    }
}

void line_source_destroy(struct line_source *source)
{
    if (source == NULL) {
        return;
    }
    if (!source->is_stdin) {
        close(source->fd);
    }
    forget_left(source);
    for (uint32_t i = 0; i < source->queue_count; i++) {
        close(source->queue[i]);
    }
    free(source->path);
    free(source->buffer);
    free(source);
}

int line_source_fd(const struct line_source *source)
{
    return source->fd;
}

bool line_source_is_regular(const struct line_source *source)
{
    struct stat facts;
    return fstat(source->fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

int64_t line_source_size(const struct line_source *source)
{
    struct stat facts;
    return fstat(source->fd, &facts) == 0 && S_ISREG(facts.st_mode) ? (int64_t)facts.st_size : -1;
}

enum status line_source_identify(const struct line_source *source, int64_t head_size,
                                 struct input_identity *ret_identity, struct error *ret_error)
{
    size_t size = head_size < (int64_t)source->head_size ? (size_t)head_size : source->head_size;
    return input_identity_make(source->fd, bytes_view_of(source->head, size), ret_identity, ret_error);
}

/* ---- reading on ---- */

/* Where the next line begins when `offset` is where the last one has ended; it may have lacked its newline, and have it
 * now. */
static enum status find_line_start(int fd, int64_t *offset, struct error *ret_error)
{
    char around[2] = {'\n', '\n'};
    if (*offset == 0) {
        return STATUS_OK;
    }
    ssize_t count = pread(fd, around, sizeof(around), (off_t)*offset - 1);
    if (count < 1) {
        return error_set(ret_error, STATUS_INVALID, "it has become shorter: byte %" PRId64 " is beyond its end",
                         *offset);
    }
    if (around[0] == '\n' || count == 1) {
        return STATUS_OK;
    }
    if (around[1] != '\n') {
        return error_set(ret_error, STATUS_INVALID, "the line that ended at byte %" PRId64 " goes on now", *offset);
    }
    (*offset)++;
    return STATUS_OK;
}

/* The newest file that is known. */
static int newest_fd(const struct line_source *source)
{
    return source->queue_count > 0 ? source->queue[source->queue_count - 1] : source->fd;
}

static enum status refuse_missed(const struct line_source *source, const struct input_identity *identity,
                                 const struct input_queue *next, struct error *ret_error)
{
    char *missed = input_identity_find_missed(newest_fd(source), identity->inode, next, source->path);
    if (missed == NULL) {
        return STATUS_OK;
    }
    error_set(ret_error, STATUS_INVALID,
              "it was renamed more than once since, and %s, written later than what was read, would be passed over "
              "(publish the renamed files in their order with --input, without a checkpoint; or move %s out of the "
              "folder if it is none of them)",
              missed, missed);
    free(missed);
    return STATUS_INVALID;
}

enum status line_source_search(struct line_source *source, const struct input_identity *identity,
                               const struct input_queue *next, struct error *ret_error)
{
    CHECK(source->taken == 0 && source->end == 0 && !source->is_stdin && source->queue_count == 0);
    if (!input_identity_is_inode(source->fd, identity->inode)) {
        int fd = input_identity_find(identity->inode, source->path);
        if (fd < 0) {
            return STATUS_OK; /* line_source_continue says it */
        }
        close(source->fd);
        source->fd = fd;
    }
    for (uint32_t i = 0; i < next->count; i++) {
        int fd = input_identity_find(next->inodes[i], source->path);
        if (fd < 0) {
            return error_set(ret_error, STATUS_INVALID,
                             "a file that came after it (inode %" PRIu64 ") is not in its folder any more",
                             next->inodes[i]);
        }
        source->queue[source->queue_count++] = fd;
    }
    return refuse_missed(source, identity, next, ret_error);
}

enum status line_source_continue(struct line_source *source, const struct input_identity *identity, int64_t line,
                                 int64_t offset, struct error *ret_error)
{
    CHECK(source->taken == 0 && source->end == 0 && !source->is_stdin);
    enum status status = input_identity_check(identity, source->fd, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t head_size = offset < INPUT_HEAD_MAX ? offset : INPUT_HEAD_MAX;
    status = find_line_start(source->fd, &offset, ret_error);
    if (status == STATUS_OK) {
        status = input_identity_read_head(source->fd, head_size, source->head, ret_error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (lseek(source->fd, (off_t)offset, SEEK_SET) < 0) {
        return error_set(ret_error, STATUS_IO, "%s", strerror(errno));
    }
    source->head_size = (size_t)head_size;
    source->number = line;
    source->offset = offset;
    source->taken = offset;
    return STATUS_OK;
}

/* ---- following ---- */

void line_source_follow(struct line_source *source)
{
    CHECK(line_source_is_regular(source) && !source->is_ended);
    source->is_followed = true;
}

bool line_source_is_waiting(const struct line_source *source)
{
    return source->is_waiting && !source->is_ended;
}

/* Has another file than the newest one that is known taken the path? */
static bool has_new_file(const struct line_source *source)
{
    struct stat known;
    struct stat at_path;
    return fstat(newest_fd(source), &known) == 0 && stat(source->path, &at_path) == 0 && S_ISREG(at_path.st_mode) &&
           (known.st_ino != at_path.st_ino || known.st_dev != at_path.st_dev);
}

enum status line_source_look_around(struct line_source *source, bool *ret_is_new)
{
    CHECK(source->is_followed);
    *ret_is_new = false;
    if (!has_new_file(source)) {
        return STATUS_OK;
    }
    if (source->queue_count == INPUT_QUEUE_MAX) {
        return STATUS_FULL;
    }
    int fd = -1;
    if (open_path(source->path, &fd, NULL) == STATUS_OK) { /* otherwise it is gone again, or comes later */
        source->queue[source->queue_count++] = fd;
        *ret_is_new = true;
    }
    return STATUS_OK;
}

void line_source_queue(const struct line_source *source, struct input_queue *ret_queue)
{
    ret_queue->count = 0;
    for (uint32_t i = 0; i < source->queue_count; i++) {
        struct stat facts;
        if (fstat(source->queue[i], &facts) == 0) {
            ret_queue->inodes[ret_queue->count++] = facts.st_ino;
        }
    }
}

bool line_source_go_on(struct line_source *source)
{
    CHECK(source->is_followed && source->is_ended && source->start == source->end);
    bool is_other = !source->is_shortened;
    if (is_other) {
        CHECK(source->queue_count > 0);
        forget_left(source);
        source->left_fd = source->fd;
        source->left_size = source->taken;
        source->fd = source->queue[0];
        source->queue_count--;
        memmove(source->queue, source->queue + 1, source->queue_count * sizeof(source->queue[0]));
    } else {
        CHECK(lseek(source->fd, 0, SEEK_SET) == 0); /* a regular file */
    }
    source->is_ended = false;
    source->is_waiting = false;
    source->is_shortened = false;
    source->is_first_shown = false;
    source->quiet_reads = 0;
    source->head_size = 0;
    source->start = 0;
    source->scanned = 0;
    source->end = 0;
    source->number = 1;
    source->offset = 0;
    source->taken = 0;
    return is_other;
}

bool line_source_has_missed(struct line_source *source, struct line_source_missed *ret_missed)
{
    struct stat facts;
    if (source->left_fd < 0 || fstat(source->left_fd, &facts) != 0 || facts.st_size <= source->left_size) {
        return false;
    }
    *ret_missed = (struct line_source_missed){
        .inode = facts.st_ino, .offset = source->left_size, .bytes = (int64_t)facts.st_size - source->left_size};
    forget_left(source);
    return true;
}

bool line_source_is_caught_up(const struct line_source *source)
{
    return source->is_followed && !source->is_ended && source->queue_count == 0 && !has_new_file(source) &&
           line_source_size(source) == source->taken + (int64_t)(source->end - source->start) &&
           memchr(source->buffer + source->start, '\n', source->end - source->start) == NULL;
}

static void make_room(struct line_source *source)
{
    if (source->start == 0) {
        return;
    }
    memmove(source->buffer, source->buffer + source->start, source->end - source->start);
    source->scanned -= source->start;
    source->end -= source->start;
    source->start = 0;
}

/* Where the next read begins. */
static int64_t read_to(const struct line_source *source)
{
    return source->taken + (int64_t)(source->end - source->start);
}

/* Bytes have come to source->end: the first ones of the file are kept. */
static void keep_head(struct line_source *source, size_t count)
{
    int64_t at = read_to(source);
    if (at == (int64_t)source->head_size && source->head_size < INPUT_HEAD_MAX) {
        size_t room = INPUT_HEAD_MAX - source->head_size;
        size_t size = count < room ? count : room;
        memcpy(source->head + source->head_size, source->buffer + source->end, size);
        source->head_size += size;
    }
}

/* Is a followed file at its end for good? */
static void after_read(struct line_source *source, bool is_nothing)
{
    source->is_waiting = is_nothing;
    if (!is_nothing) {
        source->quiet_reads = 0;
        return;
    }
    if (line_source_size(source) < read_to(source)) {
        /* What is left of a line has no end any more. A long one has its reject, which ends here. */
        source->end = source->is_in_long ? source->end : source->start;
        source->scanned = source->end;
        source->is_shortened = true;
        source->is_ended = true;
    } else if (source->queue_count > 0) {
        source->quiet_reads++;
        source->is_ended = source->quiet_reads >= QUIET_READS;
    }
}

enum status line_source_fill(struct line_source *source, struct error *ret_error)
{
    CHECK(!source->is_ended);
    make_room(source);
    CHECK(source->end < source->capacity);
    source->is_first_shown = false;
    ssize_t count = read(source->fd, source->buffer + source->end, source->capacity - source->end);
    if (count < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            return STATUS_OK;
        }
        return error_set(ret_error, STATUS_IO, "cannot be read at byte %" PRId64 ": %s", read_to(source),
                         strerror(errno));
    }
    keep_head(source, (size_t)count);
    source->end += (size_t)count;
    if (source->is_followed) {
        after_read(source, count == 0);
    } else {
        source->is_ended = count == 0;
    }
    return STATUS_OK;
}

static enum line_part show(struct line_source *source, enum line_part part, size_t size, size_t newline)
{
    source->shown_bytes = bytes_view_of(source->buffer + source->start, size);
    source->shown_advance = size + newline;
    return part;
}

/* Shown when there is no newline among `held` bytes. */
static enum line_part look_at_open_line(struct line_source *source, size_t held)
{
    if (source->is_in_long) {
        if (source->is_ended) {
            return show(source, LINE_PART_LAST, held, 0);
        }
        return held > 0 ? show(source, LINE_PART_MORE, held, 0) : LINE_PART_NONE;
    }
    if (held > source->line_max) {
        return show(source, LINE_PART_START, source->line_max, 0);
    }
    if (!source->is_ended) {
        return LINE_PART_NONE;
    }
    return held > 0 ? show(source, LINE_PART_WHOLE, held, 0) : LINE_PART_END;
}

static enum line_part look(struct line_source *source)
{
    const uint8_t *newline = source->scanned == source->end
                                 ? NULL
                                 : memchr(source->buffer + source->scanned, '\n', source->end - source->scanned);
    if (newline == NULL) {
        source->scanned = source->end;
        return look_at_open_line(source, source->end - source->start);
    }
    source->scanned = (size_t)(newline - source->buffer);
    size_t size = source->scanned - source->start;
    if (source->is_in_long) {
        return show(source, LINE_PART_LAST, size, 1);
    }
    if (size > source->line_max) {
        return show(source, LINE_PART_START, source->line_max, 0);
    }
    return show(source, LINE_PART_WHOLE, size, 1);
}

enum line_part line_source_next(struct line_source *source, struct input_line *ret_line)
{
    if (!source->is_first_shown) {
        source->shown_bytes = bytes_view_of(NULL, 0);
        source->shown = look(source);
        source->is_first_shown = true;
    }
    *ret_line = (struct input_line){.bytes = source->shown_bytes, .number = source->number, .offset = source->offset};
    return source->shown;
}

void line_source_take(struct line_source *source)
{
    CHECK(source->is_first_shown && source->shown != LINE_PART_NONE && source->shown != LINE_PART_END);
    source->is_first_shown = false;
    source->start += source->shown_advance;
    source->taken += (int64_t)source->shown_advance;
    if (source->scanned < source->start) {
        source->scanned = source->start;
    }
    source->is_in_long = source->shown == LINE_PART_START || source->shown == LINE_PART_MORE;
    if (!source->is_in_long) {
        source->number++;
        source->offset = source->taken;
    }
}

int64_t line_source_line(const struct line_source *source)
{
    return source->number;
}

int64_t line_source_offset(const struct line_source *source)
{
    return source->offset;
}
