#include "settings.h"

#include "check.h"
#include "memory.h"
#include "yaml_tree.h"
#include "yaml_value.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 160, SUGGESTION_DISTANCE_MAX = 3 };

static const char kafka_group[] = "kafka";
static const char default_bootstrap[] = "localhost:9092";

/* One source at a time goes over the struct: the defaults, the file, each --set. */
struct reading {
    const struct settings_spec *spec;
    void *settings;
    struct error_list *errors;
    const char *set_key; /* the key of a --set; NULL while a file is read */
    int *seen_on_line;   /* per option: where this source has said it; 0: not yet */
};

static void *member_at(void *settings, size_t offset)
{
    return (char *)settings + offset;
}

static struct kafka_properties *kafka_of(const struct settings_spec *spec, void *settings)
{
    return member_at(settings, spec->kafka_offset);
}

static enum status add_error(const struct reading *reading, const struct yaml_node *node, const char *key,
                             const char *format, ...) PRINTF_LIKE(4, 5);

static enum status add_error(const struct reading *reading, const struct yaml_node *node, const char *key,
                             const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (reading->set_key != NULL) {
        return error_list_add(reading->errors, "--set %s: %s", key, text);
    }
    return yaml_node_error(node, reading->errors, key, "%s", text);
}

static void free_value(const struct option *option, void *settings)
{
    void *member = member_at(settings, option->offset);
    switch (option->kind) {
    case OPTION_TEXT: {
        char **text = member;
        free(*text);
        *text = NULL;
        return;
    }
    case OPTION_TEXT_LIST: {
        struct text_list *list = member;
        for (size_t i = 0; i < list->count; i++) {
            free(list->items[i]);
        }
        free(list->items);
        *list = (struct text_list){0};
        return;
    }
    case OPTION_DURATION_LIST:
    case OPTION_INT_LIST: {
        struct int64_list *list = member;
        free(list->items);
        *list = (struct int64_list){0};
        return;
    }
    default:
        return;
    }
}

/* What a member holds when neither a default nor anybody says anything. */
static void set_to_none(const struct option *option, void *settings)
{
    void *member = member_at(settings, option->offset);
    switch (option->kind) {
    case OPTION_INT:
    case OPTION_DURATION_MS:
    case OPTION_SIZE_BYTES:
        *(int64_t *)member = -1;
        return;
    case OPTION_NUMBER:
        *(double *)member = -1;
        return;
    case OPTION_ENUM:
        *(int *)member = -1;
        return;
    default:
        return;
    }
}

static int64_t max_of(const struct option *option)
{
    return option->min == 0 && option->max == 0 ? INT64_MAX : option->max;
}

/* The program's own look at a scalar or an item. */
static enum status run_check(const struct option *option, const struct yaml_node *node, struct error *ret_error)
{
    if (option->check == NULL) {
        return STATUS_OK;
    }
    char *text;
    enum status status = yaml_value_text(node, &text, ret_error);
    if (status == STATUS_OK) {
        status = option->check(text, ret_error);
    }
    free(text);
    return status;
}

static bool is_later_choice(const struct option *option, const struct yaml_node *node)
{
    char *text;
    bool is_found = false;
    if (option->later_choices == NULL || yaml_value_text(node, &text, NULL) != STATUS_OK) {
        return false;
    }
    for (size_t i = 0; option->later_choices[i] != NULL; i++) {
        is_found = is_found || strcmp(option->later_choices[i], text) == 0;
    }
    free(text);
    return is_found;
}

static enum status read_text(const struct yaml_node *node, char **member, struct error *ret_error)
{
    char *text;
    enum status status = yaml_value_text(node, &text, ret_error);
    if (status == STATUS_OK) {
        free(*member);
        *member = text;
    }
    return status;
}

static enum status read_scalar(const struct option *option, const struct yaml_node *node, void *member,
                               struct error *ret_error)
{
    switch (option->kind) {
    case OPTION_TEXT:
        return read_text(node, member, ret_error);
    case OPTION_INT:
        return yaml_value_int(node, option->min, max_of(option), member, ret_error);
    case OPTION_NUMBER:
        return yaml_value_number(node, (double)option->min, (double)max_of(option), member, ret_error);
    case OPTION_BOOL:
        return yaml_value_bool(node, member, ret_error);
    case OPTION_DURATION_MS:
        return yaml_value_duration_ms(node, option->min, max_of(option), member, ret_error);
    case OPTION_SIZE_BYTES:
        return yaml_value_size_bytes(node, option->min, max_of(option), member, ret_error);
    default:
        CHECK(option->kind == OPTION_ENUM);
        return yaml_value_choice(node, option->choices, member, ret_error);
    }
}

static bool is_list(enum option_kind kind)
{
    return kind == OPTION_TEXT_LIST || kind == OPTION_DURATION_LIST || kind == OPTION_INT_LIST;
}

static void put_list(const struct option *option, void *member, void *items, size_t count)
{
    if (option->kind == OPTION_TEXT_LIST) {
        *(struct text_list *)member = (struct text_list){.items = items, .count = count};
    } else {
        *(struct int64_list *)member = (struct int64_list){.items = items, .count = count};
    }
}

static enum status read_item(const struct option *option, const struct yaml_node *node, void *items, size_t index,
                             struct error *ret_error)
{
    switch (option->kind) {
    case OPTION_TEXT_LIST:
        return yaml_value_text(node, (char **)items + index, ret_error);
    case OPTION_DURATION_LIST:
        return yaml_value_duration_ms(node, option->min, max_of(option), (int64_t *)items + index, ret_error);
    default:
        return yaml_value_int(node, option->min, max_of(option), (int64_t *)items + index, ret_error);
    }
}

static bool has_right_length(const struct reading *reading, const struct option *option, const struct yaml_node *node)
{
    if (node->count >= option->items_min && (option->items_max == 0 || node->count <= option->items_max)) {
        return true;
    }
    if (option->items_max == 0) {
        (void)add_error(reading, node, option->key, "has %zu items; it takes %zu or more", node->count,
                        option->items_min);
    } else {
        (void)add_error(reading, node, option->key, "has %zu items; it takes %zu to %zu", node->count,
                        option->items_min, option->items_max);
    }
    return false;
}

/* All or nothing: the old list stays when one item is wrong. */
static void read_list(const struct reading *reading, const struct option *option, const struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE) {
        (void)add_error(reading, node, option->key, "must be a list, as in [a, b], not %s", yaml_node_kind_name(node));
        return;
    }
    if (!has_right_length(reading, option, node)) {
        return;
    }
    size_t item_size = option->kind == OPTION_TEXT_LIST ? sizeof(char *) : sizeof(int64_t);
    void *items = memory_alloc(node->count + 1, item_size);
    bool is_fine = true;
    for (size_t i = 0; i < node->count; i++) {
        struct error error = {0};
        enum status status = read_item(option, &node->items[i], items, i, &error);
        if (status == STATUS_OK) {
            status = run_check(option, &node->items[i], &error);
        }
        if (status != STATUS_OK) {
            (void)add_error(reading, &node->items[i], option->key, "%s", error.text);
            is_fine = false;
        }
    }
    if (is_fine) {
        free_value(option, reading->settings);
        put_list(option, member_at(reading->settings, option->offset), items, node->count);
        return;
    }
    for (size_t i = 0; option->kind == OPTION_TEXT_LIST && i < node->count; i++) {
        free(((char **)items)[i]);
    }
    free(items);
}

static void read_option(const struct reading *reading, const struct option *option, const struct yaml_node *node)
{
    int *seen_on_line = &reading->seen_on_line[option - reading->spec->options];
    if (*seen_on_line != 0) {
        (void)add_error(reading, node, option->key, "the same key is on line %d already", *seen_on_line);
        return;
    }
    *seen_on_line = node->line;
    if (is_list(option->kind)) {
        read_list(reading, option, node);
        return;
    }
    if (is_later_choice(option, node)) {
        (void)add_error(reading, node, option->key, "%s comes in a later version", node->text);
        return;
    }
    struct error error = {0};
    enum status status = read_scalar(option, node, member_at(reading->settings, option->offset), &error);
    if (status == STATUS_OK) {
        status = run_check(option, node, &error);
    }
    if (status != STATUS_OK) {
        (void)add_error(reading, node, option->key, "%s", error.text);
    }
}

/* Has this file said it already, once under `kafka:` and once as `kafka.NAME:`? A --set may say it again. */
static bool is_property_seen(const struct reading *reading, const char *name, const struct yaml_node *node)
{
    const struct kafka_properties *properties = kafka_of(reading->spec, reading->settings);
    for (size_t i = 0; reading->set_key == NULL && i < properties->count; i++) {
        size_t length = strlen(node->file);
        const char *place = properties->items[i].place;
        if (strcmp(properties->items[i].name, name) == 0 && strncmp(place, node->file, length) == 0 &&
            place[length] == ':') {
            return true;
        }
    }
    return false;
}

static void put_property(const struct reading *reading, const char *name, const char *value,
                         const struct yaml_node *node)
{
    char place[ERROR_TEXT_MAX];
    if (reading->set_key != NULL) {
        snprintf(place, sizeof(place), "--set %s.%s", kafka_group, name);
    } else {
        snprintf(place, sizeof(place), "%s:%d:%d: %s.%s", node->file, node->line, node->column, kafka_group, name);
    }
    kafka_properties_put(kafka_of(reading->spec, reading->settings), name, value, place);
}

static void read_property(const struct reading *reading, const char *name, const struct yaml_node *node)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "%s.%s", kafka_group, name);
    if (is_property_seen(reading, name, node)) {
        (void)add_error(reading, node, key, "the same property stands in this file twice");
        return;
    }
    if (name[0] == '\0') {
        (void)add_error(reading, node, key, "a property of librdkafka has a name");
        return;
    }
    if (node->kind == YAML_MAPPING) {
        (void)add_error(reading, node, key, "a property of librdkafka is one name, dots and all, and not a map");
        return;
    }
    if (node->kind == YAML_SEQUENCE) {
        (void)add_error(reading, node, key, "a property of librdkafka is a text; write a list as a,b");
        return;
    }
    struct error error = {0};
    char *value;
    enum status status = yaml_value_text(node, &value, &error);
    if (status == STATUS_OK) {
        status = kafka_properties_check(name, value, &error);
    }
    if (status != STATUS_OK) {
        (void)add_error(reading, node, key, "%s", error.text);
    } else {
        put_property(reading, name, value, node);
    }
    free(value);
}

static void read_properties(const struct reading *reading, const struct yaml_node *node)
{
    if (yaml_node_is_null(node)) {
        return;
    }
    if (node->kind != YAML_MAPPING) {
        (void)add_error(reading, node, kafka_group, "must be a map of librdkafka's properties, not %s",
                        yaml_node_kind_name(node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_property(reading, node->keys[i].text, &node->items[i]);
    }
}

static const struct option *find_option(const struct settings_spec *spec, const char *key)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        if (strcmp(spec->options[i].key, key) == 0) {
            return &spec->options[i];
        }
    }
    return NULL;
}

/* Is `key` the group `group`, or in it? */
static bool is_within(const char *key, const char *group)
{
    size_t length = strlen(group);
    return strncmp(key, group, length) == 0 && (key[length] == '\0' || key[length] == '.');
}

static bool is_later(const struct settings_spec *spec, const char *key)
{
    for (size_t i = 0; spec->later_keys != NULL && spec->later_keys[i] != NULL; i++) {
        if (is_within(key, spec->later_keys[i])) {
            return true;
        }
    }
    return false;
}

static bool is_group(const struct settings_spec *spec, const char *key)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        if (is_within(spec->options[i].key, key)) {
            return true;
        }
    }
    for (size_t i = 0; spec->later_keys != NULL && spec->later_keys[i] != NULL; i++) {
        if (is_within(spec->later_keys[i], key)) {
            return true;
        }
    }
    return false;
}

/* Levenshtein's distance, for keys of less than KEY_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[KEY_MAX];
    size_t length = strlen(b);
    if (length >= KEY_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            size_t shortest = row[j] < row[j + 1] ? row[j] : row[j + 1];
            row[j + 1] = replaced < shortest + 1 ? replaced : shortest + 1;
        }
    }
    return row[length];
}

static void refuse_unknown(const struct reading *reading, const struct yaml_node *node, const char *key)
{
    const char *nearest = NULL;
    size_t nearest_distance = SUGGESTION_DISTANCE_MAX + 1;
    for (size_t i = 0; i < reading->spec->option_count; i++) {
        size_t away = distance(key, reading->spec->options[i].key);
        if (away < nearest_distance) {
            nearest_distance = away;
            nearest = reading->spec->options[i].key;
        }
    }
    if (nearest == NULL) {
        (void)add_error(reading, node, key, "there is no such key; --help names them all");
    } else {
        (void)add_error(reading, node, key, "there is no such key; did you mean %s?", nearest);
    }
}

static void read_group(const struct reading *reading, const struct yaml_node *node, const char *path);

static void read_key(const struct reading *reading, const struct yaml_node *node, const char *key,
                     const struct yaml_node *key_node)
{
    const struct option *option = find_option(reading->spec, key);
    if (option != NULL) {
        read_option(reading, option, node);
    } else if (strcmp(key, kafka_group) == 0) {
        read_properties(reading, node);
    } else if (is_within(key, kafka_group)) {
        read_property(reading, key + strlen(kafka_group) + 1, node);
    } else if (is_later(reading->spec, key)) {
        (void)add_error(reading, key_node, key, "comes in a later version");
    } else if (!is_group(reading->spec, key)) {
        refuse_unknown(reading, key_node, key);
    } else if (node->kind == YAML_MAPPING) {
        read_group(reading, node, key);
    } else if (!yaml_node_is_null(node)) {
        (void)add_error(reading, node, key, "is a group of keys and must be a map, not %s", yaml_node_kind_name(node));
    }
}

/* `path` is empty at the top. Its depth is bounded by yaml_tree. */
static void read_group(const struct reading *reading, const struct yaml_node *node, const char *path)
{
    for (size_t i = 0; i < node->count; i++) {
        char key[KEY_MAX];
        int length = snprintf(key, sizeof(key), "%s%s%s", path, path[0] == '\0' ? "" : ".", node->keys[i].text);
        if (length >= KEY_MAX) {
            (void)add_error(reading, &node->keys[i], key, "there is no such key; it is too long");
            continue;
        }
        read_key(reading, &node->items[i], key, &node->keys[i]);
    }
}

static void read_file(const struct reading *reading, const char *file)
{
    struct yaml_tree *tree;
    if (yaml_tree_load(file, &tree, reading->errors) != STATUS_OK) {
        return;
    }
    const struct yaml_node *root = yaml_tree_root(tree);
    if (root != NULL && root->kind != YAML_MAPPING) {
        (void)yaml_node_error(root, reading->errors, NULL, "must be a map of keys, not %s", yaml_node_kind_name(root));
    } else if (root != NULL) {
        read_group(reading, root, "");
    }
    yaml_tree_destroy(tree);
}

/* A value of its own, outside a file. A single `-` would be a list to YAML, and is standard input to everybody. */
static enum status parse_value(const char *name, const char *value, struct yaml_tree **ret_tree,
                               struct error_list *errors)
{
    const char *text = strcmp(value, "-") == 0 ? "\"-\"" : value;
    return yaml_tree_parse(name, bytes_view_of_text(text), ret_tree, errors);
}

static void read_set(struct reading *reading, const char *set)
{
    const char *equals = strchr(set, '=');
    char key[KEY_MAX];
    char name[KEY_MAX + 8];
    if (equals == NULL || equals == set || (size_t)(equals - set) >= sizeof(key)) {
        (void)error_list_add(reading->errors, "--set %.64s: must be KEY=VALUE", set);
        return;
    }
    snprintf(key, sizeof(key), "%.*s", (int)(equals - set), set);
    snprintf(name, sizeof(name), "--set %s", key);
    struct yaml_tree *tree;
    if (parse_value(name, equals + 1, &tree, reading->errors) != STATUS_OK) {
        return;
    }
    reading->set_key = key;
    const struct yaml_node *root = yaml_tree_root(tree);
    if (root == NULL) {
        (void)add_error(reading, NULL, key, "has no value; write '' for an empty text");
    } else {
        read_key(reading, root, key, root);
    }
    reading->set_key = NULL;
    yaml_tree_destroy(tree);
}

/* A default that cannot be read is a mistake in the table. */
static void set_default(struct reading *reading, const struct option *option)
{
    set_to_none(option, reading->settings);
    if (option->default_text == NULL) {
        return;
    }
    struct yaml_tree *tree;
    size_t errors_before = reading->errors->total;
    CHECK(parse_value(option->key, option->default_text, &tree, reading->errors) == STATUS_OK);
    CHECK(yaml_tree_root(tree) != NULL);
    read_option(reading, option, yaml_tree_root(tree));
    CHECK(reading->errors->total == errors_before);
    yaml_tree_destroy(tree);
}

/* Each source may say a key once. */
static void begin_source(struct reading *reading)
{
    memset(reading->seen_on_line, 0, reading->spec->option_count * sizeof(*reading->seen_on_line));
}

static void complete_kafka(struct reading *reading, const char *file)
{
    struct kafka_properties *properties = kafka_of(reading->spec, reading->settings);
    if (kafka_properties_get(properties, "bootstrap.servers") == NULL &&
        kafka_properties_get(properties, "metadata.broker.list") == NULL) {
        kafka_properties_put(properties, "bootstrap.servers", default_bootstrap, "the default of kafka");
    }
    struct error error;
    /* Each alone is fine by now; together they may not be. */
    if (reading->errors->total == 0 && kafka_client_check(reading->spec->kafka_kind, properties, &error) != STATUS_OK) {
        (void)error_list_add(reading->errors, "%s: %s: %s", file == NULL ? "--set" : file, kafka_group, error.text);
    }
}

enum status settings_load(const struct settings_spec *spec, const char *file, const char *const *sets, size_t set_count,
                          void *ret_settings, struct error_list *errors)
{
    size_t errors_before = errors->total;
    struct reading reading = {.spec = spec, .settings = ret_settings, .errors = errors};
    reading.seen_on_line = memory_alloc(spec->option_count + 1, sizeof(*reading.seen_on_line));
    for (size_t i = 0; i < spec->option_count; i++) {
        set_default(&reading, &spec->options[i]);
    }
    begin_source(&reading);
    if (file != NULL) {
        read_file(&reading, file);
    }
    for (size_t i = 0; i < set_count; i++) {
        begin_source(&reading);
        read_set(&reading, sets[i]);
    }
    complete_kafka(&reading, file);
    free(reading.seen_on_line);
    return errors->total == errors_before ? STATUS_OK : STATUS_INVALID;
}

void settings_free(const struct settings_spec *spec, void *settings)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        free_value(&spec->options[i], settings);
    }
    kafka_properties_free(kafka_of(spec, settings));
}

static const char *default_of(const struct option *option)
{
    const char *none = option->none_text == NULL ? "none" : option->none_text;
    return option->default_text == NULL ? none : option->default_text;
}

static void print_help_text(const struct option *option, FILE *file)
{
    fputs(option->help, file);
    for (size_t i = 0; option->kind == OPTION_ENUM && option->choices[i] != NULL; i++) {
        fprintf(file, "%s%s", i == 0 ? ": " : ", ", option->choices[i]);
    }
}

static const char kafka_help[] = "any property of librdkafka but those that carry a promise";

void settings_print_help(const struct settings_spec *spec, FILE *file)
{
    fprintf(file, "  %-26s %-18s %s\n", "kafka.PROPERTY", "", kafka_help);
    fprintf(file, "  %-26s %-18s %s\n", "kafka.bootstrap.servers", default_bootstrap, "where the brokers are");
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct option *option = &spec->options[i];
        fprintf(file, "  %-26s %-18s ", option->key, default_of(option));
        print_help_text(option, file);
        fputc('\n', file);
    }
}

void settings_print_markdown(const struct settings_spec *spec, FILE *file)
{
    fputs("| key | default | |\n|---|---|---|\n", file);
    fprintf(file, "| `kafka.PROPERTY` | `bootstrap.servers: %s` | %s |\n", default_bootstrap, kafka_help);
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct option *option = &spec->options[i];
        bool has_default = option->default_text != NULL;
        fprintf(file, "| `%s` | %s%s%s | ", option->key, has_default ? "`" : "", default_of(option),
                has_default ? "`" : "");
        print_help_text(option, file);
        fputs(" |\n", file);
    }
}
