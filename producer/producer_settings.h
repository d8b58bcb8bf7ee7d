/* producer_settings.h: the producer's settings as plain values. The table in producer_settings.c makes the reading, the
 * errors and the help; README explains each key. */
#ifndef RELAY_PRODUCER_SETTINGS_H
#define RELAY_PRODUCER_SETTINGS_H

#include "intake.h"
#include "log.h"
#include "settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum invalid_policy { INVALID_REJECT, INVALID_STOP };

struct producer_settings {
    struct kafka_properties kafka;
    char *admin_listen; /* NULL: off */
    enum log_level log_level;
    enum log_format log_format;
    char *input; /* a path, or "-" */
    enum intake_format format;
    char *topic;
    char *rejects;
    enum invalid_policy on_invalid;
    char *checkpoint; /* NULL: none */
    bool is_followed; /* --follow; no key of the file */
    int64_t drain_ms;
    int64_t startup_timeout_ms; /* -1: wait */
    char *source_id;
    int64_t in_flight_events;
    int64_t in_flight_bytes;
};

/* Reads `file` (NULL: none) and `sets`; every error is added to `errors`. Free with producer_settings_free, after an
 * error too.
 * Errors: STATUS_INVALID when there was any. */
WARN_UNUSED enum status producer_settings_load(const char *file, const char *const *sets, size_t set_count,
                                               struct producer_settings *ret_settings, struct error_list *errors);
void producer_settings_free(struct producer_settings *settings);

/* What the command line says. NULL, false: nothing said. */
struct producer_options {
    const char *input;
    const char *format;
    const char *checkpoint;
    bool is_followed;
};

/* The options go over the settings.
 * Errors: STATUS_INVALID with a line that names the option. */
WARN_UNUSED enum status producer_settings_override(struct producer_settings *settings,
                                                   const struct producer_options *said, struct error *ret_error);

/* Do the settings go together?
 * Errors: STATUS_INVALID with a line that names the key. */
WARN_UNUSED enum status producer_settings_check(const struct producer_settings *settings, struct error *ret_error);

void producer_settings_print_help(FILE *file);

#endif
