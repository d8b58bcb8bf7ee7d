#include "shard_events.h"

#include "check.h"
#include "log.h"
#include "shard_state.h"

/* The attempt in the upper 40 bits, its delivery in the lower 24. */
enum { DELIVERY_BITS = 24 };

uint64_t shard_attempt_number(uint32_t delivery, uint64_t attempt)
{
    CHECK(delivery < 1U << DELIVERY_BITS && attempt < UINT64_C(1) << (64 - DELIVERY_BITS));
    return attempt << DELIVERY_BITS | delivery;
}

void shard_on_subscription_event(void *context, const struct kafka_subscription_event *event)
{
    struct shard *shard = context;
    struct delivery_event next = {0};
    switch (event->kind) {
    case SUBSCRIPTION_PARTITION_ASSIGNED:
        next.kind = EVENT_PARTITION_ASSIGNED;
        next.partition_assigned.partition = event->slot;
        next.partition_assigned.assignment = event->assignment;
        next.partition_assigned.next_offset = event->offset;
        break;
    case SUBSCRIPTION_PARTITION_REVOKED:
        next.kind = EVENT_PARTITION_REVOKED;
        next.partition_revoked.partition = event->slot;
        next.partition_revoked.assignment = event->assignment;
        next.partition_revoked.lost = event->lost;
        break;
    case SUBSCRIPTION_COMMIT_FINISHED:
        next.kind = EVENT_COMMIT_FINISHED;
        next.commit_finished.partition = event->slot;
        next.commit_finished.assignment = event->assignment;
        next.commit_finished.offset = event->offset;
        next.commit_finished.ok = event->ok;
        shard_metrics_count_commit(shard->parts.metrics, event->ok);
        break;
    case SUBSCRIPTION_MEMBER_FAILED:
        log_error("this member of the group cannot go on; stopping", LOG_TEXT("reason", event->text));
        atomic_store(&shard->has_failed, true);
        shard_stop(shard, shard->settings->drain_ms);
        return;
    }
    inbox_append(&shard->inbox, &next);
}

void shard_append_attempt_finished(struct shard *shard, uint64_t number, enum delivery_verdict verdict,
                                   int64_t retry_after_ms, int32_t error)
{
    shard_metrics_count_attempt(shard->parts.metrics, verdict);
    struct delivery_event event = {.kind = EVENT_ATTEMPT_FINISHED};
    event.attempt_finished.delivery = (uint32_t)(number & ((1U << DELIVERY_BITS) - 1));
    event.attempt_finished.attempt = number >> DELIVERY_BITS;
    event.attempt_finished.verdict = verdict;
    event.attempt_finished.retry_after_ms = retry_after_ms;
    event.attempt_finished.error = error;
    inbox_append(&shard->inbox, &event);
}

void shard_on_attempt_answered(void *context, uint64_t number, const struct sink_answer *answer)
{
    struct shard *shard = context;
    if (answer->requests > 1) {
        shard_metrics_count_resent(shard->parts.metrics);
    }
    if (answer->verdict != VERDICT_DELIVERED && log_enabled(LOG_LEVEL_DEBUG)) {
        char error[SINK_ERROR_MAX];
        sink_error_text(answer->error, error);
        log_debug("attempt failed", LOG_TEXT("error", error), LOG_TEXT("detail", answer->detail));
    }
    shard_append_attempt_finished(shard, number, answer->verdict, answer->retry_after_ms, answer->error);
}

void shard_on_dead_letter_answered(void *context, uint32_t delivery, uint64_t token, bool ok)
{
    struct shard *shard = context;
    shard_metrics_count_dead_letter_write(shard->parts.metrics, ok);
    struct delivery_event event = {.kind = EVENT_DEAD_LETTER_WRITTEN};
    event.dead_letter_written.delivery = delivery;
    event.dead_letter_written.attempt = token;
    event.dead_letter_written.ok = ok;
    inbox_append(&shard->inbox, &event);
}
