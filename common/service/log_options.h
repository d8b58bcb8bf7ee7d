/* log_options.h: the rows of an option table that say what is logged, and how. */
#ifndef RELAY_LOG_OPTIONS_H
#define RELAY_LOG_OPTIONS_H

#include "log.h"
#include "settings.h"

extern const char *const log_options_levels[];  /* in the order of enum log_level */
extern const char *const log_options_formats[]; /* in the order of enum log_format */

/* Two rows, of a settings struct with `enum log_level log_level` and `enum log_format log_format`. */
#define LOG_OPTIONS(type)                                                                                              \
    {.key = "log.level",                                                                                               \
     .kind = OPTION_ENUM,                                                                                              \
     .offset = offsetof(type, log_level),                                                                              \
     .default_text = "info",                                                                                           \
     .choices = log_options_levels,                                                                                    \
     .help = "the least that is logged"},                                                                              \
    {                                                                                                                  \
        .key = "log.format", .kind = OPTION_ENUM, .offset = offsetof(type, log_format), .default_text = "auto",        \
        .choices = log_options_formats, .help = "auto is logfmt on a terminal, JSON lines otherwise"                   \
    }

#endif
