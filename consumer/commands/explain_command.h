/* explain_command.h: `incident-consumer explain`. */
#ifndef RELAY_EXPLAIN_COMMAND_H
#define RELAY_EXPLAIN_COMMAND_H

#include "status.h"

enum exit_status explain_command(int argc, char **argv);

#endif
