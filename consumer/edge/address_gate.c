#include "address_gate.h"

#include "bytes.h"
#include "check.h"
#include "memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { RANGE_TEXT_MAX = INET6_ADDRSTRLEN + 4 };

/* An address; of an IPv4 one the first 4 bytes count. */
struct address {
    int family;
    uint8_t bytes[16];
};

struct range {
    struct address first;
    unsigned prefix; /* bits */
    char text[RANGE_TEXT_MAX];
};

struct ranges {
    struct range *items;
    size_t count;
};

struct address_gate {
    bool is_http_allowed;
    struct ranges allow;
    struct ranges deny;
    struct ranges not_public; /* the table, IPv4 and IPv6 */
    struct range public_ipv6; /* outside of it nothing is */
    uint16_t *ports;
    size_t port_count;
};

/* IANA's special-purpose registries (RFC 6890 and its successors), multicast and the reserved class E. */
static const char *const not_public[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "2001::/23",     "2001:db8::/32",   "2002::/16",      "3fff::/20",
};

static const char public_ipv6[] = "2000::/3";

/* ---- ranges ---- */

static unsigned family_bits(int family)
{
    return family == AF_INET ? 32 : 128;
}

static bool bit_at(const uint8_t *bytes, unsigned index)
{
    return (bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

static bool range_has(const struct range *range, const struct address *address)
{
    unsigned whole = range->prefix / 8;

    if (range->first.family != address->family || memcmp(range->first.bytes, address->bytes, whole) != 0) {
        return false;
    }
    for (unsigned i = whole * 8; i < range->prefix; i++) {
        if (bit_at(range->first.bytes, i) != bit_at(address->bytes, i)) {
            return false;
        }
    }
    return true;
}

static bool has_bits_after(const struct address *address, unsigned prefix)
{
    for (unsigned i = prefix; i < family_bits(address->family); i++) {
        if (bit_at(address->bytes, i)) {
            return true;
        }
    }
    return false;
}

static enum status range_parse(const char *text, struct range *ret_range, struct error *ret_error)
{
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    char address[INET6_ADDRSTRLEN] = "";
    int64_t prefix;

    *ret_range = (struct range){.prefix = 0};
    if (size < sizeof(address)) {
        memcpy(address, text, size);
    }
    ret_range->first.family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
    if (inet_pton(ret_range->first.family, address, ret_range->first.bytes) != 1) {
        return error_set(ret_error, STATUS_INVALID,
                         "\"%.60s\" is no range of addresses; write it like 10.0.0.0/8 or fd00::/8", text);
    }
    prefix = family_bits(ret_range->first.family);
    if (slash != NULL && (bytes_view_to_int64(bytes_view_of_text(slash + 1), &prefix) != STATUS_OK || prefix < 0 ||
                          prefix > family_bits(ret_range->first.family))) {
        return error_set(ret_error, STATUS_INVALID, "\"%.60s\" has no prefix of 0 to %u after the /", text,
                         family_bits(ret_range->first.family));
    }
    ret_range->prefix = (unsigned)prefix;
    if (has_bits_after(&ret_range->first, ret_range->prefix)) {
        return error_set(ret_error, STATUS_INVALID,
                         "\"%.60s\" has bits of the address set after its first %u; clear them, or write a longer "
                         "prefix",
                         text, ret_range->prefix);
    }
    snprintf(ret_range->text, sizeof(ret_range->text), "%s/%u", address, ret_range->prefix);
    return STATUS_OK;
}

static enum status ranges_parse(const char *const *texts, size_t count, struct ranges *ret_ranges,
                                struct error *ret_error)
{
    ret_ranges->items = memory_alloc(count == 0 ? 1 : count, sizeof(struct range));
    ret_ranges->count = count;
    for (size_t i = 0; i < count; i++) {
        enum status status = range_parse(texts[i], &ret_ranges->items[i], ret_error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static const struct range *ranges_find(const struct ranges *ranges, const struct address *address)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (range_has(&ranges->items[i], address)) {
            return &ranges->items[i];
        }
    }
    return NULL;
}

/* ---- addresses ---- */

/* The port, or -1 for a family that is none of ours. */
static int32_t read_address(const struct sockaddr *from, struct address *ret_address)
{
    *ret_address = (struct address){.family = from->sa_family};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in ipv4;

        memcpy(&ipv4, from, sizeof(ipv4));
        memcpy(ret_address->bytes, &ipv4.sin_addr, 4);
        return ntohs(ipv4.sin_port);
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;

        memcpy(&ipv6, from, sizeof(ipv6));
        memcpy(ret_address->bytes, &ipv6.sin6_addr, 16);
        return ntohs(ipv6.sin6_port);
    }
    return -1;
}

/* The IPv4 address inside an IPv6 one: mapped and compatible (RFC 4291 section 2.5.5), NAT64 (RFC 6052 section 2.1,
 * RFC 8215, as far as they stand in the last 32 bits), 6to4 (RFC 3056 section 2). */
static bool embedded_ipv4(const struct address *address, struct address *ret_ipv4)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t compatible[12] = {0};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t nat64_local[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
    const uint8_t *bytes = address->bytes;
    size_t start;

    if (address->family != AF_INET6) {
        return false;
    }
    if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, compatible, 12) == 0 || memcmp(bytes, nat64, 12) == 0 ||
        memcmp(bytes, nat64_local, 6) == 0) {
        start = 12;
    } else if (bytes[0] == 0x20 && bytes[1] == 0x02) {
        start = 2;
    } else {
        return false;
    }
    *ret_ipv4 = (struct address){.family = AF_INET};
    memcpy(ret_ipv4->bytes, bytes + start, 4);
    return true;
}

static bool is_port_allowed(const struct address_gate *gate, int32_t port)
{
    for (size_t i = 0; i < gate->port_count; i++) {
        if (gate->ports[i] == port) {
            return true;
        }
    }
    return gate->port_count == 0;
}

static const struct range *find_denied(const struct address_gate *gate, const struct address *address)
{
    struct address ipv4;
    const struct range *range = ranges_find(&gate->deny, address);

    return range == NULL && embedded_ipv4(address, &ipv4) ? ranges_find(&gate->deny, &ipv4) : range;
}

static struct address_verdict verdict_of(bool is_allowed, const char *what, const char *by)
{
    struct address_verdict verdict = {.is_allowed = is_allowed};

    snprintf(verdict.rule, sizeof(verdict.rule), "%s (%s)", what, by);
    return verdict;
}

struct address_verdict address_gate_check(const struct address_gate *gate, const struct sockaddr *socket_address)
{
    struct address address;
    int32_t port = read_address(socket_address, &address);
    const struct range *range;

    if (port < 0) {
        return verdict_of(false, "neither IPv4 nor IPv6", "built in");
    }
    if (!is_port_allowed(gate, port)) {
        char text[16];

        snprintf(text, sizeof(text), "port %d", port);
        return verdict_of(false, text, "egress.ports");
    }
    if ((range = find_denied(gate, &address)) != NULL) {
        return verdict_of(false, range->text, "egress.deny");
    }
    if ((range = ranges_find(&gate->allow, &address)) != NULL) {
        return verdict_of(true, range->text, "egress.allow");
    }
    if ((range = ranges_find(&gate->not_public, &address)) != NULL) {
        return verdict_of(false, range->text, "built in");
    }
    if (address.family == AF_INET6 && !range_has(&gate->public_ipv6, &address)) {
        return verdict_of(false, "outside of 2000::/3", "built in");
    }
    return verdict_of(true, "public", "built in");
}

bool address_gate_allows_scheme(const struct address_gate *gate, const char *url)
{
    return strncasecmp(url, "https://", 8) == 0 || (gate->is_http_allowed && strncasecmp(url, "http://", 7) == 0);
}

enum status address_gate_check_range(const char *text, struct error *ret_error)
{
    struct range range;

    return range_parse(text, &range, ret_error);
}

enum status address_gate_create(const struct address_gate_settings *settings, struct address_gate **ret_gate,
                                struct error *ret_error)
{
    struct address_gate *gate = memory_alloc(1, sizeof(*gate));
    enum status status = ranges_parse(settings->allow, settings->allow_count, &gate->allow, ret_error);

    if (status == STATUS_OK) {
        status = ranges_parse(settings->deny, settings->deny_count, &gate->deny, ret_error);
    }
    if (status != STATUS_OK) {
        address_gate_destroy(gate);
        *ret_gate = NULL;
        return status;
    }
    CHECK(ranges_parse(not_public, ARRAY_COUNT(not_public), &gate->not_public, NULL) == STATUS_OK);
    CHECK(range_parse(public_ipv6, &gate->public_ipv6, NULL) == STATUS_OK);
    gate->is_http_allowed = settings->is_http_allowed;
    gate->port_count = settings->port_count;
    if (settings->port_count > 0) {
        gate->ports = memory_alloc(settings->port_count, sizeof(uint16_t));
        memcpy(gate->ports, settings->ports, settings->port_count * sizeof(uint16_t));
    }
    *ret_gate = gate;
    return STATUS_OK;
}

void address_gate_destroy(struct address_gate *gate)
{
    if (gate != NULL) {
        free(gate->allow.items);
        free(gate->deny.items);
        free(gate->not_public.items);
        free(gate->ports);
        free(gate);
    }
}
