#include "publish_ledger.h"

#include "check.h"
#include "memory.h"

#include <stddef.h>
#include <stdlib.h>

enum place_state { PLACE_WAITING, PLACE_SENT, PLACE_REFUSED, PLACE_SETTLED };

struct place {
    enum place_state state;
    bool must_go_alone;
    struct publish_position start;
    int64_t bytes;
};

struct publish_ledger {
    struct publish_limits limits;
    struct place *places;  /* a ring: place modulo events_max */
    uint64_t first;        /* the oldest that is not settled, or next */
    uint64_t next;         /* the place of the next admission */
    uint64_t waiting_from; /* no place below it waits */
    bool is_held;
    bool is_one_alone; /* the one that is sent must go alone */
    struct publish_position read_to;
    struct publish_counts counts; /* but for places */
};

struct publish_ledger *publish_ledger_create(const struct publish_limits *limits)
{
    CHECK(limits->events_max >= 1 && limits->bytes_max >= 1);
    struct publish_ledger *ledger = memory_alloc(1, sizeof(*ledger));
    ledger->limits = *limits;
    ledger->places = memory_alloc(limits->events_max, sizeof(*ledger->places));
    ledger->read_to = (struct publish_position){.line = 1, .offset = 0};
    return ledger;
}

void publish_ledger_destroy(struct publish_ledger *ledger)
{
    if (ledger != NULL) {
        free(ledger->places);
        free(ledger);
    }
}

static struct place *slot(const struct publish_ledger *ledger, uint64_t place)
{
    CHECK(place >= ledger->first && place < ledger->next);
    return &ledger->places[place % ledger->limits.events_max];
}

void publish_ledger_start(struct publish_ledger *ledger, struct publish_position position)
{
    CHECK(ledger->first == ledger->next && position.line >= 1 && position.offset >= 0);
    ledger->read_to = position;
}

bool publish_ledger_has_room(const struct publish_ledger *ledger, int64_t bytes)
{
    if (ledger->is_held || ledger->next - ledger->first >= ledger->limits.events_max) {
        return false;
    }
    return ledger->counts.bytes == 0 || bytes <= ledger->limits.bytes_max - ledger->counts.bytes;
}

uint64_t publish_ledger_admit(struct publish_ledger *ledger, struct publish_position start, int64_t bytes)
{
    CHECK(bytes > 0 && publish_ledger_has_room(ledger, bytes));
    CHECK(start.line >= ledger->read_to.line && start.offset >= ledger->read_to.offset);
    uint64_t place = ledger->next++;
    *slot(ledger, place) = (struct place){.state = PLACE_WAITING, .start = start, .bytes = bytes};
    ledger->counts.waiting++;
    ledger->counts.bytes += bytes;
    return place;
}

void publish_ledger_read_to(struct publish_ledger *ledger, struct publish_position next)
{
    CHECK(next.line >= ledger->read_to.line && next.offset >= ledger->read_to.offset);
    ledger->read_to = next;
}

bool publish_ledger_next_to_send(struct publish_ledger *ledger, uint64_t *ret_place)
{
    if (ledger->is_held || ledger->is_one_alone || ledger->counts.waiting == 0) {
        return false;
    }
    if (ledger->waiting_from < ledger->first) {
        ledger->waiting_from = ledger->first;
    }
    while (slot(ledger, ledger->waiting_from)->state != PLACE_WAITING) {
        ledger->waiting_from++;
    }
    if (slot(ledger, ledger->waiting_from)->must_go_alone && ledger->counts.sent > 0) {
        return false;
    }
    *ret_place = ledger->waiting_from;
    return true;
}

void publish_ledger_sent(struct publish_ledger *ledger, uint64_t place)
{
    struct place *entry = slot(ledger, place);
    CHECK(place == ledger->waiting_from && entry->state == PLACE_WAITING && !ledger->is_held);
    entry->state = PLACE_SENT;
    ledger->counts.waiting--;
    ledger->counts.sent++;
    ledger->waiting_from++;
    ledger->is_one_alone = entry->must_go_alone;
}

/* Ends the sending of a place. */
static struct place *take_back(struct publish_ledger *ledger, uint64_t place)
{
    struct place *entry = slot(ledger, place);
    CHECK(entry->state == PLACE_SENT);
    ledger->counts.sent--;
    ledger->is_one_alone = false;
    return entry;
}

static void settle(struct publish_ledger *ledger, struct place *entry)
{
    entry->state = PLACE_SETTLED;
    ledger->counts.bytes -= entry->bytes;
    while (ledger->first < ledger->next && slot(ledger, ledger->first)->state == PLACE_SETTLED) {
        ledger->first++;
    }
}

void publish_ledger_delivered(struct publish_ledger *ledger, uint64_t place)
{
    settle(ledger, take_back(ledger, place));
}

void publish_ledger_refused(struct publish_ledger *ledger, uint64_t place)
{
    take_back(ledger, place)->state = PLACE_REFUSED;
    ledger->counts.refused++;
}

void publish_ledger_returned(struct publish_ledger *ledger, uint64_t place, bool must_go_alone)
{
    struct place *entry = take_back(ledger, place);
    entry->state = PLACE_WAITING;
    entry->must_go_alone = must_go_alone;
    ledger->counts.waiting++;
    ledger->waiting_from = place < ledger->waiting_from ? place : ledger->waiting_from;
    ledger->is_held = true;
}

void publish_ledger_returned_all(struct publish_ledger *ledger)
{
    for (uint64_t place = ledger->first; place < ledger->next; place++) {
        const struct place *entry = slot(ledger, place);
        if (entry->state == PLACE_SENT) {
            publish_ledger_returned(ledger, place, entry->must_go_alone);
        }
    }
    ledger->is_held = true;
}

bool publish_ledger_went_alone(const struct publish_ledger *ledger, uint64_t place)
{
    const struct place *entry = slot(ledger, place);
    CHECK(entry->state == PLACE_SENT);
    return entry->must_go_alone;
}

bool publish_ledger_next_refused(const struct publish_ledger *ledger, uint64_t *ret_place)
{
    if (ledger->counts.refused == 0) {
        return false;
    }
    uint64_t place = ledger->first;
    while (slot(ledger, place)->state != PLACE_REFUSED) {
        place++;
    }
    *ret_place = place;
    return true;
}

void publish_ledger_rejected(struct publish_ledger *ledger, uint64_t place)
{
    struct place *entry = slot(ledger, place);
    CHECK(entry->state == PLACE_REFUSED);
    ledger->counts.refused--;
    settle(ledger, entry);
}

bool publish_ledger_is_held(const struct publish_ledger *ledger)
{
    return ledger->is_held;
}

void publish_ledger_resume(struct publish_ledger *ledger)
{
    CHECK(ledger->is_held && ledger->counts.sent == 0);
    ledger->is_held = false;
    uint64_t oldest;
    if (publish_ledger_next_to_send(ledger, &oldest)) {
        slot(ledger, oldest)->must_go_alone = true;
    }
}

struct publish_position publish_ledger_position(const struct publish_ledger *ledger)
{
    return ledger->first < ledger->next ? slot(ledger, ledger->first)->start : ledger->read_to;
}

struct publish_position publish_ledger_start_of(const struct publish_ledger *ledger, uint64_t place)
{
    const struct place *entry = slot(ledger, place);
    CHECK(entry->state != PLACE_SETTLED);
    return entry->start;
}

struct publish_counts publish_ledger_counts(const struct publish_ledger *ledger)
{
    struct publish_counts counts = ledger->counts;
    counts.places = (uint32_t)(ledger->next - ledger->first);
    return counts;
}

void publish_ledger_check(const struct publish_ledger *ledger)
{
    struct publish_counts counts = {0};
    struct publish_position before = {0};
    uint64_t waiting_first = ledger->next;
    bool is_one_alone = false;
    CHECK(ledger->next - ledger->first <= ledger->limits.events_max);
    for (uint64_t place = ledger->first; place < ledger->next; place++) {
        const struct place *entry = slot(ledger, place);
        CHECK(place > ledger->first || entry->state != PLACE_SETTLED);
        CHECK(entry->start.line > before.line && entry->start.offset >= before.offset);
        before = entry->start;
        counts.bytes += entry->state == PLACE_SETTLED ? 0 : entry->bytes;
        counts.waiting += entry->state == PLACE_WAITING;
        counts.sent += entry->state == PLACE_SENT;
        counts.refused += entry->state == PLACE_REFUSED;
        is_one_alone = is_one_alone || (entry->state == PLACE_SENT && entry->must_go_alone);
        if (entry->state == PLACE_WAITING && place < waiting_first) {
            waiting_first = place;
        }
    }
    CHECK(counts.bytes == ledger->counts.bytes && counts.waiting == ledger->counts.waiting);
    CHECK(counts.sent == ledger->counts.sent && counts.refused == ledger->counts.refused);
    CHECK(ledger->waiting_from <= waiting_first);
    CHECK(is_one_alone == ledger->is_one_alone && (!is_one_alone || counts.sent == 1));
}
