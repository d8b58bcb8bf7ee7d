/* topic_scan.h: every record of a topic, from its start to its end as it is now, for commands.
 *
 * Reads by hand, as read_committed: joins no group, commits nothing, leaves no trace on the broker. The ends are asked
 * for at the beginning, so a scan of a topic that grows comes to its end. Partitions are read one after the other, each
 * in the order of its offsets: the same topic gives the same order, and memory is that of one partition's fetches.
 * Offsets without a record (compacted away, a transaction's marker, an aborted one, or deleted while the scan was on
 * its way) are passed over. */
#ifndef RELAY_TOPIC_SCAN_H
#define RELAY_TOPIC_SCAN_H

#include "kafka_properties.h"
#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_SCAN_PROGRESS_MS = 200 };

struct topic_scan_progress {
    int64_t offsets_passed; /* of offsets_total: with and without a record */
    int64_t offsets_total;
    int64_t records; /* given to on_record */
    int32_t partition_count;
    int64_t elapsed_ms; /* since topic_scan began */
};

struct topic_scan_spec {
    const struct kafka_properties *properties;
    const char *group; /* names the handle's group, which is never joined */
    const char *topic;
    int timeout_ms; /* how long a broker may be silent: at the beginning, and between two records */

    /* Called for each record, never one that is an error; it is the scan's. False ends the scan, which is no error. */
    bool (*on_record)(void *context, int32_t partition, int64_t offset, const rd_kafka_message_t *message);

    /* NULL, or called now and then: while the scan waits and while it reads, at most every TOPIC_SCAN_PROGRESS_MS. */
    void (*on_progress)(void *context, const struct topic_scan_progress *progress);

    void *context;
};

/* For a command, which a signal ends at once wherever it waits. Blocks until the end, on_record's false, or an error.
 * *ret_progress (may be NULL) says how far it came, after an error too. Errors: STATUS_NOT_FOUND no such topic;
 * STATUS_UNAVAILABLE the broker is silent; STATUS_REFUSED not authorised, or the broker refuses to give a partition's
 * records; STATUS_INVALID librdkafka refuses the properties. */
WARN_UNUSED enum status topic_scan(const struct topic_scan_spec *spec, struct topic_scan_progress *ret_progress,
                                   struct error *ret_error);

#endif
