#include "subscriptions_file.h"

#include "check.h"
#include "error_list.h"
#include "log.h"
#include "memory.h"
#include "subscription_rules.h"
#include "yaml_tree.h"
#include "yaml_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    DEFAULT_TIMEOUT_MS = 15000,
    DEFAULT_MAX_IN_FLIGHT = 16,
    KEY_MAX = 24,       /* bytes; longer than every key of the file */
    SHOWN_KEY_MAX = 64, /* bytes of a key that stands in a message */
};

/* Where a node stands, from the leaf up; made into `subscriptions[0].http.url` only when there is something to say. */
struct place {
    const struct place *parent;
    const char *key; /* NULL: an item of a list */
    size_t index;
};

struct loader {
    const struct subscriptions_rules *rules;
    struct error_list *errors;
    struct subscription_set *set;
    size_t sink_count; /* of the subscription being read */
};

/* A key of a map and what reads its value into `target`. */
struct field {
    const char *key;
    void (*read)(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target);
};

static void append_place(struct bytes *text, const struct place *place)
{
    if (place->parent != NULL) {
        append_place(text, place->parent);
    }
    if (place->key == NULL) {
        bytes_append_format(text, "[%zu]", place->index);
    } else {
        bytes_append_format(text, "%s%s", place->parent != NULL ? "." : "", place->key);
    }
}

static void PRINTF_LIKE(4, 5)
    report(struct loader *loader, const struct place *place, const struct yaml_node *node, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    struct bytes key = {0};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* A value that is shown may have a line break, an error is one line. */
    for (size_t i = 0; text[i] != '\0'; i++) {
        text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    }
    append_place(&key, place);
    bytes_append_byte(&key, '\0');
    (void)yaml_node_error(node, loader->errors, (const char *)key.data, "%s", text);
    bytes_free(&key);
}

/* A key of the contract that this build does not have; it is refused, and offered to nobody. */
static void read_later(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    (void)target;
    report(loader, place, node, "comes in a later version; leave it out");
}

/* For keys that somebody else's file may hold: quoted, escaped, not too long. */
static char *shown_key(const char *key)
{
    struct bytes text = {0};
    size_t size = strlen(key);

    if (size > SHOWN_KEY_MAX) {
        for (size = SHOWN_KEY_MAX; (key[size] & 0xc0) == 0x80; size--) {
        }
    }
    bytes_append_json_string(&text, bytes_view_of(key, size));
    bytes_append_byte(&text, '\0');
    return (char *)text.data;
}

/* Levenshtein distance, upper and lower case alike; more than 2 for whatever is longer than a key. */
static size_t key_distance(const char *a, const char *b)
{
    size_t row[KEY_MAX + 1];
    size_t size = strlen(b);

    if (strlen(a) > KEY_MAX || size > KEY_MAX) {
        return KEY_MAX;
    }
    for (size_t j = 0; j <= size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= size; j++) {
            size_t change = diagonal + (strncasecmp(&a[i - 1], &b[j - 1], 1) != 0);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[size];
}

static void report_unknown_key(struct loader *loader, const struct place *place, const struct yaml_node *key,
                               const struct field *fields, size_t field_count)
{
    char *shown = shown_key(key->text);
    const char *closest = NULL;
    size_t closest_distance = 3;
    struct bytes known = {0};

    for (size_t i = 0; i < field_count; i++) {
        bool is_beginning = strlen(key->text) > 2 && strncmp(fields[i].key, key->text, strlen(key->text)) == 0;
        size_t distance = is_beginning ? 0 : key_distance(key->text, fields[i].key);

        if (fields[i].read == read_later) {
            continue;
        }
        if (distance < closest_distance && distance < strlen(fields[i].key)) {
            closest = fields[i].key;
            closest_distance = distance;
        }
        bytes_append_format(&known, "%s%s", known.size > 0 ? ", " : "", fields[i].key);
    }
    if (closest != NULL) {
        report(loader, place, key, "unknown key %s; did you mean %s?", shown, closest);
    } else {
        report(loader, place, key, "unknown key %s; the keys here are %.*s", shown, BYTES_PRINTF(known));
    }
    bytes_free(&known);
    free(shown);
}

static bool is_kind(struct loader *loader, const struct place *place, const struct yaml_node *node, enum yaml_kind kind,
                    const char *example)
{
    if (node->kind == kind) {
        return true;
    }
    report(loader, place, node, "is %s; write %s", yaml_node_is_null(node) ? "empty" : yaml_node_kind_name(node),
           example);
    return false;
}

/* Hands each value of the map to the reader of its key. */
static void read_map(struct loader *loader, const struct place *place, const struct yaml_node *map,
                     const struct field *fields, size_t field_count, void *target)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct field *field = NULL;

        for (size_t j = 0; j < field_count && field == NULL; j++) {
            field = strcmp(fields[j].key, map->keys[i].text) == 0 ? &fields[j] : NULL;
        }
        if (field == NULL) {
            report_unknown_key(loader, place, &map->keys[i], fields, field_count);
        } else {
            struct place value = {place, field->key, 0};

            field->read(loader, &value, &map->items[i], target);
        }
    }
}

/* A text that its rule takes; NULL, and an error said, where it does not. */
static char *read_text(struct loader *loader, const struct place *place, const struct yaml_node *node)
{
    struct error error;
    char *text = NULL;

    if (yaml_node_is_null(node)) {
        report(loader, place, node, "is empty; write a value, or leave it out");
        return NULL;
    }
    if (yaml_value_text(node, &text, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
        return NULL;
    }
    return text;
}

static void read_int(struct loader *loader, const struct place *place, const struct yaml_node *node, int64_t max,
                     const char *example, int64_t *ret_number)
{
    struct error error;

    if (yaml_value_int(node, 1, max, ret_number, &error) != STATUS_OK) {
        report(loader, place, node, "%s; write a number like %s: no quotes, no zero before it, no unit", error.text,
               example);
    }
}

static void read_bool(struct loader *loader, const struct place *place, const struct yaml_node *node, bool *ret_bool)
{
    struct error error;

    if (yaml_value_bool(node, ret_bool, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
}

/* A list of names, each at most once, as a mask of their places in `names`. */
static void read_names(struct loader *loader, const struct place *place, const struct yaml_node *node,
                       const char *const *names, unsigned *ret_mask)
{
    unsigned mask = 0;
    char example[80];

    snprintf(example, sizeof(example), "a list, like [%s]", names[0]);
    if (!is_kind(loader, place, node, YAML_SEQUENCE, example)) {
        return;
    }
    if (node->count == 0) {
        report(loader, place, node, "is an empty list, which nothing can match; write %s, or leave the key out",
               example);
    }
    for (size_t i = 0; i < node->count; i++) {
        struct place item = {place, NULL, i};
        struct error error;
        int index = 0;

        if (yaml_value_choice(&node->items[i], names, &index, &error) != STATUS_OK) {
            report(loader, &item, &node->items[i], "%s", error.text);
        } else if ((mask & (1U << index)) != 0) {
            report(loader, &item, &node->items[i], "%s stands here twice; leave one out", names[index]);
        } else {
            mask |= 1U << index;
        }
    }
    *ret_mask = mask;
}

static void read_id(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    struct error error;

    subscription->id = read_text(loader, place, node);
    if (subscription->id != NULL &&
        subscription_rules_check_id(bytes_view_of_text(subscription->id), &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
}

static void read_tenant(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;

    read_int(loader, place, node, INT64_MAX, "2050", &subscription->tenant);
}

static void read_events(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {event_type_name(EVENT_TYPE_CREATE), event_type_name(EVENT_TYPE_UPDATED), NULL};

    read_names(loader, place, node, names, &subscription->events_mask);
}

static void read_where_status(struct loader *loader, const struct place *place, const struct yaml_node *node,
                              void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {
        incident_status_name(INCIDENT_STATUS_TRIGGERED), incident_status_name(INCIDENT_STATUS_RESOLVED),
        incident_status_name(INCIDENT_STATUS_DISMISSED), incident_status_name(INCIDENT_STATUS_REOPENED), NULL};

    read_names(loader, place, node, names, &subscription->where_status_mask);
}

static void read_where_severity(struct loader *loader, const struct place *place, const struct yaml_node *node,
                                void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {severity_name(SEVERITY_LOW), severity_name(SEVERITY_MEDIUM),
                                 severity_name(SEVERITY_HIGH), NULL};

    read_names(loader, place, node, names, &subscription->where_severity_mask);
}

static void read_where(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    static const struct field fields[] = {{"status", read_where_status}, {"severity", read_where_severity}};

    if (is_kind(loader, place, node, YAML_MAPPING, "a map of lists, like {severity: [HIGH]}")) {
        read_map(loader, place, node, fields, ARRAY_COUNT(fields), target);
    }
}

static void read_ordering(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {subscription_ordering_name(SUBSCRIPTION_ORDERING_INCIDENT),
                                 subscription_ordering_name(SUBSCRIPTION_ORDERING_TENANT),
                                 subscription_ordering_name(SUBSCRIPTION_ORDERING_NONE), NULL};
    struct error error;
    int index = 0;

    if (yaml_value_choice(node, names, &index, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
    subscription->ordering = (enum subscription_ordering)index;
}

static void read_payload_version(struct loader *loader, const struct place *place, const struct yaml_node *node,
                                 void *target)
{
    struct subscription *subscription = target;
    int64_t version = 1;

    read_int(loader, place, node, INT32_MAX, "1", &version);
    if (version != 1) {
        report(loader, place, node, "%lld is no payload version of this build; write 1", (long long)version);
    }
    subscription->payload_version = (int)version;
}

static void read_enabled(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;

    read_bool(loader, place, node, &subscription->enabled);
}

static void read_url(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct http_target *http = target;
    struct error error;

    http->url = read_text(loader, place, node);
    if (http->url == NULL) {
        return;
    }
    if (subscription_rules_check_url(bytes_view_of_text(http->url), loader->rules->egress_http, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
}

static void read_method(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};
    struct http_target *http = target;
    struct error error;
    int index = 0;

    if (yaml_value_choice(node, methods, &index, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
    free(http->method);
    http->method = memory_copy_text(methods[index]);
}

static bool has_header(const struct http_target *http, const char *name)
{
    for (size_t i = 0; i < http->header_count; i++) {
        if (strcasecmp(http->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void read_header(struct loader *loader, const struct place *place, const struct yaml_node *key,
                        const struct yaml_node *node, struct http_target *http)
{
    struct place value_place = {place, key->text, 0};
    struct error error;
    char *value;

    if (subscription_rules_check_header_name(bytes_view_of_text(key->text), &error) != STATUS_OK) {
        char *shown = shown_key(key->text);

        report(loader, place, key, "%s: %s", shown, error.text);
        free(shown);
        return;
    }
    if (has_header(http, key->text)) {
        report(loader, &value_place, key, "stands here twice (upper and lower case are one name); leave one out");
        return;
    }
    value = read_text(loader, &value_place, node);
    if (value == NULL) {
        return;
    }
    if (subscription_rules_check_header_value(bytes_view_of_text(value), &error) != STATUS_OK) {
        report(loader, &value_place, node, "%s", error.text);
    }
    http->headers[http->header_count++] = (struct http_header){memory_copy_text(key->text), value};
}

static void read_headers(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    if (!is_kind(loader, place, node, YAML_MAPPING, "a map, like {x-team: proctoring}")) {
        return;
    }
    if (node->count > SUBSCRIPTION_HEADERS_MAX) {
        report(loader, place, node, "has %zu headers; at most %d are sent", node->count, SUBSCRIPTION_HEADERS_MAX);
        return;
    }
    http->headers = memory_alloc(node->count + 1, sizeof(*http->headers));
    for (size_t i = 0; i < node->count; i++) {
        read_header(loader, place, &node->keys[i], &node->items[i], http);
    }
}

static bool has_secret(const struct http_target *http, const struct signing_key *key)
{
    for (size_t i = 0; i < http->secret_count; i++) {
        if (signing_key_equal(&http->secrets[i], key)) {
            return true;
        }
    }
    return false;
}

static void read_secret(struct loader *loader, const struct place *place, const struct yaml_node *node,
                        struct http_target *http)
{
    struct signing_key *key = &http->secrets[http->secret_count];
    struct error error;
    char *text;

    if (node->kind == YAML_SCALAR && !yaml_node_is_null(node) && yaml_value_source(node) == YAML_VALUE_INLINE &&
        !loader->rules->allow_inline_secrets) {
        report(loader, place, node,
               "a secret may not stand in this file; write env:NAME or file:PATH, or set "
               "subscriptions.allow_inline_secrets: true");
        return;
    }
    text = read_text(loader, place, node);
    if (text == NULL) {
        return;
    }
    if (signing_key_read(bytes_view_of_text(text), key, &error) != STATUS_OK ||
        (loader->rules->check_key != NULL && loader->rules->check_key(key, &error) != STATUS_OK)) {
        report(loader, place, node, "%s", error.text);
    } else if (has_secret(http, key)) {
        report(loader, place, node, "is the same secret as one before it in this list; leave one out");
    }
    http->secret_count++;
    explicit_bzero(text, strlen(text));
    free(text);
}

static void read_secrets(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    if (!is_kind(loader, place, node, YAML_SEQUENCE, "a list, like [env:NAME] or [file:PATH]")) {
        return;
    }
    if (node->count > SUBSCRIPTION_SECRETS_MAX) {
        report(loader, place, node, "has %zu secrets; at most %d sign a request", node->count,
               SUBSCRIPTION_SECRETS_MAX);
        return;
    }
    http->secrets = memory_alloc(node->count + 1, sizeof(*http->secrets));
    for (size_t i = 0; i < node->count; i++) {
        struct place item = {place, NULL, i};

        read_secret(loader, &item, &node->items[i], http);
    }
}

static void read_unsigned(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    read_bool(loader, place, node, &http->is_unsigned);
}

static void read_timeout_ms(struct loader *loader, const struct place *place, const struct yaml_node *node,
                            void *target)
{
    struct http_target *http = target;

    read_int(loader, place, node, SUBSCRIPTION_TIMEOUT_MAX_MS, "15000 (milliseconds)", &http->timeout_ms);
}

static void read_max_in_flight(struct loader *loader, const struct place *place, const struct yaml_node *node,
                               void *target)
{
    struct http_target *http = target;
    int64_t number = DEFAULT_MAX_IN_FLIGHT;

    read_int(loader, place, node, SUBSCRIPTION_IN_FLIGHT_MAX, "16", &number);
    http->max_in_flight = (uint32_t)number;
}

static bool is_false(const struct yaml_node *node)
{
    bool value = true;

    return yaml_value_bool(node, &value, NULL) == STATUS_OK && !value;
}

static bool is_list_of_none(const struct yaml_node *node)
{
    return node == NULL || (node->kind == YAML_SEQUENCE && node->count == 0);
}

static void read_http(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    static const struct field fields[] = {
        {"url", read_url},
        {"method", read_method},
        {"headers", read_headers},
        {"secrets", read_secrets},
        {"unsigned", read_unsigned},
        {"timeout_ms", read_timeout_ms},
        {"max_in_flight", read_max_in_flight},
        {"rate", read_later},
        {"http2", read_later},
        {"keep_response", read_later},
    };
    struct subscription *subscription = target;
    struct http_target *http = &subscription->http;
    const struct yaml_node *secrets = yaml_node_get(node, "secrets");

    if (loader->sink_count != 1 || !is_kind(loader, place, node, YAML_MAPPING, "a map with a url")) {
        return;
    }
    http->method = memory_copy_text("POST");
    http->timeout_ms = DEFAULT_TIMEOUT_MS;
    http->max_in_flight = DEFAULT_MAX_IN_FLIGHT;
    read_map(loader, place, node, fields, ARRAY_COUNT(fields), http);
    if (yaml_node_get(node, "url") == NULL) {
        report(loader, place, node, "has no url; write the subscriber's, like url: https://crm.example/hooks");
    }
    if (http->is_unsigned && !is_list_of_none(secrets)) {
        report(loader, place, node, "has secrets and says unsigned: true; leave one of the two out");
    }
    /* `unsigned: maybe` has had its error already. */
    if (!http->is_unsigned && is_list_of_none(secrets) &&
        (yaml_node_get(node, "unsigned") == NULL || is_false(yaml_node_get(node, "unsigned")))) {
        report(loader, place, node,
               "has no secret; write secrets: [env:NAME] or [file:PATH], or unsigned: true where nobody checks");
    }
}

static void read_topic(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    const struct subscriptions_rules *rules = loader->rules;
    struct kafka_target *kafka = target;
    struct error error;

    kafka->topic = read_text(loader, place, node);
    if (kafka->topic == NULL) {
        return;
    }
    if (subscription_rules_check_topic(bytes_view_of_text(kafka->topic), &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
        return;
    }
    for (size_t i = 0; i < rules->topics_read_count; i++) {
        if (strcmp(rules->topics_read[i], kafka->topic) == 0) {
            report(loader, place, node,
                   "is a topic that this group reads (topics.events): what is written there would come round again; "
                   "write another");
        }
    }
    if (rules->topic_dead_letters != NULL && strcmp(rules->topic_dead_letters, kafka->topic) == 0) {
        report(loader, place, node, "is the topic of the dead letters (topics.dead_letters); write another");
    }
}

static void read_format(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    const char *const names[] = {kafka_format_name(KAFKA_FORMAT_AVRO), kafka_format_name(KAFKA_FORMAT_JSON), NULL};
    struct kafka_target *kafka = target;
    struct error error;
    int index = 0;

    if (yaml_value_choice(node, names, &index, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
    kafka->format = (enum kafka_format)index;
}

static void read_kafka(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    static const struct field fields[] = {{"topic", read_topic}, {"format", read_format}};
    struct subscription *subscription = target;

    if (loader->sink_count != 1 || !is_kind(loader, place, node, YAML_MAPPING, "a map with a topic")) {
        return;
    }
    subscription->sink = SINK_KAFKA;
    subscription->kafka.format = KAFKA_FORMAT_AVRO;
    read_map(loader, place, node, fields, ARRAY_COUNT(fields), &subscription->kafka);
    if (yaml_node_get(node, "topic") == NULL) {
        report(loader, place, node, "has no topic; write one that is there, like topic: incidents-2050");
    }
}

static void read_path(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    struct file_target *file = target;
    struct error error;

    file->path = read_text(loader, place, node);
    if (file->path != NULL && subscription_rules_check_path(bytes_view_of_text(file->path), &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
}

static void read_fsync(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    const char *const names[] = {file_fsync_name(FILE_FSYNC_ALWAYS), file_fsync_name(FILE_FSYNC_NEVER), NULL};
    struct file_target *file = target;
    struct error error;
    int index = 0;

    if (yaml_value_choice(node, names, &index, &error) != STATUS_OK) {
        report(loader, place, node, "%s", error.text);
    }
    file->fsync = (enum file_fsync)index;
}

static void read_file(struct loader *loader, const struct place *place, const struct yaml_node *node, void *target)
{
    static const struct field fields[] = {{"path", read_path}, {"fsync", read_fsync}};
    struct subscription *subscription = target;

    if (loader->sink_count != 1 || !is_kind(loader, place, node, YAML_MAPPING, "a map with a path")) {
        return;
    }
    subscription->sink = SINK_FILE;
    subscription->file.fsync = FILE_FSYNC_ALWAYS;
    read_map(loader, place, node, fields, ARRAY_COUNT(fields), &subscription->file);
    if (yaml_node_get(node, "path") == NULL) {
        report(loader, place, node, "has no path; write the file's, like path: /var/lib/relay/2050.ndjson");
    }
}

static size_t count_sinks(const struct yaml_node *map)
{
    return (size_t)(yaml_node_get(map, sink_kind_name(SINK_HTTP)) != NULL) +
           (size_t)(yaml_node_get(map, sink_kind_name(SINK_KAFKA)) != NULL) +
           (size_t)(yaml_node_get(map, sink_kind_name(SINK_FILE)) != NULL);
}

static void report_missing(struct loader *loader, const struct place *place, const struct yaml_node *map)
{
    if (yaml_node_get(map, "id") == NULL) {
        report(loader, place, map, "has no id; write one of its own, like id: crm-2050");
    }
    if (yaml_node_get(map, "tenant") == NULL) {
        report(loader, place, map, "has no tenant; write whose events it gets, like tenant: 2050");
    }
    if (loader->sink_count == 0) {
        report(loader, place, map,
               "has no sink; write http: and under it the url and the secrets, or kafka: and under it the topic, or "
               "file: and under it the path");
    }
    if (loader->sink_count > 1) {
        report(loader, place, map, "has more than one sink; make a subscription for each");
    }
}

static void read_subscription(struct loader *loader, const struct place *place, const struct yaml_node *node,
                              struct subscription *subscription)
{
    static const struct field fields[] = {
        {"id", read_id},           {"tenant", read_tenant},       {"events", read_events},
        {"where", read_where},     {"ordering", read_ordering},   {"payload_version", read_payload_version},
        {"enabled", read_enabled}, {"http", read_http},           {"start", read_later},
        {"kafka", read_kafka},     {"file", read_file},           {"rate", read_later},
        {"http2", read_later},     {"keep_response", read_later},
    };

    subscription->events_mask = 1U << EVENT_TYPE_CREATE | 1U << EVENT_TYPE_UPDATED;
    subscription->ordering = SUBSCRIPTION_ORDERING_INCIDENT;
    subscription->payload_version = 1;
    subscription->enabled = true;
    if (is_kind(loader, place, node, YAML_MAPPING, "a map with id, tenant and http")) {
        loader->sink_count = count_sinks(node);
        read_map(loader, place, node, fields, ARRAY_COUNT(fields), subscription);
        report_missing(loader, place, node);
    }
}

struct id_use {
    const char *id;
    const struct yaml_node *node;
    size_t index;
};

static int compare_id_uses(const void *a, const void *b)
{
    const struct id_use *left = a;
    const struct id_use *right = b;
    int order = strcmp(left->id, right->id);

    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static void check_ids_differ(struct loader *loader, const struct place *place, const struct yaml_node *list)
{
    struct id_use *uses = memory_alloc(list->count + 1, sizeof(*uses));
    size_t count = 0;
    size_t first = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (loader->set->items[i].id != NULL) {
            uses[count++] = (struct id_use){loader->set->items[i].id, yaml_node_get(&list->items[i], "id"), i};
        }
    }
    qsort(uses, count, sizeof(*uses), compare_id_uses);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(uses[i].id, uses[first].id) != 0) {
            first = i;
            continue;
        }
        struct place item = {place, NULL, uses[i].index};
        struct place id = {&item, "id", 0};
        char *shown = shown_key(uses[i].id);

        report(loader, &id, uses[i].node, "%s is already the id of the subscription on line %d; give each its own",
               shown, uses[first].node->line);
        free(shown);
    }
    free(uses);
}

static void read_subscriptions(struct loader *loader, const struct place *place, const struct yaml_node *node,
                               void *target)
{
    struct subscription_set *set = target;

    if (!is_kind(loader, place, node, YAML_SEQUENCE, "a list of subscriptions, or [] where there are none")) {
        return;
    }
    if (node->count > SUBSCRIPTIONS_MAX) {
        report(loader, place, node, "has %zu subscriptions; a file has at most %d", node->count, SUBSCRIPTIONS_MAX);
        return;
    }
    set->items = memory_alloc(node->count + 1, sizeof(*set->items));
    set->count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        struct place item = {place, NULL, i};

        read_subscription(loader, &item, &node->items[i], &set->items[i]);
    }
    check_ids_differ(loader, place, node);
}

static void read_document(struct loader *loader, const char *path, const struct yaml_node *root)
{
    static const struct field fields[] = {{"subscriptions", read_subscriptions}};
    static const char write_this[] = "write \"subscriptions:\" and a list under it, or \"subscriptions: []\" for none";
    const struct place place = {NULL, "subscriptions", 0};

    if (root == NULL) {
        error_list_add(loader->errors, "%s:1:1: subscriptions: the file is empty; %s", path, write_this);
        return;
    }
    if (root->kind != YAML_MAPPING) {
        report(loader, &place, root, "the key is missing: the file is %s; %s", yaml_node_kind_name(root), write_this);
        return;
    }
    for (size_t i = 0; i < root->count; i++) {
        if (strcmp(root->keys[i].text, fields[0].key) == 0) {
            fields[0].read(loader, &place, &root->items[i], loader->set);
        } else {
            char *shown = shown_key(root->keys[i].text);

            yaml_node_error(&root->keys[i], loader->errors, NULL,
                            "unknown key %s; the only key of this file is subscriptions", shown);
            free(shown);
        }
    }
    if (yaml_node_get(root, fields[0].key) == NULL) {
        report(loader, &place, root, "the key is missing; %s", write_this);
    }
}

enum status subscriptions_file_load(const char *path, const struct subscriptions_rules *rules,
                                    struct subscription_set **ret_set, struct error_list *ret_errors)
{
    struct subscription_set *set = memory_alloc(1, sizeof(*set));
    struct loader loader = {.rules = rules, .errors = ret_errors, .set = set};
    struct yaml_tree *tree = NULL;
    size_t errors_before = ret_errors->total;
    enum status status = yaml_tree_load(path, &tree, ret_errors);

    *ret_set = NULL;
    if (status == STATUS_NOT_FOUND) {
        error_list_add(
            ret_errors,
            "%s: make this file, with \"subscriptions:\" and a list under it (\"subscriptions: []\" for none), "
            "or name another with the setting subscriptions.file",
            path);
    }
    if (status == STATUS_OK) {
        read_document(&loader, path, yaml_tree_root(tree));
        status = ret_errors->total == errors_before ? STATUS_OK : STATUS_INVALID;
    }
    yaml_tree_destroy(tree);
    if (status != STATUS_OK) {
        subscription_set_destroy(set);
        return status;
    }
    if (set->count == 0) {
        log_warn("the list of subscriptions is empty: nothing will be delivered", LOG_TEXT("file", path));
    }
    subscription_set_seal(set);
    *ret_set = set;
    return STATUS_OK;
}
