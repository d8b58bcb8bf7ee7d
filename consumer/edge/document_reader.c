#include "document_reader.h"

#include "bytes.h"
#include "yaml_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    KEY_MAX = 24,       /* bytes; longer than every key of the file */
    SHOWN_KEY_MAX = 64, /* bytes of a key that stands in a message */
};

static void append_place(struct bytes *text, const struct document_place *place)
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

void document_report(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                     const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    struct bytes key = {0};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* A value that is shown may have a line break, an error is one line. */
    for (size_t i = 0; text[i] != '\0'; i++) {
        text[i] = (char)((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
    }
    append_place(&key, place);
    bytes_append_byte(&key, '\0');
    (void)yaml_node_error(node, reader->errors, (const char *)key.data, "%s", text);
    bytes_free(&key);
}

void document_refuse_later(struct document_reader *reader, const struct document_place *place,
                           const struct yaml_node *node, void *target)
{
    (void)target;
    document_report(reader, place, node, "comes in a later version; leave it out");
}

char *document_shown_key(const char *key)
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

static void report_unknown_key(struct document_reader *reader, const struct document_place *place,
                               const struct yaml_node *key, const struct document_field *fields, size_t field_count)
{
    char *shown = document_shown_key(key->text);
    const char *closest = NULL;
    size_t closest_distance = 3;
    struct bytes known = {0};

    for (size_t i = 0; i < field_count; i++) {
        bool is_beginning = strlen(key->text) > 2 && strncmp(fields[i].key, key->text, strlen(key->text)) == 0;
        size_t distance = is_beginning ? 0 : key_distance(key->text, fields[i].key);

        if (fields[i].read == document_refuse_later) {
            continue;
        }
        if (distance < closest_distance && distance < strlen(fields[i].key)) {
            closest = fields[i].key;
            closest_distance = distance;
        }
        bytes_append_format(&known, "%s%s", known.size > 0 ? ", " : "", fields[i].key);
    }
    if (closest != NULL) {
        document_report(reader, place, key, "unknown key %s; did you mean %s?", shown, closest);
    } else {
        document_report(reader, place, key, "unknown key %s; the keys here are %.*s", shown, BYTES_PRINTF(known));
    }
    bytes_free(&known);
    free(shown);
}

bool document_is_kind(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                      enum yaml_kind kind, const char *example)
{
    if (node->kind == kind) {
        return true;
    }
    document_report(reader, place, node, "is %s; write %s",
                    yaml_node_is_null(node) ? "empty" : yaml_node_kind_name(node), example);
    return false;
}

void document_read_map(struct document_reader *reader, const struct document_place *place, const struct yaml_node *map,
                       const struct document_field *fields, size_t field_count, void *target)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct document_field *field = NULL;

        for (size_t j = 0; j < field_count && field == NULL; j++) {
            field = strcmp(fields[j].key, map->keys[i].text) == 0 ? &fields[j] : NULL;
        }
        if (field == NULL) {
            report_unknown_key(reader, place, &map->keys[i], fields, field_count);
        } else {
            struct document_place value = {place, field->key, 0};

            field->read(reader, &value, &map->items[i], target);
        }
    }
}

char *document_read_text(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node)
{
    struct error error;
    char *text = NULL;

    if (yaml_node_is_null(node)) {
        document_report(reader, place, node, "is empty; write a value, or leave it out");
        return NULL;
    }
    if (yaml_value_text(node, &text, &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
        return NULL;
    }
    return text;
}

void document_read_int(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                       int64_t max, const char *example, int64_t *ret_number)
{
    struct error error;

    if (yaml_value_int(node, 1, max, ret_number, &error) != STATUS_OK) {
        document_report(reader, place, node, "%s; write a number like %s: no quotes, no zero before it, no unit",
                        error.text, example);
    }
}

void document_read_bool(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, bool *ret_bool)
{
    struct error error;

    if (yaml_value_bool(node, ret_bool, &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
    }
}

int document_read_choice(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, const char *const *names)
{
    struct error error;
    int index = 0;

    if (yaml_value_choice(node, names, &index, &error) != STATUS_OK) {
        document_report(reader, place, node, "%s", error.text);
    }
    return index;
}

void document_read_names(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, const char *const *names, unsigned *ret_mask)
{
    unsigned mask = 0;
    char example[80];

    snprintf(example, sizeof(example), "a list, like [%s]", names[0]);
    if (!document_is_kind(reader, place, node, YAML_SEQUENCE, example)) {
        return;
    }
    if (node->count == 0) {
        document_report(reader, place, node,
                        "is an empty list, which nothing can match; write %s, or leave the key out", example);
    }
    for (size_t i = 0; i < node->count; i++) {
        struct document_place item = {place, NULL, i};
        struct error error;
        int index = 0;

        if (yaml_value_choice(&node->items[i], names, &index, &error) != STATUS_OK) {
            document_report(reader, &item, &node->items[i], "%s", error.text);
        } else if ((mask & (1U << index)) != 0) {
            document_report(reader, &item, &node->items[i], "%s stands here twice; leave one out", names[index]);
        } else {
            mask |= 1U << index;
        }
    }
    *ret_mask = mask;
}
