#include "dead_letter_table.h"

#include "check.h"
#include "dead_letter_text.h"
#include "memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ALWAYS_SHOWN = 4, GAP = 2, PLAIN_CELL_MAX = 1024 };

static const char *const headings[] = {"POSITION", "TIME",  "REASON", "SUBSCRIPTION", "TENANT",
                                       "ATTEMPTS", "ERROR", "ORIGIN", "ID",           "TYPE"};
enum { COLUMNS = ARRAY_COUNT(headings) };

struct dead_letter_table {
    size_t width;
    bool is_begun;        /* widths stand, and the heading is out */
    size_t columns_shown; /* once it is begun */
    size_t widths[COLUMNS];
    struct bytes held; /* rows before it is begun: cells with a NUL behind each */
    size_t held_rows;
    struct bytes row; /* scratch: one row, likewise */
};

struct dead_letter_table *dead_letter_table_create(size_t width)
{
    struct dead_letter_table *table = memory_alloc(1, sizeof(*table));
    table->width = width;
    for (size_t i = 0; i < COLUMNS; i++) {
        table->widths[i] = strlen(headings[i]);
    }
    return table;
}

void dead_letter_table_destroy(struct dead_letter_table *table)
{
    if (table == NULL) {
        return;
    }
    bytes_free(&table->held);
    bytes_free(&table->row);
    free(table);
}

/* ---- cells ---- */

static void end_cell(struct bytes *row, size_t start)
{
    if (row->size == start) {
        bytes_append_byte(row, '-');
    }
    bytes_append_byte(row, '\0');
}

static void append_cell(struct bytes *row, struct bytes_view text, size_t most)
{
    size_t start = row->size;
    dead_letter_text_append_escaped(row, text, most);
    end_cell(row, start);
}

static void append_origin(struct bytes *row, const struct dead_letter_facts *facts, size_t most)
{
    size_t start = row->size;
    if (facts->origin_topic.size > 0) {
        dead_letter_text_append_escaped(row, facts->origin_topic, most);
        bytes_append_byte(row, ':');
        dead_letter_text_append_escaped(row, facts->origin_partition, most);
        bytes_append_byte(row, ':');
        dead_letter_text_append_escaped(row, facts->origin_offset, most);
    }
    end_cell(row, start);
}

static void fill_row(struct bytes *row, const struct dead_letter_facts *facts, size_t most)
{
    bytes_clear(row);
    bytes_append_format(row, "%" PRId32 ":%" PRId64, facts->partition, facts->offset);
    end_cell(row, 0);
    size_t start = row->size;
    dead_letter_text_append_time(row, dead_letter_facts_time(facts));
    end_cell(row, start);
    append_cell(row, facts->reason, most);
    append_cell(row, facts->subscription, most);
    /* A key that is no tenant is shown as it is: it is what makes the letter a key.mismatch. */
    append_cell(row, facts->record->key, most);
    append_cell(row, facts->attempts, most);
    append_cell(row, facts->last_error, most);
    append_origin(row, facts, most);
    append_cell(row, facts->ce_id, most);
    append_cell(row, facts->ce_type, most);
}

static const char *next_cell(const char *cell)
{
    return cell + strlen(cell) + 1;
}

/* ---- lines ---- */

static void append_plain(struct bytes *out, const struct bytes *row)
{
    const char *cell = (const char *)row->data;
    for (size_t i = 0; i < COLUMNS; i++, cell = next_cell(cell)) {
        bytes_append_text(out, i > 0 ? "\t" : "");
        bytes_append_text(out, cell);
    }
    bytes_append_byte(out, '\n');
}

static void append_padded(const struct dead_letter_table *table, struct bytes *out, size_t column, const char *cell)
{
    bytes_append_text(out, cell);
    if (column + 1 == table->columns_shown) {
        bytes_append_byte(out, '\n');
        return;
    }
    size_t size = strlen(cell);
    size_t width = size > table->widths[column] ? size : table->widths[column];
    for (; size < width + GAP; size++) {
        bytes_append_byte(out, ' ');
    }
}

/* Returns where the next row's first cell is. */
static const char *append_row(const struct dead_letter_table *table, struct bytes *out, const char *cell)
{
    for (size_t i = 0; i < COLUMNS; i++, cell = next_cell(cell)) {
        if (i < table->columns_shown) {
            append_padded(table, out, i, cell);
        }
    }
    return cell;
}

static void widen(struct dead_letter_table *table, const struct bytes *row)
{
    const char *cell = (const char *)row->data;
    for (size_t i = 0; i < COLUMNS; i++, cell = next_cell(cell)) {
        size_t size = strlen(cell);
        table->widths[i] = size > table->widths[i] ? size : table->widths[i];
    }
}

static void begin(struct dead_letter_table *table, struct bytes *out)
{
    size_t used = table->widths[0];
    table->columns_shown = 1;
    while (table->columns_shown < COLUMNS) {
        used += GAP + table->widths[table->columns_shown];
        if (used > table->width && table->columns_shown >= ALWAYS_SHOWN) {
            break;
        }
        table->columns_shown++;
    }
    for (size_t i = 0; i < table->columns_shown; i++) {
        append_padded(table, out, i, headings[i]);
    }
    const char *cell = (const char *)table->held.data;
    for (size_t i = 0; i < table->held_rows; i++) {
        cell = append_row(table, out, cell);
    }
    bytes_free(&table->held);
    table->held_rows = 0;
    table->is_begun = true;
}

void dead_letter_table_add(struct dead_letter_table *table, const struct dead_letter_facts *facts, struct bytes *out)
{
    bool is_plain = table->width == 0;
    fill_row(&table->row, facts, is_plain ? PLAIN_CELL_MAX : DEAD_LETTER_TABLE_CELL_MAX);
    if (is_plain) {
        append_plain(out, &table->row);
        return;
    }
    if (table->is_begun) {
        append_row(table, out, (const char *)table->row.data);
        return;
    }
    widen(table, &table->row);
    bytes_append_view(&table->held, bytes_as_view(&table->row));
    if (++table->held_rows == DEAD_LETTER_TABLE_ROWS_HELD) {
        begin(table, out);
    }
}

void dead_letter_table_end(struct dead_letter_table *table, struct bytes *out)
{
    if (!table->is_begun && table->held_rows > 0) {
        begin(table, out);
    }
}

void dead_letter_table_append_progress(struct bytes *out, int64_t found, int64_t offsets_passed, int64_t offsets_total,
                                       int64_t elapsed_ms)
{
    int64_t percent = offsets_total > 0 ? (int64_t)((double)offsets_passed * 100 / (double)offsets_total) : 0;
    bytes_append_format(out, "%" PRId64 " found; %" PRId64 " %% of %" PRId64 " offsets read, %" PRId64 " s", found,
                        percent, offsets_total, elapsed_ms / 1000);
}
