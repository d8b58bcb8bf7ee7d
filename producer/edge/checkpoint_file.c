#include "checkpoint_file.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHECKPOINT_SIZE_MAX = 16 * 1024 };

/* ---- paths ---- */

/* The folder of a path; free it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return memory_copy_text(".");
    }
    return bytes_view_to_text(bytes_view_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* The path of a file beside the checkpoint; free it. */
static char *path_beside(const char *path, const char *ending)
{
    struct bytes text = {0};
    bytes_append_text(&text, path);
    bytes_append_text(&text, ending);
    bytes_append_byte(&text, '\0');
    return (char *)text.data;
}

enum status checkpoint_name_input(const char *path, struct bytes *ret_input, struct error *ret_error)
{
    char *folder = folder_of(path);
    char *real_folder = realpath(folder, NULL);
    free(folder);
    if (real_folder == NULL) {
        return error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    const char *slash = strrchr(path, '/');
    struct bytes whole = {0};
    bytes_append_text(&whole, real_folder);
    if (strcmp(real_folder, "/") != 0) {
        bytes_append_byte(&whole, '/');
    }
    bytes_append_text(&whole, slash == NULL ? path : slash + 1);
    bytes_append_json_string(ret_input, bytes_as_view(&whole));
    bytes_free(&whole);
    free(real_folder);
    return STATUS_OK;
}

void checkpoint_free(struct checkpoint *checkpoint)
{
    bytes_free(&checkpoint->input);
}

/* ---- reading ---- */

/* The text after `name` and a space on the next line of *text, which is moved on behind the line. */
static bool next_line(char **text, const char *name, char **ret_rest)
{
    char *end = strchr(*text, '\n');
    size_t size = strlen(name);
    if (end == NULL || strncmp(*text, name, size) != 0 || (*text)[size] != ' ') {
        return false;
    }
    *end = '\0';
    *ret_rest = *text + size + 1;
    *text = end + 1;
    return true;
}

static bool read_number(const char *text, int base, uint64_t *ret_number, const char **ret_end)
{
    char *end;
    errno = 0;
    *ret_number = strtoull(text, &end, base);
    *ret_end = end;
    return end != text && errno == 0 && text[0] != '-' && text[0] != '+' && text[0] != ' ';
}

static bool read_inode(const char *text, uint64_t *ret_inode)
{
    const char *end;
    return read_number(text, 10, ret_inode, &end) && *end == '\0';
}

static bool read_head(const char *text, struct input_identity *ret_identity)
{
    const char *end;
    uint64_t size = 0;
    bool is_right = read_number(text, 10, &size, &end) && *end == ' ' && size <= INPUT_HEAD_MAX &&
                    read_number(end + 1, 16, &ret_identity->head_hash, &end) && *end == '\0';
    ret_identity->head_size = (int64_t)size;
    return is_right;
}

static bool read_position(const char *text, int64_t least, int64_t *ret_number)
{
    return bytes_view_to_int64(bytes_view_of_text(text), ret_number) == STATUS_OK && *ret_number >= least;
}

static bool parse(char *text, struct checkpoint *ret)
{
    char *rest;
    struct input_identity *identity = &ret->identity;
    if (!next_line(&text, "incident-producer checkpoint", &rest) || strcmp(rest, "1") != 0 ||
        !next_line(&text, "input", &rest) || rest[0] != '"') {
        return false;
    }
    bytes_append_text(&ret->input, rest);
    bool is_right = next_line(&text, "inode", &rest) && read_inode(rest, &identity->inode) &&
                    next_line(&text, "head", &rest) && read_head(rest, identity) && next_line(&text, "line", &rest) &&
                    read_position(rest, 1, &ret->line) && next_line(&text, "offset", &rest) &&
                    read_position(rest, identity->head_size, &ret->offset);
    while (is_right && *text != '\0' && ret->next.count < INPUT_QUEUE_MAX) {
        is_right = next_line(&text, "next", &rest) && read_inode(rest, &ret->next.inodes[ret->next.count++]);
    }
    return is_right && *text == '\0';
}

static enum status read_whole(const char *path, char text[CHECKPOINT_SIZE_MAX], struct error *ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_set(ret_error, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "%s: %s", path, strerror(errno));
    }
    size_t size = 0;
    ssize_t count;
    do {
        count = read(fd, text + size, CHECKPOINT_SIZE_MAX - 1 - size);
        size += count > 0 ? (size_t)count : 0;
    } while ((count > 0 && size < CHECKPOINT_SIZE_MAX - 1) || (count < 0 && errno == EINTR));
    int number = errno;
    close(fd);
    if (count < 0) {
        return error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(number));
    }
    text[size] = '\0';
    return STATUS_OK;
}

enum status checkpoint_file_read(const char *path, struct checkpoint *ret_checkpoint, struct error *ret_error)
{
    char text[CHECKPOINT_SIZE_MAX];
    enum status status = read_whole(path, text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    *ret_checkpoint = (struct checkpoint){0};
    if (!parse(text, ret_checkpoint)) {
        checkpoint_free(ret_checkpoint);
        return error_set(ret_error, STATUS_INVALID, "%s is no checkpoint of this program", path);
    }
    return STATUS_OK;
}

/* ---- writing ---- */

static int write_whole(int fd, struct bytes_view text)
{
    while (text.size > 0) {
        ssize_t count = write(fd, text.data, text.size);
        if (count < 0 && errno != EINTR) {
            return errno;
        }
        if (count > 0) {
            text = bytes_view_slice(text, (size_t)count, text.size - (size_t)count);
        }
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* A rename is on the disk when its folder is. */
static int sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int number = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    free(folder);
    return number;
}

static int replace_file(const char *path, const char *new_path, struct bytes_view text)
{
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return errno;
    }
    int number = write_whole(fd, text);
    if (close(fd) != 0 && number == 0) {
        number = errno;
    }
    if (number == 0 && rename(new_path, path) != 0) {
        number = errno;
    }
    return number != 0 ? number : sync_folder(path);
}

enum status checkpoint_file_write(const char *path, const struct checkpoint *checkpoint, struct error *ret_error)
{
    const struct input_identity *identity = &checkpoint->identity;
    struct bytes text = {0};
    CHECK(checkpoint->line >= 1 && checkpoint->offset >= identity->head_size);
    bytes_append_format(&text,
                        "incident-producer checkpoint 1\ninput %.*s\ninode %" PRIu64 "\nhead %" PRId64 " %016" PRIx64
                        "\nline %" PRId64 "\noffset %" PRId64 "\n",
                        BYTES_PRINTF(checkpoint->input), identity->inode, identity->head_size, identity->head_hash,
                        checkpoint->line, checkpoint->offset);
    for (uint32_t i = 0; i < checkpoint->next.count; i++) {
        bytes_append_format(&text, "next %" PRIu64 "\n", checkpoint->next.inodes[i]);
    }
    char *new_path = path_beside(path, ".new");
    int number = replace_file(path, new_path, bytes_as_view(&text));
    free(new_path);
    bytes_free(&text);
    return number == 0 ? STATUS_OK : error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(number));
}

enum status checkpoint_file_probe(const char *path, struct error *ret_error)
{
    struct stat facts;
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) {
        return error_set(ret_error, STATUS_IO, "%s: is no regular file", path);
    }
    char *folder = folder_of(path);
    int result = access(folder, W_OK | X_OK);
    int number = errno;
    free(folder);
    return result == 0 ? STATUS_OK : error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(number));
}

enum status checkpoint_file_lock(const char *path, int *ret_fd, struct error *ret_error)
{
    char *lock_path = path_beside(path, ".lock");
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_set(ret_error, STATUS_IO, "%s: %s", lock_path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        error_set(ret_error, STATUS_IO, "%s: another producer that runs keeps this checkpoint", path);
        close(fd);
        fd = -1;
    }
    free(lock_path);
    *ret_fd = fd;
    return fd >= 0 ? STATUS_OK : STATUS_IO;
}
