/* consumer_settings.h: the consumer's settings as plain values. The table in consumer_settings.c makes the reading, the
 * errors and the help; README explains each key. */
#ifndef RELAY_CONSUMER_SETTINGS_H
#define RELAY_CONSUMER_SETTINGS_H

#include "address_gate.h"
#include "delivery_core.h"
#include "kafka_subscription.h"
#include "log.h"
#include "settings.h"
#include "subscriptions_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct consumer_settings {
    struct kafka_properties kafka;
    char *admin_listen;
    enum log_level log_level;
    enum log_format log_format;
    int64_t drain_ms;
    int64_t startup_timeout_ms; /* -1: wait */
    char *group;
    struct text_list topics_events;
    char *topics_dead_letters;
    bool topics_create;
    char *subscriptions_file;
    bool allow_inline_secrets;
    char *start_from;
    struct start_from start; /* start_from as it was understood */
    int64_t shards;
    int64_t commit_interval_ms;
    int64_t hand_records;
    int64_t hand_bytes;
    struct int64_list retry_schedule_ms;
    struct int64_list retry_refused_ms;
    double retry_jitter;
    int64_t lane_halt_after;
    int64_t lane_probe_first_ms;
    int64_t lane_probe_max_ms;
    bool egress_http;
    struct text_list egress_allow;
    struct text_list egress_deny;
    struct int64_list egress_ports;
    int64_t connections_max;
    int64_t schema_wait_ms;
};

/* Reads `file` (NULL: none) and `sets`; every error is added to `errors`. Free with consumer_settings_free, after an
 * error too. Errors: STATUS_INVALID when there was any. */
WARN_UNUSED enum status consumer_settings_load(const char *file, const char *const *sets, size_t set_count,
                                               struct consumer_settings *ret_settings, struct error_list *errors);
void consumer_settings_free(struct consumer_settings *settings);

void consumer_settings_print_help(FILE *file);

/* The part of the settings that the delivery core goes by. */
void consumer_settings_policy(const struct consumer_settings *settings, struct delivery_policy *ret_policy);

/* What the settings say about a subscriptions file; also whether each ed25519 key can sign. */
struct subscriptions_rules consumer_settings_subscriptions_rules(const struct consumer_settings *settings);

/* A gate as `egress` says; the caller's. The ranges were checked at load. */
struct address_gate *consumer_settings_make_gate(const struct consumer_settings *settings);

#endif
