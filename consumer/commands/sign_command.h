/* sign_command.h: `incident-consumer sign`. */
#ifndef RELAY_SIGN_COMMAND_H
#define RELAY_SIGN_COMMAND_H

#include "status.h"

enum exit_status sign_command(int argc, char **argv);

#endif
