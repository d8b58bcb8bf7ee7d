/* address_gate.h: may we connect there?
 *
 * Judges a resolved address, right before a socket is connected; so no spelling of a host name (2130706433,
 * 0x7f.1, ::ffff:127.0.0.1) and no change of a DNS answer gets around it. The order: a port that is not listed is
 * denied; then `deny`, then `allow`, then the built-in table of addresses that are no public unicast ones (the
 * special-purpose registries of IANA, RFC 6890). An IPv4 address that an IPv6 one carries (mapped, compatible,
 * NAT64, 6to4) is looked up in the IPv4 ranges of `deny` too; an IPv4 range of `allow` does not open it.
 * A gate never changes after its creation, so threads may share it. */
#ifndef RELAY_ADDRESS_GATE_H
#define RELAY_ADDRESS_GATE_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_gate;
struct sockaddr;

/* The settings `egress.*`; borrowed for the call of address_gate_create. */
struct address_gate_settings {
    bool is_http_allowed;     /* http:// besides https:// */
    const char *const *allow; /* `10.0.0.0/8`, `fd00::/8`; a bare address is a range of one */
    size_t allow_count;
    const char *const *deny;
    size_t deny_count;
    const uint16_t *ports; /* none: any port */
    size_t port_count;
};

/* Errors: STATUS_INVALID for a range that is none, with what was expected; *ret_gate is NULL then. */
WARN_UNUSED enum status address_gate_create(const struct address_gate_settings *settings,
                                            struct address_gate **ret_gate, struct error *ret_error);
void address_gate_destroy(struct address_gate *gate); /* NULL is fine */

/* Errors: STATUS_INVALID when `text` is no range as above, with what was expected. For the settings' own check. */
WARN_UNUSED enum status address_gate_check_range(const char *text, struct error *ret_error);

enum { ADDRESS_RULE_MAX = 80 };

struct address_verdict {
    bool is_allowed;
    char rule[ADDRESS_RULE_MAX]; /* what decided: `127.0.0.0/8 (built in)`, `10.1.0.0/16 (egress.deny)`, … */
};

/* `socket_address` is AF_INET or AF_INET6 with its port; any other family is denied. */
struct address_verdict address_gate_check(const struct address_gate *gate, const struct sockaddr *socket_address);

/* By the scheme alone: https:// always, http:// if the settings say so, anything else never. */
bool address_gate_allows_scheme(const struct address_gate *gate, const char *url);

#endif
