/* producer_reader.h: the reading half: lines of the input through the door into the ledger, or into the rejects. */
#ifndef RELAY_PRODUCER_READER_H
#define RELAY_PRODUCER_READER_H

#include "intake.h"
#include "line_source.h"
#include "producer_work.h"

#include <stdbool.h>
#include <stdint.h>

enum reader_state {
    READER_WANTS_INPUT,    /* everything read is dealt with */
    READER_IS_BLOCKED,     /* the next line is an event for which there is no room, or which may not be published yet */
    READER_HAS_REJECTED,   /* a line has gone into the rejects, and nothing is read behind it */
    READER_IS_AT_END,      /* the input has ended, and everything read is dealt with */
    READER_INPUT_FAILED,   /* see the error */
    READER_REJECTS_FAILED, /* see the error; the line it was about is not dealt with */
};

struct producer_reader;

/* Both are borrowed, and so is `source_id`. */
struct producer_reader *producer_reader_create(struct producer_work *work, struct line_source *source,
                                               enum intake_format format, const char *source_id);
void producer_reader_destroy(struct producer_reader *reader); /* NULL is fine */

/* Reads once, when it wants input and the descriptor is readable. */
enum reader_state producer_reader_fill(struct producer_reader *reader, struct error *ret_error);

/* Deals with the lines that have been read, as far as there is room. `now_ms` is Unix time, and stamps the events. */
enum reader_state producer_reader_run(struct producer_reader *reader, int64_t now_ms, bool may_publish,
                                      struct error *ret_error);

/* No more is read: a line that is half way in the rejects is taken out again. */
void producer_reader_stop(struct producer_reader *reader);

#endif
