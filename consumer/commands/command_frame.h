/* command_frame.h: what every command does before and after its own work: the command line, settings, subscriptions,
 * and a last look at standard output. */
#ifndef RELAY_COMMAND_FRAME_H
#define RELAY_COMMAND_FRAME_H

#include "command_line.h"
#include "consumer_settings.h"
#include "status.h"
#include "subscription.h"

#include <stdbool.h>
#include <stddef.h>

struct command_frame {
    const char *name; /* of the command, as messages say it */
    const char *help; /* the whole text of its --help */
    const struct command_line_option *own;
    size_t own_count;
};

/* Reads the command line. False: the command ends here with *ret_exit, since it was --help or a mistake, which is said.
 * Else ret_line->operands is without the command's own name. --check is refused: it belongs to `run`. */
WARN_UNUSED bool command_frame_read(const struct command_frame *frame, int argc, char **argv,
                                    struct command_line *ret_line, enum exit_status *ret_exit);

/* Says on standard error what is wrong with the command line, and how to learn more. Returns EXIT_STATUS_USAGE. */
enum exit_status command_frame_usage(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* Says on standard error what went wrong; returns `exit_status`. */
enum exit_status command_frame_fail(const char *name, enum exit_status exit_status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The settings of --config and --set, in force for the log as well. Free with consumer_settings_free, after an error
 * too. Errors are said; EXIT_STATUS_OK or EXIT_STATUS_SETTINGS. */
WARN_UNUSED enum exit_status command_frame_settings(const struct command_line *line,
                                                    struct consumer_settings *ret_settings);

/* The subscriptions file of the settings; *ret_set is the caller's (subscription_set_destroy), NULL after an error.
 * Errors are said; EXIT_STATUS_OK or EXIT_STATUS_SETTINGS. */
WARN_UNUSED enum exit_status command_frame_subscriptions(const struct consumer_settings *settings,
                                                         struct subscription_set **ret_set);

/* Flushes standard output. Returns `exit_status`, or EXIT_STATUS_CANT_WRITE, and says it, when not all was written. */
WARN_UNUSED enum exit_status command_frame_end(const char *name, enum exit_status exit_status);

#endif
