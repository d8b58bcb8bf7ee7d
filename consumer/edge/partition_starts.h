/* partition_starts.h: where the reading of a newly assigned partition begins.
 *
 * A partition goes on at its committed offset. Where no partition of its topic has a commit in the group, the group is
 * new and `start_from` decides; where another one has, the partition was added later and is read from its beginning.
 *
 * Where the log no longer has the committed offset, the partition is read from its start if the operator has accepted
 * the gap, which is said with the range; otherwise the fetch will fail, and hold the partition.
 *
 * "Added later" must not depend on which member looks first: two members of a new group start at the same time, and
 * the second would take the first one's commit for an old one. So each commit carries a note with the number of
 * partitions that the topic had when the group began, and a partition below that number is not a later one. */
#ifndef RELAY_PARTITION_STARTS_H
#define RELAY_PARTITION_STARTS_H

#include "kafka_subscription.h"

struct partition_start {
    const char *topic; /* one of the settings' strings */
    int32_t partition;
    int64_t offset;      /* the next one to be read */
    int32_t first_count; /* the note: partitions of the topic when the group began; 0: unknown */
    bool needs_commit;   /* `offset` is not what was committed: commit it before the first record is taken */
};

/* Topic and partition of `starts` go in, the rest comes out. Asks the broker, each question for two seconds at most,
 * and nothing more once *is_cancelled: not for the loop's thread. Errors: STATUS_UNAVAILABLE; what was found so far is
 * in `starts`. */
WARN_UNUSED enum status partition_starts_find(rd_kafka_t *client, const struct kafka_subscription_settings *settings,
                                              const _Atomic bool *is_cancelled, struct partition_start *starts,
                                              size_t count, struct error *ret_error);

enum { COMMIT_NOTE_MAX = 32 };

/* The metadata of every commit: "1;parts=N" (1 is the format's number). */
void commit_note_format(char ret_note[COMMIT_NOTE_MAX], int32_t first_count);

/* The N of a note, or 0 when `note` is not one (somebody else's commit). */
int32_t commit_note_parse(const void *note, size_t size);

#endif
