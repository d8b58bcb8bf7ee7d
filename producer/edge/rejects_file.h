/* rejects_file.h: the lines that were not published, each with its reason, as one JSON object a line.
 *
 *   {"input":"-","line":7,"offset":4242,"bytes":613,"rule":"severity.enum","pointer":"/payload/severity",
 *    "message":"…","raw":"…"}
 *
 * `raw_base64` stands in the place of `raw` when the line is no UTF-8 or too long to hold; in the second case it is
 * written as it is read, and `bytes` comes after it.
 *
 * The file is appended to and made when the first reject comes. When a call returns STATUS_OK the operating system has
 * the whole line: it survives the end of this program, however it comes. rejects_file_sync also gets it to the disk.
 * A line is written whole or not at all: what a failed write leaves is cut off again, and where that was not possible
 * (the machine died), the next reject begins with a newline. Several programs may append to one file: each holds a
 * lock (flock(2)) while it writes a line. One that was moved away or deleted is made anew. */
#ifndef RELAY_REJECTS_FILE_H
#define RELAY_REJECTS_FILE_H

#include "bytes.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct rejects_file;

struct reject {
    const char *input; /* the path as given, or "-" */
    int64_t line;      /* from 1 */
    int64_t offset;    /* byte at which the line begins, from 0 */
    const char *rule;
    const char *pointer;
    const char *message; /* UTF-8, as rule and pointer are */
};

/* Does not touch the file. `path` is copied. */
struct rejects_file *rejects_file_create(const char *path);
void rejects_file_destroy(struct rejects_file *rejects); /* NULL is fine; cuts off a line that was not ended */

/* Would appending work, as far as one can tell without doing it?
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status rejects_file_probe(const struct rejects_file *rejects, struct error *ret_error);

/* Writes a reject whose line is at hand; `is_text`: the line is UTF-8. Not between begin and end.
 * Errors: STATUS_IO with the reason; the file is as before. */
WARN_UNUSED enum status rejects_file_write(struct rejects_file *rejects, const struct reject *reject,
                                           struct bytes_view line, bool is_text, struct error *ret_error);

/* The same in pieces: begin, add the line's bytes, end. No other call comes between, but abandon, which cuts off what
 * was written.
 * Errors: STATUS_IO with the reason; the reject is abandoned. */
WARN_UNUSED enum status rejects_file_begin(struct rejects_file *rejects, const struct reject *reject,
                                           struct error *ret_error);
WARN_UNUSED enum status rejects_file_add(struct rejects_file *rejects, struct bytes_view bytes,
                                         struct error *ret_error);
WARN_UNUSED enum status rejects_file_end(struct rejects_file *rejects, struct error *ret_error);
void rejects_file_abandon(struct rejects_file *rejects); /* nothing begun: nothing done */
bool rejects_file_is_begun(const struct rejects_file *rejects);

/* Everything written is on the disk (fdatasync(2)).
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status rejects_file_sync(struct rejects_file *rejects, struct error *ret_error);

#endif
