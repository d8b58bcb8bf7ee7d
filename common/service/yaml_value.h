/* yaml_value.h: what a scalar of a settings file says.
 *
 * Every scalar may be `env:NAME` (an environment variable) or `file:PATH` (the content of a file of at most
 * 64 KiB, less one trailing newline). The text of an error never shows a value that came from there. None of these
 * adds a place: the text is made for yaml_node_error or error_list_add. `ret_error` may be NULL. */
#ifndef RELAY_YAML_VALUE_H
#define RELAY_YAML_VALUE_H

#include "yaml_tree.h"

#include <stdint.h>

/* Where the text of a scalar stands. */
enum yaml_value_source { YAML_VALUE_INLINE, YAML_VALUE_ENV, YAML_VALUE_FILE };

/* By the spelling alone, without looking. */
enum yaml_value_source yaml_value_source(const struct yaml_node *node);

/* The text, looked up where it says so; an owned copy, free with free().
 * Errors: STATUS_INVALID when the node is no scalar or says nothing (see yaml_node_is_null), or when what it names
 * has a NUL; STATUS_NOT_FOUND, STATUS_IO when the variable or the file is not there or cannot be read. */
WARN_UNUSED enum status yaml_value_text(const struct yaml_node *node, char **ret_text, struct error *ret_error);

/* Decimal integer within min … max; quoted is text, not a number. The same errors as yaml_value_text, and
 * STATUS_INVALID when it is not one; so do all below. */
WARN_UNUSED enum status yaml_value_int(const struct yaml_node *node, int64_t min, int64_t max, int64_t *ret_number,
                                       struct error *ret_error);

/* `true` or `false`, plain, and nothing else. */
WARN_UNUSED enum status yaml_value_bool(const struct yaml_node *node, bool *ret_bool, struct error *ret_error);

/* Plain decimal number with an optional fraction (`0.2`), within min … max. */
WARN_UNUSED enum status yaml_value_number(const struct yaml_node *node, double min, double max, double *ret_number,
                                          struct error *ret_error);

/* `500ms`, `30s`, `5m`, `2h`, `5d`, in milliseconds; min and max too. A bare number is refused, 0 is not. */
WARN_UNUSED enum status yaml_value_duration_ms(const struct yaml_node *node, int64_t min, int64_t max, int64_t *ret_ms,
                                               struct error *ret_error);

/* `16 MiB`, `16MiB`, `64KiB`, `1GiB` or plain bytes. */
WARN_UNUSED enum status yaml_value_size_bytes(const struct yaml_node *node, int64_t min, int64_t max,
                                              int64_t *ret_bytes, struct error *ret_error);

/* The index of the scalar in `choices`, which ends with NULL. The error names them all. */
WARN_UNUSED enum status yaml_value_choice(const struct yaml_node *node, const char *const *choices, int *ret_index,
                                          struct error *ret_error);

/* A duration as a setting would say it: the largest unit that leaves no rest. */
void yaml_value_append_duration(struct bytes *text, int64_t ms);

#endif
