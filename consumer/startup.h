/* startup.h: what the consumer finds out and makes before its shards join the group.
 *
 * The broker must answer, every event topic must exist (the relay never makes it: a missing one is named, with the
 * command that does), and the dead-letter topic is made where it is missing. All of it waits for a broker that is away.
 */
#ifndef RELAY_STARTUP_H
#define RELAY_STARTUP_H

#include "consumer_app.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct startup_facts {
    uint32_t partitions; /* of all event topics together */
};

/* Blocks; not for a loop's thread. Asks again every second while the broker is away or a topic is missing, with one
 * line per kind of trouble, for startup_timeout or until `is_cancelled` says so. Errors:
 * STATUS_UNAVAILABLE past the time-out or cancelled; STATUS_INVALID when librdkafka refuses the settings. */
WARN_UNUSED enum status startup_prepare(const struct consumer_run *run, bool (*is_cancelled)(void *context),
                                        void *context, struct startup_facts *ret_facts, struct error *ret_error);

#endif
