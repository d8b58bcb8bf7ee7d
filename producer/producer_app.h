/* producer_app.h: the producer as a whole: start, loop, signals, admin listener, end. */
#ifndef RELAY_PRODUCER_APP_H
#define RELAY_PRODUCER_APP_H

#include "producer_settings.h"
#include "status.h"

/* Publishes the input to its end, or until SIGTERM, SIGINT or SIGHUP (a drain; a second one cuts), or until it cannot
 * go on; says on the log what was done, and returns the exit status. */
enum exit_status producer_app_run(const struct producer_settings *settings);

#endif
