/* record_fetch.h: one record by its place on the log, for commands.
 *
 * Reads by hand, as read_committed: joins no group, commits nothing, leaves no trace on the broker. */
#ifndef RELAY_RECORD_FETCH_H
#define RELAY_RECORD_FETCH_H

#include "kafka_properties.h"
#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct record_place {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

struct fetched_record {
    rd_kafka_t *client;
    rd_kafka_message_t *message; /* the record; never one that is an error */
};

/* Blocks for `timeout_ms` at most, and some seconds more where the broker stops answering half-way. `group` names the
 * handle's group, which is never joined. Free with record_fetch_free; nothing to free after an error.
 * Errors: STATUS_NOT_FOUND no such topic or partition, or the log has no record there (gone, not yet written, compacted
 * away, a transaction's marker, aborted); STATUS_UNAVAILABLE no answer; STATUS_REFUSED not authorised; STATUS_INVALID
 * librdkafka refuses the properties. */
WARN_UNUSED enum status record_fetch(const struct kafka_properties *properties, const char *group,
                                     const struct record_place *place, int timeout_ms,
                                     struct fetched_record *ret_record, struct error *ret_error);

void record_fetch_free(struct fetched_record *record); /* back to zeroed */

#endif
