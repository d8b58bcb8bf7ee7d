/* offline_input.h: what the offline commands read: a file, a time, a key. */
#ifndef RELAY_OFFLINE_INPUT_H
#define RELAY_OFFLINE_INPUT_H

#include "bytes.h"
#include "signing_key.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OFFLINE_INPUT_MAX = 64 * 1024 * 1024 }; /* bytes of one file */

/* The whole file, or standard input for `-`, appended to *ret_content.
 * Errors: STATUS_NOT_FOUND, STATUS_IO with the reason; STATUS_FULL: more than OFFLINE_INPUT_MAX. */
WARN_UNUSED enum status offline_input_read(const char *path, struct bytes *ret_content, struct error *ret_error);

/* Unix seconds (`1614265330`) or RFC 3339 (`2021-02-25T15:02:10Z`; fractions are cut off); not before 1970.
 * Errors: STATUS_INVALID. */
WARN_UNUSED enum status offline_input_time(const char *text, int64_t *ret_s, struct error *ret_error);

int64_t offline_input_now(void); /* Unix seconds */

/* The key that `source` names: env:NAME or file:PATH; whoever looks at the list of processes sees command lines, so the
 * key itself is refused. `is_verifier`: a public key is taken too. A key that cannot sign is refused.
 * Free with signing_key_free. Errors: STATUS_INVALID, STATUS_NOT_FOUND, STATUS_IO; never with any of the key. */
WARN_UNUSED enum status offline_input_key(const char *source, bool is_verifier, struct signing_key *ret_key,
                                          struct error *ret_error);

#endif
