/* yaml_tree.h: one YAML document as a read-only tree, with file, line and column at each node.
 *
 * A subset of YAML 1.2 (yaml.org/spec/1.2.2), so that a settings file can only mean what it seems to say: one
 * document; no anchors, aliases, tags or merge keys; keys are scalars and occur once in their mapping; no NUL in
 * a scalar. Bounded: 16 MiB of text, 16 containers deep, 4,194,304 nodes. */
#ifndef RELAY_YAML_TREE_H
#define RELAY_YAML_TREE_H

#include "bytes.h"
#include "error_list.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain;                 /* a scalar written without quotes */
    int line, column;              /* from 1 */
    const char *file;              /* as given at loading */
    const char *text;              /* of a scalar, NUL-terminated; NULL otherwise */
    size_t count;                  /* of items, or of a mapping's pairs */
    const struct yaml_node *items; /* of a sequence, or the values of a mapping */
    const struct yaml_node *keys;  /* of a mapping: keys[i] is the scalar that names items[i] */
};

struct yaml_tree;

/* Reads the file. Free with yaml_tree_destroy, which ends the life of all nodes; NULL is fine there.
 * Errors: STATUS_NOT_FOUND, STATUS_IO when the file cannot be read, STATUS_INVALID when it breaks a rule above.
 * Each error is added to `errors` as `file:line:column: text`. */
WARN_UNUSED enum status yaml_tree_load(const char *path, struct yaml_tree **ret_tree, struct error_list *errors);

/* The same for a text; `name` stands for the file in nodes and errors, and is copied. */
WARN_UNUSED enum status yaml_tree_parse(const char *name, struct bytes_view text, struct yaml_tree **ret_tree,
                                        struct error_list *errors);

void yaml_tree_destroy(struct yaml_tree *tree);

/* The document's node; NULL when there is none (an empty file, or comments only). */
const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree);

/* The value under `key` of a mapping; NULL when there is none or `mapping` is no mapping. */
const struct yaml_node *yaml_node_get(const struct yaml_node *mapping, const char *key);

/* A plain empty scalar, `~` or `null`. */
bool yaml_node_is_null(const struct yaml_node *node);

/* "a list", "a map", "text" …: what stands there, for error texts. */
const char *yaml_node_kind_name(const struct yaml_node *node);

/* Adds `file:line:column: key: text` (without `key: ` when key is NULL). Returns STATUS_INVALID. */
enum status yaml_node_error(const struct yaml_node *node, struct error_list *errors, const char *key,
                            const char *format, ...) PRINTF_LIKE(4, 5);

#endif
