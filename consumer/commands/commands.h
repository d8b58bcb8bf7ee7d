/* commands.h: the commands of incident-consumer.
 *
 * A command reads its own command line (the common options and its own), does its work and returns the exit status.
 * Each has its own --help, and a file of its own in this room. */
#ifndef RELAY_COMMANDS_H
#define RELAY_COMMANDS_H

#include "status.h"

#include <stdbool.h>
#include <stdio.h>

struct command {
    const char *name;
    const char *usage;   /* what stands behind `incident-consumer` */
    const char *summary; /* one line, for --help */
    enum exit_status (*run)(int argc, char **argv);
};

/* The command of that name; NULL when there is none. */
const struct command *commands_find(const char *name);

/* Whether a name that commands_find does not know is kept for a command that comes in a later version. */
bool commands_is_later(const char *name);

/* Usage and summary of each command, a line or two for each. */
void commands_print_help(FILE *file);

#endif
