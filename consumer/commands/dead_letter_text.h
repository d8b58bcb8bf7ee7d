/* dead_letter_text.h: a dead letter for a person's terminal. Pure.
 *
 * What stands in a record may have been written to do something to a terminal: nothing here passes on a control
 * character, a byte that is no text, or a mark that turns the direction of writing round. */
#ifndef RELAY_DEAD_LETTER_TEXT_H
#define RELAY_DEAD_LETTER_TEXT_H

#include "bytes.h"
#include "dead_letter_facts.h"
#include "record_decode.h"

#include <stddef.h>

enum {
    DEAD_LETTER_TEXT_VALUE_MAX = 1024, /* bytes of a key or a header's value that are shown */
    DEAD_LETTER_TEXT_DUMP_MAX = 512,   /* bytes of a value that cannot be read */
};

/* `text` with every byte but printable ASCII as \xNN, and of more than `most` bytes the beginning and `...`. */
void dead_letter_text_append_escaped(struct bytes *out, struct bytes_view text, size_t most);

/* Unix milliseconds as `2026-02-03T10:46:30.000Z`; `-` for -1; beyond the calendar the number. */
void dead_letter_text_append_time(struct bytes *out, int64_t ms);

/* One JSON value without white space outside strings, as an incident's canonical text is, over several lines with two
 * spaces for each level; no newline at its end. In strings DEL, U+0080 to U+009F and the marks of direction become \u
 * escapes. */
void dead_letter_text_append_indented(struct bytes *out, struct bytes_view json);

/* The whole letter: its place, timestamp, key, all headers in order, and the event; or why it cannot be read, and the
 * beginning of its value in hexadecimal. `decoded` is what record_decode has made of it. */
void dead_letter_text_append_letter(struct bytes *out, const char *topic, const struct dead_letter_facts *facts,
                                    const struct decoded_record *decoded);

#endif
