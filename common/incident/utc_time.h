/* utc_time.h: RFC 3339 timestamps in, the two spellings of the event out.
 *
 * Stricter than RFC 3339 where the event's contract is: upper-case `T` and `Z`, no second 60, an offset of at most
 * ±23:59 (`-00:00` is UTC), years 0001 to 9999 after conversion to UTC. Times are microseconds since
 * 1970-01-01T00:00:00Z, without leap seconds. */
#ifndef RELAY_UTC_TIME_H
#define RELAY_UTC_TIME_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z */
#define UTC_TIME_LEAST_US INT64_C(-62135596800000000)
#define UTC_TIME_MOST_US INT64_C(253402300799999999)

/* Reads a timestamp that fills `text` wholly. Fraction digits beyond six are cut off.
 * Errors: STATUS_INVALID. */
WARN_UNUSED enum status utc_time_parse(struct bytes_view text, int64_t *ret_us);

/* True for the years 0001 to 9999. */
bool utc_time_is_printable(int64_t us);

/* Appends the time as the event's rows have it, which is how PostgreSQL prints it: up to six fraction digits, trailing
 * zeros cut off, no point without a fraction, offset +00:00: `2026-02-03T10:46:23.26+00:00`. `us` is printable. */
void utc_time_append_row(struct bytes *bytes, int64_t us);

/* Appends a time of whole milliseconds since 1970 as `sent_at` has it: `2026-02-03T10:46:30.000Z`. It must be
 * printable. */
void utc_time_append_millis(struct bytes *bytes, int64_t ms);

/* Microseconds to the whole millisecond at or before them. */
int64_t utc_time_us_to_ms(int64_t us);

#endif
