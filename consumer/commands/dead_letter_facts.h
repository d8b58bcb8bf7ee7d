/* dead_letter_facts.h: what a record of the dead-letter topic says about itself, and whether it is asked for.
 *
 * The relay writes its dl_ headers behind those of the event, dl_reason first. An event's own producer may have written
 * headers of the same names, so only those from the last dl_reason on are the relay's word. */
#ifndef RELAY_DEAD_LETTER_FACTS_H
#define RELAY_DEAD_LETTER_FACTS_H

#include "bytes.h"
#include "record_decode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEAD_LETTER_ADDED_MAX = 32 }; /* headers behind dl_reason that are looked at; the relay writes about ten */

/* Everything is borrowed from the record. A view of size 0: the record does not say. */
struct dead_letter_facts {
    int32_t partition; /* where the dead letter itself lies */
    int64_t offset;
    const struct record_in *record;
    const struct record_header
        *added; /* the relay's own headers, dl_reason first; NULL: it is no dead letter of ours */
    size_t added_count;
    struct bytes_view reason;
    struct bytes_view subscription;
    struct bytes_view attempts;
    struct bytes_view last_error;
    struct bytes_view first_attempt_at;
    struct bytes_view origin_topic;
    struct bytes_view origin_partition;
    struct bytes_view origin_offset;
    struct bytes_view ce_id; /* of the event's own headers, as are all below: the last of that name */
    struct bytes_view ce_type;
    int64_t tenant; /* the key, when it is a tenant in decimal; else 0 */
};

void dead_letter_facts_read(int32_t partition, int64_t offset, const struct record_in *record,
                            struct dead_letter_facts *ret_facts);

/* The time that --from and --to look at, Unix milliseconds: dl_first_attempt_at where there is a readable one, else the
 * record's timestamp, which is the event's sent_at. -1: the record has none. */
int64_t dead_letter_facts_time(const struct dead_letter_facts *facts);

/* Was an event read, although it may have to go to nobody (key.mismatch)? */
bool dead_letter_facts_has_event(const struct decoded_record *decoded);

struct dead_letter_filter {
    const char *reason;       /* NULL: any; `undecodable` stands for all undecodable.RULE */
    const char *subscription; /* NULL: any */
    int64_t tenant;           /* 0: any */
    int64_t from_ms;          /* at or after it; INT64_MIN: any */
    int64_t to_ms;            /* before it; INT64_MAX: any */
};

/* Is `reason` one that a dead letter may have, or `undecodable` alone? */
bool dead_letter_filter_is_reason(const char *reason);

bool dead_letter_filter_matches(const struct dead_letter_filter *filter, const struct dead_letter_facts *facts);

#endif
