#include "delivery.h"

#include "attempt.h"
#include "check.h"
#include "dead_letter.h"
#include "holding.h"
#include "lane.h"
#include "record.h"

static const char *const state_names[DELIVERY_STATES] = {
    [DELIVERY_FREE] = "free",
    [DELIVERY_BLOCKED] = "blocked",
    [DELIVERY_READY] = "ready",
    [DELIVERY_WAITING] = "waiting",
    [DELIVERY_IN_AIR] = "in air",
    [DELIVERY_DEAD_LETTER_WAITING] = "dead letter waiting",
    [DELIVERY_DEAD_LETTER_WRITING] = "dead letter writing",
    [DELIVERY_SETTLED] = "settled",
};

#define TO(state) (1U << DELIVERY_##state)

/* Every state but SETTLED may end in FREE: the partition is no longer ours. */
static const unsigned legal_moves[DELIVERY_STATES] = {
    [DELIVERY_FREE] = TO(BLOCKED) | TO(READY) | TO(DEAD_LETTER_WAITING) | TO(DEAD_LETTER_WRITING),
    [DELIVERY_BLOCKED] = TO(READY) | TO(SETTLED) | TO(FREE),
    [DELIVERY_READY] = TO(IN_AIR) | TO(SETTLED) | TO(FREE),
    [DELIVERY_WAITING] = TO(READY) | TO(SETTLED) | TO(FREE),
    [DELIVERY_IN_AIR] =
        TO(SETTLED) | TO(WAITING) | TO(READY) | TO(DEAD_LETTER_WRITING) | TO(DEAD_LETTER_WAITING) | TO(FREE),
    [DELIVERY_DEAD_LETTER_WAITING] = TO(DEAD_LETTER_WRITING) | TO(SETTLED) | TO(FREE),
    [DELIVERY_DEAD_LETTER_WRITING] = TO(SETTLED) | TO(DEAD_LETTER_WAITING) | TO(FREE),
    [DELIVERY_SETTLED] = TO(FREE),
};

static int64_t offset_of(const struct heap_node *ready)
{
    const char *delivery = (const char *)ready - offsetof(struct delivery, ready);
    return ((const struct delivery *)(const void *)delivery)->record->entry.offset;
}

bool delivery_comes_first(const struct heap_node *a, const struct heap_node *b)
{
    return offset_of(a) < offset_of(b);
}

struct delivery *delivery_create(struct delivery_core *core, struct record *record, struct lane *lane)
{
    struct delivery *delivery = pool_take(&core->deliveries);
    CHECK(delivery != NULL && delivery->state == DELIVERY_FREE);
    *delivery = (struct delivery){.record = record, .lane = lane, .first_attempt_at_ms = -1};
    LIST_INSERT_HEAD(&record->deliveries, delivery, of_record);
    record->partition->load.deliveries++;
    core->hand.load.deliveries++;
    core->stats.deliveries_in_hand++;
    if (lane != NULL) {
        lane_owe(core, lane);
    }
    return delivery;
}

/* True when nobody is before it. */
static bool chain(struct delivery_core *core, struct delivery *delivery, enum ordering ordering)
{
    if (ordering == ORDERING_NONE) {
        return true;
    }
    int64_t key = ordering == ORDERING_INCIDENT ? delivery->record->incident : 0;
    return order_chain_append(&core->chains, &delivery->order, pool_index(&core->lanes, delivery->lane), key);
}

void delivery_queue(struct delivery_core *core, struct delivery *delivery)
{
    bool is_first = chain(core, delivery, delivery->lane->ordering);
    delivery_move(core, delivery, is_first ? DELIVERY_READY : DELIVERY_BLOCKED);
}

void delivery_queue_anew(struct delivery_core *core, struct delivery *delivery, enum ordering ordering)
{
    bool is_first = chain(core, delivery, ordering);
    if (delivery->state != DELIVERY_BLOCKED) {
        delivery->is_let_go = true;
    } else if (is_first) {
        delivery_move(core, delivery, DELIVERY_READY);
    }
}

void delivery_wait(struct delivery_core *core, struct delivery *delivery, int64_t wait_ms)
{
    timer_queue_set(&core->timers, &delivery->timer, TIMER_DELIVERY, core->now_ms + wait_ms);
    delivery_move(core, delivery, DELIVERY_WAITING);
}

static uint32_t *gauge_of(struct delivery_core *core, enum delivery_state state)
{
    switch (state) {
    case DELIVERY_BLOCKED:
        return &core->stats.deliveries_blocked;
    case DELIVERY_READY:
        return &core->stats.deliveries_ready;
    case DELIVERY_WAITING:
        return &core->stats.deliveries_waiting;
    case DELIVERY_IN_AIR:
        return &core->stats.deliveries_in_air;
    case DELIVERY_DEAD_LETTER_WAITING:
        return &core->stats.dead_letters_waiting;
    case DELIVERY_DEAD_LETTER_WRITING:
        return &core->stats.dead_letters_writing;
    case DELIVERY_FREE:
    case DELIVERY_SETTLED:
    case DELIVERY_STATES:
        break;
    }
    return NULL;
}

static void leave(struct delivery_core *core, struct delivery *delivery)
{
    switch (delivery->state) {
    case DELIVERY_READY:
        heap_remove(&delivery->lane->ready, &delivery->ready);
        break;
    case DELIVERY_WAITING:
        timer_queue_cancel(&core->timers, &delivery->timer);
        TAILQ_REMOVE(&delivery->lane->waiting, delivery, of_lane);
        break;
    case DELIVERY_DEAD_LETTER_WAITING:
        timer_queue_cancel(&core->timers, &delivery->timer);
        break;
    case DELIVERY_IN_AIR:
        CHECK(delivery->lane->in_air > 0);
        delivery->lane->in_air--;
        delivery->attempt = 0;
        break;
    case DELIVERY_DEAD_LETTER_WRITING:
        delivery->attempt = 0;
        break;
    default:
        break;
    }
}

static void enter(struct delivery *delivery, enum delivery_state to)
{
    if (to == DELIVERY_READY) {
        heap_insert(&delivery->lane->ready, &delivery->ready);
    } else if (to == DELIVERY_WAITING) {
        TAILQ_INSERT_TAIL(&delivery->lane->waiting, delivery, of_lane);
    } else if (to == DELIVERY_IN_AIR) {
        delivery->lane->in_air++;
    }
}

void delivery_move(struct delivery_core *core, struct delivery *delivery, enum delivery_state to)
{
    enum delivery_state from = delivery->state;
    CHECK(from < DELIVERY_STATES && (legal_moves[from] & (1U << to)) != 0);
    leave(core, delivery);
    uint32_t *gauge = gauge_of(core, from);
    if (gauge != NULL) {
        *gauge -= 1;
    }
    delivery->state = to;
    enter(delivery, to);
    gauge = gauge_of(core, to);
    if (gauge != NULL) {
        *gauge += 1;
    }
    core_tell_move(core, "delivery", pool_index(&core->deliveries, delivery), state_names[from], state_names[to]);
    core_touch(core, delivery->record->partition);
    if (delivery->lane != NULL) {
        lane_refresh(core, delivery->lane);
    }
}

/* Back into the pool; it belongs to no list of its state any more. */
static void give_back(struct delivery_core *core, struct delivery *delivery)
{
    struct lane *lane = delivery->lane;
    LIST_REMOVE(delivery, of_record);
    delivery->record->partition->load.deliveries--;
    core->hand.load.deliveries--;
    core->stats.deliveries_in_hand--;
    pool_return(&core->deliveries, delivery);
    if (lane != NULL) {
        lane_pay(core, lane);
    }
}

void delivery_settle(struct delivery_core *core, struct delivery *delivery)
{
    struct record *record = delivery->record;
    delivery_move(core, delivery, DELIVERY_SETTLED);
    if (delivery->order.is_linked) {
        struct order_link *next = order_chain_remove(&core->chains, &delivery->order);
        if (next != NULL && CONTAINER_OF(next, struct delivery, order)->state == DELIVERY_BLOCKED) {
            delivery_move(core, CONTAINER_OF(next, struct delivery, order), DELIVERY_READY);
        }
    }
    delivery_move(core, delivery, DELIVERY_FREE);
    give_back(core, delivery);
    record_settle_one(core, record);
}

bool delivery_drop(struct delivery_core *core, struct delivery *delivery)
{
    if (delivery->state == DELIVERY_IN_AIR || delivery->state == DELIVERY_DEAD_LETTER_WRITING) {
        delivery->is_dropped = true;
        return false;
    }
    core->stats.deliveries_dropped++;
    delivery_settle(core, delivery);
    return true;
}

void delivery_forget(struct delivery_core *core, struct delivery *delivery)
{
    if (delivery->state == DELIVERY_IN_AIR) {
        attempt_cut(core, delivery);
    }
    order_chain_forget(&core->chains, &delivery->order);
    delivery_move(core, delivery, DELIVERY_FREE);
    give_back(core, delivery);
}

void delivery_on_timer(struct delivery_core *core, struct delivery *delivery)
{
    if (delivery->state == DELIVERY_WAITING) {
        delivery_move(core, delivery, DELIVERY_READY);
        return;
    }
    CHECK(delivery->state == DELIVERY_DEAD_LETTER_WAITING);
    if (delivery->awaits_schema) {
        holding_schema_expired(core, delivery);
    }
    dead_letter_write(core, delivery);
}
