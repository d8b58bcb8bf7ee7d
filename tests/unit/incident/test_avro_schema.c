/* avro_schema: parsing canonical form and fingerprint.
 * Cases: Avro 1.11's share/test/data/schema-tests.txt (its fingerprints are CRC-64-AVRO as a signed long), and ours. */
#include "avro_schema.h"

#include "check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void expect_form(const char *schema, const char *expected)
{
    struct bytes form = {0};
    struct error error = {0};
    if (avro_schema_canonical_form(bytes_view_of_text(schema), &form, &error) != STATUS_OK) {
        fail_msg("%s: %s", schema, error.text);
    }
    if (!bytes_view_equal_text(bytes_as_view(&form), expected)) {
        fail_msg("%s became %.*s", schema, BYTES_PRINTF(form));
    }
    bytes_free(&form);
}

static void makes_canonical_forms(void **state)
{
    (void)state;
    expect_form("\"null\"", "\"null\"");
    expect_form("{\"type\":\"null\"}", "\"null\"");
    expect_form("{\"type\" : \"long\", \"logicalType\":\"timestamp-micros\"}", "\"long\"");
    expect_form("{\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\"}}", "\"string\"");
    expect_form("[ ]", "[]");
    expect_form("[ \"int\"  , {\"type\":\"boolean\"} ]", "[\"int\",\"boolean\"]");
    expect_form("{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}",
                "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}");
    expect_form("{\"type\":\"record\",\"name\":\"foo\",\"namespace\":\"x.y\",\"doc\":\"d\",\"aliases\":[\"b\"],"
                "\"fields\":[{\"type\":\"foo\",\"default\":1,\"name\":\"f1\",\"order\":\"ignore\"}]}",
                "{\"name\":\"x.y.foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":\"x.y.foo\"}]}");
    expect_form(
        "{\"type\":\"record\",\"name\":\"a.b.foo\",\"namespace\":\"x.y\",\"fields\":[{\"name\":\"f1\",\"type\":"
        "{\"type\":\"enum\",\"name\":\"foo2\",\"symbols\":[\"A\"],\"default\":\"A\"}},{\"name\":\"f2\",\"type\":"
        "\"foo2\"},{\"name\":\"f3\",\"type\":\"x.foo2\"}]}",
        "{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":{\"name\":\"a.b.foo2\","
        "\"type\":\"enum\",\"symbols\":[\"A\"]}},{\"name\":\"f2\",\"type\":\"a.b.foo2\"},{\"name\":\"f3\","
        "\"type\":\"x.foo2\"}]}");
    expect_form(
        "{\"type\":\"record\",\"name\":\"foo\",\"namespace\":\"x\",\"fields\":[{\"name\":\"f\",\"type\":"
        "{\"type\":\"fixed\",\"size\":15,\"name\":\"bar\",\"namespace\":\"\"}}]}",
        "{\"name\":\"x.foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f\",\"type\":{\"name\":\"bar\",\"type\":"
        "\"fixed\",\"size\":15}}]}");
    expect_form("{ \"items\":{\"type\":\"null\"}, \"type\":\"array\"}", "{\"type\":\"array\",\"items\":\"null\"}");
    expect_form("{ \"values\":\"string\", \"type\":\"map\"}", "{\"type\":\"map\",\"values\":\"string\"}");
    expect_form("{\"type\":\"enum\",\"name\":\"\\u0065\",\"symbols\":[\"\\u0041\",\"B\"]}",
                "{\"name\":\"e\",\"type\":\"enum\",\"symbols\":[\"A\",\"B\"]}");
}

static void fingerprints_as_published(void **state)
{
    static const struct {
        const char *schema;
        int64_t fingerprint;
    } CASES[] = {
        {"\"null\"", INT64_C(7195948357588979594)},
        {"\"boolean\"", INT64_C(-6970731678124411036)},
        {"\"int\"", INT64_C(8247732601305521295)},
        {"{\"type\":\"string\"}", INT64_C(-8142146995180207161)},
        {"[ ]", INT64_C(-1241056759729112623)},
        {"[ \"int\"  ]", INT64_C(-5232228896498058493)},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}", INT64_C(-4824392279771201922)},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        uint64_t fingerprint = 0;
        assert_int_equal(avro_schema_fingerprint(bytes_view_of_text(CASES[i].schema), &fingerprint, NULL), STATUS_OK);
        if (fingerprint != (uint64_t)CASES[i].fingerprint) {
            fail_msg("%s has %lld", CASES[i].schema, (long long)fingerprint);
        }
    }
    assert_true(avro_schema_crc64(BYTES_LITERAL("")) == UINT64_C(0xc15d213aa4d7a795));
}

static void refuses_what_is_no_schema(void **state)
{
    static const char *const CASES[] = {
        "",
        "{",
        "\"long\" 1",
        "7",
        "null",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"record\"}",
        "{\"type\":\"record\",\"name\":\"a b\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a\",\"namespace\":\"x$\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a\",\"namespace\":\"x\\\",\\\"y\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a\"}",
        "{\"type\":\"record\",\"name\":\"a\",\"fields\":[7]}",
        "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\"}]}",
        "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x.y\",\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"a\",\"name\":\"b\",\"fields\":[]}",
        "{\"type\":\"enum\",\"name\":\"a\"}",
        "{\"type\":\"enum\",\"name\":\"a\",\"symbols\":[7]}",
        "{\"type\":\"fixed\",\"name\":\"a\"}",
        "{\"type\":\"fixed\",\"name\":\"a\",\"size\":-1}",
        "{\"type\":\"array\"}",
        "{\"type\":\"map\"}",
        "\"\"",
        "\"1a\"",
        "\"a..b\"",
        "\"a.\"",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct bytes form = {0};
        struct error error = {0};
        bytes_append_text(&form, "kept");
        if (avro_schema_canonical_form(bytes_view_of_text(CASES[i]), &form, &error) != STATUS_INVALID) {
            fail_msg("%s is accepted", CASES[i]);
        }
        assert_true(strlen(error.text) > 0);
        assert_true(bytes_view_equal_text(bytes_as_view(&form), "kept"));
        bytes_free(&form);
    }
}

static void nesting_is_bounded(void **state)
{
    struct bytes schema = {0};
    uint64_t fingerprint;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        bytes_append_text(&schema, "{\"type\":\"array\",\"items\":");
    }
    bytes_append_text(&schema, "\"int\"");
    for (int i = 0; i < 1000; i++) {
        bytes_append_text(&schema, "}");
    }
    assert_int_equal(avro_schema_fingerprint(bytes_as_view(&schema), &fingerprint, NULL), STATUS_INVALID);
    bytes_free(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_canonical_forms),
        cmocka_unit_test(fingerprints_as_published),
        cmocka_unit_test(refuses_what_is_no_schema),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
