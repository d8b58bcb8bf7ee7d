#include "log.h"

#include "check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 1024 };

static _Atomic int configured_level = LOG_LEVEL_INFO;
static _Atomic int configured_format = LOG_FORMAT_AUTO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store(&configured_level, (int)level);
    atomic_store(&configured_format, (int)format);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load(&configured_level);
}

/* The length of the UTF-8 sequence at `at`, or 0 when there is none (RFC 3629 section 4). */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    size_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    if (size > left || (size == 1 ? false : first < 0xc2) || first > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (first == 0xe0 && at[1] < 0xa0) || (first == 0xf0 && at[1] < 0x90);
    bool outside = (first == 0xed && at[1] > 0x9f) || (first == 0xf4 && at[1] > 0x8f);
    return overlong || outside ? 0 : size;
}

/* Both formats quote alike: a JSON string; what is not UTF-8 becomes U+FFFD. */
static void append_quoted(struct bytes *line, const char *text)
{
    size_t size = strnlen(text, TEXT_MAX);
    const uint8_t *data = (const uint8_t *)text;
    struct bytes valid = {0};
    for (size_t i = 0; i < size;) {
        size_t sequence = utf8_sequence(data + i, size - i);
        if (sequence == 0) {
            bytes_append_text(&valid, "\xef\xbf\xbd");
            i++;
        } else {
            bytes_append(&valid, data + i, sequence);
            i += sequence;
        }
    }
    bytes_append_json_string(line, bytes_as_view(&valid));
    bytes_free(&valid);
}

static bool is_plain(const char *text)
{
    if (text[0] == '\0') {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at == '"' || *at == '=' || *at == '\\' || (unsigned char)*at >= 0x7f) {
            return false;
        }
    }
    return strlen(text) <= TEXT_MAX;
}

static void append_pair(struct bytes *line, enum log_format format, const char *name, const char *text)
{
    if (format == LOG_FORMAT_JSON) {
        bytes_append_format(line, "%s\"%s\":", line->size == 0 ? "{" : ",", name);
        append_quoted(line, text);
        return;
    }
    bytes_append_format(line, "%s%s=", line->size == 0 ? "" : " ", name);
    if (is_plain(text)) {
        bytes_append_text(line, text);
    } else {
        append_quoted(line, text);
    }
}

static void append_number(struct bytes *line, enum log_format format, const char *name, int64_t number)
{
    if (format == LOG_FORMAT_JSON) {
        bytes_append_format(line, ",\"%s\":", name);
    } else {
        bytes_append_format(line, " %s=", name);
    }
    bytes_append_int64(line, number);
}

static void render_rest(struct bytes *line, enum log_format format, enum log_level level, const char *message,
                        const struct log_field *fields)
{
    append_pair(line, format, "level", level_names[level]);
    append_pair(line, format, "msg", message);
    for (const struct log_field *field = fields; field->kind != LOG_FIELD_NONE; field++) {
        if (field->kind == LOG_FIELD_INT) {
            append_number(line, format, field->name, field->number);
        } else {
            append_pair(line, format, field->name, field->text == NULL ? "" : field->text);
        }
    }
    if (format == LOG_FORMAT_JSON) {
        bytes_append_byte(line, '}');
    }
}

void log_render(struct bytes *line, enum log_format format, enum log_level level, const char *message,
                const struct log_field *fields)
{
    CHECK(format != LOG_FORMAT_AUTO);
    render_rest(line, format, level, message, fields);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    if (!log_enabled(level)) {
        return;
    }
    enum log_format format = (enum log_format)atomic_load(&configured_format);
    if (format == LOG_FORMAT_AUTO) {
        format = isatty(STDERR_FILENO) ? LOG_FORMAT_LOGFMT : LOG_FORMAT_JSON;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char seconds[32];
    char stamp[48];
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp, sizeof(stamp), "%s.%03ldZ", seconds, now.tv_nsec / 1000000);

    struct bytes line = {0};
    append_pair(&line, format, "time", stamp);
    render_rest(&line, format, level, message, fields);
    bytes_append_byte(&line, '\n');
    /* A log that cannot be written must not stop deliveries: what write says is not acted upon. */
    ssize_t written = write(STDERR_FILENO, line.data, line.size);
    (void)written;
    bytes_free(&line);
}
