#include "dead_letter.h"

#include "check.h"
#include "delivery.h"
#include "drain.h"

void dead_letter_begin(struct delivery_core *core, struct delivery *delivery, enum dead_letter_reason reason)
{
    delivery->reason = reason;
    delivery->dead_letter_wait_ms = DEAD_LETTER_WAIT_FIRST_MS;
    dead_letter_write(core, delivery);
}

void dead_letter_write(struct delivery_core *core, struct delivery *delivery)
{
    if (drain_has_begun(core)) {
        if (delivery->state != DELIVERY_DEAD_LETTER_WAITING) {
            delivery_move(core, delivery, DELIVERY_DEAD_LETTER_WAITING);
        }
        return;
    }
    delivery_move(core, delivery, DELIVERY_DEAD_LETTER_WRITING);
    delivery->attempt = ++core->last_attempt;
    struct delivery_action *action = core_act(core, ACTION_WRITE_DEAD_LETTER);
    action->write_dead_letter.delivery = pool_index(&core->deliveries, delivery);
    action->write_dead_letter.attempt = delivery->attempt;
    action->write_dead_letter.ticket = delivery->record->ticket;
    action->write_dead_letter.subscription =
        delivery->lane != NULL ? delivery->lane->subscription : DELIVERY_NO_SUBSCRIPTION;
    action->write_dead_letter.reason = delivery->reason;
    action->write_dead_letter.attempts = delivery->history.attempts;
    action->write_dead_letter.first_attempt_at_ms = delivery->first_attempt_at_ms;
    action->write_dead_letter.last_error = delivery->last_error;
}

void dead_letter_on_written(struct delivery_core *core, const struct delivery_event *event)
{
    struct delivery *delivery = pool_at(&core->deliveries, event->dead_letter_written.delivery);
    if (delivery->state != DELIVERY_DEAD_LETTER_WRITING || delivery->attempt != event->dead_letter_written.attempt) {
        core->stats.late_events++;
        return;
    }
    if (event->dead_letter_written.ok) {
        core->stats.dead_letters_written++;
        delivery_settle(core, delivery);
        return;
    }
    core->stats.dead_letter_failures++;
    if (delivery->is_dropped) {
        core->stats.deliveries_dropped++;
        delivery_settle(core, delivery);
        return;
    }
    delivery_move(core, delivery, DELIVERY_DEAD_LETTER_WAITING);
    timer_queue_set(&core->timers, &delivery->timer, TIMER_DELIVERY, core->now_ms + delivery->dead_letter_wait_ms);
    int64_t doubled = delivery->dead_letter_wait_ms * 2;
    delivery->dead_letter_wait_ms = doubled < DEAD_LETTER_WAIT_MAX_MS ? doubled : DEAD_LETTER_WAIT_MAX_MS;
}

void dead_letter_cut(struct delivery_core *core, struct delivery *delivery)
{
    CHECK(delivery->state == DELIVERY_DEAD_LETTER_WRITING);
    delivery_move(core, delivery, DELIVERY_DEAD_LETTER_WAITING);
}
