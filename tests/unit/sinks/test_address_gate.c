#include "address_gate.h"

#include "check.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static struct address_gate *gate_of(const struct address_gate_settings *settings)
{
    struct address_gate *gate;

    assert_int_equal(address_gate_create(settings, &gate, NULL), STATUS_OK);
    return gate;
}

static struct address_gate *default_gate(void)
{
    return gate_of(&(struct address_gate_settings){.is_http_allowed = false});
}

/* `text` is a numeric address. */
static struct address_verdict ask(const struct address_gate *gate, const char *text, uint16_t port)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};

    if (strchr(text, ':') == NULL) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)&storage;

        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, text, &ipv4->sin_addr), 1);
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&storage;

        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1);
    }
    return address_gate_check(gate, (const struct sockaddr *)&storage);
}

static void expect(const struct address_gate *gate, const char *text, bool is_allowed, const char *rule)
{
    struct address_verdict verdict = ask(gate, text, 443);

    if (verdict.is_allowed != is_allowed || strcmp(verdict.rule, rule) != 0) {
        fail_msg("%s: %s by %s, expected %s by %s", text, verdict.is_allowed ? "allowed" : "denied", verdict.rule,
                 is_allowed ? "allowed" : "denied", rule);
    }
}

/* Each range of the table: its first and last address are denied by it, the ones next to them are not. */
static void every_range_is_denied_to_its_edges(void **state)
{
    static const struct {
        const char *range, *before, *first, *last, *after;
    } ranges[] = {
        {"0.0.0.0/8", NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
        {"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
        {"100.64.0.0/10", "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
        {"127.0.0.0/8", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
        {"169.254.0.0/16", "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
        {"172.16.0.0/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
        {"192.0.0.0/24", "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
        {"192.0.2.0/24", "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
        {"192.88.99.0/24", "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
        {"192.168.0.0/16", "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
        {"198.18.0.0/15", "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
        {"198.51.100.0/24", "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
        {"203.0.113.0/24", "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
        {"224.0.0.0/4", "223.255.255.255", "224.0.0.0", "239.255.255.255", NULL},
        {"240.0.0.0/4", NULL, "240.0.0.0", "255.255.255.255", NULL},
        {"2001::/23", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
         "2001:200::"},
        {"2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
         "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
        {"2002::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "2003::"},
        {"3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
         "3fff:1000::"},
    };
    struct address_gate *gate = default_gate();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        char rule[ADDRESS_RULE_MAX];

        snprintf(rule, sizeof(rule), "%s (built in)", ranges[i].range);
        expect(gate, ranges[i].first, false, rule);
        expect(gate, ranges[i].last, false, rule);
        if (ranges[i].before != NULL) {
            expect(gate, ranges[i].before, true, "public (built in)");
        }
        if (ranges[i].after != NULL) {
            expect(gate, ranges[i].after, true, "public (built in)");
        }
    }
    address_gate_destroy(gate);
}

static void of_ipv6_only_2000_3_is_public(void **state)
{
    static const char *const outside[] = {
        "::",                                      /* unspecified */
        "::1",                                     /* loopback */
        "::7f00:1",                                /* IPv4-compatible loopback */
        "::ffff:127.0.0.1",                        /* mapped loopback */
        "::ffff:8.8.8.8",                          /* mapped, of a public address */
        "64:ff9b::7f00:1",                         /* NAT64 */
        "64:ff9b:1::a00:1",                        /* local NAT64 */
        "100::1",                                  /* discard */
        "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", /* one below */
        "4000::",                                  /* one above */
        "5f00::1",                                 /* segment routing */
        "fc00::1",
        "fd12:3456:789a::1", /* unique local */
        "fe80::1",
        "fec0::1", /* link and site local */
        "ff02::1",
        "ff0e::1", /* multicast */
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    struct address_gate *gate = default_gate();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(outside); i++) {
        expect(gate, outside[i], false, "outside of 2000::/3 (built in)");
    }
    expect(gate, "2000::", true, "public (built in)");
    expect(gate, "2606:4700:4700::1111", true, "public (built in)");
    expect(gate, "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, "public (built in)");
    expect(gate, "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, "public (built in)");
    expect(gate, "2001::1", false, "2001::/23 (built in)");       /* Teredo */
    expect(gate, "2002:7f00:1::", false, "2002::/16 (built in)"); /* 6to4 of loopback */
    address_gate_destroy(gate);
}

/* What a resolver makes of every spelling of an address of ours. */
static void every_spelling_is_the_address(void **state)
{
    static const char *const spellings[] = {"127.0.0.1",
                                            "127.1",
                                            "127.0.1",
                                            "2130706433",
                                            "0x7f000001",
                                            "0x7f.1",
                                            "0x7f.0.0.0x1",
                                            "0177.0.0.1",
                                            "017700000001",
                                            "::1",
                                            "0:0:0:0:0:0:0:1",
                                            "::ffff:127.0.0.1",
                                            "::ffff:7f00:1",
                                            "::127.0.0.1",
                                            "64:ff9b::127.0.0.1",
                                            "0",
                                            "0.0.0.0",
                                            "10.1",
                                            "0xa9fea9fe",
                                            "2852039166"};
    struct address_gate *gate = default_gate();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
        struct addrinfo *found = NULL;

        assert_int_equal(getaddrinfo(spellings[i], "443", &hints, &found), 0);
        for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
            assert_false(address_gate_check(gate, each->ai_addr).is_allowed);
        }
        freeaddrinfo(found);
    }
    address_gate_destroy(gate);
}

static void deny_beats_allow_beats_the_table(void **state)
{
    static const char *const allow[] = {"127.0.0.0/8",  "10.0.0.0/8",    "8.8.8.0/24", "::1",  "fd00::/8",
                                        "64:ff9b::/96", "::ffff:0:0/96", "2002::/16",  "::/96"};
    static const char *const deny[] = {"10.1.0.0/16", "8.8.8.8", "fd00:1::/32", "9.9.9.9/32"};
    struct address_gate *gate = gate_of(&(struct address_gate_settings){
        .allow = allow, .allow_count = ARRAY_COUNT(allow), .deny = deny, .deny_count = ARRAY_COUNT(deny)});

    (void)state;
    expect(gate, "127.255.0.1", true, "127.0.0.0/8 (egress.allow)");
    expect(gate, "10.0.255.255", true, "10.0.0.0/8 (egress.allow)");
    expect(gate, "10.1.0.0", false, "10.1.0.0/16 (egress.deny)");
    expect(gate, "10.1.255.255", false, "10.1.0.0/16 (egress.deny)");
    expect(gate, "10.2.0.0", true, "10.0.0.0/8 (egress.allow)");
    expect(gate, "8.8.8.8", false, "8.8.8.8/32 (egress.deny)");
    expect(gate, "8.8.8.9", true, "8.8.8.0/24 (egress.allow)");
    expect(gate, "9.9.9.9", false, "9.9.9.9/32 (egress.deny)");
    expect(gate, "9.9.9.8", true, "public (built in)");
    expect(gate, "192.168.0.1", false, "192.168.0.0/16 (built in)");
    expect(gate, "::1", true, "::1/128 (egress.allow)");
    expect(gate, "::2", true, "::/96 (egress.allow)");
    expect(gate, "fd00:2::1", true, "fd00::/8 (egress.allow)");
    expect(gate, "fd00:1::1", false, "fd00:1::/32 (egress.deny)");
    /* What is denied as IPv4 is denied in every disguise. */
    expect(gate, "::ffff:10.1.2.3", false, "10.1.0.0/16 (egress.deny)");
    expect(gate, "::10.1.2.3", false, "10.1.0.0/16 (egress.deny)");
    expect(gate, "64:ff9b::9.9.9.9", false, "9.9.9.9/32 (egress.deny)");
    expect(gate, "2002:0a01:203::", false, "10.1.0.0/16 (egress.deny)");
    expect(gate, "::ffff:10.2.2.3", true, "::ffff:0:0/96 (egress.allow)");
    address_gate_destroy(gate);
}

static void an_ipv4_range_of_allow_opens_no_disguise(void **state)
{
    static const char *const allow[] = {"0.0.0.0/0"};
    struct address_gate *gate =
        gate_of(&(struct address_gate_settings){.allow = allow, .allow_count = ARRAY_COUNT(allow)});

    (void)state;
    expect(gate, "127.0.0.1", true, "0.0.0.0/0 (egress.allow)");
    expect(gate, "::ffff:127.0.0.1", false, "outside of 2000::/3 (built in)");
    expect(gate, "::1", false, "outside of 2000::/3 (built in)");
    address_gate_destroy(gate);
}

static void ports_are_any_or_the_listed(void **state)
{
    static const uint16_t ports[] = {443, 8443};
    static const char *const allow[] = {"127.0.0.1"};
    struct address_gate *open = default_gate();
    struct address_gate *gate = gate_of(&(struct address_gate_settings){
        .ports = ports, .port_count = ARRAY_COUNT(ports), .allow = allow, .allow_count = 1});

    (void)state;
    assert_true(ask(open, "1.1.1.1", 1).is_allowed);
    assert_true(ask(open, "1.1.1.1", 65535).is_allowed);
    assert_true(ask(gate, "1.1.1.1", 443).is_allowed);
    assert_true(ask(gate, "2606:4700::1", 8443).is_allowed);
    assert_false(ask(gate, "1.1.1.1", 80).is_allowed);
    assert_false(ask(gate, "2606:4700::1", 442).is_allowed);
    assert_string_equal(ask(gate, "127.0.0.1", 25).rule, "port 25 (egress.ports)"); /* allow opens no port */
    assert_false(ask(gate, "10.0.0.1", 443).is_allowed);
    address_gate_destroy(open);
    address_gate_destroy(gate);
}

static void other_families_are_denied(void **state)
{
    static const char *const allow[] = {"0.0.0.0/0", "::/0"};
    struct address_gate *gate =
        gate_of(&(struct address_gate_settings){.allow = allow, .allow_count = ARRAY_COUNT(allow)});
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/docker.sock"};

    (void)state;
    assert_false(address_gate_check(gate, (const struct sockaddr *)&local).is_allowed);
    assert_false(address_gate_check(gate, &(struct sockaddr){.sa_family = AF_UNSPEC}).is_allowed);
    assert_true(ask(gate, "fe80::1", 1).is_allowed);
    address_gate_destroy(gate);
}

static void schemes(void **state)
{
    static const char *const never[] = {
        "ftp://a", "file:///etc/passwd", "gopher://a", "httpss://a", "http:/a", "https:a", "//a", "a",
        "",        " https://a",         "unix://a",   "https//a"};
    struct address_gate *strict = default_gate();
    struct address_gate *loose = gate_of(&(struct address_gate_settings){.is_http_allowed = true});

    (void)state;
    assert_true(address_gate_allows_scheme(strict, "https://a"));
    assert_true(address_gate_allows_scheme(strict, "HTTPS://a"));
    assert_false(address_gate_allows_scheme(strict, "http://a"));
    assert_true(address_gate_allows_scheme(loose, "http://a"));
    assert_true(address_gate_allows_scheme(loose, "hTTp://a"));
    assert_true(address_gate_allows_scheme(loose, "https://a"));
    for (size_t i = 0; i < ARRAY_COUNT(never); i++) {
        assert_false(address_gate_allows_scheme(strict, never[i]));
        assert_false(address_gate_allows_scheme(loose, never[i]));
    }
    address_gate_destroy(strict);
    address_gate_destroy(loose);
}

static void bad_ranges_are_named(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "\"\" is no range of addresses; write it like 10.0.0.0/8 or fd00::/8"},
        {"localhost", "\"localhost\" is no range of addresses; write it like 10.0.0.0/8 or fd00::/8"},
        {"10.0.0/8", "\"10.0.0/8\" is no range of addresses; write it like 10.0.0.0/8 or fd00::/8"},
        {"010.0.0.0/8", "\"010.0.0.0/8\" is no range of addresses; write it like 10.0.0.0/8 or fd00::/8"},
        {"fe80::1%lo/64", "\"fe80::1%lo/64\" is no range of addresses; write it like 10.0.0.0/8 or fd00::/8"},
        {"10.0.0.0/", "\"10.0.0.0/\" has no prefix of 0 to 32 after the /"},
        {"10.0.0.0/33", "\"10.0.0.0/33\" has no prefix of 0 to 32 after the /"},
        {"10.0.0.0/-1", "\"10.0.0.0/-1\" has no prefix of 0 to 32 after the /"},
        {"10.0.0.0/8 ", "\"10.0.0.0/8 \" has no prefix of 0 to 32 after the /"},
        {"::/129", "\"::/129\" has no prefix of 0 to 128 after the /"},
        {"10.0.0.1/8",
         "\"10.0.0.1/8\" has bits of the address set after its first 8; clear them, or write a longer prefix"},
        {"fd00::1/64",
         "\"fd00::1/64\" has bits of the address set after its first 64; clear them, or write a longer prefix"},
    };
    struct error error;
    struct address_gate *gate;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        const char *const list[] = {"10.0.0.0/8", bad[i].text};

        assert_int_equal(address_gate_check_range(bad[i].text, &error), STATUS_INVALID);
        assert_string_equal(error.text, bad[i].error);
        assert_int_equal(
            address_gate_create(&(struct address_gate_settings){.deny = list, .deny_count = 2}, &gate, &error),
            STATUS_INVALID);
        assert_string_equal(error.text, bad[i].error);
        assert_null(gate);
        assert_int_equal(
            address_gate_create(&(struct address_gate_settings){.allow = list, .allow_count = 2}, &gate, &error),
            STATUS_INVALID);
    }
    assert_int_equal(address_gate_check_range("0.0.0.0/0", NULL), STATUS_OK);
    assert_int_equal(address_gate_check_range("255.255.255.255", NULL), STATUS_OK);
    assert_int_equal(address_gate_check_range("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128", NULL), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range_is_denied_to_its_edges),
        cmocka_unit_test(of_ipv6_only_2000_3_is_public),
        cmocka_unit_test(every_spelling_is_the_address),
        cmocka_unit_test(deny_beats_allow_beats_the_table),
        cmocka_unit_test(an_ipv4_range_of_allow_opens_no_disguise),
        cmocka_unit_test(ports_are_any_or_the_listed),
        cmocka_unit_test(other_families_are_denied),
        cmocka_unit_test(schemes),
        cmocka_unit_test(bad_ranges_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
