/* dead_letter_table.h: a list of dead letters for people: a table on a terminal, plain lines elsewhere. Pure.
 *
 * A table's columns are as wide as the first rows need, which are held back until then; columns that the terminal has
 * no room for are left out from the right, but never the first four. Plain lines have every column, a tab between two,
 * `-` where there is nothing, and no heading. */
#ifndef RELAY_DEAD_LETTER_TABLE_H
#define RELAY_DEAD_LETTER_TABLE_H

#include "bytes.h"
#include "dead_letter_facts.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DEAD_LETTER_TABLE_ROWS_HELD = 500, /* whose cells decide the widths */
    DEAD_LETTER_TABLE_CELL_MAX = 64,   /* bytes of a text that a table's cell shows */
};

struct dead_letter_table;

/* `width` is the terminal's, in characters; 0: plain lines. Free with dead_letter_table_destroy. */
struct dead_letter_table *dead_letter_table_create(size_t width);
void dead_letter_table_destroy(struct dead_letter_table *table); /* NULL is fine */

/* Appends to `out` the lines that are ready for print, which may be none yet. */
void dead_letter_table_add(struct dead_letter_table *table, const struct dead_letter_facts *facts, struct bytes *out);

/* Appends what was held back. A table without rows has no heading either. */
void dead_letter_table_end(struct dead_letter_table *table, struct bytes *out);

/* The line that shows how far a scan is, without a line end: `12 found; 40 % of 1000 offsets read, 3 s`. */
void dead_letter_table_append_progress(struct bytes *out, int64_t found, int64_t offsets_passed, int64_t offsets_total,
                                       int64_t elapsed_ms);

#endif
