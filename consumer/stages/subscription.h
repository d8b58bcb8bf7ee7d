/* subscription.h: who wants what, as plain data that never changes once it is loaded.
 *
 * A set is built by an edge (subscriptions_file.h) or by a test, then shared read-only; a reload makes a new set.
 * An index into `items` names a subscription for the life of its set. */
#ifndef RELAY_SUBSCRIPTION_H
#define RELAY_SUBSCRIPTION_H

#include "bytes.h"
#include "incident.h"
#include "signing_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SUBSCRIPTION_ID_MAX = 64 };

/* What may be in the air at once; the core has its own enum of the same meaning. */
enum subscription_ordering {
    SUBSCRIPTION_ORDERING_INCIDENT, /* one delivery of an incident at a time */
    SUBSCRIPTION_ORDERING_TENANT,   /* one delivery at a time */
    SUBSCRIPTION_ORDERING_NONE,
};

/* A header of the subscriber's own; checked against RFC 9110 field syntax when it was loaded. */
struct http_header {
    char *name;
    char *value;
};

struct http_target {
    char *url; /* absolute, with scheme and host; no user information, no fragment */
    char *method;
    struct http_header *headers;
    size_t header_count;
    struct signing_key *secrets; /* in the order given: one signature each; none is a public key */
    size_t secret_count;
    bool is_unsigned; /* then there are no secrets */
    int64_t timeout_ms;
    uint32_t max_in_flight;
};

enum kafka_format {
    KAFKA_FORMAT_AVRO, /* key, value and headers as they came */
    KAFKA_FORMAT_JSON, /* the body of the webhook under the same key */
};

struct kafka_target {
    char *topic;
    enum kafka_format format;
};

enum file_fsync {
    FILE_FSYNC_ALWAYS, /* delivered means on the disk */
    FILE_FSYNC_NEVER,  /* delivered means with the operating system */
};

struct file_target {
    char *path;
    enum file_fsync fsync;
};

enum sink_kind { SINK_HTTP, SINK_KAFKA, SINK_FILE };

enum { SINK_KIND_COUNT = SINK_FILE + 1 };

struct subscription {
    char *id;
    int64_t tenant;
    unsigned events_mask;         /* 1 << enum event_type */
    unsigned where_status_mask;   /* 1 << enum incident_status; 0 is any */
    unsigned where_severity_mask; /* 1 << enum severity; 0 is any */
    enum subscription_ordering ordering;
    int payload_version;
    bool enabled;
    enum sink_kind sink; /* says which of the three it is */
    union {
        struct http_target http;
        struct kafka_target kafka;
        struct file_target file;
    };
};

struct subscription_set {
    struct subscription *items; /* in the order of the file */
    size_t count;
    uint64_t hash;           /* of the meaning of the whole set, secrets included; a fingerprint to compare and print */
    uint32_t largest_tenant; /* the most subscriptions that one tenant has, disabled ones too */
};

/* "incident", "tenant", "none"; a static string. */
const char *subscription_ordering_name(enum subscription_ordering ordering);

/* "http", "kafka", "file"; "avro", "json"; "always", "never": static strings. */
const char *sink_kind_name(enum sink_kind kind);
const char *kafka_format_name(enum kafka_format format);
const char *file_fsync_name(enum file_fsync policy);

/* How many of its deliveries may be in the air at once. */
uint32_t subscription_max_in_flight(const struct subscription *subscription);

/* Whether the event is this subscription's: same tenant, a wanted type, and `where`. Says nothing about `enabled`. */
bool subscription_matches(const struct subscription *subscription, const struct incident_event *event);

/* A fingerprint of its whole meaning, secrets included: two that are equal are the same subscription, unchanged. */
uint64_t subscription_hash(const struct subscription *subscription);

/* The subscription with this id, or NULL. A walk: for commands, not for events. */
const struct subscription *subscription_set_find(const struct subscription_set *set, const char *id);

/* Fills `hash` and `largest_tenant` from the items; the last act of whoever builds a set. */
void subscription_set_seal(struct subscription_set *set);

/* Frees the set and all that it owns (secrets are overwritten first). NULL is fine. */
void subscription_set_destroy(struct subscription_set *set);

#endif
