/* check_url_command.h: `incident-consumer check-url`. */
#ifndef RELAY_CHECK_URL_COMMAND_H
#define RELAY_CHECK_URL_COMMAND_H

#include "status.h"

enum exit_status check_url_command(int argc, char **argv);

#endif
