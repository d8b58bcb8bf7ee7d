/* trace_parent.h: the header that joins an event to a trace.
 * Source: W3C Trace Context level 1, section 3.2 (traceparent). */
#ifndef RELAY_TRACE_PARENT_H
#define RELAY_TRACE_PARENT_H

#include "bytes.h"

#include <stdbool.h>

enum { TRACE_PARENT_SIZE = 55 };

/* True for version-traceid-parentid-flags in lower-case hexadecimal, TRACE_PARENT_SIZE bytes: no version ff, neither id
 * all zeros. */
bool trace_parent_is_valid(struct bytes_view text);

#endif
