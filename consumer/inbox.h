/* inbox.h: what a shard's edges had to say since its last turn.
 *
 * Edges append, from the shard's own thread; one turn drains it. It holds at most one answer for each thing that the
 * core has asked for, so it is bounded by the core's limits. */
#ifndef RELAY_INBOX_H
#define RELAY_INBOX_H

#include "delivery_core.h"

#include <stddef.h>

struct inbox_half {
    struct delivery_event *events;
    size_t count;
    size_t capacity;
};

/* Two halves: one is appended to while the other is worked on. */
struct inbox {
    struct inbox_half halves[2];
    unsigned appending;
};

void inbox_init(struct inbox *inbox);
void inbox_destroy(struct inbox *inbox);

/* now_ms is left to the turn that drains it. */
void inbox_append(struct inbox *inbox, const struct delivery_event *event);

/* Events appended while the returned ones are worked on are kept for the next call. The returned array (count in
 * *ret_count) is valid until that. */
const struct delivery_event *inbox_drain(struct inbox *inbox, size_t *ret_count);

#endif
