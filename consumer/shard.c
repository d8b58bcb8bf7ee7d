#include "shard.h"

#include "check.h"
#include "file_sink.h"
#include "http_delivery.h"
#include "kafka_sink.h"
#include "memory.h"
#include "shard_actions.h"
#include "shard_events.h"
#include "shard_intake.h"
#include "shard_replacement.h"
#include "shard_reports.h"
#include "shard_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLOSE_WAIT_MS = 2000 }; /* for closing what is open after a drain */

static const int64_t NOT_STOPPING = INT64_MAX;

/* ---- a turn ---- */

static void drain_inbox(struct shard *shard, int64_t now_ms)
{
    size_t count = 0;
    const struct delivery_event *events = inbox_drain(&shard->inbox, &count);
    for (size_t i = 0; i < count; i++) {
        struct delivery_event event = events[i];
        event.now_ms = now_ms;
        shard_step(shard, &event);
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
    shard_step(shard, &event);
}

static void on_turn(void *context, int64_t now_ms)
{
    struct shard *shard = context;
    if (shard->is_closing) {
        return; /* the edges turn the loop to close their handles */
    }
    drain_inbox(shard, now_ms);
    shard_take_over(shard, now_ms);
    ask_for_drain(shard, now_ms);
    if (delivery_core_next_deadline(shard->core) <= now_ms) {
        shard_step(shard, &(struct delivery_event){.kind = EVENT_TIME_PASSED, .now_ms = now_ms});
    }
    shard_take_records(shard, now_ms);
    shard_report_left_out(shard, now_ms);
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
    struct delivery_subscription *subscriptions = shard_make_delivery_subscriptions(set);
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
    enum status status = kafka_subscription_create(shard->loop, &subscription, shard_on_subscription_event, shard,
                                                   &shard->subscription, ret_error);
    kafka_properties_free(&properties);
    if (status != STATUS_OK) {
        return status;
    }
    return dead_letter_writer_create(shard->loop, &settings->kafka, settings->topics_dead_letters, settings->group,
                                     shard_on_dead_letter_answered, shard, &shard->dead_letters, ret_error);
}

static void make_sinks(struct shard *shard)
{
    uint32_t attempts_max = (uint32_t)shard->settings->connections_max;
    const struct http_sink_limits http = {.connections_max = attempts_max};
    const struct kafka_sink_limits kafka = {.records_max = 2 * attempts_max}; /* half of them may be cancelled */
    shard->gate = consumer_settings_make_gate(shard->settings);
    shard->sinks[SINK_HTTP] = http_delivery_create(shard->loop, &http, shard->gate, shard_on_attempt_answered, shard);
    shard->sinks[SINK_KAFKA] =
        kafka_sink_create(shard->loop, &shard->settings->kafka, &kafka, shard_on_attempt_answered, shard);
    shard->sinks[SINK_FILE] = file_sink_create(shard->loop, shard_on_attempt_answered, shard);
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
