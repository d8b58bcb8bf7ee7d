#include "sink_section.h"

#include "memory.h"
#include "subscription_rules.h"
#include "yaml_value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_TIMEOUT_MS = 15000, DEFAULT_MAX_IN_FLIGHT = 16 };

static void read_url(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                     void *target)
{
    struct http_target *http = target;
    struct error error;

    http->url = document_read_text(reader, place, node);
    if (http->url == NULL) {
        return;
    }
    if (subscription_rules_check_url(bytes_view_of_text(http->url), reader->rules->egress_http, &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
    }
}

static void read_method(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, void *target)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};
    struct http_target *http = target;

    free(http->method);
    http->method = memory_copy_text(methods[document_read_choice(reader, place, node, methods)]);
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

static void read_header(struct document_reader *reader, const struct document_place *place, const struct yaml_node *key,
                        const struct yaml_node *node, struct http_target *http)
{
    struct document_place value_place = {place, key->text, 0};
    struct error error;
    char *value;

    if (subscription_rules_check_header_name(bytes_view_of_text(key->text), &error) != STATUS_OK) {
        char *shown = document_shown_key(key->text);

        document_report(reader, place, key, "%s: %s", shown, error.text);
        free(shown);
        return;
    }
    if (has_header(http, key->text)) {
        document_report(reader, &value_place, key,
                        "stands here twice (upper and lower case are one name); leave one out");
        return;
    }
    value = document_read_text(reader, &value_place, node);
    if (value == NULL) {
        return;
    }
    if (subscription_rules_check_header_value(bytes_view_of_text(value), &error) != STATUS_OK) {
        document_report(reader, &value_place, node, "%s", error.text);
    }
    http->headers[http->header_count++] = (struct http_header){memory_copy_text(key->text), value};
}

static void read_headers(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    if (!document_is_kind(reader, place, node, YAML_MAPPING, "a map, like {x-team: proctoring}")) {
        return;
    }
    if (node->count > SUBSCRIPTION_HEADERS_MAX) {
        document_report(reader, place, node, "has %zu headers; at most %d are sent", node->count,
                        SUBSCRIPTION_HEADERS_MAX);
        return;
    }
    http->headers = memory_alloc(node->count + 1, sizeof(*http->headers));
    for (size_t i = 0; i < node->count; i++) {
        read_header(reader, place, &node->keys[i], &node->items[i], http);
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

static void read_secret(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, struct http_target *http)
{
    struct signing_key *key = &http->secrets[http->secret_count];
    struct error error;
    char *text;

    if (node->kind == YAML_SCALAR && !yaml_node_is_null(node) && yaml_value_source(node) == YAML_VALUE_INLINE &&
        !reader->rules->allow_inline_secrets) {
        document_report(reader, place, node,
                        "a secret may not stand in this file; write env:NAME or file:PATH, or set "
                        "subscriptions.allow_inline_secrets: true");
        return;
    }
    text = document_read_text(reader, place, node);
    if (text == NULL) {
        return;
    }
    if (signing_key_read(bytes_view_of_text(text), key, &error) != STATUS_OK ||
        (reader->rules->check_key != NULL && reader->rules->check_key(key, &error) != STATUS_OK)) {
        document_report(reader, place, node, "%s", error.text);
    } else if (has_secret(http, key)) {
        document_report(reader, place, node, "is the same secret as one before it in this list; leave one out");
    }
    http->secret_count++;
    explicit_bzero(text, strlen(text));
    free(text);
}

static void read_secrets(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    if (!document_is_kind(reader, place, node, YAML_SEQUENCE, "a list, like [env:NAME] or [file:PATH]")) {
        return;
    }
    if (node->count > SUBSCRIPTION_SECRETS_MAX) {
        document_report(reader, place, node, "has %zu secrets; at most %d sign a request", node->count,
                        SUBSCRIPTION_SECRETS_MAX);
        return;
    }
    http->secrets = memory_alloc(node->count + 1, sizeof(*http->secrets));
    for (size_t i = 0; i < node->count; i++) {
        struct document_place item = {place, NULL, i};

        read_secret(reader, &item, &node->items[i], http);
    }
}

static void read_unsigned(struct document_reader *reader, const struct document_place *place,
                          const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    document_read_bool(reader, place, node, &http->is_unsigned);
}

static void read_timeout_ms(struct document_reader *reader, const struct document_place *place,
                            const struct yaml_node *node, void *target)
{
    struct http_target *http = target;

    document_read_int(reader, place, node, SUBSCRIPTION_TIMEOUT_MAX_MS, "15000 (milliseconds)", &http->timeout_ms);
}

static void read_max_in_flight(struct document_reader *reader, const struct document_place *place,
                               const struct yaml_node *node, void *target)
{
    struct http_target *http = target;
    int64_t number = DEFAULT_MAX_IN_FLIGHT;

    document_read_int(reader, place, node, SUBSCRIPTION_IN_FLIGHT_MAX, "16", &number);
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

void sink_section_read_http(struct document_reader *reader, const struct document_place *place,
                            const struct yaml_node *node, void *target)
{
    static const struct document_field fields[] = {
        {"url", read_url},
        {"method", read_method},
        {"headers", read_headers},
        {"secrets", read_secrets},
        {"unsigned", read_unsigned},
        {"timeout_ms", read_timeout_ms},
        {"max_in_flight", read_max_in_flight},
        {"rate", document_refuse_later},
        {"http2", document_refuse_later},
        {"keep_response", document_refuse_later},
    };
    struct subscription *subscription = target;
    struct http_target *http = &subscription->http;
    const struct yaml_node *secrets = yaml_node_get(node, "secrets");

    if (reader->sink_count != 1 || !document_is_kind(reader, place, node, YAML_MAPPING, "a map with a url")) {
        return;
    }
    http->method = memory_copy_text("POST");
    http->timeout_ms = DEFAULT_TIMEOUT_MS;
    http->max_in_flight = DEFAULT_MAX_IN_FLIGHT;
    document_read_map(reader, place, node, fields, ARRAY_COUNT(fields), http);
    if (yaml_node_get(node, "url") == NULL) {
        document_report(reader, place, node, "has no url; write the subscriber's, like url: https://crm.example/hooks");
    }
    if (http->is_unsigned && !is_list_of_none(secrets)) {
        document_report(reader, place, node, "has secrets and says unsigned: true; leave one of the two out");
    }
    /* `unsigned: maybe` has had its error already. */
    if (!http->is_unsigned && is_list_of_none(secrets) &&
        (yaml_node_get(node, "unsigned") == NULL || is_false(yaml_node_get(node, "unsigned")))) {
        document_report(
            reader, place, node,
            "has no secret; write secrets: [env:NAME] or [file:PATH], or unsigned: true where nobody checks");
    }
}

static void read_topic(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                       void *target)
{
    const struct subscriptions_rules *rules = reader->rules;
    struct kafka_target *kafka = target;
    struct error error;

    kafka->topic = document_read_text(reader, place, node);
    if (kafka->topic == NULL) {
        return;
    }
    if (subscription_rules_check_topic(bytes_view_of_text(kafka->topic), &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
        return;
    }
    for (size_t i = 0; i < rules->topics_read_count; i++) {
        if (strcmp(rules->topics_read[i], kafka->topic) == 0) {
            document_report(
                reader, place, node,
                "is a topic that this group reads (topics.events): what is written there would come round again; "
                "write another");
        }
    }
    if (rules->topic_dead_letters != NULL && strcmp(rules->topic_dead_letters, kafka->topic) == 0) {
        document_report(reader, place, node, "is the topic of the dead letters (topics.dead_letters); write another");
    }
}

static void read_format(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, void *target)
{
    const char *const names[] = {kafka_format_name(KAFKA_FORMAT_AVRO), kafka_format_name(KAFKA_FORMAT_JSON), NULL};
    struct kafka_target *kafka = target;

    kafka->format = (enum kafka_format)document_read_choice(reader, place, node, names);
}

void sink_section_read_kafka(struct document_reader *reader, const struct document_place *place,
                             const struct yaml_node *node, void *target)
{
    static const struct document_field fields[] = {{"topic", read_topic}, {"format", read_format}};
    struct subscription *subscription = target;

    if (reader->sink_count != 1 || !document_is_kind(reader, place, node, YAML_MAPPING, "a map with a topic")) {
        return;
    }
    subscription->sink = SINK_KAFKA;
    subscription->kafka.format = KAFKA_FORMAT_AVRO;
    document_read_map(reader, place, node, fields, ARRAY_COUNT(fields), &subscription->kafka);
    if (yaml_node_get(node, "topic") == NULL) {
        document_report(reader, place, node, "has no topic; write one that is there, like topic: incidents-2050");
    }
}

static void read_path(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                      void *target)
{
    struct file_target *file = target;
    struct error error;

    file->path = document_read_text(reader, place, node);
    if (file->path != NULL && subscription_rules_check_path(bytes_view_of_text(file->path), &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
    }
}

static void read_fsync(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                       void *target)
{
    const char *const names[] = {file_fsync_name(FILE_FSYNC_ALWAYS), file_fsync_name(FILE_FSYNC_NEVER), NULL};
    struct file_target *file = target;

    file->fsync = (enum file_fsync)document_read_choice(reader, place, node, names);
}

void sink_section_read_file(struct document_reader *reader, const struct document_place *place,
                            const struct yaml_node *node, void *target)
{
    static const struct document_field fields[] = {{"path", read_path}, {"fsync", read_fsync}};
    struct subscription *subscription = target;

    if (reader->sink_count != 1 || !document_is_kind(reader, place, node, YAML_MAPPING, "a map with a path")) {
        return;
    }
    subscription->sink = SINK_FILE;
    subscription->file.fsync = FILE_FSYNC_ALWAYS;
    document_read_map(reader, place, node, fields, ARRAY_COUNT(fields), &subscription->file);
    if (yaml_node_get(node, "path") == NULL) {
        document_report(reader, place, node, "has no path; write the file's, like path: /var/lib/relay/2050.ndjson");
    }
}
