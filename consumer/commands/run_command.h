/* run_command.h: `incident-consumer run`: the group member. Also what `incident-consumer --check` means. */
#ifndef RELAY_RUN_COMMAND_H
#define RELAY_RUN_COMMAND_H

#include "status.h"

enum exit_status run_command(int argc, char **argv);

#endif
