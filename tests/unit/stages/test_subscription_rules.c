#include "check.h"
#include "random.h"
#include "subscription_rules.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `message` NULL: the text is fine. */
struct rule_case {
    const char *text;
    const char *message;
};

static void expect_answer(enum status status, const struct error *error, const struct rule_case *expected)
{
    if (expected->message == NULL) {
        if (status != STATUS_OK) {
            fail_msg("\"%s\" was refused: %s", expected->text, error->text);
        }
        return;
    }
    if (status != STATUS_INVALID) {
        fail_msg("\"%s\" was taken", expected->text);
    }
    assert_string_equal(error->text, expected->message);
}

static void test_ids(void **state)
{
    static const struct rule_case cases[] = {
        {"a", NULL},
        {"crm-2050_A.z", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123", NULL},
        {"01234567890123456789012345678901234567890123456789012345678901234", "has 65 bytes; an id has at most 64"},
        {"", "an id is not empty; write 1 to 64 letters, digits, - _ ."},
        {"crm 2050", "0x20 may not stand in an id; write letters, digits, - _ . only"},
        {"crm/2050", "'/' may not stand in an id; write letters, digits, - _ . only"},
        {"crm\n", "0x0a may not stand in an id; write letters, digits, - _ . only"},
        {"caf\xc3\xa9", "0xc3 may not stand in an id; write letters, digits, - _ . only"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct error error = {0};
        enum status status = subscription_rules_check_id(bytes_view_of_text(cases[i].text), &error);

        expect_answer(status, &error, &cases[i]);
    }
}

#define BAD_PORT                                                                                                       \
    "has a port that is not a number from 1 to 65535; write it after the host's colon, or leave the colon out"
#define NO_SCHEME "has no scheme; write the whole URL, like https://crm.example/hooks"

static const struct rule_case url_cases[] = {
    {"https://crm.example/hooks/incidents", NULL},
    {"HTTPS://crm.example", NULL},
    {"https://crm.example:8443/a/b;c?d=e&f=%20&g=h@i:j/k?l", NULL},
    {"https://crm.example?x=1", NULL},
    {"https://127.0.0.1:1/", NULL},
    {"https://[2001:db8::1]:65535/x", NULL},
    {"https://[::1]", NULL},
    {"", NO_SCHEME},
    {"crm.example/hooks", NO_SCHEME},
    {"crm.example:8443/hooks", NO_SCHEME},
    {"//crm.example/hooks", NO_SCHEME},
    {"https:/crm.example", NO_SCHEME},
    {"1https://crm.example", NO_SCHEME},
    {" https://crm.example", NO_SCHEME},
    {"ftp://crm.example/x", "has the scheme \"ftp\"; write https://"},
    {"httpss://crm.example/x", "has the scheme \"httpss\"; write https://"},
    {"http://crm.example/x", "is http, not https; write https://, or allow it with the setting egress.http: true"},
    {"https://user:hunter2@crm.example/",
     "has a user name or password in it; send it with headers, like {authorization: env:NAME}"},
    {"https://@crm.example/",
     "has a user name or password in it; send it with headers, like {authorization: env:NAME}"},
    {"https:///x", "has no host; write it after the //"},
    {"https://", "has no host; write it after the //"},
    {"https://:443/", "has no host; write it after the //"},
    {"https://?x", "has no host; write it after the //"},
    {"https://crm..example/", "has a host that is no name (at most 253 bytes, no empty label)"},
    {"https://.example/", "has a host that is no name (at most 253 bytes, no empty label)"},
    {"https://crm%2eexample/", "has '%' in its host; a host is letters, digits, - _ . (an international name in its "
                               "xn-- form) or an address"},
    {"https://crm.example\\@evil.example/",
     "has a user name or password in it; send it with headers, like {authorization: env:NAME}"},
    {"https://crm.example\\/", "has '\\' in its host; a host is letters, digits, - _ . (an international name in its "
                               "xn-- form) or an address"},
    {"https://crm\xc3\xa9.example/", "has 0xc3 in its host; a host is letters, digits, - _ . (an international name "
                                     "in its xn-- form) or an address"},
    {"https://[::g]/", "has no IPv6 address between [ and ]; write it like [2001:db8::1]"},
    {"https://[::1/", "has no IPv6 address between [ and ]; write it like [2001:db8::1]"},
    {"https://[]/", "has no IPv6 address between [ and ]; write it like [2001:db8::1]"},
    {"https://[fe80::1%25eth0]/", "has no IPv6 address between [ and ]; write it like [2001:db8::1]"},
    {"https://[::1]x/", BAD_PORT},
    {"https://crm.example:/", BAD_PORT},
    {"https://crm.example:0/", BAD_PORT},
    {"https://crm.example:010/", BAD_PORT},
    {"https://crm.example:65536/", BAD_PORT},
    {"https://crm.example:99999999999999999999/", BAD_PORT},
    {"https://crm.example:4 3/", BAD_PORT},
    {"https://crm.example:443:443/", BAD_PORT},
    {"https://crm.example/a b", "has 0x20 at byte 21, which may not stand in a URL; write %20"},
    {"https://crm.example/a\r\nx: y", "has 0x0d at byte 21, which may not stand in a URL; write %0D"},
    {"https://crm.example/a[0]", "has '[' at byte 21, which may not stand in a URL; write %5B"},
    {"https://crm.example/%2", "has a % at byte 20 without two hexadecimal digits after it; write %25 for the % "
                               "itself"},
    {"https://crm.example/%zz", "has a % at byte 20 without two hexadecimal digits after it; write %25 for the % "
                                "itself"},
    {"https://crm.example/#top", "has a fragment at byte 20, which is never sent; leave it out, or write %23 for the "
                                 "# itself"},
    {"https://crm.example#top", "has a fragment at byte 19, which is never sent; leave it out, or write %23 for the "
                                "# itself"},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(url_cases); i++) {
        struct error error = {0};
        enum status status = subscription_rules_check_url(bytes_view_of_text(url_cases[i].text), false, &error);

        expect_answer(status, &error, &url_cases[i]);
    }
}

static void test_http_is_taken_where_it_is_allowed(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(subscription_rules_check_url(BYTES_LITERAL("http://127.0.0.1:8080/x"), true, &error), STATUS_OK);
    assert_int_equal(subscription_rules_check_url(BYTES_LITERAL("https://127.0.0.1/x"), true, &error), STATUS_OK);
    assert_int_equal(subscription_rules_check_url(BYTES_LITERAL("file:///etc/passwd"), true, &error), STATUS_INVALID);
}

/* What was judged must be what is called: libcurl takes every URL that the rules take, and finds no user or fragment in
 * it. */
static void test_libcurl_agrees(void **state)
{
    static const char *const parts[] = {"https://", "a",          "1",     "..", ".",  "-", "_",  ":", "80",
                                        "/",        "?",          "[::1]", "[",  "]",  "@", "%",  "#", "0x7f",
                                        "256",      "4294967296", "~",     "//", "\\", " ", "%41"};
    struct random_source random;
    size_t taken = 0;

    (void)state;
    random_init(&random, 20260203);
    for (int round = 0; round < 200000; round++) {
        struct bytes url = {0};
        char *part = NULL;

        bytes_append_text(&url, "https://");
        for (uint64_t rest = random_below(&random, 7) + 1; rest > 0; rest--) {
            bytes_append_text(&url, parts[random_below(&random, ARRAY_COUNT(parts))]);
        }
        if (subscription_rules_check_url(bytes_as_view(&url), false, NULL) == STATUS_OK) {
            CURLU *parser = curl_url();

            bytes_append_byte(&url, '\0');
            assert_int_equal(curl_url_set(parser, CURLUPART_URL, (const char *)url.data, 0), CURLUE_OK);
            assert_int_equal(curl_url_get(parser, CURLUPART_USER, &part, 0), CURLUE_NO_USER);
            assert_int_equal(curl_url_get(parser, CURLUPART_FRAGMENT, &part, 0), CURLUE_NO_FRAGMENT);
            curl_url_cleanup(parser);
            taken++;
        }
        bytes_free(&url);
    }
    assert_in_range(taken, 5000, 200000);
}

static void test_urls_of_the_greatest_length(void **state)
{
    struct bytes url = {0};
    struct error error = {0};

    (void)state;
    bytes_append_text(&url, "https://a/");
    while (url.size < SUBSCRIPTION_URL_MAX) {
        bytes_append_byte(&url, 'x');
    }
    assert_int_equal(subscription_rules_check_url(bytes_as_view(&url), false, &error), STATUS_OK);
    bytes_append_byte(&url, 'x');
    assert_int_equal(subscription_rules_check_url(bytes_as_view(&url), false, &error), STATUS_INVALID);
    assert_string_equal(error.text, "has 2049 bytes; a URL has at most 2048");
    bytes_free(&url);
}

static void test_header_names(void **state)
{
    static const char own[] = "is set by the relay itself; leave it out";
    static const char framing[] = "is a header of the connection, not of the event; leave it out";
    static const struct rule_case cases[] = {
        {"x-team", NULL},
        {"Authorization", NULL},
        {"!#$%&'*+-.^_`|~09azAZ", NULL},
        {"hosts", NULL},
        {"ho", NULL},
        {"webhook", NULL},
        {"tea", NULL},
        {"content-type", own},
        {"Content-Type", own},
        {"user-agent", own},
        {"HOST", own},
        {"traceparent", own},
        {"connection", framing},
        {"Content-Length", framing},
        {"transfer-encoding", framing},
        {"te", framing},
        {"trailer", framing},
        {"upgrade", framing},
        {"expect", framing},
        {"keep-alive", framing},
        {"http2-settings", framing},
        {"proxy-connection", framing},
        {"Proxy-Authorization", framing},
        {"webhook-id", "names with webhook- belong to the signature; write another name, like x-webhook-id"},
        {"Webhook-Foo", "names with webhook- belong to the signature; write another name, like x-Webhook-Foo"},
        {"", "a header's name has 1 to 128 bytes"},
        {"x team", "0x20 may not stand in a header's name; write letters, digits and - only, like x-team"},
        {"x-team:", "':' may not stand in a header's name; write letters, digits and - only, like x-team"},
        {":path", "':' may not stand in a header's name; write letters, digits and - only, like x-team"},
        {"x\xc3\xa9", "0xc3 may not stand in a header's name; write letters, digits and - only, like x-team"},
        {"x\r\ny", "a header's name has a line break in it; write one header per line"},
        {"x\ny", "a header's name has a line break in it; write one header per line"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct error error = {0};
        enum status status = subscription_rules_check_header_name(bytes_view_of_text(cases[i].text), &error);

        expect_answer(status, &error, &cases[i]);
    }
}

/* Every byte alone, and in the middle of a value: RFC 9110 section 5.5 has the answer for each. */
static void test_every_byte_of_a_header(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t middle[] = {'a', (uint8_t)byte, 'b'};
        bool is_token = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                        (byte != 0 && strchr("!#$%&'*+-.^_`|~", (int)byte) != NULL);
        bool is_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
        bool is_edge = is_value && byte != ' ' && byte != '\t';

        assert_int_equal(subscription_rules_check_header_name(bytes_view_of(middle, 3), NULL) == STATUS_OK, is_token);
        assert_int_equal(subscription_rules_check_header_name(bytes_view_of(middle + 1, 1), NULL) == STATUS_OK,
                         is_token);
        assert_int_equal(subscription_rules_check_header_value(bytes_view_of(middle, 3), NULL) == STATUS_OK, is_value);
        assert_int_equal(subscription_rules_check_header_value(bytes_view_of(middle, 2), NULL) == STATUS_OK, is_edge);
        assert_int_equal(subscription_rules_check_header_value(bytes_view_of(middle + 1, 2), NULL) == STATUS_OK,
                         is_edge);
    }
}

static void test_header_values(void **state)
{
    static const struct rule_case cases[] = {
        {"proctoring", NULL},
        {"Bearer abc.def, x=\"y\"", NULL},
        {"caf\xc3\xa9", NULL},
        {"", "the value is empty; write one, or leave the header out"},
        {"hunter2\r\nx: y", "the value has a line break at byte 7; a header's value is one line"},
        {"hunter2\n", "the value has a line break at byte 7; a header's value is one line"},
        {"hunter2\x01", "the value has the control character 0x01 at byte 7; leave it out"},
        {"hunter2\x7f", "the value has the control character 0x7f at byte 7; leave it out"},
        {" hunter2", "the value begins or ends with white space, which would not arrive; leave it out"},
        {"hunter2\t", "the value begins or ends with white space, which would not arrive; leave it out"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct error error = {0};
        enum status status = subscription_rules_check_header_value(bytes_view_of_text(cases[i].text), &error);

        expect_answer(status, &error, &cases[i]);
        assert_null(strstr(error.text, "hunter2"));
    }
}

static void test_header_value_of_the_greatest_length(void **state)
{
    struct bytes value = {0};
    struct error error = {0};

    (void)state;
    while (value.size < SUBSCRIPTION_HEADER_VALUE_MAX) {
        bytes_append_byte(&value, 'v');
    }
    assert_int_equal(subscription_rules_check_header_value(bytes_as_view(&value), &error), STATUS_OK);
    bytes_append_byte(&value, 'v');
    assert_int_equal(subscription_rules_check_header_value(bytes_as_view(&value), &error), STATUS_INVALID);
    assert_string_equal(error.text, "the value has 4097 bytes; a header's value has at most 4096");
    bytes_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_http_is_taken_where_it_is_allowed),
        cmocka_unit_test(test_libcurl_agrees),
        cmocka_unit_test(test_urls_of_the_greatest_length),
        cmocka_unit_test(test_header_names),
        cmocka_unit_test(test_every_byte_of_a_header),
        cmocka_unit_test(test_header_values),
        cmocka_unit_test(test_header_value_of_the_greatest_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
