#include "subscription_rules.h"

#include "check.h"
#include "subscription.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alphanumeric(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static bool starts_with(struct bytes_view view, const char *prefix)
{
    size_t size = strlen(prefix);

    return view.size >= size && strncasecmp((const char *)view.data, prefix, size) == 0;
}

/* A byte as a message shows it: `" "`, or 0x0a where it cannot be seen. */
static const char *byte_text(uint8_t c, char ret_text[8])
{
    if (c > 0x20 && c < 0x7f) {
        snprintf(ret_text, 8, "'%c'", c);
    } else {
        snprintf(ret_text, 8, "0x%02x", c);
    }
    return ret_text;
}

enum status subscription_rules_check_id(struct bytes_view id, struct error *ret_error)
{
    char shown[8];

    if (id.size == 0) {
        return error_set(ret_error, STATUS_INVALID, "an id is not empty; write 1 to 64 letters, digits, - _ .");
    }
    if (id.size > SUBSCRIPTION_ID_MAX) {
        return error_set(ret_error, STATUS_INVALID, "has %zu bytes; an id has at most %d", id.size,
                         SUBSCRIPTION_ID_MAX);
    }
    for (size_t i = 0; i < id.size; i++) {
        if (!is_alphanumeric(id.data[i]) && !is_one_of(id.data[i], "-_.")) {
            return error_set(ret_error, STATUS_INVALID, "%s may not stand in an id; write letters, digits, - _ . only",
                             byte_text(id.data[i], shown));
        }
    }
    return STATUS_OK;
}

/* The size of the scheme at the start (RFC 3986 section 3.1), or 0 when there is none. */
static size_t url_scheme_size(struct bytes_view url)
{
    size_t size = 0;

    while (size < url.size && (is_alphanumeric(url.data[size]) || is_one_of(url.data[size], "+-."))) {
        size++;
    }
    /* `crm.example:8443/hooks` has a colon too, but is a host and a port. */
    if (size == 0 || is_digit(url.data[0]) || url.size - size < 3 || memcmp(url.data + size, "://", 3) != 0) {
        return 0;
    }
    return size;
}

static enum status check_scheme(struct bytes_view url, bool allow_http, size_t *ret_size, struct error *ret_error)
{
    size_t size = url_scheme_size(url);
    struct bytes_view scheme = bytes_view_slice(url, 0, size);

    if (size == 0) {
        return error_set(ret_error, STATUS_INVALID,
                         "has no scheme; write the whole URL, like https://crm.example/hooks");
    }
    if (size == 4 && starts_with(scheme, "http")) {
        if (!allow_http) {
            return error_set(ret_error, STATUS_INVALID,
                             "is http, not https; write https://, or allow it with the setting egress.http: true");
        }
    } else if (size != 5 || !starts_with(scheme, "https")) {
        return error_set(ret_error, STATUS_INVALID, "has the scheme \"%.*s\"; write https://",
                         size > 16 ? 16 : (int)size, (const char *)scheme.data);
    }
    *ret_size = size;
    return STATUS_OK;
}

static enum status check_port(struct bytes_view port, struct error *ret_error)
{
    int64_t number = 0;

    for (size_t i = 0; i < port.size; i++) {
        number = is_digit(port.data[i]) && number <= UINT16_MAX ? number * 10 + (port.data[i] - '0') : INT32_MAX;
    }
    if (number < 1 || number > UINT16_MAX || port.data[0] == '0') {
        return error_set(
            ret_error, STATUS_INVALID,
            "has a port that is not a number from 1 to 65535; write it after the host's colon, or leave the "
            "colon out");
    }
    return STATUS_OK;
}

static enum status check_host_name(struct bytes_view host, struct error *ret_error)
{
    char shown[8];

    if (host.size > 253 || host.data[0] == '.') {
        return error_set(ret_error, STATUS_INVALID, "has a host that is no name (at most 253 bytes, no empty label)");
    }
    for (size_t i = 0; i < host.size; i++) {
        if (!is_alphanumeric(host.data[i]) && !is_one_of(host.data[i], "-_.")) {
            return error_set(ret_error, STATUS_INVALID,
                             "has %s in its host; a host is letters, digits, - _ . (an international name in its xn-- "
                             "form) or an address",
                             byte_text(host.data[i], shown));
        }
        if (i > 0 && host.data[i] == '.' && host.data[i - 1] == '.') {
            return error_set(ret_error, STATUS_INVALID,
                             "has a host that is no name (at most 253 bytes, no empty label)");
        }
    }
    return STATUS_OK;
}

static enum status check_host_ipv6(struct bytes_view address, struct error *ret_error)
{
    char text[INET6_ADDRSTRLEN + 1] = "";
    struct in6_addr parsed;

    if (address.size > 0 && address.size < sizeof(text)) {
        memcpy(text, address.data, address.size);
        text[address.size] = '\0';
    }
    if (inet_pton(AF_INET6, text, &parsed) != 1) {
        return error_set(ret_error, STATUS_INVALID, "has no IPv6 address between [ and ]; write it like [2001:db8::1]");
    }
    return STATUS_OK;
}

static enum status check_authority(struct bytes_view authority, struct error *ret_error)
{
    size_t host_end = 0;
    enum status status;

    if (authority.size == 0) {
        return error_set(ret_error, STATUS_INVALID, "has no host; write it after the //");
    }
    if (memchr(authority.data, '@', authority.size) != NULL) {
        return error_set(ret_error, STATUS_INVALID,
                         "has a user name or password in it; send it with headers, like {authorization: env:NAME}");
    }
    if (authority.data[0] == '[') {
        const uint8_t *end = memchr(authority.data, ']', authority.size);
        size_t size = end == NULL ? 0 : (size_t)(end - authority.data) - 1;

        status = check_host_ipv6(bytes_view_slice(authority, 1, size), ret_error);
        host_end = size + 2;
    } else {
        const uint8_t *colon = memchr(authority.data, ':', authority.size);

        host_end = colon == NULL ? authority.size : (size_t)(colon - authority.data);
        if (host_end == 0) {
            return error_set(ret_error, STATUS_INVALID, "has no host; write it after the //");
        }
        status = check_host_name(bytes_view_slice(authority, 0, host_end), ret_error);
    }
    if (status != STATUS_OK || host_end == authority.size) {
        return status;
    }
    if (authority.data[host_end] != ':' || host_end + 1 == authority.size) {
        return check_port(BYTES_LITERAL("0"), ret_error);
    }
    return check_port(bytes_view_slice(authority, host_end + 1, authority.size - host_end - 1), ret_error);
}

/* Path and query: unreserved, sub-delims, ':', '@', '/', '?', and percent-encoded bytes (RFC 3986 sections 3.3, 3.4).
 */
static enum status check_path(struct bytes_view url, size_t start, struct error *ret_error)
{
    char shown[8];

    for (size_t i = start; i < url.size; i++) {
        uint8_t c = url.data[i];

        if (c == '%') {
            if (url.size - i < 3 || !is_hex(url.data[i + 1]) || !is_hex(url.data[i + 2])) {
                return error_set(ret_error, STATUS_INVALID,
                                 "has a %% at byte %zu without two hexadecimal digits after it; write %%25 for the %% "
                                 "itself",
                                 i);
            }
        } else if (c == '#') {
            return error_set(ret_error, STATUS_INVALID,
                             "has a fragment at byte %zu, which is never sent; leave it out, or write %%23 for the # "
                             "itself",
                             i);
        } else if (!is_alphanumeric(c) && !is_one_of(c, "-._~!$&'()*+,;=:@/?")) {
            return error_set(ret_error, STATUS_INVALID,
                             "has %s at byte %zu, which may not stand in a URL; write %%%02X", byte_text(c, shown), i,
                             c);
        }
    }
    return STATUS_OK;
}

enum status subscription_rules_check_url(struct bytes_view url, bool allow_http, struct error *ret_error)
{
    size_t scheme_size = 0;
    size_t end;
    enum status status;

    if (url.size > SUBSCRIPTION_URL_MAX) {
        return error_set(ret_error, STATUS_INVALID, "has %zu bytes; a URL has at most %d", url.size,
                         SUBSCRIPTION_URL_MAX);
    }
    status = check_scheme(url, allow_http, &scheme_size, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    for (end = scheme_size + 3; end < url.size && !is_one_of(url.data[end], "/?#"); end++) {
    }
    status = check_authority(bytes_view_slice(url, scheme_size + 3, end - scheme_size - 3), ret_error);
    return status == STATUS_OK ? check_path(url, end, ret_error) : status;
}

/* Written by the relay for every request: a second one would contradict it. */
static const char *const relay_headers[] = {"content-type", "user-agent", "host", "traceparent"};

/* They say how the message is cut out of the connection (RFC 9110 section 7.6.1, RFC 9112): a wrong one lets a
 * subscriber smuggle a second request. */
static const char *const framing_headers[] = {"connection",     "content-length", "expect",
                                              "http2-settings", "keep-alive",     "te",
                                              "trailer",        "upgrade",        "transfer-encoding"};

static bool is_named(struct bytes_view name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (name.size == strlen(names[i]) && starts_with(name, names[i])) {
            return true;
        }
    }
    return false;
}

enum status subscription_rules_check_header_name(struct bytes_view name, struct error *ret_error)
{
    char shown[8];

    if (name.size == 0 || name.size > SUBSCRIPTION_HEADER_NAME_MAX) {
        return error_set(ret_error, STATUS_INVALID, "a header's name has 1 to %d bytes", SUBSCRIPTION_HEADER_NAME_MAX);
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\r' || name.data[i] == '\n') {
            return error_set(ret_error, STATUS_INVALID,
                             "a header's name has a line break in it; write one header per line");
        }
        if (!is_alphanumeric(name.data[i]) && !is_one_of(name.data[i], "!#$%&'*+-.^_`|~")) {
            return error_set(ret_error, STATUS_INVALID,
                             "%s may not stand in a header's name; write letters, digits and - only, like x-team",
                             byte_text(name.data[i], shown));
        }
    }
    if (is_named(name, relay_headers, ARRAY_COUNT(relay_headers))) {
        return error_set(ret_error, STATUS_INVALID, "is set by the relay itself; leave it out");
    }
    if (is_named(name, framing_headers, ARRAY_COUNT(framing_headers)) || starts_with(name, "proxy-")) {
        return error_set(ret_error, STATUS_INVALID, "is a header of the connection, not of the event; leave it out");
    }
    if (starts_with(name, "webhook-")) {
        return error_set(ret_error, STATUS_INVALID,
                         "names with webhook- belong to the signature; write another name, like x-%.*s", (int)name.size,
                         (const char *)name.data);
    }
    return STATUS_OK;
}

enum status subscription_rules_check_header_value(struct bytes_view value, struct error *ret_error)
{
    if (value.size == 0) {
        return error_set(ret_error, STATUS_INVALID, "the value is empty; write one, or leave the header out");
    }
    if (value.size > SUBSCRIPTION_HEADER_VALUE_MAX) {
        return error_set(ret_error, STATUS_INVALID, "the value has %zu bytes; a header's value has at most %d",
                         value.size, SUBSCRIPTION_HEADER_VALUE_MAX);
    }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];

        if (c == '\r' || c == '\n') {
            return error_set(ret_error, STATUS_INVALID,
                             "the value has a line break at byte %zu; a header's value is one line", i);
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return error_set(ret_error, STATUS_INVALID,
                             "the value has the control character 0x%02x at byte %zu; leave it out", c, i);
        }
    }
    if (is_one_of(value.data[0], " \t") || is_one_of(value.data[value.size - 1], " \t")) {
        return error_set(ret_error, STATUS_INVALID,
                         "the value begins or ends with white space, which would not arrive; leave it out");
    }
    return STATUS_OK;
}

enum status subscription_rules_check_topic(struct bytes_view topic, struct error *ret_error)
{
    char shown[8];

    if (topic.size == 0 || topic.size > SUBSCRIPTION_TOPIC_MAX) {
        return error_set(ret_error, STATUS_INVALID, "has %zu bytes; a topic's name has 1 to %d", topic.size,
                         SUBSCRIPTION_TOPIC_MAX);
    }
    for (size_t i = 0; i < topic.size; i++) {
        if (!is_alphanumeric(topic.data[i]) && !is_one_of(topic.data[i], "._-")) {
            return error_set(ret_error, STATUS_INVALID,
                             "%s may not stand in a topic's name; write letters, digits, . _ - only",
                             byte_text(topic.data[i], shown));
        }
    }
    if (bytes_view_equal_text(topic, ".") || bytes_view_equal_text(topic, "..")) {
        return error_set(ret_error, STATUS_INVALID, "dots alone are no topic's name; write letters, digits, . _ -");
    }
    return STATUS_OK;
}

enum status subscription_rules_check_path(struct bytes_view path, struct error *ret_error)
{
    if (path.size == 0) {
        return error_set(ret_error, STATUS_INVALID,
                         "a path is not empty; write a file's, like /var/lib/relay/2050.ndjson");
    }
    if (path.size > SUBSCRIPTION_PATH_MAX) {
        return error_set(ret_error, STATUS_INVALID, "has %zu bytes; a path has at most %d", path.size,
                         SUBSCRIPTION_PATH_MAX);
    }
    if (path.data[path.size - 1] == '/') {
        return error_set(ret_error, STATUS_INVALID, "ends with / and so names a folder; write a file's path");
    }
    return STATUS_OK;
}
