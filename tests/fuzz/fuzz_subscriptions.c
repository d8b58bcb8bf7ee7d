/* A subscriptions file, and the request that each of its subscriptions would make. */
#include "check.h"
#include "error_list.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "log.h"
#include "route_table.h"
#include "signer.h"
#include "subscription_rules.h"
#include "subscriptions_file.h"
#include "webhook_request.h"

#include <stdlib.h>
#include <string.h>

/* libyaml's events, the tree and the set: a multiple of the text, which is bounded itself (yaml_tree.h). */
enum { SUBSCRIPTIONS_FACTOR = 256, SUBSCRIPTIONS_FIXED = 512 * 1024 };

static const char secret[] = "whsec_ZW52LXNlY3JldC0wMTIzNDU2Nzg5LWFiY2RlZg==";

/* What the environment brings is never part of a message. (A loop: libFuzzer would learn the secret from strstr.) */
static bool holds_secret(const char *line)
{
    size_t same = 0;

    for (; *line != '\0' && same < 12; line++) {
        same = *line == secret[6 + same] ? same + 1 : *line == secret[6];
    }
    return same == 12;
}

static void check_errors(const struct error_list *errors)
{
    CHECK(errors->total > 0);
    for (size_t i = 0; i < errors->count; i++) {
        size_t size = strlen(errors->lines[i]);
        CHECK(size > 0 && size < ERROR_TEXT_MAX);
        CHECK(!holds_secret(errors->lines[i]));
        for (size_t at = 0; at < size; at++) {
            CHECK((uint8_t)errors->lines[i][at] >= 0x20 && errors->lines[i][at] != 0x7f);
        }
    }
}

/* Nothing of a subscription can end a line of the request's head or begin another. */
static void check_fields(const struct webhook_request *request)
{
    for (const char *at = request->url; *at != '\0'; at++) {
        CHECK((uint8_t)*at > 0x20 && (uint8_t)*at < 0x7f);
    }
    for (size_t i = 0; i < request->field_count; i++) {
        struct bytes_view name = request->fields[i].name;
        struct bytes_view value = request->fields[i].value;
        CHECK(name.size > 0 && value.size > 0);
        for (size_t at = 0; at < name.size; at++) {
            CHECK(name.data[at] > 0x20 && name.data[at] < 0x7f && name.data[at] != ':');
        }
        for (size_t at = 0; at < value.size; at++) {
            CHECK((value.data[at] >= 0x20 || value.data[at] == '\t') && value.data[at] != 0x7f);
        }
    }
}

static void check_request(const struct subscription *subscription, struct signer *signer)
{
    struct signer_message message = {BYTES_LITERAL("msg_1"), 1700000000, BYTES_LITERAL("{}")};
    struct bytes signatures = {0};
    struct webhook_request request;

    signer_sign_all(signer, subscription->http.secrets, subscription->http.secret_count, &message, &signatures);
    struct webhook_attempt attempt = {.subscription = subscription,
                                      .event_tenant = subscription->tenant,
                                      .key_tenant = subscription->tenant,
                                      .id = message.id,
                                      .timestamp_s = message.timestamp_s,
                                      .signatures = bytes_as_view(&signatures)};
    CHECK(webhook_request_build(&attempt, &request, NULL) == STATUS_OK);
    check_fields(&request);
    CHECK(strcmp(request.url, subscription->http.url) == 0);
    bytes_free(&signatures);
}

static void check_http(const struct http_target *http, const struct subscriptions_rules *rules)
{
    CHECK(subscription_rules_check_url(bytes_view_of_text(http->url), rules->egress_http, NULL) == STATUS_OK);
    CHECK(http->secret_count <= SUBSCRIPTION_SECRETS_MAX && http->header_count <= SUBSCRIPTION_HEADERS_MAX);
    CHECK(http->is_unsigned == (http->secret_count == 0));
    CHECK(http->timeout_ms > 0 && http->timeout_ms <= SUBSCRIPTION_TIMEOUT_MAX_MS);
    CHECK(http->max_in_flight > 0 && http->max_in_flight <= SUBSCRIPTION_IN_FLIGHT_MAX);
}

static void check_subscription(const struct subscription *subscription)
{
    CHECK(subscription_rules_check_id(bytes_view_of_text(subscription->id), NULL) == STATUS_OK);
    CHECK(subscription->tenant >= 1);
    CHECK(subscription->events_mask != 0 && subscription->events_mask >> EVENT_TYPE_COUNT == 0);
    CHECK(subscription->where_status_mask >> INCIDENT_STATUS_COUNT == 0);
    CHECK(subscription->where_severity_mask >> SEVERITY_COUNT == 0);
}

static void check_routes(const struct subscription_set *set)
{
    struct route_table *table = route_table_create(set);

    for (size_t i = 0; i < set->count; i++) {
        struct incident_event event = {.type = i % 2 == 0 ? EVENT_TYPE_CREATE : EVENT_TYPE_UPDATED};
        const uint32_t *matches;
        size_t next = 0;
        event.incident.tenant_id = set->items[i].tenant;
        event.incident.severity = (enum severity)(i % SEVERITY_COUNT);
        size_t count = route_table_match(table, &event, &matches);
        for (size_t j = 0; j < set->count; j++) {
            bool is_match = set->items[j].enabled && subscription_matches(&set->items[j], &event);
            CHECK(is_match == (next < count && matches[next] == j));
            next += is_match ? 1 : 0;
        }
        CHECK(next == count);
    }
    route_table_destroy(table);
}

static void check_set(const struct subscription_set *set, const struct subscriptions_rules *rules)
{
    static struct signer *signer;

    if (signer == NULL) {
        signer = signer_create();
    }
    for (size_t i = 0; i < set->count; i++) {
        check_subscription(&set->items[i]);
        if (set->items[i].sink == SINK_HTTP) {
            check_http(&set->items[i].http, rules);
            check_request(&set->items[i], signer);
        }
        CHECK(subscription_set_find(set, set->items[i].id) == &set->items[i]);
    }
    check_routes(set);
}

static uint64_t load(const char *path, const struct subscriptions_rules *rules, size_t size)
{
    struct subscription_set *set = NULL;
    struct error_list errors = {0};
    uint64_t hash = 0;

    fuzz_allocation_start();
    enum status status = subscriptions_file_load(path, rules, &set, &errors);
    fuzz_allocation_check_bound(size, SUBSCRIPTIONS_FACTOR, SUBSCRIPTIONS_FIXED);
    CHECK((status == STATUS_OK) == (set != NULL));
    if (set == NULL) {
        check_errors(&errors);
    } else {
        CHECK(errors.total == 0);
        check_set(set, rules);
        hash = set->hash;
    }
    subscription_set_destroy(set);
    error_list_free(&errors);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct subscriptions_rules strict = {.check_key = signer_check_key};
    static const struct subscriptions_rules lenient = {
        .allow_inline_secrets = true, .egress_http = true, .check_key = signer_check_key};
    const char *path = fuzz_input_file(bytes_view_of(data, size));

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    setenv("RELAY_SECRET", secret, 1);
    uint64_t strict_hash = load(path, &strict, size);
    uint64_t hash = load(path, &lenient, size);
    /* What the strict rules take the others take too, and as the same. */
    CHECK(strict_hash == 0 || strict_hash == hash);
    return 0;
}
