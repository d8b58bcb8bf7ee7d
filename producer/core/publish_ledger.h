/* publish_ledger.h: the events on their way to the broker, and how far the input is done.
 *
 * Each event taken in has a place, in the order of the input. It waits, is sent (with the publisher), and is settled:
 * acknowledged by the broker, or refused by it and then written to the rejects. Places are given out to be sent in
 * their order, and what comes back unsent is sent again in that order.
 *
 *      admit            sent              delivered
 *   ---------> WAITING ------> SENT --------------------> SETTLED
 *                 ^              |  \  refused             ^
 *                 +--------------+   +---------> REFUSED --+
 *                    returned                    rejected
 *
 * After a return the ledger holds: nothing is taken in or sent, until publish_ledger_resume. Two bounds, on places
 * and on bytes; a full ledger means that the input is not read on. Pure: no clock, no bytes, no handles; all memory is
 * taken at creation. */
#ifndef RELAY_PUBLISH_LEDGER_H
#define RELAY_PUBLISH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* Where a line begins. */
struct publish_position {
    int64_t line;   /* counted from 1 */
    int64_t offset; /* of its first byte, from 0 */
};

struct publish_limits {
    uint32_t events_max; /* places from the oldest that is not settled to the newest */
    int64_t bytes_max;   /* of those that are not settled */
};

struct publish_counts {
    uint32_t places;  /* what events_max bounds */
    uint32_t waiting; /* to be sent */
    uint32_t sent;    /* with the publisher */
    uint32_t refused; /* not yet in the rejects */
    int64_t bytes;    /* what bytes_max bounds */
};

struct publish_ledger;

struct publish_ledger *publish_ledger_create(const struct publish_limits *limits); /* both at least 1 */
void publish_ledger_destroy(struct publish_ledger *ledger);                        /* NULL is fine */

/* The line that is read next begins there; without it line 1, byte 0. Only while no place is held. */
void publish_ledger_start(struct publish_ledger *ledger, struct publish_position position);

/* May an event of `bytes` be taken in now? An event larger than bytes_max is taken when no other is there. */
bool publish_ledger_has_room(const struct publish_ledger *ledger, int64_t bytes);

/* Takes in the event whose line begins at `start`, and returns its place. Places are counted up from 0; for those that
 * the ledger holds, place modulo events_max is unique. Needs room. */
uint64_t publish_ledger_admit(struct publish_ledger *ledger, struct publish_position start, int64_t bytes);

/* Every line before `next` has been admitted or is dealt with (blank, or in the rejects). Never goes back. */
void publish_ledger_read_to(struct publish_ledger *ledger, struct publish_position next);

/* The place to send next, if any. It stays the next until publish_ledger_sent. One that must go alone is given out when
 * nothing else is sent, and nothing is given out beside it. */
bool publish_ledger_next_to_send(struct publish_ledger *ledger, uint64_t *ret_place);
void publish_ledger_sent(struct publish_ledger *ledger, uint64_t place); /* the one that was given out */

/* What became of a place that was sent. */
void publish_ledger_delivered(struct publish_ledger *ledger, uint64_t place);
void publish_ledger_refused(struct publish_ledger *ledger, uint64_t place);
void publish_ledger_returned(struct publish_ledger *ledger, uint64_t place, bool must_go_alone);

/* Every place that was sent comes back: the publisher has lost track of them. */
void publish_ledger_returned_all(struct publish_ledger *ledger);

/* Was this place, which was sent, sent alone? */
bool publish_ledger_went_alone(const struct publish_ledger *ledger, uint64_t place);

/* The oldest place that was refused, if any; publish_ledger_rejected when it is in the rejects. */
bool publish_ledger_next_refused(const struct publish_ledger *ledger, uint64_t *ret_place);
void publish_ledger_rejected(struct publish_ledger *ledger, uint64_t place);

/* The hold, which a return begins. Resume ends it; nothing may be with the publisher then. The oldest place that waits
 * goes alone, as a trial. */
bool publish_ledger_is_held(const struct publish_ledger *ledger);
void publish_ledger_resume(struct publish_ledger *ledger);

/* Everything before this position is settled: acknowledged, in the rejects, or blank. */
struct publish_position publish_ledger_position(const struct publish_ledger *ledger);

/* Where the line of a place that is not settled begins. */
struct publish_position publish_ledger_start_of(const struct publish_ledger *ledger, uint64_t place);

struct publish_counts publish_ledger_counts(const struct publish_ledger *ledger);

/* Aborts when the ledger contradicts itself; takes time, for tests. */
void publish_ledger_check(const struct publish_ledger *ledger);

#endif
