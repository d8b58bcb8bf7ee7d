#include "subscriptions_file.h"

#include "check.h"
#include "document_reader.h"
#include "error_list.h"
#include "log.h"
#include "memory.h"
#include "sink_section.h"
#include "subscription_rules.h"
#include "yaml_tree.h"

#include <stdlib.h>
#include <string.h>

static void read_id(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                    void *target)
{
    struct subscription *subscription = target;
    struct error error;

    subscription->id = document_read_text(reader, place, node);
    if (subscription->id != NULL &&
        subscription_rules_check_id(bytes_view_of_text(subscription->id), &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
    }
}

static void read_tenant(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;

    document_read_int(reader, place, node, INT64_MAX, "2050", &subscription->tenant);
}

static void read_events(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {event_type_name(EVENT_TYPE_CREATE), event_type_name(EVENT_TYPE_UPDATED), NULL};

    document_read_names(reader, place, node, names, &subscription->events_mask);
}

static void read_where_status(struct document_reader *reader, const struct document_place *place,
                              const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {
        incident_status_name(INCIDENT_STATUS_TRIGGERED), incident_status_name(INCIDENT_STATUS_RESOLVED),
        incident_status_name(INCIDENT_STATUS_DISMISSED), incident_status_name(INCIDENT_STATUS_REOPENED), NULL};

    document_read_names(reader, place, node, names, &subscription->where_status_mask);
}

static void read_where_severity(struct document_reader *reader, const struct document_place *place,
                                const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {severity_name(SEVERITY_LOW), severity_name(SEVERITY_MEDIUM),
                                 severity_name(SEVERITY_HIGH), NULL};

    document_read_names(reader, place, node, names, &subscription->where_severity_mask);
}

static void read_where(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                       void *target)
{
    static const struct document_field fields[] = {{"status", read_where_status}, {"severity", read_where_severity}};

    if (document_is_kind(reader, place, node, YAML_MAPPING, "a map of lists, like {severity: [HIGH]}")) {
        document_read_map(reader, place, node, fields, ARRAY_COUNT(fields), target);
    }
}

static void read_ordering(struct document_reader *reader, const struct document_place *place,
                          const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    const char *const names[] = {subscription_ordering_name(SUBSCRIPTION_ORDERING_INCIDENT),
                                 subscription_ordering_name(SUBSCRIPTION_ORDERING_TENANT),
                                 subscription_ordering_name(SUBSCRIPTION_ORDERING_NONE), NULL};

    subscription->ordering = (enum subscription_ordering)document_read_choice(reader, place, node, names);
}

static void read_payload_version(struct document_reader *reader, const struct document_place *place,
                                 const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;
    int64_t version = 1;

    document_read_int(reader, place, node, INT32_MAX, "1", &version);
    if (version != 1) {
        document_report(reader, place, node, "%lld is no payload version of this build; write 1", (long long)version);
    }
    subscription->payload_version = (int)version;
}

static void read_enabled(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, void *target)
{
    struct subscription *subscription = target;

    document_read_bool(reader, place, node, &subscription->enabled);
}

static size_t count_sinks(const struct yaml_node *map)
{
    return (size_t)(yaml_node_get(map, sink_kind_name(SINK_HTTP)) != NULL) +
           (size_t)(yaml_node_get(map, sink_kind_name(SINK_KAFKA)) != NULL) +
           (size_t)(yaml_node_get(map, sink_kind_name(SINK_FILE)) != NULL);
}

static void report_missing(struct document_reader *reader, const struct document_place *place,
                           const struct yaml_node *map)
{
    if (yaml_node_get(map, "id") == NULL) {
        document_report(reader, place, map, "has no id; write one of its own, like id: crm-2050");
    }
    if (yaml_node_get(map, "tenant") == NULL) {
        document_report(reader, place, map, "has no tenant; write whose events it gets, like tenant: 2050");
    }
    if (reader->sink_count == 0) {
        document_report(
            reader, place, map,
            "has no sink; write http: and under it the url and the secrets, or kafka: and under it the topic, or "
            "file: and under it the path");
    }
    if (reader->sink_count > 1) {
        document_report(reader, place, map, "has more than one sink; make a subscription for each");
    }
}

static void read_subscription(struct document_reader *reader, const struct document_place *place,
                              const struct yaml_node *node, struct subscription *subscription)
{
    static const struct document_field fields[] = {
        {"id", read_id},
        {"tenant", read_tenant},
        {"events", read_events},
        {"where", read_where},
        {"ordering", read_ordering},
        {"payload_version", read_payload_version},
        {"enabled", read_enabled},
        {"http", sink_section_read_http},
        {"start", document_refuse_later},
        {"kafka", sink_section_read_kafka},
        {"file", sink_section_read_file},
        {"rate", document_refuse_later},
        {"http2", document_refuse_later},
        {"keep_response", document_refuse_later},
    };

    subscription->events_mask = 1U << EVENT_TYPE_CREATE | 1U << EVENT_TYPE_UPDATED;
    subscription->ordering = SUBSCRIPTION_ORDERING_INCIDENT;
    subscription->payload_version = 1;
    subscription->enabled = true;
    if (document_is_kind(reader, place, node, YAML_MAPPING, "a map with id, tenant and http")) {
        reader->sink_count = count_sinks(node);
        document_read_map(reader, place, node, fields, ARRAY_COUNT(fields), subscription);
        report_missing(reader, place, node);
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

static void check_ids_differ(struct document_reader *reader, const struct document_place *place,
                             const struct yaml_node *list)
{
    struct id_use *uses = memory_alloc(list->count + 1, sizeof(*uses));
    size_t count = 0;
    size_t first = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (reader->set->items[i].id != NULL) {
            uses[count++] = (struct id_use){reader->set->items[i].id, yaml_node_get(&list->items[i], "id"), i};
        }
    }
    qsort(uses, count, sizeof(*uses), compare_id_uses);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(uses[i].id, uses[first].id) != 0) {
            first = i;
            continue;
        }
        struct document_place item = {place, NULL, uses[i].index};
        struct document_place id = {&item, "id", 0};
        char *shown = document_shown_key(uses[i].id);

        document_report(reader, &id, uses[i].node,
                        "%s is already the id of the subscription on line %d; give each its own", shown,
                        uses[first].node->line);
        free(shown);
    }
    free(uses);
}

static void read_subscriptions(struct document_reader *reader, const struct document_place *place,
                               const struct yaml_node *node, void *target)
{
    struct subscription_set *set = target;

    if (!document_is_kind(reader, place, node, YAML_SEQUENCE, "a list of subscriptions, or [] where there are none")) {
        return;
    }
    if (node->count > SUBSCRIPTIONS_MAX) {
        document_report(reader, place, node, "has %zu subscriptions; a file has at most %d", node->count,
                        SUBSCRIPTIONS_MAX);
        return;
    }
    set->items = memory_alloc(node->count + 1, sizeof(*set->items));
    set->count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        struct document_place item = {place, NULL, i};

        read_subscription(reader, &item, &node->items[i], &set->items[i]);
    }
    check_ids_differ(reader, place, node);
}

static void read_document(struct document_reader *reader, const char *path, const struct yaml_node *root)
{
    static const struct document_field fields[] = {{"subscriptions", read_subscriptions}};
    static const char write_this[] = "write \"subscriptions:\" and a list under it, or \"subscriptions: []\" for none";
    const struct document_place place = {NULL, "subscriptions", 0};

    if (root == NULL) {
        error_list_add(reader->errors, "%s:1:1: subscriptions: the file is empty; %s", path, write_this);
        return;
    }
    if (root->kind != YAML_MAPPING) {
        document_report(reader, &place, root, "the key is missing: the file is %s; %s", yaml_node_kind_name(root),
                        write_this);
        return;
    }
    for (size_t i = 0; i < root->count; i++) {
        if (strcmp(root->keys[i].text, fields[0].key) == 0) {
            fields[0].read(reader, &place, &root->items[i], reader->set);
        } else {
            char *shown = document_shown_key(root->keys[i].text);

            yaml_node_error(&root->keys[i], reader->errors, NULL,
                            "unknown key %s; the only key of this file is subscriptions", shown);
            free(shown);
        }
    }
    if (yaml_node_get(root, fields[0].key) == NULL) {
        document_report(reader, &place, root, "the key is missing; %s", write_this);
    }
}

enum status subscriptions_file_load(const char *path, const struct subscriptions_rules *rules,
                                    struct subscription_set **ret_set, struct error_list *ret_errors)
{
    struct subscription_set *set = memory_alloc(1, sizeof(*set));
    struct document_reader reader = {.rules = rules, .errors = ret_errors, .set = set};
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
        read_document(&reader, path, yaml_tree_root(tree));
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
