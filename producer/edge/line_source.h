/* line_source.h: lines from a file, a pipe or a FIFO, in bounded memory however long a line is.
 *
 * A line ends with a newline, which is no part of it; the last one may lack it. A line of up to `line_max` bytes is
 * given whole. Of a longer one the first `line_max` bytes are given, so that somebody can judge it, and then the
 * rest in pieces, as it comes. Nothing here waits: read when line_source_fd is readable, and only then (a FIFO that
 * nobody has opened for writing yet looks ended to a read, but not to poll).
 *
 * A file that is followed has no end of its own: what is appended is read too, and its last line counts when its
 * newline is there. It ends when another file has taken its path (it was renamed, and a new one made) and nothing has
 * been appended for a while, or when it has become shorter than what was read of it. Then line_source_go_on begins
 * with the new file, or with the shortened one, at its start. */
#ifndef RELAY_LINE_SOURCE_H
#define RELAY_LINE_SOURCE_H

#include "bytes.h"
#include "input_identity.h"
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

bool line_source_is_regular(const struct line_source *source); /* a file with offsets, no pipe or terminal */
int64_t line_source_size(const struct line_source *source);    /* of a regular file now; -1: not known */

/* Which file it is: of its head the first `head_size` bytes count, at most INPUT_HEAD_MAX, as they were when they were
 * read: what became of the file since is for the next run to see.
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status line_source_identify(const struct line_source *source, int64_t head_size,
                                             struct input_identity *ret_identity, struct error *ret_error);

/* Reads on where an earlier reading of the same file has stopped: line `line` begins at byte `offset`. Before the first
 * read.
 * Errors: STATUS_INVALID: it is not the same file, or not as it was; STATUS_IO; with the reason. */
WARN_UNUSED enum status line_source_continue(struct line_source *source, const struct input_identity *identity,
                                             int64_t line, int64_t offset, struct error *ret_error);

/* Before that, for a file that will be followed: another one may have taken its path since, so it and those that came
 * after it are looked for in the folder, under any name. What is not to be found is left to line_source_continue.
 * Errors: STATUS_INVALID: one that came after it is gone, or is not known; with the reason. */
WARN_UNUSED enum status line_source_search(struct line_source *source, const struct input_identity *identity,
                                           const struct input_queue *next, struct error *ret_error);

int line_source_fd(const struct line_source *source);

/* Reads once. Only when line_source_next says LINE_PART_NONE, and the descriptor is readable.
 * Errors: STATUS_IO with the reason and the byte at which it happened. */
WARN_UNUSED enum status line_source_fill(struct line_source *source, struct error *ret_error);

/* The file is followed from now on; it must be regular. Before the first read. */
void line_source_follow(struct line_source *source);

/* Of a followed file: has all of it been read for now? Then read again in a while; the descriptor does not tell. */
bool line_source_is_waiting(const struct line_source *source);

/* Of a followed file: looks whether another file has taken its path. Several may, one after the other, while this one
 * is still being read: call it a few times a second.
 * Errors: STATUS_FULL: more than INPUT_QUEUE_MAX wait; the newest is not noted yet. */
WARN_UNUSED enum status line_source_look_around(struct line_source *source, bool *ret_is_new);

/* The files that wait. */
void line_source_queue(const struct line_source *source, struct input_queue *ret_queue);

/* Of a followed file at LINE_PART_END: begins with what comes next; lines and bytes are counted from its start. True
 * when it is another file, false when it is the same one, shortened. */
bool line_source_go_on(struct line_source *source);

/* What was appended to a renamed file after it had been taken to be complete, and will not be read. */
struct line_source_missed {
    uint64_t inode;
    int64_t offset;
    int64_t bytes; /* so far */
};

/* Of a followed file: did that happen to the file before this one? Told once for each file; ask now and then. */
bool line_source_has_missed(struct line_source *source, struct line_source_missed *ret_missed);

/* Of a followed file: is there nothing that is not read, but for a line without its newline? */
bool line_source_is_caught_up(const struct line_source *source);

/* Looks at the next part without taking it: the same answer until line_source_take or line_source_fill. */
enum line_part line_source_next(struct line_source *source, struct input_line *ret_line);

/* Takes the part that line_source_next has shown. */
void line_source_take(struct line_source *source);

/* Where the next line begins, or the one of which parts have been taken; after the end, the end. */
int64_t line_source_line(const struct line_source *source);
int64_t line_source_offset(const struct line_source *source);

#endif
