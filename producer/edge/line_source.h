/* line_source.h: lines from a file, a pipe or a FIFO, in bounded memory however long a line is.
 *
 * A line ends with a newline, which is no part of it; the last one may lack it. A line of up to `line_max` bytes is
 * given whole. Of a longer one the first `line_max` bytes are given, so that somebody can judge it, and then the
 * rest in pieces, as it comes. Nothing here waits: read when line_source_fd is readable, and only then (a FIFO that
 * nobody has opened for writing yet looks ended to a read, but not to poll). */
#ifndef RELAY_LINE_SOURCE_H
#define RELAY_LINE_SOURCE_H

#include "bytes.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_source;

enum line_part {
    LINE_PART_NONE,  /* nothing yet: fill */
    LINE_PART_WHOLE, /* a line of at most line_max bytes */
    LINE_PART_START, /* the first line_max bytes of a longer line */
    LINE_PART_MORE,  /* the next bytes of it, at least one */
    LINE_PART_LAST,  /* its end: the last bytes of it, may be none */
    LINE_PART_END,   /* the input has ended, and every part has been taken */
};

struct input_line {
    struct bytes_view bytes; /* of this part; borrowed until the next take or fill */
    int64_t number;          /* of the line, from 1 */
    int64_t offset;          /* of the line's first byte, from 0, where reading began */
};

/* Opens `path`; "-" is standard input. An input that is a FIFO is opened without waiting for its writer.
 * Errors: STATUS_NOT_FOUND, STATUS_IO with the reason: missing, a directory, not readable. */
WARN_UNUSED enum status line_source_open(const char *path, size_t line_max, struct line_source **ret_source,
                                         struct error *ret_error);
void line_source_destroy(struct line_source *source); /* NULL is fine; standard input stays open */

int line_source_fd(const struct line_source *source);

/* Reads once. Only when line_source_next says LINE_PART_NONE, and the descriptor is readable.
 * Errors: STATUS_IO with the reason and the byte at which it happened. */
WARN_UNUSED enum status line_source_fill(struct line_source *source, struct error *ret_error);

/* Looks at the next part without taking it: the same answer until line_source_take or line_source_fill. */
enum line_part line_source_next(struct line_source *source, struct input_line *ret_line);

/* Takes the part that line_source_next has shown. */
void line_source_take(struct line_source *source);

/* Where the next line begins, or the one of which parts have been taken; after the end, the end. */
int64_t line_source_line(const struct line_source *source);
int64_t line_source_offset(const struct line_source *source);

#endif
