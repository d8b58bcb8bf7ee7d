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

enum { READ_AHEAD = 256 * 1024 }; /* beyond a line of full length and its newline */

struct line_source {
    int fd;
    bool is_stdin;
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
    source->fd = fd;
    source->is_stdin = is_stdin;
    source->line_max = line_max;
    source->capacity = line_max + 1 + READ_AHEAD;
    source->number = 1;
    source->buffer = memory_alloc(source->capacity, 1);
    *ret_source = source;
    return STATUS_OK;
}

void line_source_destroy(struct line_source *source)
{
    if (source == NULL) {
        return;
    }
    if (!source->is_stdin) {
        close(source->fd);
    }
    free(source->buffer);
    free(source);
}

int line_source_fd(const struct line_source *source)
{
    return source->fd;
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
        return error_set(ret_error, STATUS_IO, "cannot be read at byte %" PRId64 ": %s",
                         source->taken + (int64_t)(source->end - source->start), strerror(errno));
    }
    source->is_ended = count == 0;
    source->end += (size_t)count;
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
