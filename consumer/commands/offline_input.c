#include "offline_input.h"

#include "check.h"
#include "signer.h"
#include "utc_time.h"
#include "yaml_value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

static enum status read_all(int fd, const char *path, struct bytes *ret_content, struct error *ret_error)
{
    for (;;) {
        bytes_reserve(ret_content, ret_content->size + READ_SIZE);
        ssize_t got = read(fd, ret_content->data + ret_content->size, READ_SIZE);
        if (got < 0 && errno != EINTR) {
            return error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            return STATUS_OK;
        }
        ret_content->size += got > 0 ? (size_t)got : 0;
        if (ret_content->size > OFFLINE_INPUT_MAX) {
            return error_set(ret_error, STATUS_FULL, "%s: has more than %d MiB, which is all that this command takes",
                             path, OFFLINE_INPUT_MAX >> 20);
        }
    }
}

enum status offline_input_read(const char *path, struct bytes *ret_content, struct error *ret_error)
{
    if (strcmp(path, "-") == 0) {
        return read_all(STDIN_FILENO, "standard input", ret_content, ret_error);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(ret_error, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "%s: %s", path, strerror(errno));
    }
    enum status status = read_all(fd, path, ret_content, ret_error);
    close(fd);
    return status;
}

enum status offline_input_time(const char *text, int64_t *ret_s, struct error *ret_error)
{
    struct bytes_view view = bytes_view_of_text(text);
    int64_t time_us = 0;
    if (bytes_view_to_int64(view, ret_s) != STATUS_OK) {
        if (utc_time_parse(view, &time_us) != STATUS_OK) {
            return error_set(ret_error, STATUS_INVALID,
                             "\"%.40s\" is no time: write Unix seconds (1614265330) or RFC 3339 (2021-02-25T15:02:10Z)",
                             text);
        }
        *ret_s = time_us < 0 ? -1 : time_us / 1000000;
    }
    /* So that it can stand in an event's meta.sent_at as well. */
    if (*ret_s < 0 || *ret_s > UTC_TIME_MOST_US / 1000000) {
        return error_set(ret_error, STATUS_INVALID, "\"%.40s\" is a time before 1970 or after the year 9999", text);
    }
    return STATUS_OK;
}

int64_t offline_input_now(void)
{
    return (int64_t)time(NULL);
}

enum status offline_input_key(const char *source, bool is_verifier, struct signing_key *ret_key,
                              struct error *ret_error)
{
    const struct yaml_node node = {.kind = YAML_SCALAR, .text = source};
    struct error error;
    char *text = NULL;
    if (yaml_value_source(&node) == YAML_VALUE_INLINE) {
        return error_set(ret_error, STATUS_INVALID,
                         "--secret takes env:NAME or file:PATH, so that no secret stands in a list of processes");
    }
    enum status status = yaml_value_text(&node, &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    struct bytes_view view = bytes_view_of_text(text);
    status = is_verifier ? signing_key_read_verifier(view, ret_key, &error) : signing_key_read(view, ret_key, &error);
    explicit_bzero(text, strlen(text));
    free(text);
    if (status == STATUS_OK) {
        status = signer_check_key(ret_key, &error);
    }
    if (status != STATUS_OK) {
        signing_key_free(ret_key);
        return error_set(ret_error, status, "--secret %.200s: %s", source, error.text);
    }
    return STATUS_OK;
}
