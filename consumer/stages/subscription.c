#include "subscription.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

const char *subscription_ordering_name(enum subscription_ordering ordering)
{
    switch (ordering) {
    case SUBSCRIPTION_ORDERING_INCIDENT:
        return "incident";
    case SUBSCRIPTION_ORDERING_TENANT:
        return "tenant";
    case SUBSCRIPTION_ORDERING_NONE:
        return "none";
    }
    CHECK(false);
    return "";
}

const char *sink_kind_name(enum sink_kind kind)
{
    static const char *const names[] = {[SINK_HTTP] = "http", [SINK_KAFKA] = "kafka", [SINK_FILE] = "file"};
    return names[kind];
}

const char *kafka_format_name(enum kafka_format format)
{
    static const char *const names[] = {[KAFKA_FORMAT_AVRO] = "avro", [KAFKA_FORMAT_JSON] = "json"};
    return names[format];
}

const char *file_fsync_name(enum file_fsync policy)
{
    static const char *const names[] = {[FILE_FSYNC_ALWAYS] = "always", [FILE_FSYNC_NEVER] = "never"};
    return names[policy];
}

/* Of a Kafka or file sink: enough to keep a producer's batch or a group of writes full, and few beside the attempts
 * that all subscriptions share (connections_max). */
enum { UNNAMED_IN_FLIGHT = 64 };

uint32_t subscription_max_in_flight(const struct subscription *subscription)
{
    return subscription->sink == SINK_HTTP ? subscription->http.max_in_flight : UNNAMED_IN_FLIGHT;
}

static bool mask_allows(unsigned mask, unsigned value)
{
    return mask == 0 || (mask & (1U << value)) != 0;
}

bool subscription_matches(const struct subscription *subscription, const struct incident_event *event)
{
    return subscription->tenant == event->incident.tenant_id &&
           (subscription->events_mask & (1U << event->type)) != 0 &&
           mask_allows(subscription->where_status_mask, event->incident.status) &&
           mask_allows(subscription->where_severity_mask, event->incident.severity);
}

const struct subscription *subscription_set_find(const struct subscription_set *set, const char *id)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i].id, id) == 0) {
            return &set->items[i];
        }
    }
    return NULL;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). Each part goes in with its length, so that no two sets spell the same bytes. */
static void hash_part(uint64_t *hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t length = size;

    for (size_t i = 0; i < sizeof(length); i++) {
        *hash = (*hash ^ ((length >> (8 * i)) & 0xff)) * UINT64_C(0x100000001b3);
    }
    for (size_t i = 0; i < size; i++) {
        *hash = (*hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
}

static void hash_text(uint64_t *hash, const char *text)
{
    hash_part(hash, text, strlen(text));
}

static void hash_number(uint64_t *hash, uint64_t number)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
    hash_part(hash, bytes, sizeof(bytes));
}

static void hash_http_target(uint64_t *hash, const struct http_target *http)
{
    hash_text(hash, http->url);
    hash_text(hash, http->method);
    hash_number(hash, http->header_count);
    for (size_t i = 0; i < http->header_count; i++) {
        hash_text(hash, http->headers[i].name);
        hash_text(hash, http->headers[i].value);
    }
    hash_number(hash, http->secret_count);
    for (size_t i = 0; i < http->secret_count; i++) {
        hash_number(hash, http->secrets[i].kind);
        hash_part(hash, http->secrets[i].bytes.data, http->secrets[i].bytes.size);
    }
    hash_number(hash, http->is_unsigned);
    hash_number(hash, (uint64_t)http->timeout_ms);
    hash_number(hash, http->max_in_flight);
}

static void hash_target(uint64_t *hash, const struct subscription *subscription)
{
    hash_text(hash, sink_kind_name(subscription->sink));
    switch (subscription->sink) {
    case SINK_HTTP:
        hash_http_target(hash, &subscription->http);
        break;
    case SINK_KAFKA:
        hash_text(hash, subscription->kafka.topic);
        hash_text(hash, kafka_format_name(subscription->kafka.format));
        break;
    case SINK_FILE:
        hash_text(hash, subscription->file.path);
        hash_text(hash, file_fsync_name(subscription->file.fsync));
        break;
    }
}

static const uint64_t HASH_START = UINT64_C(0xcbf29ce484222325);

uint64_t subscription_hash(const struct subscription *subscription)
{
    uint64_t hash = HASH_START;

    hash_text(&hash, subscription->id);
    hash_number(&hash, (uint64_t)subscription->tenant);
    hash_number(&hash, subscription->events_mask);
    hash_number(&hash, subscription->where_status_mask);
    hash_number(&hash, subscription->where_severity_mask);
    hash_text(&hash, subscription_ordering_name(subscription->ordering));
    hash_number(&hash, (uint64_t)subscription->payload_version);
    hash_number(&hash, subscription->enabled);
    hash_target(&hash, subscription);
    return hash;
}

static uint64_t set_hash(const struct subscription_set *set)
{
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < set->count; i++) {
        hash_number(&hash, subscription_hash(&set->items[i]));
    }
    return hash;
}

static int compare_int64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static uint32_t largest_tenant(const struct subscription_set *set)
{
    int64_t *tenants = memory_alloc(set->count, sizeof(*tenants));
    uint32_t largest = 0;
    uint32_t run = 0;

    for (size_t i = 0; i < set->count; i++) {
        tenants[i] = set->items[i].tenant;
    }
    qsort(tenants, set->count, sizeof(*tenants), compare_int64);
    for (size_t i = 0; i < set->count; i++) {
        run = i > 0 && tenants[i] == tenants[i - 1] ? run + 1 : 1;
        largest = run > largest ? run : largest;
    }
    free(tenants);
    return largest;
}

void subscription_set_seal(struct subscription_set *set)
{
    set->hash = set_hash(set);
    set->largest_tenant = set->count > 0 ? largest_tenant(set) : 0;
}

static void http_target_free(struct http_target *http)
{
    for (size_t i = 0; i < http->header_count; i++) {
        free(http->headers[i].name);
        free(http->headers[i].value);
    }
    for (size_t i = 0; i < http->secret_count; i++) {
        signing_key_free(&http->secrets[i]);
    }
    free(http->headers);
    free(http->secrets);
    free(http->url);
    free(http->method);
}

static void target_free(struct subscription *subscription)
{
    switch (subscription->sink) {
    case SINK_HTTP:
        http_target_free(&subscription->http);
        break;
    case SINK_KAFKA:
        free(subscription->kafka.topic);
        break;
    case SINK_FILE:
        free(subscription->file.path);
        break;
    }
}

void subscription_set_destroy(struct subscription_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        free(set->items[i].id);
        target_free(&set->items[i]);
    }
    free(set->items);
    free(set);
}
