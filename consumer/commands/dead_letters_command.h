/* dead_letters_command.h: what was given up, and why. */
#ifndef RELAY_DEAD_LETTERS_COMMAND_H
#define RELAY_DEAD_LETTERS_COMMAND_H

#include "status.h"

/* `incident-consumer dead-letters list|show`: see its --help. */
enum exit_status dead_letters_command(int argc, char **argv);

#endif
