#include "attempt.h"

#include "check.h"
#include "dead_letter.h"
#include "delivery.h"
#include "drain.h"
#include "lane.h"

static void start(struct delivery_core *core, struct lane *lane)
{
    struct delivery *delivery = lane_next(lane);
    bool is_probe = lane_wants_probe(lane);
    CHECK(lane->in_air < core->subscriptions[lane->subscription].max_in_flight);
    delivery_move(core, delivery, DELIVERY_IN_AIR);
    delivery->attempt = ++core->last_attempt;
    delivery->history.attempts++;
    if (delivery->first_attempt_at_ms < 0) {
        delivery->first_attempt_at_ms = core->now_ms;
    }
    if (is_probe) {
        lane_probe_started(core, lane);
    }
    core->stats.attempts_started++;
    struct delivery_action *action = core_act(core, ACTION_START_ATTEMPT);
    action->start_attempt.delivery = pool_index(&core->deliveries, delivery);
    action->start_attempt.attempt = delivery->attempt;
    action->start_attempt.ticket = delivery->record->ticket;
    action->start_attempt.subscription = lane->subscription;
    action->start_attempt.attempt_count = delivery->history.attempts;
    action->start_attempt.is_probe = is_probe;
}

void attempt_start_all(struct delivery_core *core)
{
    struct lane *lane = NULL;
    while (!drain_has_begun(core) && core->stats.deliveries_in_air < core->limits.attempts_max &&
           (lane = TAILQ_FIRST(&core->runnable)) != NULL) {
        start(core, lane);
        if (lane->is_runnable) {
            TAILQ_REMOVE(&core->runnable, lane, runnable);
            TAILQ_INSERT_TAIL(&core->runnable, lane, runnable);
        }
    }
}

/* Takes it out of the air as if it had never started. */
static void take_back(struct delivery_core *core, struct delivery *delivery)
{
    CHECK(delivery->history.attempts > 0);
    delivery->history.attempts--;
    if (delivery->history.attempts == 0) {
        delivery->first_attempt_at_ms = -1;
    }
    delivery_move(core, delivery, DELIVERY_READY);
    lane_cut(core, delivery->lane);
}

void attempt_cut(struct delivery_core *core, struct delivery *delivery)
{
    CHECK(delivery->state == DELIVERY_IN_AIR);
    struct delivery_action *action = core_act(core, ACTION_CANCEL_ATTEMPT);
    action->cancel_attempt.delivery = pool_index(&core->deliveries, delivery);
    action->cancel_attempt.attempt = delivery->attempt;
    take_back(core, delivery);
}

/* An answer that is neither a 2xx nor a cut: the event is judged by what the lane was before it, then the lane counts.
 */
static void take_failure(struct delivery_core *core, struct delivery *delivery, const struct delivery_event *event)
{
    struct lane *lane = delivery->lane;
    enum delivery_verdict verdict = event->attempt_finished.verdict;
    int64_t retry_after_ms = event->attempt_finished.retry_after_ms;
    struct retry_answer answer = {
        .verdict = verdict,
        .now_ms = core->now_ms,
        .retry_after_ms = retry_after_ms,
        .lane_successes = lane->successes,
        .is_lane_halted = lane_is_halted(lane),
    };
    delivery->last_error = event->attempt_finished.error;
    int64_t wait_ms = 0;
    enum retry_outcome outcome =
        retry_schedule_judge(&core->policy, &core->random, &delivery->history, &answer, &wait_ms);
    if (outcome == RETRY_LATER) {
        delivery_wait(core, delivery, wait_ms);
    } else {
        dead_letter_begin(core, delivery, outcome == RETRY_REFUSED ? DEAD_LETTER_REFUSED : DEAD_LETTER_EXHAUSTED);
    }
    if (verdict == VERDICT_REFUSED) {
        lane_refused(core, lane);
    } else {
        lane_failed(core, lane, verdict, retry_after_ms);
    }
    if (delivery->state == DELIVERY_WAITING && lane_is_halted(lane)) {
        delivery_move(core, delivery, DELIVERY_READY);
    }
}

/* Its subscription has left: whatever the answer, nothing more is owed, and it says nothing about the lane. */
static void take_last_word(struct delivery_core *core, struct delivery *delivery, enum delivery_verdict verdict)
{
    if (verdict == VERDICT_DELIVERED) {
        core->stats.deliveries_delivered++;
    } else {
        core->stats.deliveries_dropped++;
    }
    delivery_settle(core, delivery);
}

void attempt_on_finished(struct delivery_core *core, const struct delivery_event *event)
{
    struct delivery *delivery = pool_at(&core->deliveries, event->attempt_finished.delivery);
    if (delivery->state != DELIVERY_IN_AIR || delivery->attempt != event->attempt_finished.attempt) {
        core->stats.late_events++;
        return;
    }
    if (delivery->is_dropped) {
        take_last_word(core, delivery, event->attempt_finished.verdict);
        return;
    }
    switch (event->attempt_finished.verdict) {
    case VERDICT_DELIVERED:
        core->stats.deliveries_delivered++;
        lane_succeeded(core, delivery->lane);
        delivery_settle(core, delivery);
        break;
    case VERDICT_CUT:
        take_back(core, delivery);
        break;
    default:
        take_failure(core, delivery, event);
        break;
    }
}
