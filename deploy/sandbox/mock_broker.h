/* mock_broker.h: a broker inside this process, on librdkafka's mock cluster.
 *
 * It listens on loopback, keeps everything in memory (about 5 MiB a partition) and forgets it at the end. Start one
 * at a time, before any thread of ours: the port is handed over through a static. */
#ifndef RELAY_MOCK_BROKER_H
#define RELAY_MOCK_BROKER_H

#include "status.h"

#include <stdint.h>

struct mock_broker;

enum { MOCK_BROKER_PARTITIONS = 4 };

/* Starts one broker on 127.0.0.1:`port` (0: a free one) and makes every topic of the NULL-terminated `topics` with
 * MOCK_BROKER_PARTITIONS partitions. End it with mock_broker_destroy.
 * Errors: STATUS_UNAVAILABLE when the port is taken; STATUS_IO for anything else. */
WARN_UNUSED enum status mock_broker_create(uint16_t port, const char *const *topics, struct mock_broker **ret_broker,
                                           struct error *ret_error);

/* "127.0.0.1:9092"; valid until destroyed. */
const char *mock_broker_address(const struct mock_broker *broker);

void mock_broker_destroy(struct mock_broker *broker);

#endif
