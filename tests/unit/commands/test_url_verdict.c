#include "check.h"
#include "url_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Addresses only: what a name server says is no matter for a unit test. */
struct url_case {
    const char *url;
    bool is_allowed;
    const char *text;
};

static void check_cases(const struct address_gate_settings *settings, const struct url_case *cases, size_t count)
{
    struct address_gate *gate = NULL;

    assert_int_equal(address_gate_create(settings, &gate, NULL), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        struct bytes text = {0};

        assert_int_equal(url_verdict_append(gate, cases[i].url, &text), cases[i].is_allowed);
        bytes_append_byte(&text, '\0');
        assert_string_equal((const char *)text.data, cases[i].text);
        bytes_free(&text);
    }
    address_gate_destroy(gate);
}

static void by_default_only_https_to_public_addresses(void **state)
{
    static const struct url_case cases[] = {
        {"https://8.8.8.8/hooks", true,
         "https://8.8.8.8/hooks: allowed\n  scheme https: allowed\n  8.8.8.8 port 443: allowed by public (built in)\n"},
        {"HTTPS://8.8.8.8:8443?x=1:2", true,
         "HTTPS://8.8.8.8:8443?x=1:2: allowed\n  scheme HTTPS: allowed\n"
         "  8.8.8.8 port 8443: allowed by public (built in)\n"},
        {"https://[2606:4700::1111]", true,
         "https://[2606:4700::1111]: allowed\n  scheme https: allowed\n"
         "  2606:4700::1111 port 443: allowed by public (built in)\n"},
        {"https://[::1]:8443/", false,
         "https://[::1]:8443/: refused\n  scheme https: allowed\n"
         "  ::1 port 8443: refused by outside of 2000::/3 (built in)\n"},
        /* Another spelling of 127.0.0.1, and a public address that must not be called without TLS. */
        {"https://2130706433/", false,
         "https://2130706433/: refused\n  scheme https: allowed\n"
         "  127.0.0.1 port 443: refused by 127.0.0.0/8 (built in)\n"},
        {"http://8.8.8.8/a:b", false,
         "http://8.8.8.8/a:b: refused\n  scheme http: refused by egress.http (false)\n"
         "  8.8.8.8 port 80: allowed by public (built in)\n"},
        {"ftp://8.8.8.8/", false, "ftp://8.8.8.8/: refused\n  the URL has the scheme \"ftp\"; write https://\n"},
        {"8.8.8.8", false,
         "8.8.8.8: refused\n  the URL has no scheme; write the whole URL, like https://crm.example/hooks\n"},
        {"https://8.8.8.8@10.0.0.1/", false,
         "https://8.8.8.8@10.0.0.1/: refused\n  the URL has a user name or password in it; send it with headers, like "
         "{authorization: env:NAME}\n"},
    };
    const struct address_gate_settings settings = {.is_http_allowed = false};

    (void)state;
    check_cases(&settings, cases, ARRAY_COUNT(cases));
}

static void the_settings_decide_and_are_named(void **state)
{
    static const char *const allow[] = {"10.0.0.0/8"};
    static const char *const deny[] = {"10.1.0.0/16", "8.8.8.8"};
    static const uint16_t ports[] = {80, 443};
    static const struct url_case cases[] = {
        {"http://10.2.0.1/", true,
         "http://10.2.0.1/: allowed\n  scheme http: allowed\n"
         "  10.2.0.1 port 80: allowed by 10.0.0.0/8 (egress.allow)\n"},
        {"http://10.1.0.1/", false,
         "http://10.1.0.1/: refused\n  scheme http: allowed\n"
         "  10.1.0.1 port 80: refused by 10.1.0.0/16 (egress.deny)\n"},
        {"https://8.8.8.8/", false,
         "https://8.8.8.8/: refused\n  scheme https: allowed\n  8.8.8.8 port 443: refused by 8.8.8.8/32 "
         "(egress.deny)\n"},
        {"https://8.8.4.4:444/", false,
         "https://8.8.4.4:444/: refused\n  scheme https: allowed\n"
         "  8.8.4.4 port 444: refused by port 444 (egress.ports)\n"},
    };
    const struct address_gate_settings settings = {.is_http_allowed = true,
                                                   .allow = allow,
                                                   .allow_count = ARRAY_COUNT(allow),
                                                   .deny = deny,
                                                   .deny_count = ARRAY_COUNT(deny),
                                                   .ports = ports,
                                                   .port_count = ARRAY_COUNT(ports)};

    (void)state;
    check_cases(&settings, cases, ARRAY_COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_only_https_to_public_addresses),
        cmocka_unit_test(the_settings_decide_and_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
