/* log.h: structured log lines on standard error.
 *
 * One line is a level, a message and fields: `log_info("lane halted", LOG_TEXT("subscription", id), LOG_INT(
 * "failures", n))`. logfmt for a terminal, one JSON object a line otherwise. A line is written whole with one
 * write, from any thread. Never log a payload, a secret or a header's value: there is no field type for them. */
#ifndef RELAY_LOG_H
#define RELAY_LOG_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_field_kind { LOG_FIELD_NONE, LOG_FIELD_TEXT, LOG_FIELD_INT };

struct log_field {
    enum log_field_kind kind;
    const char *name; /* snake_case; not time, level or msg */
    const char *text; /* LOG_FIELD_TEXT: cut at 1,024 bytes; invalid UTF-8 and control characters are escaped */
    int64_t number;   /* LOG_FIELD_INT */
};

#define LOG_TEXT(name, value) ((struct log_field){LOG_FIELD_TEXT, (name), (value), 0})
#define LOG_INT(name, value) ((struct log_field){LOG_FIELD_INT, (name), NULL, (int64_t)(value)})

#define LOG_NONE                                                                                                       \
    ((struct log_field){LOG_FIELD_NONE, NULL, NULL, 0}) /* ends the list: a last field that is not there               \
                                                         */

#define log_debug(...) LOG_LINE(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_LINE(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) LOG_LINE(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_LINE(LOG_LEVEL_ERROR, __VA_ARGS__)

/* The message is the first argument, the fields follow; a last field of kind NONE lets the list be empty. */
#define LOG_LINE(level, ...) LOG_LINE_(level, __VA_ARGS__, LOG_NONE)
#define LOG_LINE_(level, message, ...) log_write((level), (message), (const struct log_field[]){__VA_ARGS__})

/* Before threads start. AUTO is logfmt when standard error is a terminal. Until called: info, auto. */
void log_configure(enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

/* Writes one line; `fields` ends at the first of kind NONE. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

/* The line as log_write would write it, without the time and with no newline; for tests. */
void log_render(struct bytes *line, enum log_format format, enum log_level level, const char *message,
                const struct log_field *fields);

#endif
