/* time_argument.h: a time as a person writes it on a command line: --from, --to.
 *
 * A time without an offset is refused: whose clock it means is not to be guessed. */
#ifndef RELAY_TIME_ARGUMENT_H
#define RELAY_TIME_ARGUMENT_H

#include "status.h"

#include <stdint.h>

/* Reads Unix milliseconds. Three ways to write them:
 *   2026-02-03T10:46:23.260+01:00   RFC 3339; a fraction of a millisecond is cut off
 *   1770112682000                   Unix milliseconds; a number that can only be seconds is refused
 *   -2h                             before `now_ms`; units ms, s, m, h, d
 * Errors: STATUS_INVALID with what is wrong and how it is written; *ret_ms is as it was. */
WARN_UNUSED enum status time_argument_read(const char *text, int64_t now_ms, int64_t *ret_ms, struct error *ret_error);

#endif
