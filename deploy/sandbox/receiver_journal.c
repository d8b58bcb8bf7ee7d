#include "receiver_journal.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct receiver_journal {
    int fd;
};

enum status receiver_journal_open(const char *path, struct receiver_journal **ret_journal, struct error *ret_error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    struct receiver_journal *journal = memory_alloc(1, sizeof(*journal));
    journal->fd = fd;
    *ret_journal = journal;
    return STATUS_OK;
}

void receiver_journal_close(struct receiver_journal *journal)
{
    if (journal != NULL) {
        (void)close(journal->fd);
        free(journal);
    }
}

/* `text` as a JSON string, whatever its bytes are. */
static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    struct bytes utf8 = {0};
    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        if (*byte >= 0x80) {
            bytes_append_byte(&utf8, (uint8_t)(0xc0 | (*byte >> 6)));
        }
        bytes_append_byte(&utf8, *byte >= 0x80 ? (uint8_t)(0x80 | (*byte & 0x3f)) : *byte);
    }
    string = json_stringn((const char *)utf8.data, utf8.size);
    bytes_free(&utf8);
    return string;
}

void journal_headers_add(struct json_t *headers, const char *name, const char *value)
{
    struct bytes key = {0};
    for (; *name != '\0'; name++) {
        bytes_append_byte(&key, (uint8_t)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name));
    }
    bytes_append_byte(&key, '\0');
    json_t *key_json = text_json((const char *)key.data);
    const char *key_text = json_string_value(key_json);
    const char *before = json_string_value(json_object_get(headers, key_text));
    json_t *now = text_json(value);
    if (before != NULL) {
        json_t *joined = json_sprintf("%s, %s", before, json_string_value(now));
        json_decref(now);
        now = joined;
    }
    CHECK(json_object_set_new(headers, key_text, now) == 0);
    json_decref(key_json);
    bytes_free(&key);
}

static void time_now_text(char *ret_text, size_t size)
{
    struct timespec now;
    struct tm parts;
    char seconds[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    (void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(ret_text, size, "%s.%03uZ", seconds, (unsigned)(now.tv_nsec / 1000000) % 1000U);
}

enum status receiver_journal_write(struct receiver_journal *journal, const struct journal_entry *entry,
                                   struct error *ret_error)
{
    char time_text[40];
    time_now_text(time_text, sizeof(time_text));
    struct bytes base64 = {0};
    bytes_append_base64(&base64, entry->body);
    json_t *body = json_stringn(base64.size == 0 ? "" : (const char *)base64.data, base64.size);
    json_t *line =
        json_pack("{s:s, s:o, s:o, s:O, s:o, s:i, s:s, s:o}", "time", time_text, "method", text_json(entry->method),
                  "path", text_json(entry->path), "headers", entry->headers, "body_base64", body, "status",
                  (int)entry->status, "verdict", entry->verdict, "reason", text_json(entry->reason));
    bytes_free(&base64);
    CHECK(line != NULL);
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    CHECK(text != NULL);
    size_t size = strlen(text);
    text[size] = '\n'; /* in the place of the NUL */
    ssize_t written = write(journal->fd, text, size + 1);
    free(text);
    if (written < 0 || (size_t)written != size + 1) {
        return error_set(ret_error, STATUS_IO, "the journal: %s", written < 0 ? strerror(errno) : "written in part");
    }
    return STATUS_OK;
}
