/* error_list.h: the errors of one reading of a file, collected so that a person can mend them all at once.
 *
 * Bounded: the first ERROR_LIST_MAX are kept, the others counted. A zeroed list is empty and ready for use. */
#ifndef RELAY_ERROR_LIST_H
#define RELAY_ERROR_LIST_H

#include "status.h"

#include <stddef.h>
#include <stdio.h>

enum { ERROR_LIST_MAX = 100 };

struct error_list {
    char **lines; /* owned; each one line without a newline */
    size_t count; /* of `lines`, at most ERROR_LIST_MAX */
    size_t total; /* of errors added */
};

/* Adds one line, cut at ERROR_TEXT_MAX, control characters as spaces. Returns STATUS_INVALID, so that a function can
 * end with `return error_list_add(errors, "…")`. */
enum status error_list_add(struct error_list *errors, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes each line with a newline, and a last one with the count of those left out, if any were. */
void error_list_print(const struct error_list *errors, FILE *file);

void error_list_free(struct error_list *errors); /* back to zeroed */

#endif
