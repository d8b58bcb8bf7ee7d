#include "check.h"
#include "error_list.h"
#include "subscription_rules.h"
#include "subscriptions_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* 24 and 32 bytes; the first spells 0123456789... */
#define SECRET "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
#define OTHER_SECRET "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="

static const struct subscriptions_rules strict = {.egress_http = false};
static const struct subscriptions_rules lenient = {.allow_inline_secrets = true, .egress_http = true};

static char folder[] = "/tmp/subscriptions-XXXXXX";

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        return -1;
    }
    setenv("RELAY_SECRET", SECRET, 1);
    setenv("RELAY_OTHER_SECRET", OTHER_SECRET, 1);
    unsetenv("RELAY_NOT_SET");
    write_file("secret", SECRET "\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink("secret");
    unlink("subs.yaml");
    unlink("value");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* The set, or the errors as lines; one of the two is NULL. */
static struct subscription_set *load(const char *yaml, const struct subscriptions_rules *rules, char **ret_errors)
{
    struct subscription_set *set = NULL;
    struct error_list errors = {0};
    struct bytes lines = {0};
    enum status status;

    write_file("subs.yaml", yaml);
    status = subscriptions_file_load("subs.yaml", rules, &set, &errors);
    assert_int_equal(status == STATUS_OK, set != NULL);
    assert_int_equal(status == STATUS_OK, errors.total == 0);
    for (size_t i = 0; i < errors.count; i++) {
        bytes_append_format(&lines, "%s\n", errors.lines[i]);
    }
    *ret_errors = set == NULL ? bytes_view_to_text(bytes_as_view(&lines)) : NULL;
    error_list_free(&errors);
    bytes_free(&lines);
    return set;
}

static struct subscription_set *load_good(const char *yaml, const struct subscriptions_rules *rules)
{
    char *errors = NULL;
    struct subscription_set *set = load(yaml, rules, &errors);

    if (set == NULL) {
        fail_msg("refused:\n%s", errors);
    }
    return set;
}

static void expect_errors_with(const char *yaml, const struct subscriptions_rules *rules, const char *expected)
{
    char *errors = NULL;
    struct subscription_set *set = load(yaml, rules, &errors);

    if (set != NULL) {
        fail_msg("taken:\n%s", yaml);
    }
    assert_string_equal(errors, expected);
    assert_null(strstr(errors, "MDEy"));
    assert_null(strstr(errors, "QUJD"));
    free(errors);
}

static void expect_errors(const char *yaml, const char *expected)
{
    expect_errors_with(yaml, &strict, expected);
}

static void expect_good(const char *yaml)
{
    subscription_set_destroy(load_good(yaml, &strict));
}

/* A good subscription of six lines; what a test is about follows. */
#define HEAD                                                                                                           \
    "subscriptions:\n"                                                                                                 \
    "  - id: a\n"                                                                                                      \
    "    tenant: 7\n"
#define SINK                                                                                                           \
    "    http:\n"                                                                                                      \
    "      url: https://crm.example/hooks\n"                                                                           \
    "      secrets: [env:RELAY_SECRET]\n"
#define GOOD HEAD SINK

static void test_the_defaults(void **state)
{
    struct subscription_set *set = load_good(GOOD, &strict);
    const struct subscription *only = &set->items[0];

    (void)state;
    assert_int_equal(set->count, 1);
    assert_int_equal(set->largest_tenant, 1);
    assert_string_equal(only->id, "a");
    assert_true(only->tenant == 7);
    assert_int_equal(only->events_mask, 1U << EVENT_TYPE_CREATE | 1U << EVENT_TYPE_UPDATED);
    assert_int_equal(only->where_status_mask, 0);
    assert_int_equal(only->where_severity_mask, 0);
    assert_int_equal(only->ordering, SUBSCRIPTION_ORDERING_INCIDENT);
    assert_int_equal(only->payload_version, 1);
    assert_true(only->enabled);
    assert_string_equal(only->http.url, "https://crm.example/hooks");
    assert_string_equal(only->http.method, "POST");
    assert_int_equal(only->http.header_count, 0);
    assert_int_equal(only->http.secret_count, 1);
    assert_true(bytes_view_equal_text(bytes_as_view(&only->http.secrets[0].bytes), "012345678901234567890123"));
    assert_false(only->http.is_unsigned);
    assert_int_equal(only->http.timeout_ms, 15000);
    assert_int_equal(only->http.max_in_flight, 16);
    subscription_set_destroy(set);
}

static void test_every_key(void **state)
{
    struct subscription_set *set;
    const struct subscription *second;

    (void)state;
    setenv("RELAY_TEAM", "proctoring, night", 1);
    write_file("value", "Bearer token\n");
    set = load_good("subscriptions:\n"
                    "  - {id: first, tenant: 9223372036854775807, http: {url: 'https://a.example', unsigned: true}}\n"
                    "  - id: crm-2050_B.z\n"
                    "    tenant: 9223372036854775807\n"
                    "    events: [incident.instance.updated]\n"
                    "    where: {severity: [HIGH, LOW], status: [RESOLVED, REOPENED]}\n"
                    "    ordering: tenant\n"
                    "    payload_version: 1\n"
                    "    enabled: false\n"
                    "    http:\n"
                    "      url: https://[2001:db8::1]:8443/hooks?x=1\n"
                    "      method: PATCH\n"
                    "      headers: {x-team: env:RELAY_TEAM, Authorization: file:value, x-plain: 5}\n"
                    "      secrets: [env:RELAY_OTHER_SECRET, file:secret]\n"
                    "      unsigned: false\n"
                    "      timeout_ms: 300000\n"
                    "      max_in_flight: 1000\n",
                    &strict);
    assert_int_equal(set->count, 2);
    assert_int_equal(set->largest_tenant, 2);
    assert_true(set->items[0].http.is_unsigned);
    assert_int_equal(set->items[0].http.secret_count, 0);
    second = &set->items[1];
    assert_string_equal(second->id, "crm-2050_B.z");
    assert_true(second->tenant == INT64_MAX);
    assert_int_equal(second->events_mask, 1U << EVENT_TYPE_UPDATED);
    assert_int_equal(second->where_severity_mask, 1U << SEVERITY_HIGH | 1U << SEVERITY_LOW);
    assert_int_equal(second->where_status_mask, 1U << INCIDENT_STATUS_RESOLVED | 1U << INCIDENT_STATUS_REOPENED);
    assert_int_equal(second->ordering, SUBSCRIPTION_ORDERING_TENANT);
    assert_false(second->enabled);
    assert_string_equal(second->http.url, "https://[2001:db8::1]:8443/hooks?x=1");
    assert_string_equal(second->http.method, "PATCH");
    assert_int_equal(second->http.header_count, 3);
    assert_string_equal(second->http.headers[0].name, "x-team");
    assert_string_equal(second->http.headers[0].value, "proctoring, night");
    assert_string_equal(second->http.headers[1].name, "Authorization");
    assert_string_equal(second->http.headers[1].value, "Bearer token");
    assert_string_equal(second->http.headers[2].value, "5");
    assert_int_equal(second->http.secret_count, 2);
    assert_true(
        bytes_view_equal_text(bytes_as_view(&second->http.secrets[0].bytes), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"));
    assert_true(bytes_view_equal_text(bytes_as_view(&second->http.secrets[1].bytes), "012345678901234567890123"));
    assert_int_equal(second->http.timeout_ms, 300000);
    assert_int_equal(second->http.max_in_flight, 1000);
    subscription_set_destroy(set);
    subscription_set_destroy(load_good(HEAD "    ordering: none\n" SINK, &strict));
}

static void test_files_without_subscriptions(void **state)
{
    struct error_list errors = {0};
    struct subscription_set *set = load_good("subscriptions: []\n", &strict);

    (void)state;
    assert_int_equal(set->count, 0);
    subscription_set_destroy(set);
    expect_errors("",
                  "subs.yaml:1:1: subscriptions: the file is empty; write \"subscriptions:\" and a list under it, or "
                  "\"subscriptions: []\" for none\n");
    expect_errors("# nothing yet\n", "subs.yaml:1:1: subscriptions: the file is empty; write \"subscriptions:\" and a "
                                     "list under it, or \"subscriptions: []\" for none\n");
    expect_errors("subscriptions:\n", "subs.yaml:1:15: subscriptions: is empty; write a list of subscriptions, or [] "
                                      "where there are none\n");
    expect_errors("subscriptions: {}\n",
                  "subs.yaml:1:16: subscriptions: is a map; write a list of subscriptions, or [] "
                  "where there are none\n");
    expect_errors("{}\n", "subs.yaml:1:1: subscriptions: the key is missing; write \"subscriptions:\" and a list under "
                          "it, or \"subscriptions: []\" for none\n");
    expect_errors("[]\n", "subs.yaml:1:1: subscriptions: the key is missing: the file is a list; write "
                          "\"subscriptions:\" and a list under it, or \"subscriptions: []\" for none\n");
    expect_errors("subscription: []\n",
                  "subs.yaml:1:1: unknown key \"subscription\"; the only key of this file is subscriptions\n"
                  "subs.yaml:1:1: subscriptions: the key is missing; write \"subscriptions:\" and a list under it, or "
                  "\"subscriptions: []\" for none\n");
    assert_int_equal(subscriptions_file_load("none.yaml", &strict, &set, &errors), STATUS_NOT_FOUND);
    assert_null(set);
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.lines[1], "none.yaml: make this file, with \"subscriptions:\" and a list under it "
                                         "(\"subscriptions: []\" for none), or name another with the setting "
                                         "subscriptions.file");
    error_list_free(&errors);
    assert_int_equal(subscriptions_file_load("/", &strict, &set, &errors), STATUS_IO);
    assert_null(set);
    error_list_free(&errors);
}

static void test_two_subscriptions_with_one_id(void **state)
{
    (void)state;
    expect_errors(
        "subscriptions:\n"
        "  - {id: b, tenant: 1, http: {url: 'https://a.example', unsigned: true}}\n"
        "  - {tenant: 1, id: a, http: {url: 'https://a.example', unsigned: true}}\n"
        "  - {id: b, tenant: 2, http: {url: 'https://a.example', unsigned: true}}\n"
        "  - {id: c, tenant: 2, http: {url: 'https://a.example', unsigned: true}}\n"
        "  - {id: b, tenant: 2, http: {url: 'https://a.example', unsigned: true}}\n",
        "subs.yaml:4:10: subscriptions[2].id: \"b\" is already the id of the subscription on line 2; give each "
        "its own\n"
        "subs.yaml:6:10: subscriptions[4].id: \"b\" is already the id of the subscription on line 2; give each "
        "its own\n");
}

static void test_missing_keys(void **state)
{
    (void)state;
    expect_errors("subscriptions:\n  - {}\n",
                  "subs.yaml:2:5: subscriptions[0]: has no id; write one of its own, like id: crm-2050\n"
                  "subs.yaml:2:5: subscriptions[0]: has no tenant; write whose events it gets, like tenant: 2050\n"
                  "subs.yaml:2:5: subscriptions[0]: has no sink; write http: and under it the url and the secrets, or "
                  "kafka: and under it the topic, or file: and under it the path\n");
    expect_errors(HEAD "    http: {}\n",
                  "subs.yaml:4:11: subscriptions[0].http: has no url; write the subscriber's, like url: "
                  "https://crm.example/hooks\n"
                  "subs.yaml:4:11: subscriptions[0].http: has no secret; write secrets: [env:NAME] or [file:PATH], or "
                  "unsigned: true where nobody checks\n");
}

static void test_secret_or_unsigned(void **state)
{
    static const char url[] = HEAD "    http:\n      url: https://crm.example/hooks\n";
    static const char none[] = "subs.yaml:5:7: subscriptions[0].http: has no secret; write secrets: [env:NAME] or "
                               "[file:PATH], or unsigned: true where nobody checks\n";
    char yaml[512];

    (void)state;
    expect_errors(url, none);
    snprintf(yaml, sizeof(yaml), "%s      secrets: []\n", url);
    expect_errors(yaml, none);
    snprintf(yaml, sizeof(yaml), "%s      unsigned: false\n", url);
    expect_errors(yaml, none);
    snprintf(yaml, sizeof(yaml), "%s      unsigned: true\n      secrets: []\n", url);
    expect_good(yaml);
    expect_errors(GOOD "      unsigned: true\n", "subs.yaml:5:7: subscriptions[0].http: has secrets and says unsigned: "
                                                 "true; leave one of the two out\n");
    snprintf(yaml, sizeof(yaml), "%s      unsigned: yes\n", url);
    expect_errors(yaml, "subs.yaml:6:17: subscriptions[0].http.unsigned: \"yes\" is not true or false\n");
}

static void test_secrets_that_are_refused(void **state)
{
    static const char url[] = HEAD "    http:\n      url: https://crm.example/hooks\n";
    static const struct {
        const char *value;
        const char *message;
    } cases[] = {
        {"whsec_c2hvcnQ=", "the secret is too short: 5 bytes, at least 24 are needed; make one with: echo "
                           "whsec_$(openssl rand -base64 32)"},
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc=",
         "the secret is too long: 68 bytes, at most 64 are used; make one with: echo whsec_$(openssl rand -base64 32)"},
        {"whsec_MDEy!MzQ1",
         "what follows whsec_ is not base64 (RFC 4648, padded with =, no white space); make one with: "
         "echo whsec_$(openssl rand -base64 32)"},
        {"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "the secret does not begin with whsec_ (or whsk_, an ed25519 key); make "
                                             "one with: echo whsec_$(openssl rand -base64 32)"},
        {"whsk_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
         "a whsk_ key has 64 bytes (the seed and then the public key of ed25519), not 24"},
    };
    char yaml[512];
    char message[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(message, sizeof(message), "subs.yaml:6:17: subscriptions[0].http.secrets[0]: %s\n", cases[i].message);
        setenv("RELAY_BAD_SECRET", cases[i].value, 1);
        snprintf(yaml, sizeof(yaml), "%s      secrets: [env:RELAY_BAD_SECRET]\n", url);
        expect_errors(yaml, message);
        snprintf(yaml, sizeof(yaml), "%s      secrets: ['%s']\n", url, cases[i].value);
        expect_errors_with(yaml, &lenient, message);
    }
}

#define PAIR "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="

static enum status refuse_pairs(const struct signing_key *key, struct error *ret_error)
{
    return key->kind == SIGNING_KEY_ED25519 ? error_set(ret_error, STATUS_INVALID, "no pairs today") : STATUS_OK;
}

static void test_keys_of_both_kinds_in_order(void **state)
{
    static const char yaml[] = HEAD "    http:\n"
                                    "      url: https://crm.example/hooks\n"
                                    "      secrets: [env:RELAY_SECRET, env:RELAY_PAIR, env:RELAY_OTHER_SECRET]\n";
    static const struct subscriptions_rules checking = {.check_key = refuse_pairs};
    struct subscription_set *set;

    (void)state;
    setenv("RELAY_PAIR", PAIR, 1);
    set = load_good(yaml, &strict);
    assert_int_equal(set->items[0].http.secret_count, 3);
    assert_int_equal(set->items[0].http.secrets[0].kind, SIGNING_KEY_HMAC);
    assert_int_equal(set->items[0].http.secrets[1].kind, SIGNING_KEY_ED25519);
    assert_int_equal(set->items[0].http.secrets[1].bytes.size, 64);
    assert_int_equal(set->items[0].http.secrets[2].kind, SIGNING_KEY_HMAC);
    subscription_set_destroy(set);
    expect_errors_with(yaml, &checking, "subs.yaml:6:35: subscriptions[0].http.secrets[1]: no pairs today\n");
}

static void test_inline_secrets(void **state)
{
    static const char yaml[] = HEAD "    http:\n"
                                    "      url: https://crm.example/hooks\n"
                                    "      secrets: [env:RELAY_OTHER_SECRET, " SECRET "]\n";
    struct subscription_set *set;

    (void)state;
    expect_errors(yaml, "subs.yaml:6:41: subscriptions[0].http.secrets[1]: a secret may not stand in this file; write "
                        "env:NAME or file:PATH, or set subscriptions.allow_inline_secrets: true\n");
    set = load_good(yaml, &lenient);
    assert_int_equal(set->items[0].http.secret_count, 2);
    subscription_set_destroy(set);
}

static void test_where_secrets_come_from(void **state)
{
    static const char url[] = HEAD "    http:\n      url: https://crm.example/hooks\n";
    static const struct {
        const char *secrets;
        const char *errors;
    } cases[] = {
        {"[env:RELAY_NOT_SET]", "subs.yaml:6:17: subscriptions[0].http.secrets[0]: the environment variable "
                                "RELAY_NOT_SET is not set\n"},
        {"[file:none]", "subs.yaml:6:17: subscriptions[0].http.secrets[0]: the file none: No such file or directory\n"},
        {"[file:/]", "subs.yaml:6:17: subscriptions[0].http.secrets[0]: the file /: Is a directory\n"},
        {"[env:RELAY_SECRET, file:secret]", "subs.yaml:6:35: subscriptions[0].http.secrets[1]: is the same secret as "
                                            "one before it in this list; leave one "
                                            "out\n"},
        {"env:RELAY_SECRET", "subs.yaml:6:16: subscriptions[0].http.secrets: is a single value; write a list, like "
                             "[env:NAME] or [file:PATH]\n"},
        {"", "subs.yaml:6:15: subscriptions[0].http.secrets: is empty; write a list, like [env:NAME] or [file:PATH]\n"},
        {"[~]", "subs.yaml:6:17: subscriptions[0].http.secrets[0]: is empty; write a value, or leave it out\n"},
        {"[[env:RELAY_SECRET]]",
         "subs.yaml:6:17: subscriptions[0].http.secrets[0]: must be a single value, not a list\n"},
        {"[a, b, c, d, e, f, g, h, i]",
         "subs.yaml:6:16: subscriptions[0].http.secrets: has 9 secrets; at most 8 sign a request\n"},
    };
    char yaml[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(yaml, sizeof(yaml), "%s      secrets: %s\n", url, cases[i].secrets);
        expect_errors(yaml, cases[i].errors);
    }
    /* One newline is dropped, not two. */
    write_file("value", SECRET "\n\n");
    snprintf(yaml, sizeof(yaml), "%s      secrets: [file:value]\n", url);
    expect_errors(yaml,
                  "subs.yaml:6:17: subscriptions[0].http.secrets[0]: what follows whsec_ is not base64 (RFC 4648, "
                  "padded with =, no white space); make one with: echo whsec_$(openssl rand -base64 32)\n");
}

static void test_urls(void **state)
{
    static const struct {
        const char *url;
        const char *message;
    } cases[] = {
        {"crm.example/hooks", "has no scheme; write the whole URL, like https://crm.example/hooks"},
        {"'http://crm.example/hooks'",
         "is http, not https; write https://, or allow it with the setting egress.http: true"},
        {"'https://me:hunter2@crm.example/'",
         "has a user name or password in it; send it with headers, like {authorization: env:NAME}"},
        {"\"https://crm.example/\\r\\nx: y\"", "has 0x0d at byte 20, which may not stand in a URL; write %0D"},
        {"~", "is empty; write a value, or leave it out"},
        {"[https://crm.example/]", "must be a single value, not a list"},
    };
    char yaml[512];
    char message[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(yaml, sizeof(yaml), HEAD "    http:\n      url: %s\n      unsigned: true\n", cases[i].url);
        snprintf(message, sizeof(message), "subs.yaml:5:12: subscriptions[0].http.url: %s\n", cases[i].message);
        expect_errors(yaml, message);
    }
    subscription_set_destroy(load_good(HEAD "    http: {url: 'http://127.0.0.1:8080/x', unsigned: true}\n", &lenient));
}

static void test_headers(void **state)
{
    static const struct {
        const char *headers;
        const char *errors;
    } cases[] = {
        {"{\"x-a\\r\\nx-b\": v}",
         "subs.yaml:7:17: subscriptions[0].http.headers: \"x-a\\r\\nx-b\": a header's name has a "
         "line break in it; write one header per line\n"},
        {"{x-a: \"b\\r\\nx-c: d\"}", "subs.yaml:7:22: subscriptions[0].http.headers.x-a: the value has a line break at "
                                     "byte 1; a header's value is one line\n"},
        {"{x-a: \"b\\nx-c: d\"}",
         "subs.yaml:7:22: subscriptions[0].http.headers.x-a: the value has a line break at byte "
         "1; a header's value is one line\n"},
        {"{x-a: \"b\\x07\"}", "subs.yaml:7:22: subscriptions[0].http.headers.x-a: the value has the control character "
                              "0x07 at byte 1; leave it out\n"},
        {"{x a: b}", "subs.yaml:7:17: subscriptions[0].http.headers: \"x a\": 0x20 may not stand in a header's name; "
                     "write letters, digits and - only, like x-team\n"},
        {"{Content-Type: text/plain}", "subs.yaml:7:17: subscriptions[0].http.headers: \"Content-Type\": is set by the "
                                       "relay itself; leave it out\n"},
        {"{content-length: 5}", "subs.yaml:7:17: subscriptions[0].http.headers: \"content-length\": is a header of the "
                                "connection, not of the event; leave it out\n"},
        {"{webhook-id: x}",
         "subs.yaml:7:17: subscriptions[0].http.headers: \"webhook-id\": names with webhook- belong to "
         "the signature; write another name, like x-webhook-id\n"},
        {"{X-Team: a, x-team: b}", "subs.yaml:7:28: subscriptions[0].http.headers.x-team: stands here twice (upper and "
                                   "lower case are one name); leave one out\n"},
        {"{x-team: }", "subs.yaml:7:25: subscriptions[0].http.headers.x-team: is empty; write a value, or leave it "
                       "out\n"},
        {"{x-team: ''}",
         "subs.yaml:7:25: subscriptions[0].http.headers.x-team: the value is empty; write one, or leave "
         "the header out\n"},
        {"{x-team: env:RELAY_NOT_SET}",
         "subs.yaml:7:25: subscriptions[0].http.headers.x-team: the environment variable "
         "RELAY_NOT_SET is not set\n"},
        {"{x-team: [a]}", "subs.yaml:7:25: subscriptions[0].http.headers.x-team: must be a single value, not a list\n"},
        {"[x-team]", "subs.yaml:7:16: subscriptions[0].http.headers: is a list; write a map, like {x-team: "
                     "proctoring}\n"},
        {"x-team", "subs.yaml:7:16: subscriptions[0].http.headers: is a single value; write a map, like {x-team: "
                   "proctoring}\n"},
    };
    char yaml[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(yaml, sizeof(yaml), GOOD "      headers: %s\n", cases[i].headers);
        expect_errors(yaml, cases[i].errors);
    }
    write_file("value", "two\nlines\n");
    expect_errors(GOOD "      headers: {x-a: file:value}\n",
                  "subs.yaml:7:22: subscriptions[0].http.headers.x-a: the value has a line break at byte 3; a header's "
                  "value is one line\n");
    expect_good(GOOD "      headers: {}\n");
}

static void test_too_many_headers(void **state)
{
    struct bytes yaml = {0};

    (void)state;
    bytes_append_text(&yaml, GOOD "      headers:\n");
    for (int i = 0; i < SUBSCRIPTION_HEADERS_MAX; i++) {
        bytes_append_format(&yaml, "        x-%d: v\n", i);
    }
    bytes_append_byte(&yaml, '\0');
    expect_good((const char *)yaml.data);
    yaml.size--;
    bytes_append_text(&yaml, "        x-more: v\n");
    bytes_append_byte(&yaml, '\0');
    expect_errors((const char *)yaml.data,
                  "subs.yaml:8:9: subscriptions[0].http.headers: has 33 headers; at most 32 are sent\n");
    bytes_free(&yaml);
}

static void test_too_many_subscriptions(void **state)
{
    struct bytes yaml = {0};

    (void)state;
    bytes_append_text(&yaml, "subscriptions:\n");
    for (int i = 0; i <= SUBSCRIPTIONS_MAX; i++) {
        bytes_append_text(&yaml, "- ~\n");
    }
    bytes_append_byte(&yaml, '\0');
    expect_errors((const char *)yaml.data,
                  "subs.yaml:2:1: subscriptions: has 100001 subscriptions; a file has at most 100000\n");
    bytes_free(&yaml);
}

#define NUMBER_HELP(example) "; write a number like " example ": no quotes, no zero before it, no unit\n"

static void test_numbers(void **state)
{
    static const struct {
        const char *tenant;
        const char *errors;
    } cases[] = {
        {"010", "\"010\" is not an integer" NUMBER_HELP("2050")},
        {"0x10", "\"0x10\" is not an integer" NUMBER_HELP("2050")},
        {"1_000", "\"1_000\" is not an integer" NUMBER_HELP("2050")},
        {"+5", "\"+5\" is not an integer" NUMBER_HELP("2050")},
        {"1.0", "\"1.0\" is not an integer" NUMBER_HELP("2050")},
        {"1e3", "\"1e3\" is not an integer" NUMBER_HELP("2050")},
        {"'7'", "is text in quotes, not an integer; leave the quotes out" NUMBER_HELP("2050")},
        {"0", "\"0\" is not 1 or more" NUMBER_HELP("2050")},
        {"-7", "\"-7\" is not 1 or more" NUMBER_HELP("2050")},
        {"9223372036854775808", "\"9223372036854775808\" is not an integer" NUMBER_HELP("2050")},
        {"true", "\"true\" is not an integer" NUMBER_HELP("2050")},
        {"[7]", "must be a single value, not a list" NUMBER_HELP("2050")},
    };
    char yaml[512];
    char message[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(yaml, sizeof(yaml), "subscriptions:\n  - id: a\n    tenant: %s\n" SINK, cases[i].tenant);
        snprintf(message, sizeof(message), "subs.yaml:3:13: subscriptions[0].tenant: %s", cases[i].errors);
        expect_errors(yaml, message);
    }
    expect_errors(GOOD "      timeout_ms: 15s\n", "subs.yaml:7:19: subscriptions[0].http.timeout_ms: \"15s\" is not an "
                                                  "integer" NUMBER_HELP("15000 (milliseconds)"));
    expect_errors(GOOD "      timeout_ms: 300001\n",
                  "subs.yaml:7:19: subscriptions[0].http.timeout_ms: \"300001\" is not "
                  "within 1 and 300000" NUMBER_HELP("15000 (milliseconds)"));
    expect_errors(GOOD "      max_in_flight: 0\n", "subs.yaml:7:22: subscriptions[0].http.max_in_flight: \"0\" is not "
                                                   "within 1 and 1000" NUMBER_HELP("16"));
    expect_errors(GOOD "      max_in_flight: 1001\n",
                  "subs.yaml:7:22: subscriptions[0].http.max_in_flight: \"1001\" is "
                  "not within 1 and 1000" NUMBER_HELP("16"));
}

static void test_words(void **state)
{
    static const struct {
        const char *line;
        const char *errors;
    } cases[] = {
        {"events: [incident.instance.deleted]",
         "subs.yaml:4:14: subscriptions[0].events[0]: \"incident.instance.deleted\" is not one of "
         "incident.instance.create, incident.instance.updated\n"},
        {"events: incident.instance.create",
         "subs.yaml:4:13: subscriptions[0].events: is a single value; write a list, "
         "like [incident.instance.create]\n"},
        {"events: []",
         "subs.yaml:4:13: subscriptions[0].events: is an empty list, which nothing can match; write a list, "
         "like [incident.instance.create], or leave the key out\n"},
        {"events: [incident.instance.create, incident.instance.create]",
         "subs.yaml:4:40: subscriptions[0].events[1]: incident.instance.create stands here twice; leave one out\n"},
        {"where: {severity: [high]}",
         "subs.yaml:4:24: subscriptions[0].where.severity[0]: \"high\" is not one of LOW, MEDIUM, HIGH\n"},
        {"where: {severity: HIGH}",
         "subs.yaml:4:23: subscriptions[0].where.severity: is a single value; write a list, like [LOW]\n"},
        {"where: {status: [OPEN]}",
         "subs.yaml:4:22: subscriptions[0].where.status[0]: \"OPEN\" is not one of TRIGGERED, "
         "RESOLVED, DISMISSED, REOPENED\n"},
        {"where: {status: []}", "subs.yaml:4:21: subscriptions[0].where.status: is an empty list, which nothing can "
                                "match; write a list, like [TRIGGERED], or leave the key out\n"},
        {"where: {tenant: [7]}",
         "subs.yaml:4:13: subscriptions[0].where: unknown key \"tenant\"; the keys here are status, severity\n"},
        {"where: HIGH", "subs.yaml:4:12: subscriptions[0].where: is a single value; write a map of lists, like "
                        "{severity: [HIGH]}\n"},
        {"ordering: fifo",
         "subs.yaml:4:15: subscriptions[0].ordering: \"fifo\" is not one of incident, tenant, none\n"},
        {"payload_version: 2",
         "subs.yaml:4:22: subscriptions[0].payload_version: 2 is no payload version of this build; write 1\n"},
        {"enabled: yes", "subs.yaml:4:14: subscriptions[0].enabled: \"yes\" is not true or false\n"},
        {"enabled: 'true'", "subs.yaml:4:14: subscriptions[0].enabled: is text in quotes, not true or false; leave the "
                            "quotes out\n"},
    };
    char yaml[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(yaml, sizeof(yaml), HEAD "    %s\n" SINK, cases[i].line);
        expect_errors(yaml, cases[i].errors);
    }
    expect_errors(GOOD "      method: post\n",
                  "subs.yaml:7:15: subscriptions[0].http.method: \"post\" is not one of POST, PUT, PATCH\n");
    expect_errors(GOOD "      method: GET\n",
                  "subs.yaml:7:15: subscriptions[0].http.method: \"GET\" is not one of POST, PUT, PATCH\n");
    expect_errors(
        "subscriptions:\n  - id: crm 2050\n    tenant: 7\n" SINK,
        "subs.yaml:2:9: subscriptions[0].id: 0x20 may not stand in an id; write letters, digits, - _ . only\n");
    expect_good(HEAD "    where: {}\n" SINK);
}

static void test_shapes(void **state)
{
    (void)state;
    expect_errors("subscriptions: [a, ~]\n",
                  "subs.yaml:1:17: subscriptions[0]: is a single value; write a map with id, tenant and http\n"
                  "subs.yaml:1:20: subscriptions[1]: is empty; write a map with id, tenant and http\n");
    expect_errors(HEAD "    http: https://crm.example/\n",
                  "subs.yaml:4:11: subscriptions[0].http: is a single value; write a map with a url\n");
    expect_errors(HEAD "    http: [1]\n", "subs.yaml:4:11: subscriptions[0].http: is a list; write a map with a url\n");
    expect_errors(HEAD "    tenant: 8\n" SINK, "subs.yaml:4:5: tenant: the same key is on line 3 already\n");
}

static void test_unknown_keys(void **state)
{
    static const char keys[] = "id, tenant, events, where, ordering, payload_version, enabled, http, "
                               "kafka, file\n";
    char message[512];

    (void)state;
    expect_errors(HEAD "    Tenants: 8\n" SINK,
                  "subs.yaml:4:5: subscriptions[0]: unknown key \"Tenants\"; did you mean tenant?\n");
    expect_errors(HEAD "    event: [incident.instance.create]\n" SINK,
                  "subs.yaml:4:5: subscriptions[0]: unknown key \"event\"; did you mean events?\n");
    expect_errors(GOOD "      timeout: 15000\n",
                  "subs.yaml:7:7: subscriptions[0].http: unknown key \"timeout\"; did you mean timeout_ms?\n");
    expect_errors(GOOD "      proxy: x\n", "subs.yaml:7:7: subscriptions[0].http: unknown key \"proxy\"; the keys here "
                                           "are url, method, headers, secrets, unsigned, timeout_ms, max_in_flight\n");
    expect_errors(GOOD "      secret: x\n",
                  "subs.yaml:7:7: subscriptions[0].http: unknown key \"secret\"; did you mean secrets?\n");
    snprintf(message, sizeof(message), "subs.yaml:4:5: subscriptions[0]: unknown key \"colour\"; the keys here are %s",
             keys);
    expect_errors(HEAD "    colour: red\n" SINK, message);
    /* Not mistaken for `start`, which would send them to a key that does not exist yet. */
    snprintf(message, sizeof(message), "subs.yaml:4:5: subscriptions[0]: unknown key \"starts\"; the keys here are %s",
             keys);
    expect_errors(HEAD "    starts: now\n" SINK, message);
    snprintf(message, sizeof(message),
             "subs.yaml:4:5: subscriptions[0]: unknown key \"line\\nbreak\"; the keys here are %s", keys);
    expect_errors(HEAD "    \"line\\nbreak\": red\n" SINK, message);
    snprintf(message, sizeof(message), "subs.yaml:4:5: subscriptions[0]: unknown key \"%.63s\"; the keys here are %s",
             "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", keys);
    expect_errors(HEAD "    "
                       "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\xc3\xa9kkkk: red\n" SINK,
                  message);
}

/* ---- the other sinks ---- */

static const char *const topics_read[] = {"incident.events", "other.events"};
static const struct subscriptions_rules with_topics = {
    .topics_read = topics_read, .topics_read_count = 2, .topic_dead_letters = "incident.dead-letters"};

static void test_kafka_sinks(void **state)
{
    struct subscription_set *set = load_good(HEAD "    kafka: {topic: incidents-7}\n"
                                                  "  - id: b\n"
                                                  "    tenant: 7\n"
                                                  "    kafka: {topic: incident.events.2, format: json}\n",
                                             &with_topics);

    (void)state;
    assert_int_equal(set->items[0].sink, SINK_KAFKA);
    assert_string_equal(set->items[0].kafka.topic, "incidents-7");
    assert_int_equal(set->items[0].kafka.format, KAFKA_FORMAT_AVRO);
    assert_true(subscription_max_in_flight(&set->items[0]) > 0);
    assert_string_equal(set->items[1].kafka.topic, "incident.events.2");
    assert_int_equal(set->items[1].kafka.format, KAFKA_FORMAT_JSON);
    subscription_set_destroy(set);
}

static void test_kafka_sinks_that_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"{topic: incident.events}",
         "subs.yaml:4:20: subscriptions[0].kafka.topic: is a topic that this group reads (topics.events): what is "
         "written there would come round again; write another\n"},
        {"{topic: other.events, format: json}",
         "subs.yaml:4:20: subscriptions[0].kafka.topic: is a topic that this group reads (topics.events): what is "
         "written there would come round again; write another\n"},
        {"{topic: incident.dead-letters}",
         "subs.yaml:4:20: subscriptions[0].kafka.topic: is the topic of the dead letters (topics.dead_letters); write "
         "another\n"},
        {"{topic: \"a b\"}",
         "subs.yaml:4:20: subscriptions[0].kafka.topic: 0x20 may not stand in a topic's name; write "
         "letters, digits, . _ - only\n"},
        {"{topic: \"..\"}", "subs.yaml:4:20: subscriptions[0].kafka.topic: dots alone are no topic's name; write "
                            "letters, digits, . _ -\n"},
        {"{topic: \"\"}", "subs.yaml:4:20: subscriptions[0].kafka.topic: has 0 bytes; a topic's name has 1 to 249\n"},
        {"{topic: }", "subs.yaml:4:20: subscriptions[0].kafka.topic: is empty; write a value, or leave it out\n"},
        {"{format: avro}", "subs.yaml:4:12: subscriptions[0].kafka: has no topic; write one that is there, like topic: "
                           "incidents-2050\n"},
        {"{topic: t, format: xml}",
         "subs.yaml:4:31: subscriptions[0].kafka.format: \"xml\" is not one of avro, json\n"},
        {"{topic: t, key: k}", "subs.yaml:4:23: subscriptions[0].kafka: unknown key \"key\"; the keys here are topic, "
                               "format\n"},
        {"t", "subs.yaml:4:12: subscriptions[0].kafka: is a single value; write a map with a topic\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char yaml[256];

        snprintf(yaml, sizeof(yaml), HEAD "    kafka: %s\n", cases[i][0]);
        expect_errors_with(yaml, &with_topics, cases[i][1]);
    }
}

static void test_file_sinks(void **state)
{
    struct subscription_set *set = load_good(HEAD "    file: {path: /var/lib/relay/7.ndjson}\n"
                                                  "  - id: b\n"
                                                  "    tenant: 7\n"
                                                  "    file: {path: here, fsync: never}\n",
                                             &strict);

    (void)state;
    assert_int_equal(set->items[0].sink, SINK_FILE);
    assert_string_equal(set->items[0].file.path, "/var/lib/relay/7.ndjson");
    assert_int_equal(set->items[0].file.fsync, FILE_FSYNC_ALWAYS);
    assert_true(subscription_max_in_flight(&set->items[0]) > 0);
    assert_string_equal(set->items[1].file.path, "here");
    assert_int_equal(set->items[1].file.fsync, FILE_FSYNC_NEVER);
    subscription_set_destroy(set);
}

static void test_file_sinks_that_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"{path: /var/lib/relay/}", "subs.yaml:4:18: subscriptions[0].file.path: ends with / and so names a folder; "
                                    "write a file's path\n"},
        {"{path: \"\"}", "subs.yaml:4:18: subscriptions[0].file.path: a path is not empty; write a file's, like "
                         "/var/lib/relay/2050.ndjson\n"},
        {"{path: }", "subs.yaml:4:18: subscriptions[0].file.path: is empty; write a value, or leave it out\n"},
        {"{fsync: never}", "subs.yaml:4:11: subscriptions[0].file: has no path; write the file's, like path: "
                           "/var/lib/relay/2050.ndjson\n"},
        {"{path: p, fsync: sometimes}",
         "subs.yaml:4:28: subscriptions[0].file.fsync: \"sometimes\" is not one of always, never\n"},
        {"{path: p, mode: 1}",
         "subs.yaml:4:21: subscriptions[0].file: unknown key \"mode\"; the keys here are path, fsync\n"},
        {"p", "subs.yaml:4:11: subscriptions[0].file: is a single value; write a map with a path\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char yaml[256];

        snprintf(yaml, sizeof(yaml), HEAD "    file: %s\n", cases[i][0]);
        expect_errors(yaml, cases[i][1]);
    }
}

static void test_one_sink_exactly(void **state)
{
    static const char two[] = "subs.yaml:2:5: subscriptions[0]: has more than one sink; make a subscription for each\n";

    (void)state;
    expect_errors(GOOD "    file: {path: p}\n", two);
    expect_errors(GOOD "    kafka: {topic: t}\n", two);
    expect_errors(HEAD "    kafka: {topic: t}\n    file: {path: p}\n", two);
    expect_errors(GOOD "    kafka: {topic: t}\n    file: {path: p}\n", two);
}

static void test_the_hash_sees_every_sink(void **state)
{
    static const char *const sinks[] = {
        SINK,
        "    kafka: {topic: t}\n",
        "    kafka: {topic: u}\n",
        "    kafka: {topic: t, format: json}\n",
        "    file: {path: t}\n",
        "    file: {path: u}\n",
        "    file: {path: t, fsync: never}\n",
    };
    uint64_t hashes[ARRAY_COUNT(sinks)];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sinks); i++) {
        char yaml[512];
        struct subscription_set *set;

        snprintf(yaml, sizeof(yaml), HEAD "%s", sinks[i]);
        set = load_good(yaml, &strict);
        hashes[i] = set->hash;
        for (size_t j = 0; j < i; j++) {
            assert_true(hashes[i] != hashes[j]);
        }
        subscription_set_destroy(set);
    }
}

static void test_keys_of_a_later_version(void **state)
{
    (void)state;
    expect_errors(HEAD "    start: earliest\n" SINK,
                  "subs.yaml:4:12: subscriptions[0].start: comes in a later version; leave it out\n");
    expect_errors(GOOD "      rate: 50/s\n",
                  "subs.yaml:7:13: subscriptions[0].http.rate: comes in a later version; leave it out\n");
    expect_errors(GOOD "      http2: true\n",
                  "subs.yaml:7:14: subscriptions[0].http.http2: comes in a later version; leave it out\n");
    expect_errors(GOOD "      keep_response: true\n",
                  "subs.yaml:7:22: subscriptions[0].http.keep_response: comes in a later version; leave it out\n");
}

static void test_all_errors_in_one_go(void **state)
{
    (void)state;
    expect_errors(
        "subscriptions:\n"
        "  - id: a b\n"
        "    tenant: 0\n"
        "    http: {url: crm.example, secrets: [inline], timeout_ms: 010}\n"
        "  - id: c\n"
        "    tennant: 7\n"
        "    http: {url: 'https://crm.example/', unsigned: true, headers: {host: x}}\n"
        "extra: 1\n",
        "subs.yaml:2:9: subscriptions[0].id: 0x20 may not stand in an id; write letters, digits, - _ . only\n"
        "subs.yaml:3:13: subscriptions[0].tenant: \"0\" is not 1 or more" NUMBER_HELP(
            "2050") "subs.yaml:4:17: subscriptions[0].http.url: has no scheme; write the whole URL, like "
                    "https://crm.example/hooks\n"
                    "subs.yaml:4:40: subscriptions[0].http.secrets[0]: a secret may not stand in this file; write "
                    "env:NAME "
                    "or file:PATH, or set subscriptions.allow_inline_secrets: true\n"
                    "subs.yaml:4:61: subscriptions[0].http.timeout_ms: \"010\" is not an "
                    "integer" NUMBER_HELP("15000 (milliseconds)") "subs.yaml:6:5: subscriptions[1]: unknown key "
                                                                  "\"tennant\"; did you mean tenant?\n"
                                                                  "subs.yaml:7:67: subscriptions[1].http.headers: "
                                                                  "\"host\": is set by the relay itself; leave it out\n"
                                                                  "subs.yaml:5:5: subscriptions[1]: has no tenant; "
                                                                  "write whose events it gets, like tenant: 2050\n"
                                                                  "subs.yaml:8:1: unknown key \"extra\"; the only key "
                                                                  "of this file is subscriptions\n");
}

static uint64_t hash_of(const char *yaml)
{
    struct subscription_set *set = load_good(yaml, &strict);
    uint64_t hash = set->hash;

    subscription_set_destroy(set);
    return hash;
}

static void test_the_hash_is_of_the_meaning(void **state)
{
    uint64_t hash = hash_of(GOOD);

    (void)state;
    assert_true(hash == hash_of(GOOD));
    assert_true(hash == hash_of("# a comment\n" GOOD "      timeout_ms: 15000\n"));
    assert_true(hash == hash_of("subscriptions: [{tenant: 7, id: 'a', enabled: true, http: {url: "
                                "\"https://crm.example/hooks\", secrets: [file:secret]}}]"));
    assert_true(hash != hash_of(GOOD "      timeout_ms: 15001\n"));
    assert_true(hash !=
                hash_of(HEAD "    http: {url: 'https://crm.example/hooks', secrets: [env:RELAY_OTHER_SECRET]}\n"));
    assert_true(hash != hash_of("subscriptions: []\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_files_without_subscriptions),
        cmocka_unit_test(test_two_subscriptions_with_one_id),
        cmocka_unit_test(test_missing_keys),
        cmocka_unit_test(test_secret_or_unsigned),
        cmocka_unit_test(test_secrets_that_are_refused),
        cmocka_unit_test(test_keys_of_both_kinds_in_order),
        cmocka_unit_test(test_inline_secrets),
        cmocka_unit_test(test_where_secrets_come_from),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_too_many_headers),
        cmocka_unit_test(test_too_many_subscriptions),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_keys_of_a_later_version),
        cmocka_unit_test(test_kafka_sinks),
        cmocka_unit_test(test_kafka_sinks_that_are_refused),
        cmocka_unit_test(test_file_sinks),
        cmocka_unit_test(test_file_sinks_that_are_refused),
        cmocka_unit_test(test_one_sink_exactly),
        cmocka_unit_test(test_the_hash_sees_every_sink),
        cmocka_unit_test(test_all_errors_in_one_go),
        cmocka_unit_test(test_the_hash_is_of_the_meaning),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
