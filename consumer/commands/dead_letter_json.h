/* dead_letter_json.h: a dead letter as one JSON line, for programs. Pure.
 *
 * A text that is not UTF-8 stands under its name and `_base64`. */
#ifndef RELAY_DEAD_LETTER_JSON_H
#define RELAY_DEAD_LETTER_JSON_H

#include "bytes.h"
#include "dead_letter_facts.h"
#include "record_decode.h"

enum { DEAD_LETTER_JSON_VALUE_MAX = 65535 }; /* bytes of a value that cannot be read */

/* For `list`: position, timestamp, key, tenant, ce_id, ce_type, origin, then every dl_ header as the text that it is.
 * Appends one line with its end. */
void dead_letter_json_append_line(struct bytes *out, const struct dead_letter_facts *facts);

/* For `show`: position, timestamp, key, tenant, headers (all of them, in order), value_bytes; then `event`, the
 * canonical JSON to the byte, last; or, for one that cannot be read, `rule`, `pointer` and `value_base64`, with
 * `value_cut` true when it is the beginning only. Appends one line with its end. */
void dead_letter_json_append_letter(struct bytes *out, const struct dead_letter_facts *facts,
                                    const struct decoded_record *decoded);

#endif
