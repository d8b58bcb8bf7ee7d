#include "shard.h"

#include "address_gate.h"
#include "check.h"
#include "dead_letter_writer.h"
#include "delivery_core.h"
#include "event_loop.h"
#include "file_sink.h"
#include "http_delivery.h"
#include "inbox.h"
#include "incident_json.h"
#include "incident_rules.h"
#include "kafka_record.h"
#include "kafka_sink.h"
#include "kafka_subscription.h"
#include "log.h"
#include "log_budget.h"
#include "memory.h"
#include "payload_store.h"
#include "record_decode.h"
#include "route_table.h"
#include "sink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TAKES_PER_TURN = 256, /* then the loop looks after its sockets before it takes more */
    CLOSE_WAIT_MS = 2000, /* for closing what is open after a drain */
};

struct shard {
    struct shard_parts parts;
    const struct consumer_settings *settings;
    struct event_loop *loop;
    struct delivery_core *core;
    struct payload_store *payloads;
    struct record_decoder *decoder;
    struct route_table *routes;
    struct kafka_subscription *subscription;
    struct dead_letter_writer *dead_letters;
    struct address_gate *gate;
    struct sink sinks[SINK_KIND_COUNT];
    struct inbox inbox;
    uint32_t first_slot; /* whose turn it is to be read first */
    bool has_more_to_take;
    bool is_closing;
    struct bytes body;                   /* scratch: the body being rendered */
    struct kafka_record_headers headers; /* scratch: of the record being taken */
    struct log_budget dead_letter_lines;
    uint64_t unknown_schema; /* the last one that was said; 0: none */

    pthread_t thread;
    bool is_started;
    _Atomic int64_t stop_wait_ms; /* NOT_STOPPING: no stop was asked for */
    _Atomic bool may_leave;
    const struct subscription_set *next_set; /* of a reload that is not taken over yet */
    const struct subscription_changes *next_changes;
    bool has_next;
    pthread_mutex_t next_lock; /* over these three: two reloads may come closer together than two turns */
    _Atomic bool has_joined;
    _Atomic bool has_failed;
    int64_t drain_wait_ms; /* what the core was told; NOT_STOPPING: nothing yet */
};

static const char *subscription_id(const struct shard *shard, uint32_t subscription)
{
    return shard->parts.subscriptions->items[subscription].id;
}

static const int64_t NOT_STOPPING = INT64_MAX;

/* The sink carries one number, the core answers to two: the attempt in the upper 40 bits, its delivery in the lower 24.
 */
enum { DELIVERY_BITS = 24 };

static uint64_t sink_number(uint32_t delivery, uint64_t attempt)
{
    CHECK(delivery < 1U << DELIVERY_BITS && attempt < UINT64_C(1) << (64 - DELIVERY_BITS));
    return attempt << DELIVERY_BITS | delivery;
}

/* ---- what the edges say: everything becomes an event of the next turn ---- */

static void on_subscription_event(void *context, const struct kafka_subscription_event *event)
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

static void append_attempt_finished(struct shard *shard, uint64_t number, enum delivery_verdict verdict,
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

static void on_attempt_answered(void *context, uint64_t number, const struct sink_answer *answer)
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
    append_attempt_finished(shard, number, answer->verdict, answer->retry_after_ms, answer->error);
}

static void on_dead_letter_answered(void *context, uint32_t delivery, uint64_t token, bool ok)
{
    struct shard *shard = context;
    shard_metrics_count_dead_letter_write(shard->parts.metrics, ok);
    struct delivery_event event = {.kind = EVENT_DEAD_LETTER_WRITTEN};
    event.dead_letter_written.delivery = delivery;
    event.dead_letter_written.attempt = token;
    event.dead_letter_written.ok = ok;
    inbox_append(&shard->inbox, &event);
}

/* ---- actions: what the core wants done ---- */

static void do_start_attempt(struct shard *shard, const struct delivery_action *action)
{
    uint32_t index = action->start_attempt.subscription;
    const struct subscription *subscription = &shard->parts.subscriptions->items[index];
    const struct payload *payload = payload_store_get(shard->payloads, action->start_attempt.ticket);
    const struct sink_delivery delivery = {
        .number = sink_number(action->start_attempt.delivery, action->start_attempt.attempt),
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
        log_error("an attempt could not be started", LOG_TEXT("subscription", subscription_id(shard, index)),
                  LOG_TEXT("webhook_id", payload->id), LOG_TEXT("reason", error.text));
        append_attempt_finished(shard, delivery.number, VERDICT_FAILED, -1, sink_error_of_failure(TRANSPORT_CONNECT));
    }
}

/* The core names the attempt, not whose it is; a number that a sink does not know is ignored. */
static void do_cancel_attempt(struct shard *shard, const struct delivery_action *action)
{
    uint64_t number = sink_number(action->cancel_attempt.delivery, action->cancel_attempt.attempt);
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

static void log_dead_letter(struct shard *shard, const struct payload *payload, const struct dead_letter *letter)
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

/* What the budget left out has a line too. */
static void log_left_out(struct shard *shard, int64_t now_ms)
{
    uint64_t left_out = log_budget_left_out(&shard->dead_letter_lines, now_ms);
    if (left_out > 0) {
        log_warn("more dead letters, not said one by one", LOG_INT("count", left_out));
    }
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
        .subscription = subscription == DELIVERY_NO_SUBSCRIPTION ? NULL : subscription_id(shard, subscription),
        .attempts = action->write_dead_letter.attempts,
        .first_attempt_at_ms = action->write_dead_letter.first_attempt_at_ms,
        .last_error = last_error,
        .origin_topic = payload->topic,
        .origin_partition = payload->partition,
        .origin_offset = payload->offset,
    };
    log_dead_letter(shard, payload, &letter);
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

static void report_lane(struct shard *shard, const struct delivery_action *action)
{
    static const char *const causes[] = {
        [LANE_HALT_FAILING] = "failures in a row; it is probed until it answers",
        [LANE_HALT_GONE] = "410 Gone; it is not tried again before its document changes or the consumer restarts",
        [LANE_HALT_DENIED] = "address-denied; allow it with egress.allow or mend the URL",
    };
    const char *id = subscription_id(shard, action->report_lane.subscription);
    int32_t partition = kafka_subscription_partition(shard->subscription, action->report_lane.partition);
    if (action->kind == ACTION_REPORT_LANE_HALTED) {
        log_warn("lane halted", LOG_TEXT("subscription", id), LOG_INT("partition", partition),
                 LOG_TEXT("reason", causes[action->report_lane.cause]));
    } else {
        log_info("lane resumed", LOG_TEXT("subscription", id), LOG_INT("partition", partition));
    }
}

static void report_partition(struct shard *shard, const struct delivery_action *action)
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
    const char *id = subscription == DELIVERY_NO_SUBSCRIPTION ? "" : subscription_id(shard, subscription);
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
        report_lane(shard, action);
        break;
    case ACTION_REPORT_PARTITION_HELD:
    case ACTION_REPORT_PARTITION_FLOWING:
        report_partition(shard, action);
        break;
    case ACTION_DRAINED:
        shard->parts.on_drained(shard->parts.context);
        break;
    }
}

static void step(struct shard *shard, const struct delivery_event *event)
{
    delivery_core_step(shard->core, event);
    size_t count = 0;
    const struct delivery_action *actions = delivery_core_actions(shard->core, &count);
    for (size_t i = 0; i < count; i++) {
        carry_out(shard, &actions[i]);
    }
}

/* ---- records: one fetch, one decode, one rendering for all of an event's deliveries ---- */

static enum delivery_reading reading_of(enum record_reading reading)
{
    switch (reading) {
    case RECORD_UNREADABLE:
        return READING_UNREADABLE;
    case RECORD_SCHEMA_UNKNOWN:
        return READING_SCHEMA_UNKNOWN;
    case RECORD_READABLE:
    case RECORD_TOMBSTONE:
        break;
    }
    return READING_READABLE;
}

/* Said once for each schema that turns up, not for each record: the partition is held, and dead letters have a line of
 * their own. */
static void log_unknown_schema(struct shard *shard, const struct payload *payload, const struct decoded_record *record)
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

/* Puts the event's bytes into the store and returns the ticket. What matches nobody is kept without a body. */
static uint32_t keep_payload(struct shard *shard, const struct decoded_record *record, struct payload *payload,
                             size_t matches)
{
    bytes_clear(&shard->body);
    if (record->reading == RECORD_READABLE) {
        payload->tenant = record->event.incident.tenant_id;
        payload->incident = record->event.incident.id;
        memcpy(payload->id, record->id, sizeof(payload->id));
        payload->traceparent = record->traceparent;
        if (matches > 0) {
            incident_json_render(&record->event, &shard->body);
        }
        if (incident_event_end_time_expected(&record->event)) {
            shard_metrics_count_end_time_expected(shard->parts.metrics);
        }
    } else if (record->reading != RECORD_TOMBSTONE) {
        memcpy(payload->reason, record->reason, sizeof(payload->reason));
        memcpy(payload->pointer, record->pointer, sizeof(payload->pointer));
        if (record->reading == RECORD_SCHEMA_UNKNOWN) {
            log_unknown_schema(shard, payload, record);
        }
    }
    payload->body = bytes_as_view(&shard->body);
    return payload_store_put(shard->payloads, payload);
}

static void take_record(struct shard *shard, uint32_t slot, const rd_kafka_message_t *message, int64_t now_ms)
{
    struct payload payload = {
        .topic = kafka_subscription_topic(shard->subscription, slot),
        .partition = message->partition,
        .offset = message->offset,
        .record = kafka_record_view(message, &shard->headers),
    };
    struct decoded_record record;
    record_decode(shard->decoder, &payload.record, &record);
    shard_metrics_count_record(shard->parts.metrics, record.reading);

    struct delivery_event event = {.kind = EVENT_RECORD_FETCHED, .now_ms = now_ms};
    if (record.reading == RECORD_READABLE) {
        event.record_fetched.match_count =
            route_table_match(shard->routes, &record.event, &event.record_fetched.matches);
    }
    event.record_fetched.ticket = keep_payload(shard, &record, &payload, event.record_fetched.match_count);
    event.record_fetched.bytes = payload_store_size(shard->payloads, event.record_fetched.ticket);
    event.record_fetched.partition = slot;
    event.record_fetched.assignment = delivery_core_partition_stats(shard->core, slot).assignment;
    event.record_fetched.offset = message->offset;
    event.record_fetched.reading = reading_of(record.reading);
    event.record_fetched.tenant = payload.tenant;
    event.record_fetched.incident = payload.incident;
    event.record_fetched.schema = record.schema;
    event.record_fetched.schema_is_registry_id = record.schema_is_registry_id;
    step(shard, &event);
}

static void report_gap(struct shard *shard, uint32_t slot, int64_t offset, int64_t now_ms)
{
    struct delivery_event event = {.kind = EVENT_GAP_FOUND, .now_ms = now_ms};
    event.gap_found.partition = slot;
    event.gap_found.assignment = delivery_core_partition_stats(shard->core, slot).assignment;
    event.gap_found.offset = offset;
    step(shard, &event);
}

/* Takes from one partition as far as credit and the turn's budget go; true when more may be there to take. */
static bool take_from(struct shard *shard, uint32_t slot, int64_t now_ms, uint32_t *budget)
{
    while (delivery_core_credit(shard->core, slot) > 0) {
        if (*budget == 0) {
            return true;
        }
        rd_kafka_message_t *message = NULL;
        int64_t offset = 0;
        switch (kafka_subscription_take(shard->subscription, slot, &message, &offset)) {
        case KAFKA_TAKE_RECORD:
            (*budget)--;
            take_record(shard, slot, message, now_ms);
            rd_kafka_message_destroy(message);
            break;
        case KAFKA_TAKE_GAP:
            report_gap(shard, slot, offset, now_ms);
            break;
        case KAFKA_TAKE_NOTHING:
            return false;
        }
    }
    return false;
}

/* Each turn another partition comes first, so that a busy one cannot keep the others waiting. */
static void take_records(struct shard *shard, int64_t now_ms)
{
    uint32_t slots = kafka_subscription_slots(shard->subscription);
    uint32_t budget = TAKES_PER_TURN;
    shard->has_more_to_take = false;
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t slot = (shard->first_slot + i) % slots;
        shard->has_more_to_take |= take_from(shard, slot, now_ms, &budget);
    }
    shard->first_slot = slots == 0 ? 0 : (shard->first_slot + 1) % slots;
}

/* ---- a turn ---- */

static void drain_inbox(struct shard *shard, int64_t now_ms)
{
    size_t count = 0;
    const struct delivery_event *events = inbox_drain(&shard->inbox, &count);
    for (size_t i = 0; i < count; i++) {
        struct delivery_event event = events[i];
        event.now_ms = now_ms;
        step(shard, &event);
    }
}

static void ask_for_drain(struct shard *shard, int64_t now_ms)
{
    int64_t wait_ms = atomic_load(&shard->stop_wait_ms);
    if (wait_ms >= shard->drain_wait_ms) {
        return;
    }
    shard->drain_wait_ms = wait_ms;
    struct delivery_event event = {.kind = EVENT_DRAIN_REQUESTED, .now_ms = now_ms};
    event.drain_requested.deadline_ms = now_ms + wait_ms;
    step(shard, &event);
}

_Static_assert(SUBSCRIPTION_REMOVED == DELIVERY_NO_SUBSCRIPTION, "a reload hands its indexes to the core as they are");

/* The part of the set that the core goes by; the caller frees it. */
static struct delivery_subscription *make_delivery_subscriptions(const struct subscription_set *set)
{
    struct delivery_subscription *subscriptions = memory_alloc(set->count, sizeof(*subscriptions));
    for (size_t i = 0; i < set->count; i++) {
        static const enum ordering orderings[] = {[SUBSCRIPTION_ORDERING_INCIDENT] = ORDERING_INCIDENT,
                                                  [SUBSCRIPTION_ORDERING_TENANT] = ORDERING_TENANT,
                                                  [SUBSCRIPTION_ORDERING_NONE] = ORDERING_NONE};
        subscriptions[i] = (struct delivery_subscription){.tenant = set->items[i].tenant,
                                                          .ordering = orderings[set->items[i].ordering],
                                                          .max_in_flight = subscription_max_in_flight(&set->items[i]),
                                                          .is_disabled = !set->items[i].enabled};
    }
    return subscriptions;
}

static void log_dropped(const struct shard *shard, const struct subscription_set *old_set)
{
    uint32_t count = 0;
    const struct delivery_dropped *dropped = delivery_core_dropped(shard->core, &count);
    for (uint32_t i = 0; i < count; i++) {
        log_warn("a subscription was removed or disabled; what it owed counts as not matching",
                 LOG_TEXT("subscription", old_set->items[dropped[i].subscription].id),
                 LOG_INT("dropped", dropped[i].dropped), LOG_INT("awaited", dropped[i].awaited));
    }
}

/* From the step on every index is the new set's. What is in the air was started from copies. */
static void replace_subscriptions(struct shard *shard, const struct subscription_set *set,
                                  const struct subscription_changes *changes, int64_t now_ms)
{
    const struct subscription_set *old_set = shard->parts.subscriptions;
    struct delivery_subscription *subscriptions = make_delivery_subscriptions(set);
    struct delivery_event event = {.kind = EVENT_SUBSCRIPTIONS_REPLACED, .now_ms = now_ms};
    event.subscriptions_replaced.subscriptions = subscriptions;
    event.subscriptions_replaced.count = (uint32_t)set->count;
    event.subscriptions_replaced.fanout_max = set->largest_tenant;
    event.subscriptions_replaced.new_indexes = changes->new_index;
    event.subscriptions_replaced.old_count = (uint32_t)old_set->count;
    event.subscriptions_replaced.restarts = changes->is_changed;
    route_table_destroy(shard->routes);
    shard->routes = route_table_create(set);
    shard->parts.subscriptions = set;
    step(shard, &event);
    log_dropped(shard, old_set);
    free(subscriptions);
}

static void take_over(struct shard *shard, int64_t now_ms)
{
    CHECK(pthread_mutex_lock(&shard->next_lock) == 0);
    bool has_next = shard->has_next;
    const struct subscription_set *set = shard->next_set;
    const struct subscription_changes *changes = shard->next_changes;
    shard->has_next = false;
    CHECK(pthread_mutex_unlock(&shard->next_lock) == 0);
    if (!has_next) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(shard->sinks); i++) {
        shard->sinks[i].ops->reopen(shard->sinks[i].self);
    }
    if (set != NULL) {
        replace_subscriptions(shard, set, changes, now_ms);
        shard->parts.on_reloaded(shard->parts.context);
    }
}

static void on_turn(void *context, int64_t now_ms)
{
    struct shard *shard = context;
    if (shard->is_closing) {
        return; /* the edges turn the loop to close their handles */
    }
    drain_inbox(shard, now_ms);
    take_over(shard, now_ms);
    ask_for_drain(shard, now_ms);
    if (delivery_core_next_deadline(shard->core) <= now_ms) {
        step(shard, &(struct delivery_event){.kind = EVENT_TIME_PASSED, .now_ms = now_ms});
    }
    take_records(shard, now_ms);
    log_left_out(shard, now_ms);
    if (atomic_load(&shard->may_leave)) {
        event_loop_stop(shard->loop);
    }
    atomic_store(&shard->has_joined, kafka_subscription_has_joined(shard->subscription));
    shard_metrics_show(shard->parts.metrics, delivery_core_stats(shard->core));
    event_loop_set_deadline(shard->loop, shard->has_more_to_take ? now_ms : delivery_core_next_deadline(shard->core));
}

/* ---- life cycle ---- */

static struct delivery_core *make_core(const struct shard_parts *parts, uint32_t *ret_tickets)
{
    const struct consumer_settings *settings = parts->settings;
    const struct subscription_set *set = parts->subscriptions;
    const struct delivery_limits limits = {
        .partitions_max = parts->partitions_max,
        .records_max = (uint32_t)settings->hand_records,
        .bytes_max = (uint64_t)settings->hand_bytes,
        .attempts_max = (uint32_t)settings->connections_max,
        .fanout_max = set->largest_tenant,
    };
    struct delivery_subscription *subscriptions = make_delivery_subscriptions(set);
    struct delivery_policy policy;
    consumer_settings_policy(settings, &policy);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32; /* for jitter: members must not march in step */
    struct delivery_core *core = delivery_core_create(&limits, &policy, subscriptions, (uint32_t)set->count, seed);
    free(subscriptions);
    *ret_tickets = delivery_core_tickets_max(&limits);
    return core;
}

/* Static membership: the members of one process must differ, so each shard's id ends in its index. */
static void copy_properties(const struct shard *shard, struct kafka_properties *ret_properties)
{
    const struct kafka_properties *all = &shard->settings->kafka;
    for (size_t i = 0; i < all->count; i++) {
        const struct kafka_property *property = &all->items[i];
        struct bytes value = {0};
        bytes_append_text(&value, property->value);
        if (strcmp(property->name, "group.instance.id") == 0) {
            bytes_append_format(&value, "-%u", shard->parts.index);
        }
        bytes_append_byte(&value, '\0');
        kafka_properties_put(ret_properties, property->name, (const char *)value.data, property->place);
        bytes_free(&value);
    }
}

static enum status join_kafka(struct shard *shard, struct error *ret_error)
{
    const struct consumer_settings *settings = shard->settings;
    struct kafka_properties properties = {0};
    copy_properties(shard, &properties);
    const struct kafka_subscription_settings subscription = {
        .properties = &properties,
        .group = settings->group,
        .topics = (const char *const *)settings->topics_events.items,
        .topic_count = settings->topics_events.count,
        .start_from = settings->start,
        .accepted_gaps = shard->parts.accepted_gaps,
        .accepted_gap_count = shard->parts.accepted_gap_count,
        .partitions_max = shard->parts.partitions_max,
    };
    enum status status = kafka_subscription_create(shard->loop, &subscription, on_subscription_event, shard,
                                                   &shard->subscription, ret_error);
    kafka_properties_free(&properties);
    if (status != STATUS_OK) {
        return status;
    }
    return dead_letter_writer_create(shard->loop, &settings->kafka, settings->topics_dead_letters, settings->group,
                                     on_dead_letter_answered, shard, &shard->dead_letters, ret_error);
}

static void make_sinks(struct shard *shard)
{
    uint32_t attempts_max = (uint32_t)shard->settings->connections_max;
    const struct http_sink_limits http = {.connections_max = attempts_max};
    const struct kafka_sink_limits kafka = {.records_max = 2 * attempts_max}; /* half of them may be cancelled */
    shard->gate = consumer_settings_make_gate(shard->settings);
    shard->sinks[SINK_HTTP] = http_delivery_create(shard->loop, &http, shard->gate, on_attempt_answered, shard);
    shard->sinks[SINK_KAFKA] =
        kafka_sink_create(shard->loop, &shard->settings->kafka, &kafka, on_attempt_answered, shard);
    shard->sinks[SINK_FILE] = file_sink_create(shard->loop, on_attempt_answered, shard);
}

enum status shard_create(const struct shard_parts *parts, struct shard **ret_shard, struct error *ret_error)
{
    struct shard *shard = memory_alloc(1, sizeof(*shard));
    shard->parts = *parts;
    shard->settings = parts->settings;
    shard->loop = event_loop_create(&(struct event_loop_hooks){.on_turn = on_turn, .context = shard});
    uint32_t tickets = 0;
    shard->core = make_core(parts, &tickets);
    shard->payloads = payload_store_create(tickets);
    shard->decoder = record_decoder_create();
    shard->routes = route_table_create(parts->subscriptions);
    inbox_init(&shard->inbox);
    CHECK(pthread_mutex_init(&shard->next_lock, NULL) == 0);
    atomic_store(&shard->stop_wait_ms, NOT_STOPPING);
    shard->drain_wait_ms = NOT_STOPPING;
    make_sinks(shard);
    enum status status = join_kafka(shard, ret_error);
    if (status != STATUS_OK) {
        shard_destroy(shard);
        return status;
    }
    *ret_shard = shard;
    return STATUS_OK;
}

/* Closes what has handles in the loop; the loop's own thread, or nobody's when the thread never started. */
static void close_all(struct shard *shard)
{
    shard->is_closing = true;
    for (size_t i = 0; i < ARRAY_COUNT(shard->sinks); i++) {
        shard->sinks[i].ops->destroy(shard->sinks[i].self);
    }
    if (shard->dead_letters != NULL) {
        dead_letter_writer_stop(shard->dead_letters, CLOSE_WAIT_MS / 2);
    }
    if (shard->subscription != NULL) {
        kafka_subscription_stop(shard->subscription, CLOSE_WAIT_MS);
    }
}

static void *run(void *context)
{
    struct shard *shard = context;
    event_loop_run(shard->loop);
    close_all(shard);
    shard->parts.on_ended(shard->parts.context);
    return NULL;
}

enum status shard_start(struct shard *shard, struct error *ret_error)
{
    enum status status = kafka_subscription_start(shard->subscription, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(pthread_create(&shard->thread, NULL, run, shard) == 0);
    shard->is_started = true;
    return STATUS_OK;
}

void shard_stop(struct shard *shard, int64_t wait_ms)
{
    int64_t known = atomic_load(&shard->stop_wait_ms);
    while (wait_ms < known && !atomic_compare_exchange_weak(&shard->stop_wait_ms, &known, wait_ms)) {
    }
    event_loop_wake(shard->loop);
}

void shard_leave(struct shard *shard)
{
    atomic_store(&shard->may_leave, true);
    event_loop_wake(shard->loop);
}

void shard_reload(struct shard *shard, const struct subscription_set *set, const struct subscription_changes *changes)
{
    CHECK(pthread_mutex_lock(&shard->next_lock) == 0);
    shard->next_set = set;
    shard->next_changes = changes;
    shard->has_next = true;
    CHECK(pthread_mutex_unlock(&shard->next_lock) == 0);
    event_loop_wake(shard->loop);
}

bool shard_has_joined(const struct shard *shard)
{
    return atomic_load(&shard->has_joined);
}

bool shard_is_live(const struct shard *shard, int64_t limit_ms)
{
    return event_loop_is_live(shard->loop, limit_ms);
}

bool shard_has_failed(const struct shard *shard)
{
    return atomic_load(&shard->has_failed);
}

void shard_destroy(struct shard *shard)
{
    if (shard == NULL) {
        return;
    }
    if (shard->is_started) {
        pthread_join(shard->thread, NULL);
    } else {
        close_all(shard);
    }
    kafka_subscription_destroy(shard->subscription);
    dead_letter_writer_destroy(shard->dead_letters);
    event_loop_destroy(shard->loop);
    address_gate_destroy(shard->gate);
    route_table_destroy(shard->routes);
    record_decoder_destroy(shard->decoder);
    payload_store_destroy(shard->payloads);
    delivery_core_destroy(shard->core);
    inbox_destroy(&shard->inbox);
    pthread_mutex_destroy(&shard->next_lock);
    bytes_free(&shard->body);
    kafka_record_headers_free(&shard->headers);
    free(shard);
}
