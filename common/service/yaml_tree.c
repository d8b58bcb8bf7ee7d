#include "yaml_tree.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

enum { TEXT_SIZE_MAX = 16 << 20, DEPTH_MAX = 16, NODES_MAX = 4 << 20 };

struct yaml_tree {
    char *name;
    struct yaml_node root;
    bool has_root;
};

/* A container that is still being read: its arrays grow here and go to the node when it ends. */
struct open_container {
    struct yaml_node node;
    struct yaml_node *items;
    struct yaml_node *keys;
    size_t item_count, key_count;
    size_t item_capacity, key_capacity;
};

struct reading {
    struct yaml_tree *tree;
    struct error_list *errors;
    yaml_parser_t parser;
    struct open_container open[DEPTH_MAX];
    size_t depth;
    size_t node_count;
    bool is_refused; /* a rule of ours is broken so that reading on makes no sense */
};

static void free_node(struct yaml_node *node);

static void free_nodes(struct yaml_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free_node(&nodes[i]);
    }
    free(nodes);
}

/* The public tree is read-only, the memory behind it is ours to give back. */
static void free_node(struct yaml_node *node)
{
    union {
        const void *read_only;
        void *own;
    } text = {node->text}, items = {node->items}, keys = {node->keys};
    free(text.own);
    free_nodes(items.own, node->count);
    free_nodes(keys.own, keys.own == NULL ? 0 : node->count);
}

static enum status refuse(struct reading *reading, yaml_mark_t mark, const char *text)
{
    reading->is_refused = true;
    return error_list_add(reading->errors, "%s:%zu:%zu: %s", reading->tree->name, mark.line + 1, mark.column + 1, text);
}

static struct yaml_node *grow(struct yaml_node **nodes, size_t *count, size_t *capacity)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 4 : *capacity * 2;
        *nodes = memory_resize(*nodes, *capacity, sizeof(**nodes));
    }
    return &(*nodes)[(*count)++];
}

static void put_node(struct reading *reading, struct yaml_node node)
{
    if (reading->depth == 0) {
        CHECK(!reading->tree->has_root);
        reading->tree->root = node;
        reading->tree->has_root = true;
        return;
    }
    struct open_container *open = &reading->open[reading->depth - 1];
    bool is_key = open->node.kind == YAML_MAPPING && open->key_count == open->item_count;
    if (is_key) {
        *grow(&open->keys, &open->key_count, &open->key_capacity) = node;
    } else {
        *grow(&open->items, &open->item_count, &open->item_capacity) = node;
    }
}

static bool key_is_next(const struct reading *reading)
{
    if (reading->depth == 0) {
        return false;
    }
    const struct open_container *open = &reading->open[reading->depth - 1];
    return open->node.kind == YAML_MAPPING && open->key_count == open->item_count;
}

static struct yaml_node node_at(const struct reading *reading, enum yaml_kind kind, yaml_mark_t mark)
{
    return (struct yaml_node){
        .kind = kind, .line = (int)mark.line + 1, .column = (int)mark.column + 1, .file = reading->tree->name};
}

/* What every node may not have. */
static enum status check_common(struct reading *reading, const yaml_event_t *event, const yaml_char_t *anchor,
                                const yaml_char_t *tag)
{
    if (anchor != NULL) {
        return refuse(reading, event->start_mark, "an anchor (&) is not read here; write the value out");
    }
    if (tag != NULL) {
        return refuse(reading, event->start_mark, "a tag (!) is not read here; write the value without it");
    }
    if (++reading->node_count > NODES_MAX) {
        return refuse(reading, event->start_mark, "more than 4,194,304 values");
    }
    return STATUS_OK;
}

static enum status on_scalar(struct reading *reading, const yaml_event_t *event)
{
    const yaml_char_t *value = event->data.scalar.value;
    size_t length = event->data.scalar.length;
    enum status status = check_common(reading, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (status != STATUS_OK) {
        return status;
    }
    if (memchr(value, '\0', length) != NULL) {
        return refuse(reading, event->start_mark, "a NUL in a value");
    }
    struct yaml_node node = node_at(reading, YAML_SCALAR, event->start_mark);
    node.is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (key_is_next(reading) && node.is_plain && bytes_view_equal_text(bytes_view_of(value, length), "<<")) {
        return refuse(reading, event->start_mark, "a merge key (<<) is not read here; write the keys out");
    }
    node.text = bytes_view_to_text(bytes_view_of(value, length));
    put_node(reading, node);
    return STATUS_OK;
}

static enum status on_container(struct reading *reading, const yaml_event_t *event, enum yaml_kind kind)
{
    bool is_mapping = kind == YAML_MAPPING;
    enum status status =
        check_common(reading, event, is_mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
                     is_mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag);
    if (status != STATUS_OK) {
        return status;
    }
    if (key_is_next(reading)) {
        return refuse(reading, event->start_mark, "a key must be a single word or text");
    }
    if (reading->depth == DEPTH_MAX) {
        return refuse(reading, event->start_mark, "more than 16 lists and maps inside each other");
    }
    reading->open[reading->depth++] = (struct open_container){.node = node_at(reading, kind, event->start_mark)};
    return STATUS_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct yaml_node *first = *(const struct yaml_node *const *)a;
    const struct yaml_node *second = *(const struct yaml_node *const *)b;
    int order = strcmp(first->text, second->text);
    return order != 0 ? order : first < second ? -1 : first > second;
}

static void check_duplicates(struct reading *reading, const struct open_container *mapping)
{
    if (mapping->key_count < 2) {
        return;
    }
    const struct yaml_node **sorted = memory_alloc(mapping->key_count, sizeof(const struct yaml_node *));
    for (size_t i = 0; i < mapping->key_count; i++) {
        sorted[i] = &mapping->keys[i];
    }
    qsort(sorted, mapping->key_count, sizeof(const struct yaml_node *), compare_keys);
    for (size_t i = 1; i < mapping->key_count; i++) {
        if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0) {
            yaml_node_error(sorted[i], reading->errors, sorted[i]->text, "the same key is on line %d already",
                            sorted[i - 1]->line);
        }
    }
    free(sorted);
}

static void on_container_end(struct reading *reading)
{
    CHECK(reading->depth > 0);
    struct open_container *open = &reading->open[--reading->depth];
    if (open->node.kind == YAML_MAPPING) {
        check_duplicates(reading, open);
    }
    open->node.items = open->items;
    open->node.keys = open->keys;
    open->node.count = open->item_count;
    put_node(reading, open->node);
}

static enum status on_event(struct reading *reading, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(reading, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_container(reading, event, YAML_SEQUENCE);
    case YAML_MAPPING_START_EVENT:
        return on_container(reading, event, YAML_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_container_end(reading);
        return STATUS_OK;
    case YAML_ALIAS_EVENT:
        return refuse(reading, event->start_mark, "an alias (*) is not read here; write the value out");
    case YAML_DOCUMENT_START_EVENT:
        return reading->tree->has_root ? refuse(reading, event->start_mark, "a second document; one file is one")
                                       : STATUS_OK;
    default:
        return STATUS_OK;
    }
}

/* libyaml gives a mark for all but undecodable bytes: for those only the offset. */
static enum status add_parser_error(struct reading *reading, struct bytes_view text)
{
    const yaml_parser_t *parser = &reading->parser;
    const char *problem = parser->problem == NULL ? "not YAML" : parser->problem;
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR) {
        mark = (yaml_mark_t){0};
        for (size_t i = 0; i < parser->problem_offset && i < text.size; i++) {
            mark.column = text.data[i] == '\n' ? 0 : mark.column + 1;
            mark.line += text.data[i] == '\n' ? 1 : 0;
        }
    }
    char line[ERROR_TEXT_MAX];
    if (parser->context == NULL) {
        snprintf(line, sizeof(line), "%s", problem);
    } else {
        snprintf(line, sizeof(line), "%s, %s", parser->context, problem);
    }
    return refuse(reading, mark, line);
}

static void read_events(struct reading *reading, struct bytes_view text)
{
    bool is_over = false;
    while (!is_over && !reading->is_refused) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reading->parser, &event)) {
            (void)add_parser_error(reading, text);
            return;
        }
        is_over = event.type == YAML_STREAM_END_EVENT;
        (void)on_event(reading, &event);
        yaml_event_delete(&event);
    }
}

enum status yaml_tree_parse(const char *name, struct bytes_view text, struct yaml_tree **ret_tree,
                            struct error_list *errors)
{
    *ret_tree = NULL;
    if (text.size > TEXT_SIZE_MAX) {
        return error_list_add(errors, "%s: more than 16 MiB", name);
    }
    static const uint8_t byte_order_mark[3] = {0xef, 0xbb, 0xbf};
    if (text.size >= 3 && memcmp(text.data, byte_order_mark, 3) == 0) {
        text = bytes_view_slice(text, 3, text.size - 3);
    }
    struct reading *reading = memory_alloc(1, sizeof(*reading));
    reading->tree = memory_alloc(1, sizeof(*reading->tree));
    reading->tree->name = memory_copy_text(name);
    reading->errors = errors;
    size_t errors_before = errors->total;
    CHECK(yaml_parser_initialize(&reading->parser));
    yaml_parser_set_encoding(&reading->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reading->parser, text.size == 0 ? (const unsigned char *)"" : text.data, text.size);
    read_events(reading, text);
    yaml_parser_delete(&reading->parser);
    while (reading->depth > 0) {
        struct open_container *open = &reading->open[--reading->depth];
        free_nodes(open->items, open->item_count);
        free_nodes(open->keys, open->key_count);
    }
    struct yaml_tree *tree = reading->tree;
    free(reading);
    if (errors->total != errors_before) {
        yaml_tree_destroy(tree);
        return STATUS_INVALID;
    }
    *ret_tree = tree;
    return STATUS_OK;
}

static enum status add_system_error(struct error_list *errors, const char *path, int number)
{
    (void)error_list_add(errors, "%s: %s", path, strerror(number));
    return number == ENOENT || number == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
}

enum status yaml_tree_load(const char *path, struct yaml_tree **ret_tree, struct error_list *errors)
{
    *ret_tree = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return add_system_error(errors, path, errno);
    }
    struct bytes text = {0};
    ssize_t got = 1;
    while (got > 0 && text.size <= TEXT_SIZE_MAX) {
        bytes_reserve(&text, text.size + 65536);
        got = read(fd, text.data + text.size, 65536);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        text.size += got > 0 ? (size_t)got : 0;
    }
    int number = errno;
    close(fd);
    enum status status = got < 0 ? add_system_error(errors, path, number)
                                 : yaml_tree_parse(path, bytes_as_view(&text), ret_tree, errors);
    /* A settings file may hold a secret. */
    explicit_bzero(text.data, text.capacity);
    bytes_free(&text);
    return status;
}

void yaml_tree_destroy(struct yaml_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    if (tree->has_root) {
        free_node(&tree->root);
    }
    free(tree->name);
    free(tree);
}

const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree)
{
    bool is_empty = !tree->has_root || (yaml_node_is_null(&tree->root) && tree->root.text[0] == '\0');
    return is_empty ? NULL : &tree->root;
}

const struct yaml_node *yaml_node_get(const struct yaml_node *mapping, const char *key)
{
    for (size_t i = 0; mapping->kind == YAML_MAPPING && i < mapping->count; i++) {
        if (strcmp(mapping->keys[i].text, key) == 0) {
            return &mapping->items[i];
        }
    }
    return NULL;
}

bool yaml_node_is_null(const struct yaml_node *node)
{
    static const char *const spellings[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; node->kind == YAML_SCALAR && node->is_plain && i < ARRAY_COUNT(spellings); i++) {
        if (strcmp(node->text, spellings[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *yaml_node_kind_name(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a map";
    default:
        return yaml_node_is_null(node) ? "nothing" : "a single value";
    }
}

enum status yaml_node_error(const struct yaml_node *node, struct error_list *errors, const char *key,
                            const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_list_add(errors, "%s:%d:%d: %s%s%s", node->file, node->line, node->column, key == NULL ? "" : key,
                          key == NULL ? "" : ": ", text);
}
