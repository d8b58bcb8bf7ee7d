/* verify_command.h: `incident-consumer verify`. */
#ifndef RELAY_VERIFY_COMMAND_H
#define RELAY_VERIFY_COMMAND_H

#include "status.h"

enum exit_status verify_command(int argc, char **argv);

#endif
