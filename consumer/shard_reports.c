#include "shard_reports.h"

#include "log.h"
#include "shard_state.h"

void shard_report_dead_letter(struct shard *shard, const struct payload *payload, const struct dead_letter *letter)
{
    if (!log_budget_take(&shard->dead_letter_lines, event_loop_now_ms(shard->loop))) {
        return;
    }
    log_warn("dead letter", LOG_TEXT("reason", letter->reason), LOG_TEXT("pointer", payload->pointer),
             LOG_TEXT("subscription", letter->subscription == NULL ? "" : letter->subscription),
             LOG_TEXT("topic", payload->topic), LOG_INT("partition", payload->partition),
             LOG_INT("offset", payload->offset), LOG_INT("attempts", letter->attempts),
             LOG_TEXT("last_error", letter->last_error));
}

void shard_report_left_out(struct shard *shard, int64_t now_ms)
{
    uint64_t left_out = log_budget_left_out(&shard->dead_letter_lines, now_ms);
    if (left_out > 0) {
        log_warn("more dead letters, not said one by one", LOG_INT("count", left_out));
    }
}

void shard_report_lane(struct shard *shard, const struct delivery_action *action)
{
    static const char *const causes[] = {
        [LANE_HALT_FAILING] = "failures in a row; it is probed until it answers",
        [LANE_HALT_GONE] = "410 Gone; it is not tried again before its document changes or the consumer restarts",
        [LANE_HALT_DENIED] = "address-denied; allow it with egress.allow or mend the URL",
    };
    const char *id = shard_subscription_id(shard, action->report_lane.subscription);
    int32_t partition = kafka_subscription_partition(shard->subscription, action->report_lane.partition);
    if (action->kind == ACTION_REPORT_LANE_HALTED) {
        log_warn("lane halted", LOG_TEXT("subscription", id), LOG_INT("partition", partition),
                 LOG_TEXT("reason", causes[action->report_lane.cause]));
    } else {
        log_info("lane resumed", LOG_TEXT("subscription", id), LOG_INT("partition", partition));
    }
}

void shard_report_partition(struct shard *shard, const struct delivery_action *action)
{
    static const char *const causes[] = {
        [PARTITION_HELD_LANE_HALTED] = "the events in hand have reached their bound and the oldest is owed by a halted "
                                       "lane; nothing more is read until it answers",
        [PARTITION_HELD_LANE_WAITING] = "the events in hand have reached their bound and the oldest waits for its next "
                                        "attempt",
        [PARTITION_HELD_DEAD_LETTER] = "the events in hand have reached their bound and the oldest one's dead letter "
                                       "cannot be written",
        [PARTITION_HELD_SCHEMA_UNKNOWN] = "a record's schema is unknown to this version; after schema_wait it becomes "
                                          "a dead letter",
        [PARTITION_HELD_GAP] = "the log no longer has the committed offset; nothing is read until the group's offset "
                               "is set",
    };
    uint32_t slot = action->report_partition.partition;
    uint32_t subscription = action->report_partition.subscription;
    const char *id = subscription == DELIVERY_NO_SUBSCRIPTION ? "" : shard_subscription_id(shard, subscription);
    if (action->kind == ACTION_REPORT_PARTITION_FLOWING) {
        log_info("partition flows again", LOG_TEXT("topic", kafka_subscription_topic(shard->subscription, slot)),
                 LOG_INT("partition", kafka_subscription_partition(shard->subscription, slot)));
        return;
    }
    int64_t log_start = kafka_subscription_log_start(shard->subscription, slot); /* -1: not heard yet */
    log_warn("partition held", LOG_TEXT("topic", kafka_subscription_topic(shard->subscription, slot)),
             LOG_INT("partition", kafka_subscription_partition(shard->subscription, slot)),
             LOG_INT("offset", action->report_partition.offset), LOG_TEXT("subscription", id),
             LOG_TEXT("reason", causes[action->report_partition.cause]),
             log_start >= 0 ? LOG_INT("log_start", log_start) : LOG_NONE);
}

void shard_report_unknown_schema(struct shard *shard, const struct payload *payload,
                                 const struct decoded_record *record)
{
    if (record->schema == shard->unknown_schema) {
        return;
    }
    shard->unknown_schema = record->schema;
    char schema[RECORD_SCHEMA_TEXT_MAX];
    record_schema_text(record, schema);
    log_warn("a record's schema is unknown to this version", LOG_TEXT("topic", payload->topic),
             LOG_INT("partition", payload->partition), LOG_INT("offset", payload->offset), LOG_TEXT("schema", schema));
}

void shard_report_dropped(const struct shard *shard, const struct subscription_set *old_set)
{
    uint32_t count = 0;
    const struct delivery_dropped *dropped = delivery_core_dropped(shard->core, &count);
    for (uint32_t i = 0; i < count; i++) {
        log_warn("a subscription was removed or disabled; what it owed counts as not matching",
                 LOG_TEXT("subscription", old_set->items[dropped[i].subscription].id),
                 LOG_INT("dropped", dropped[i].dropped), LOG_INT("awaited", dropped[i].awaited));
    }
}
