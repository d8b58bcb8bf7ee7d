#include "url_verdict.h"

#include "check.h"
#include "memory.h"
#include "status.h"
#include "subscription_rules.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct target {
    char *host;
    char *port;
};

/* Of a URL that subscription_rules_check_url has passed. */
static struct target target_of(const char *url)
{
    const char *authority = strstr(url, "://") + 3;
    size_t size = strcspn(authority, "/?#");
    const char *end = authority + size;
    bool is_bracketed = authority[0] == '[';
    const char *host = authority + (is_bracketed ? 1 : 0);
    size_t host_size = strcspn(host, is_bracketed ? "]" : ":/?#");
    const char *colon = host + host_size + (is_bracketed ? 1 : 0);
    struct bytes_view port = BYTES_LITERAL("443");
    if (colon < end) {
        port = bytes_view_of(colon + 1, (size_t)(end - colon) - 1);
    } else if (strncasecmp(url, "http:", 5) == 0) {
        port = BYTES_LITERAL("80");
    }
    return (struct target){bytes_view_to_text(bytes_view_of(host, host_size)), bytes_view_to_text(port)};
}

static bool append_address(const struct address_gate *gate, const struct addrinfo *found, const char *port,
                           struct bytes *text)
{
    char address[NI_MAXHOST] = "?";
    struct address_verdict verdict = address_gate_check(gate, found->ai_addr);
    CHECK(getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) == 0);
    bytes_append_format(text, "  %s port %s: %s by %s\n", address, port, verdict.is_allowed ? "allowed" : "refused",
                        verdict.rule);
    return verdict.is_allowed;
}

static bool append_addresses(const struct address_gate *gate, const struct target *target, struct bytes *text)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    bool is_allowed = true;
    int answer = getaddrinfo(target->host, target->port, &hints, &found);
    if (answer != 0) {
        bytes_append_format(text, "  host %s: no address: %s\n", target->host, gai_strerror(answer));
        return false;
    }
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        is_allowed = append_address(gate, each, target->port, text) && is_allowed;
    }
    freeaddrinfo(found);
    return is_allowed;
}

static bool append_verdicts(const struct address_gate *gate, const char *url, struct bytes *text)
{
    struct error error;
    if (subscription_rules_check_url(bytes_view_of_text(url), true, &error) != STATUS_OK) {
        bytes_append_format(text, "  the URL %s\n", error.text);
        return false;
    }
    bool is_allowed = address_gate_allows_scheme(gate, url);
    bytes_append_format(text, "  scheme %.*s: %s\n", (int)strcspn(url, ":"), url,
                        is_allowed ? "allowed" : "refused by egress.http (false)");
    struct target target = target_of(url);
    is_allowed = append_addresses(gate, &target, text) && is_allowed;
    free(target.host);
    free(target.port);
    return is_allowed;
}

bool url_verdict_append(const struct address_gate *gate, const char *url, struct bytes *text)
{
    struct bytes verdicts = {0};
    bool is_allowed = append_verdicts(gate, url, &verdicts);
    bytes_append_format(text, "%s: %s\n", url, is_allowed ? "allowed" : "refused");
    bytes_append_view(text, bytes_as_view(&verdicts));
    bytes_free(&verdicts);
    return is_allowed;
}
