/* url_verdict.h: may this URL be called? The same questions in the same order as a delivery meets them: the spelling of
 * the URL, its scheme, and each address that its host has. */
#ifndef RELAY_URL_VERDICT_H
#define RELAY_URL_VERDICT_H

#include "address_gate.h"
#include "bytes.h"

#include <stdbool.h>

/* Appends the answer as lines for people; true when nothing of it is refused. Asks the system's resolver, and blocks
 * while it does; connects to nothing. */
bool url_verdict_append(const struct address_gate *gate, const char *url, struct bytes *text);

#endif
