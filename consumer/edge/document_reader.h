/* document_reader.h: reads the maps of a subscriptions file, key by key.
 *
 * A map is read by a table of its keys. Whatever is wrong is said and reading goes on, so that every mistake is found
 * in one go. Readers of values leave their target alone where there is nothing to put into it. */
#ifndef RELAY_DOCUMENT_READER_H
#define RELAY_DOCUMENT_READER_H

#include "check.h"
#include "error_list.h"
#include "subscriptions_file.h"
#include "yaml_tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct document_reader {
    const struct subscriptions_rules *rules;
    struct error_list *errors;
    struct subscription_set *set;
    size_t sink_count; /* of the subscription being read */
};

/* Where a node stands, from the leaf up; made into `subscriptions[0].http.url` only when there is something to say. */
struct document_place {
    const struct document_place *parent;
    const char *key; /* NULL: an item of a list */
    size_t index;
};

/* A key of a map and what reads its value into `target`. */
struct document_field {
    const char *key;
    void (*read)(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                 void *target);
};

/* One line about `node`. */
void PRINTF_LIKE(4, 5) document_report(struct document_reader *reader, const struct document_place *place,
                                       const struct yaml_node *node, const char *format, ...);

/* A key that somebody else's file may hold, for a message: quoted, escaped, not too long; the caller frees it. */
char *document_shown_key(const char *key);

/* False, and said with what to write (`example`), where the node is of another kind. */
bool document_is_kind(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                      enum yaml_kind kind, const char *example);

/* The reader of a key of the contract that this build does not have: it is refused, and offered to nobody. */
void document_refuse_later(struct document_reader *reader, const struct document_place *place,
                           const struct yaml_node *node, void *target);

/* Hands each value of the map to the reader of its key. */
void document_read_map(struct document_reader *reader, const struct document_place *place, const struct yaml_node *map,
                       const struct document_field *fields, size_t field_count, void *target);

/* A text, or what env:NAME or file:PATH stands for; the caller frees it. NULL, and said, where there is none. */
char *document_read_text(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node);

/* A number from 1 to `max`. */
void document_read_int(struct document_reader *reader, const struct document_place *place, const struct yaml_node *node,
                       int64_t max, const char *example, int64_t *ret_number);

void document_read_bool(struct document_reader *reader, const struct document_place *place,
                        const struct yaml_node *node, bool *ret_bool);

/* The place of one of `names` (ended by NULL); 0, and said, where it is none of them. */
int document_read_choice(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, const char *const *names);

/* A list of names, each at most once, as a mask of their places in `names`. */
void document_read_names(struct document_reader *reader, const struct document_place *place,
                         const struct yaml_node *node, const char *const *names, unsigned *ret_mask);

#endif
