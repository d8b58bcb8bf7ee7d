/* command_line.h: the options that both programs have, read with getopt_long.
 *
 * --config FILE, --set KEY=VALUE (repeated), --check, --help, --version, and the program's own options with a value.
 * What stands alone is an operand (a command and its arguments), in its order. */
#ifndef RELAY_COMMAND_LINE_H
#define RELAY_COMMAND_LINE_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

enum { COMMAND_LINE_SETS_MAX = 256, COMMAND_LINE_OWN_MAX = 16, COMMAND_LINE_LIST_MAX = 16 };

/* The values of an option that may stand there several times, in their order. */
struct command_line_list {
    const char *values[COMMAND_LINE_LIST_MAX];
    size_t count;
};

/* An option of one program's (or command's) own: `--NAME VALUE`, `--NAME VALUE --NAME VALUE` or `--NAME`. One of the
 * three places is set; untouched when the option is not given. */
struct command_line_option {
    const char *name;
    const char **ret_value;             /* the last value given */
    struct command_line_list *ret_list; /* each value given */
    bool *ret_flag;                     /* takes no value; true when given */
};

/* All strings are argv's. */
struct command_line {
    const char *config; /* NULL: none */
    const char *sets[COMMAND_LINE_SETS_MAX];
    size_t set_count;
    bool is_check;
    bool is_help;
    bool is_version;
    char *const *operands;
    size_t operand_count;
};

/* `own` has at most COMMAND_LINE_OWN_MAX entries. Reorders argv. Not from two threads.
 * Errors: STATUS_INVALID with a line that names the option. */
WARN_UNUSED enum status command_line_read(int argc, char **argv, const struct command_line_option *own,
                                          size_t own_count, struct command_line *ret_line, struct error *ret_error);

/* The first operand, the name of a command where a program has commands, found before it is known which own options
 * there are: only the common options may stand before it. NULL: there is none. */
const char *command_line_first_operand(int argc, char *const *argv);

#endif
