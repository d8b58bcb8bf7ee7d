#include "consumer_settings.h"

#include "admin_http.h"
#include "check.h"
#include "kafka_topic.h"
#include "log_options.h"
#include "memory.h"
#include "signer.h"
#include "utc_time.h"

#include <stdlib.h>
#include <string.h>

static enum status check_group(const char *text, struct error *ret_error)
{
    return text[0] != '\0' ? STATUS_OK : error_set(ret_error, STATUS_INVALID, "a group has a name");
}

static enum status read_start_from(const char *text, struct start_from *ret_start, struct error *ret_error)
{
    int64_t time_us = 0;
    if (strcmp(text, "earliest") == 0) {
        *ret_start = (struct start_from){.kind = START_FROM_EARLIEST};
    } else if (strcmp(text, "latest") == 0) {
        *ret_start = (struct start_from){.kind = START_FROM_LATEST};
    } else if (utc_time_parse(bytes_view_of_text(text), &time_us) == STATUS_OK) {
        *ret_start = (struct start_from){.kind = START_FROM_TIME, .time_ms = time_us / 1000};
    } else {
        return error_set(ret_error, STATUS_INVALID,
                         "\"%s\" is not earliest, latest or a time such as 2026-02-03T10:00:00Z", text);
    }
    return STATUS_OK;
}

static enum status check_start_from(const char *text, struct error *ret_error)
{
    struct start_from start;
    return read_start_from(text, &start, ret_error);
}

#define AT(member) .offset = offsetof(struct consumer_settings, member)

static const struct option options[] = {
    {.key = "admin.listen",
     .kind = OPTION_TEXT,
     AT(admin_listen),
     .default_text = "127.0.0.1:9464",
     .check = admin_http_check_listen,
     .help = "address of /metrics, /livez and /readyz; port 0 is any free one"},
    LOG_OPTIONS(struct consumer_settings),
    {.key = "drain",
     .kind = OPTION_DURATION_MS,
     AT(drain_ms),
     .default_text = "8s",
     .help = "how long SIGTERM waits for attempts in the air; the rest is cut and sent again later"},
    {.key = "startup_timeout",
     .kind = OPTION_DURATION_MS,
     AT(startup_timeout_ms),
     .none_text = "none: wait",
     .help = "give up with exit status 69 when the broker has not answered by then"},
    {.key = "group",
     .kind = OPTION_TEXT,
     AT(group),
     .default_text = "incident-relay",
     .check = check_group,
     .help = "consumer group; its committed offsets are the relay's place on the log"},
    {.key = "topics.events",
     .kind = OPTION_TEXT_LIST,
     AT(topics_events),
     .items_min = 1,
     .default_text = "[incident.events]",
     .check = kafka_topic_check_name,
     .help = "topics to read"},
    {.key = "topics.dead_letters",
     .kind = OPTION_TEXT,
     AT(topics_dead_letters),
     .default_text = "incident.dead-letters",
     .check = kafka_topic_check_name,
     .help = "topic for events that were given up"},
    {.key = "topics.create",
     .kind = OPTION_BOOL,
     AT(topics_create),
     .default_text = "true",
     .help = "make the dead-letter topic when it is missing; event topics are never made"},
    {.key = "subscriptions.file",
     .kind = OPTION_TEXT,
     AT(subscriptions_file),
     .default_text = "subscriptions.yaml",
     .help = "who gets which events"},
    {.key = "subscriptions.allow_inline_secrets",
     .kind = OPTION_BOOL,
     AT(allow_inline_secrets),
     .default_text = "false",
     .help = "take secrets written into the subscriptions file itself"},
    {.key = "start_from",
     .kind = OPTION_TEXT,
     AT(start_from),
     .default_text = "earliest",
     .check = check_start_from,
     .help = "where a group without any commit begins: earliest, latest or an RFC 3339 time"},
    {.key = "shards",
     .kind = OPTION_INT,
     AT(shards),
     .default_text = "1",
     .min = 1,
     .max = 64,
     .help = "threads, each a member of the group with its own connections and its own hand"},
    {.key = "commit_interval",
     .kind = OPTION_DURATION_MS,
     AT(commit_interval_ms),
     .default_text = "1s",
     .min = 1,
     .max = 3600000,
     .help = "how often offsets are committed at most"},
    {.key = "hand.records",
     .kind = OPTION_INT,
     AT(hand_records),
     .default_text = "10000",
     .min = 1,
     .max = 1000000,
     .help = "events in hand at most; past it the log waits"},
    {.key = "hand.bytes",
     .kind = OPTION_SIZE_BYTES,
     AT(hand_bytes),
     .default_text = "32MiB",
     .min = 1024,
     .max = INT64_C(1) << 40,
     .help = "their bytes at most; past it the log waits"},
    {.key = "retry.schedule",
     .kind = OPTION_DURATION_LIST,
     AT(retry_schedule_ms),
     .items_min = 1,
     .items_max = DELIVERY_SCHEDULE_MAX,
     .default_text = "[0, 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h]",
     .help = "waits before the attempts of an event that fails while others get through; then a dead letter"},
    {.key = "retry.refused",
     .kind = OPTION_DURATION_LIST,
     AT(retry_refused_ms),
     .items_min = 1,
     .items_max = DELIVERY_SCHEDULE_MAX,
     .default_text = "[0, 5s, 5m]",
     .help = "the same for an event that the endpoint refuses with a 4xx"},
    {.key = "retry.jitter",
     .kind = OPTION_NUMBER,
     AT(retry_jitter),
     .default_text = "0.2",
     .min = 0,
     .max = 1,
     .help = "each wait is longer or shorter by up to this part of it"},
    {.key = "lane.halt_after",
     .kind = OPTION_INT,
     AT(lane_halt_after),
     .default_text = "5",
     .min = 1,
     .max = 1000000,
     .help = "endpoint failures in a row that halt a subscription"},
    {.key = "lane.probe_first",
     .kind = OPTION_DURATION_MS,
     AT(lane_probe_first_ms),
     .default_text = "5s",
     .min = 1,
     .max = 86400000,
     .help = "wait before a halted subscription's first probe; each next one doubles it"},
    {.key = "lane.probe_max",
     .kind = OPTION_DURATION_MS,
     AT(lane_probe_max_ms),
     .default_text = "5m",
     .min = 1,
     .max = 86400000,
     .help = "longest wait between two probes"},
    {.key = "egress.http",
     .kind = OPTION_BOOL,
     AT(egress_http),
     .default_text = "false",
     .help = "allow http:// URLs, not only https://"},
    {.key = "egress.allow",
     .kind = OPTION_TEXT_LIST,
     AT(egress_allow),
     .check = address_gate_check_range,
     .help = "CIDR ranges that may be called although they are not public"},
    {.key = "egress.deny",
     .kind = OPTION_TEXT_LIST,
     AT(egress_deny),
     .check = address_gate_check_range,
     .help = "CIDR ranges that may never be called; beats egress.allow"},
    {.key = "egress.ports",
     .kind = OPTION_INT_LIST,
     AT(egress_ports),
     .min = 1,
     .max = 65535,
     .none_text = "any",
     .help = "ports that may be called"},
    {.key = "connections_max",
     .kind = OPTION_INT,
     AT(connections_max),
     .default_text = "1024",
     .min = 1,
     .max = 65536,
     .help = "attempts in the air and open connections at most"},
    {.key = "schema_wait",
     .kind = OPTION_DURATION_MS,
     AT(schema_wait_ms),
     .default_text = "10m",
     .help = "how long a record of an unknown schema holds its partition before it becomes a dead letter"},
};

static const char *const later_keys[] = {
    "topics.lanes",
    "topics.commands",
    "lane.halt_after_refusals",
    "lane.detach_after",
    "lane.uncommitted_max",
    "lane.stragglers_max",
    "lane.disable_after",
    "replay",
    NULL,
};

static const struct settings_spec spec = {
    .options = options,
    .option_count = ARRAY_COUNT(options),
    .later_keys = later_keys,
    .kafka_offset = offsetof(struct consumer_settings, kafka),
    .kafka_kind = KAFKA_CLIENT_CONSUMER,
};

/* What no key can say alone. */
static void check_together(const struct consumer_settings *settings, struct error_list *errors)
{
    for (size_t i = 0; i < settings->topics_events.count; i++) {
        const char *topic = settings->topics_events.items[i];
        for (size_t j = 0; j < i; j++) {
            if (strcmp(topic, settings->topics_events.items[j]) == 0) {
                error_list_add(errors, "topics.events: %s stands there twice", topic);
            }
        }
        if (settings->topics_dead_letters != NULL && strcmp(topic, settings->topics_dead_letters) == 0) {
            error_list_add(errors,
                           "topics.dead_letters: %s is read as an event topic: its dead letters would come round "
                           "again",
                           topic);
        }
    }
    if (settings->lane_probe_max_ms < settings->lane_probe_first_ms) {
        error_list_add(errors, "lane.probe_max: is less than lane.probe_first");
    }
}

enum status consumer_settings_load(const char *file, const char *const *sets, size_t set_count,
                                   struct consumer_settings *ret_settings, struct error_list *errors)
{
    size_t errors_before = errors->total;
    enum status status = settings_load(&spec, file, sets, set_count, ret_settings, errors);
    check_together(ret_settings, errors);
    if (status != STATUS_OK || errors->total > errors_before) {
        return STATUS_INVALID;
    }
    return read_start_from(ret_settings->start_from, &ret_settings->start, NULL);
}

void consumer_settings_free(struct consumer_settings *settings)
{
    settings_free(&spec, settings);
}

void consumer_settings_print_help(FILE *file)
{
    settings_print_help(&spec, file);
}

static size_t copy_schedule(const struct int64_list *list, int64_t ret_waits[DELIVERY_SCHEDULE_MAX])
{
    CHECK(list->count <= DELIVERY_SCHEDULE_MAX);
    memcpy(ret_waits, list->items, list->count * sizeof(int64_t));
    return list->count;
}

void consumer_settings_policy(const struct consumer_settings *settings, struct delivery_policy *ret_policy)
{
    *ret_policy = (struct delivery_policy){
        .jitter_permille = (uint32_t)(settings->retry_jitter * 1000 + 0.5),
        .halt_after = (uint32_t)settings->lane_halt_after,
        .probe_first_ms = settings->lane_probe_first_ms,
        .probe_max_ms = settings->lane_probe_max_ms,
        .commit_interval_ms = settings->commit_interval_ms,
        .schema_wait_ms = settings->schema_wait_ms,
    };
    ret_policy->schedule_count = copy_schedule(&settings->retry_schedule_ms, ret_policy->schedule_ms);
    ret_policy->refused_count = copy_schedule(&settings->retry_refused_ms, ret_policy->refused_ms);
}

struct subscriptions_rules consumer_settings_subscriptions_rules(const struct consumer_settings *settings)
{
    return (struct subscriptions_rules){
        .allow_inline_secrets = settings->allow_inline_secrets,
        .egress_http = settings->egress_http,
        .topics_read = (const char *const *)settings->topics_events.items,
        .topics_read_count = settings->topics_events.count,
        .topic_dead_letters = settings->topics_dead_letters,
        .check_key = signer_check_key,
    };
}

struct address_gate *consumer_settings_make_gate(const struct consumer_settings *settings)
{
    size_t port_count = settings->egress_ports.count;
    uint16_t *ports = memory_alloc(port_count, sizeof(*ports));
    for (size_t i = 0; i < port_count; i++) {
        ports[i] = (uint16_t)settings->egress_ports.items[i];
    }
    const struct address_gate_settings gate_settings = {
        .is_http_allowed = settings->egress_http,
        .allow = (const char *const *)settings->egress_allow.items,
        .allow_count = settings->egress_allow.count,
        .deny = (const char *const *)settings->egress_deny.items,
        .deny_count = settings->egress_deny.count,
        .ports = ports,
        .port_count = port_count,
    };
    struct address_gate *gate = NULL;
    CHECK(address_gate_create(&gate_settings, &gate, NULL) == STATUS_OK);
    free(ports);
    return gate;
}
