#include "shard_actions.h"

#include "check.h"
#include "log.h"
#include "shard_events.h"
#include "shard_reports.h"
#include "shard_state.h"

#include <time.h>

static void do_start_attempt(struct shard *shard, const struct delivery_action *action)
{
    uint32_t index = action->start_attempt.subscription;
    const struct subscription *subscription = &shard->parts.subscriptions->items[index];
    const struct payload *payload = payload_store_get(shard->payloads, action->start_attempt.ticket);
    const struct sink_delivery delivery = {
        .number = shard_attempt_number(action->start_attempt.delivery, action->start_attempt.attempt),
        .subscription = subscription,
        .record = &payload->record,
        .tenant = payload->tenant,
        .id = bytes_view_of_text(payload->id),
        .traceparent = payload->traceparent,
        .body = payload->body,
        .now_ms = (int64_t)time(NULL) * 1000,
    };
    const struct sink *sink = &shard->sinks[subscription->sink];
    struct error error = {0};
    if (sink->ops->start_attempt(sink->self, &delivery, &error) != STATUS_OK) {
        /* The settings' own check makes this unreachable for a request; a sink that is full frees a slot soon. */
        log_error("an attempt could not be started", LOG_TEXT("subscription", shard_subscription_id(shard, index)),
                  LOG_TEXT("webhook_id", payload->id), LOG_TEXT("reason", error.text));
        shard_append_attempt_finished(shard, delivery.number, VERDICT_FAILED, -1,
                                      sink_error_of_failure(TRANSPORT_CONNECT));
    }
}

/* The core names the attempt, not whose it is; a number that a sink does not know is ignored. */
static void do_cancel_attempt(struct shard *shard, const struct delivery_action *action)
{
    uint64_t number = shard_attempt_number(action->cancel_attempt.delivery, action->cancel_attempt.attempt);
    for (size_t i = 0; i < ARRAY_COUNT(shard->sinks); i++) {
        shard->sinks[i].ops->cancel(shard->sinks[i].self, number);
    }
}

static const char *reason_text(const struct payload *payload, enum dead_letter_reason reason)
{
    switch (reason) {
    case DEAD_LETTER_REFUSED:
        return "refused";
    case DEAD_LETTER_EXHAUSTED:
        return "exhausted";
    case DEAD_LETTER_UNREADABLE:
    case DEAD_LETTER_SCHEMA_UNKNOWN:
        break;
    }
    return payload->reason;
}

static void do_write_dead_letter(struct shard *shard, const struct delivery_action *action)
{
    const struct payload *payload = payload_store_get(shard->payloads, action->write_dead_letter.ticket);
    uint32_t subscription = action->write_dead_letter.subscription;
    const char *reason = reason_text(payload, action->write_dead_letter.reason);
    char last_error[SINK_ERROR_MAX];
    sink_error_text(action->write_dead_letter.last_error, last_error);
    const struct dead_letter letter = {
        .record = &payload->record,
        .reason = reason,
        .subscription = subscription == DELIVERY_NO_SUBSCRIPTION ? NULL : shard_subscription_id(shard, subscription),
        .attempts = action->write_dead_letter.attempts,
        .first_attempt_at_ms = action->write_dead_letter.first_attempt_at_ms,
        .last_error = last_error,
        .origin_topic = payload->topic,
        .origin_partition = payload->partition,
        .origin_offset = payload->offset,
    };
    shard_report_dead_letter(shard, payload, &letter);
    dead_letter_writer_write(shard->dead_letters, &letter, action->write_dead_letter.delivery,
                             action->write_dead_letter.attempt);
}

static void do_release_partition(struct shard *shard, const struct delivery_action *action)
{
    if (action->release_partition.is_commit_unanswered) {
        log_warn("a partition is given up before its last commit was answered; its events may be delivered again",
                 LOG_TEXT("topic", kafka_subscription_topic(shard->subscription, action->release_partition.partition)),
                 LOG_INT("partition",
                         kafka_subscription_partition(shard->subscription, action->release_partition.partition)));
    }
    kafka_subscription_release(shard->subscription, action->release_partition.partition,
                               action->release_partition.assignment);
}

static void carry_out(struct shard *shard, const struct delivery_action *action)
{
    switch (action->kind) {
    case ACTION_START_ATTEMPT:
        do_start_attempt(shard, action);
        break;
    case ACTION_CANCEL_ATTEMPT:
        do_cancel_attempt(shard, action);
        break;
    case ACTION_WRITE_DEAD_LETTER:
        do_write_dead_letter(shard, action);
        break;
    case ACTION_COMMIT_OFFSET:
        kafka_subscription_commit(shard->subscription, action->commit_offset.partition,
                                  action->commit_offset.assignment, action->commit_offset.offset);
        break;
    case ACTION_RELEASE_PAYLOAD:
        payload_store_release(shard->payloads, action->release_payload.ticket);
        break;
    case ACTION_RELEASE_PARTITION:
        do_release_partition(shard, action);
        break;
    case ACTION_REPORT_LANE_HALTED:
    case ACTION_REPORT_LANE_RESUMED:
        shard_report_lane(shard, action);
        break;
    case ACTION_REPORT_PARTITION_HELD:
    case ACTION_REPORT_PARTITION_FLOWING:
        shard_report_partition(shard, action);
        break;
    case ACTION_DRAINED:
        shard->parts.on_drained(shard->parts.context);
        break;
    }
}

void shard_step(struct shard *shard, const struct delivery_event *event)
{
    delivery_core_step(shard->core, event);
    size_t count = 0;
    const struct delivery_action *actions = delivery_core_actions(shard->core, &count);
    for (size_t i = 0; i < count; i++) {
        carry_out(shard, &actions[i]);
    }
}
