#include "rejects_file.h"

#include "check.h"
#include "log.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIECE_MAX = 64 * 1024, /* bytes of a long line that are turned into base64 at once */
    LOCK_WAIT_MS = 2000,
    LOCK_PAUSE_MS = 10,
};

struct rejects_file {
    char *path;
    int fd;              /* -1 until the first reject */
    bool is_regular;     /* has an end that can be looked at and cut off */
    bool is_begun;       /* inside begin … end */
    off_t start;         /* where the line being written began */
    struct bytes buffer; /* the line, or the next piece of it */
    uint8_t rest[3];     /* bytes that wait for the next group of base64 */
    size_t rest_size;
    int64_t line_bytes; /* of the line added so far */
};

struct rejects_file *rejects_file_create(const char *path)
{
    struct rejects_file *rejects = memory_alloc(1, sizeof(*rejects));
    rejects->path = memory_copy_text(path);
    rejects->fd = -1;
    return rejects;
}

void rejects_file_destroy(struct rejects_file *rejects)
{
    if (rejects == NULL) {
        return;
    }
    rejects_file_abandon(rejects);
    if (rejects->fd >= 0) {
        close(rejects->fd);
    }
    bytes_free(&rejects->buffer);
    free(rejects->path);
    free(rejects);
}

static enum status failed(const struct rejects_file *rejects, int number, struct error *ret_error)
{
    return error_set(ret_error, STATUS_IO, "%s: %s", rejects->path, strerror(number));
}

enum status rejects_file_probe(const struct rejects_file *rejects, struct error *ret_error)
{
    struct stat facts;
    if (stat(rejects->path, &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) {
            return failed(rejects, EISDIR, ret_error);
        }
        return access(rejects->path, W_OK) == 0 ? STATUS_OK : failed(rejects, errno, ret_error);
    }
    if (errno != ENOENT) {
        return failed(rejects, errno, ret_error);
    }
    char *folder = memory_copy_text(rejects->path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    int result = access(slash == NULL ? "." : folder, W_OK | X_OK);
    int number = errno;
    free(folder);
    return result == 0 ? STATUS_OK : failed(rejects, number, ret_error);
}

static enum status open_file(struct rejects_file *rejects, struct error *ret_error)
{
    int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    struct stat facts;
    bool is_fifo = stat(rejects->path, &facts) == 0 && S_ISFIFO(facts.st_mode);
    /* Readable as well, for a look at the last byte. Not a FIFO: it would take what nobody reads. */
    int fd = is_fifo ? -1 : open(rejects->path, flags | O_RDWR, 0666);
    if (is_fifo || (fd < 0 && errno == EACCES)) {
        fd = open(rejects->path, flags | O_WRONLY | (is_fifo ? O_NONBLOCK : 0), 0666);
    }
    if (fd < 0) {
        return errno == ENXIO ? error_set(ret_error, STATUS_IO, "%s: nobody reads this pipe", rejects->path)
                              : failed(rejects, errno, ret_error);
    }
    /* The opening did not wait for a reader; the writing does. */
    if ((is_fifo && fcntl(fd, F_SETFL, O_APPEND) != 0) || fstat(fd, &facts) != 0) {
        int number = errno;
        close(fd);
        return failed(rejects, number, ret_error);
    }
    rejects->fd = fd;
    rejects->is_regular = S_ISREG(facts.st_mode);
    return STATUS_OK;
}

static enum status write_out(struct rejects_file *rejects, struct error *ret_error)
{
    const uint8_t *data = rejects->buffer.data;
    size_t left = rejects->buffer.size;
    while (left > 0) {
        ssize_t count = write(rejects->fd, data, left);
        if (count < 0 && errno != EINTR) {
            return failed(rejects, errno, ret_error);
        }
        if (count > 0) {
            data += count;
            left -= (size_t)count;
        }
    }
    bytes_clear(&rejects->buffer);
    return STATUS_OK;
}

/* A line that its writer could not end stands in the way: the next one must not join it. */
static enum status start_on_new_line(struct rejects_file *rejects, struct error *ret_error)
{
    struct stat facts;
    if (!rejects->is_regular) {
        return STATUS_OK;
    }
    if (fstat(rejects->fd, &facts) != 0) {
        return failed(rejects, errno, ret_error);
    }
    rejects->start = facts.st_size;
    char last = '\n';
    /* Where reading is not allowed, the file is taken to end well. */
    if (facts.st_size > 0 && pread(rejects->fd, &last, 1, facts.st_size - 1) == 1 && last != '\n') {
        bytes_append_byte(&rejects->buffer, '\n');
    }
    return STATUS_OK;
}

/* Another program holds the lock for as long as it writes a line, which is short but for a line without end. */
static enum status lock_file(const struct rejects_file *rejects, struct error *ret_error)
{
    for (int waited_ms = 0; flock(rejects->fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_PAUSE_MS) {
        /* Where there are no locks (some network file systems) one program alone must write: no reason to stop it. */
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return STATUS_OK;
        }
        if (waited_ms >= LOCK_WAIT_MS) {
            return error_set(ret_error, STATUS_IO, "%s: another program is in the middle of a line of it",
                             rejects->path);
        }
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    return STATUS_OK;
}

static void unlock_file(const struct rejects_file *rejects)
{
    (void)flock(rejects->fd, LOCK_UN); /* the closing of the descriptor would do it as well */
}

/* Whoever rotates or deletes the file wants a new one; rejects written into the old one would be lost to all. */
static bool is_moved_away(const struct rejects_file *rejects)
{
    struct stat at_path;
    struct stat at_descriptor;
    return fstat(rejects->fd, &at_descriptor) == 0 &&
           (stat(rejects->path, &at_path) != 0 || at_path.st_ino != at_descriptor.st_ino ||
            at_path.st_dev != at_descriptor.st_dev);
}

static enum status open_and_lock(struct rejects_file *rejects, struct error *ret_error)
{
    if (rejects->fd >= 0 && is_moved_away(rejects)) {
        (void)fdatasync(rejects->fd);
        close(rejects->fd);
        rejects->fd = -1;
    }
    if (rejects->fd < 0) {
        enum status status = open_file(rejects, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return lock_file(rejects, ret_error);
}

static enum status begin_line(struct rejects_file *rejects, struct error *ret_error)
{
    CHECK(!rejects->is_begun);
    enum status status = open_and_lock(rejects, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    bytes_clear(&rejects->buffer);
    rejects->is_begun = true;
    status = start_on_new_line(rejects, ret_error);
    if (status != STATUS_OK) {
        rejects_file_abandon(rejects);
    }
    return status;
}

static enum status end_line(struct rejects_file *rejects, struct error *ret_error)
{
    bytes_append_text(&rejects->buffer, "}\n");
    enum status status = write_out(rejects, ret_error);
    if (status != STATUS_OK) {
        rejects_file_abandon(rejects);
        return status;
    }
    rejects->is_begun = false;
    unlock_file(rejects);
    return STATUS_OK;
}

void rejects_file_abandon(struct rejects_file *rejects)
{
    if (!rejects->is_begun) {
        return;
    }
    rejects->is_begun = false;
    bytes_clear(&rejects->buffer);
    if (rejects->is_regular && ftruncate(rejects->fd, rejects->start) != 0) {
        log_warn("a line that was not ended is left in the rejects file", LOG_TEXT("file", rejects->path),
                 LOG_TEXT("reason", strerror(errno)));
    }
    unlock_file(rejects);
}

bool rejects_file_is_begun(const struct rejects_file *rejects)
{
    return rejects->is_begun;
}

static void append_text(struct bytes *buffer, const char *name, const char *text)
{
    bytes_append_format(buffer, ",\"%s\":", name);
    bytes_append_json_string(buffer, bytes_view_of_text(text));
}

static void append_number(struct bytes *buffer, const char *name, int64_t number)
{
    bytes_append_format(buffer, ",\"%s\":", name);
    bytes_append_int64(buffer, number);
}

static void append_head(struct bytes *buffer, const struct reject *reject, int64_t bytes)
{
    bytes_append_text(buffer, "{\"input\":");
    bytes_append_json_string(buffer, bytes_view_of_text(reject->input));
    append_number(buffer, "line", reject->line);
    append_number(buffer, "offset", reject->offset);
    if (bytes >= 0) {
        append_number(buffer, "bytes", bytes);
    }
    append_text(buffer, "rule", reject->rule);
    append_text(buffer, "pointer", reject->pointer);
    append_text(buffer, "message", reject->message);
}

enum status rejects_file_write(struct rejects_file *rejects, const struct reject *reject, struct bytes_view line,
                               bool is_text, struct error *ret_error)
{
    enum status status = begin_line(rejects, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    append_head(&rejects->buffer, reject, (int64_t)line.size);
    if (is_text) {
        bytes_append_text(&rejects->buffer, ",\"raw\":");
        bytes_append_json_string(&rejects->buffer, line);
    } else {
        bytes_append_text(&rejects->buffer, ",\"raw_base64\":\"");
        bytes_append_base64(&rejects->buffer, line);
        bytes_append_byte(&rejects->buffer, '"');
    }
    return end_line(rejects, ret_error);
}

enum status rejects_file_begin(struct rejects_file *rejects, const struct reject *reject, struct error *ret_error)
{
    enum status status = begin_line(rejects, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    rejects->rest_size = 0;
    rejects->line_bytes = 0;
    append_head(&rejects->buffer, reject, -1);
    bytes_append_text(&rejects->buffer, ",\"raw_base64\":\"");
    return STATUS_OK;
}

/* Whole groups of three go out, so that the pieces join to one base64 text; what is left waits. */
static void append_piece(struct rejects_file *rejects, struct bytes_view piece)
{
    while (rejects->rest_size > 0 && rejects->rest_size < 3 && piece.size > 0) {
        rejects->rest[rejects->rest_size++] = piece.data[0];
        piece = bytes_view_slice(piece, 1, piece.size - 1);
    }
    if (rejects->rest_size == 3) {
        bytes_append_base64(&rejects->buffer, bytes_view_of(rejects->rest, 3));
        rejects->rest_size = 0;
    }
    size_t whole = piece.size - piece.size % 3;
    bytes_append_base64(&rejects->buffer, bytes_view_slice(piece, 0, whole));
    for (size_t i = whole; i < piece.size; i++) {
        rejects->rest[rejects->rest_size++] = piece.data[i];
    }
}

enum status rejects_file_add(struct rejects_file *rejects, struct bytes_view bytes, struct error *ret_error)
{
    CHECK(rejects->is_begun);
    rejects->line_bytes += (int64_t)bytes.size;
    for (size_t at = 0; at < bytes.size;) {
        size_t size = bytes.size - at < PIECE_MAX ? bytes.size - at : PIECE_MAX;
        append_piece(rejects, bytes_view_slice(bytes, at, size));
        at += size;
        enum status status = write_out(rejects, ret_error);
        if (status != STATUS_OK) {
            rejects_file_abandon(rejects);
            return status;
        }
    }
    return STATUS_OK;
}

enum status rejects_file_end(struct rejects_file *rejects, struct error *ret_error)
{
    CHECK(rejects->is_begun);
    bytes_append_base64(&rejects->buffer, bytes_view_of(rejects->rest, rejects->rest_size));
    bytes_append_byte(&rejects->buffer, '"');
    append_number(&rejects->buffer, "bytes", rejects->line_bytes);
    return end_line(rejects, ret_error);
}

enum status rejects_file_sync(struct rejects_file *rejects, struct error *ret_error)
{
    /* A terminal or a pipe has no disk: EINVAL. */
    if (rejects->fd < 0 || !rejects->is_regular || fdatasync(rejects->fd) == 0) {
        return STATUS_OK;
    }
    return failed(rejects, errno, ret_error);
}
