/* json_value: which JSON texts are the same value. */
#include "json_value.h"

#include "check.h"
#include "incident_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct json_comparer *comparer;

static int set_up(void **state)
{
    (void)state;
    comparer = json_comparer_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_comparer_destroy(comparer);
    return 0;
}

static void expect(const char *a, const char *b, bool is_equal)
{
    struct bytes_view left = bytes_view_of_text(a);
    struct bytes_view right = bytes_view_of_text(b);
    if (json_comparer_equal(comparer, left, right) != is_equal ||
        json_comparer_equal(comparer, right, left) != is_equal) {
        fail_msg("%s and %s are %s", a, b, is_equal ? "equal" : "different");
    }
}

static void numbers_are_compared_by_value(void **state)
{
    (void)state;
    static const char *const ones[] = {"1", "1.0", "1e0", "10e-1", "0.1E+1", "0.0001e4", "1000e-0003", "1e-0"};
    for (size_t i = 0; i < ARRAY_COUNT(ones); i++) {
        expect(ones[0], ones[i], true);
    }
    expect("0", "-0", true);
    expect("0", "0.00e99999999999999999999999", true);
    expect("-0.0", "0e-5", true);
    expect("1", "-1", false);
    expect("12", "1.2", false);
    expect("12", "120", false);
    expect("102", "12", false);
    expect("0.1", "0.01", false);
}

/* Where a double would see no difference, or infinity. */
static void numbers_are_exact(void **state)
{
    (void)state;
    expect("12345678901234567890", "12345678901234567891", false);
    expect("12345678901234567890", "1234567890123456789e1", true);
    expect("0.1", "0.1000000000000000055511151231257827", false);
    expect("1e400", "1e401", false);
    expect("1e400", "10e399", true);
    expect("1e-400", "0", false);
    expect("9007199254740993", "9007199254740992.0", false);
}

/* Exponents that no integer type holds, and the border at which they are handled in another way. */
static void exponents_of_any_length(void **state)
{
    (void)state;
    expect("1e99999999999999999999", "1e99999999999999999999", true);
    expect("1e99999999999999999999", "10e99999999999999999998", true);
    expect("0.1e100000000000000000000", "1e99999999999999999999", true);
    expect("1e99999999999999999999", "1e99999999999999999998", false);
    expect("1e-99999999999999999999", "1e99999999999999999999", false);
    expect("1e-99999999999999999999", "0.1e-99999999999999999998", true);
    expect("100e-100000000000000000001", "1e-99999999999999999999", true);
    expect("100e-100000000000000000001", "1e-99999999999999999998", false);
    expect("1e99999999999999999", "0.1e100000000000000000", true);
    expect("1e100000000000000000", "10e99999999999999999", true);
    expect("1e-99999999999999999", "10e-100000000000000000", true);
    expect("1e000000000000000000000000000005", "100000", true);
}

static void strings_are_compared_by_characters(void **state)
{
    (void)state;
    expect("\"a\\/b\"", "\"a/b\"", true);
    expect("\"\\u00e9\"", "\"\xc3\xa9\"", true);
    expect("\"\\u20AC\"", "\"\xe2\x82\xac\"", true);
    expect("\"\\ud83d\\ude00!\"", "\"\xf0\x9f\x98\x80!\"", true);
    expect("\"\\u000a\\t\\\\\\\"\\b\\f\\r\"", "\"\\n\\u0009\\u005c\\u0022\\u0008\\u000C\\u000d\"", true);
    expect("\"a\"", "\"A\"", false);
    expect("\"a\"", "\"a \"", false);
    expect("\"1\"", "1", false);
    expect("\"\"", "null", false);
}

static void keys_have_no_order(void **state)
{
    (void)state;
    expect("{\"a\":1,\"b\":[1,{\"x\":null,\"y\":2}]}", "{ \"b\" : [1.0, {\"y\":2,\"x\":null}],\n\"a\":1e0}", true);
    expect("{\"a\":1,\"ab\":2}", "{\"ab\":2,\"\\u0061\":1}", true);
    expect("{\"a\":1}", "{\"a\":1,\"b\":null}", false);
    expect("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", false);
    expect("{\"\":1}", "{}", false);
    expect("{}", "[]", false);
}

static void arrays_have_one(void **state)
{
    (void)state;
    expect("[1,2]", "[2,1]", false);
    expect("[1,2]", "[1,2]", true);
    expect("[1,2]", "[12]", false);
    expect("[[1],2]", "[[1,2]]", false);
    expect("[true,false,null]", "[ true,false ,null ]", true);
    expect("[true]", "[false]", false);
    expect("[null]", "[]", false);
}

static void of_a_key_the_last_counts(void **state)
{
    (void)state;
    expect("{\"a\":1,\"a\":2}", "{\"a\":2}", true);
    expect("{\"a\":2,\"a\":1}", "{\"a\":1,\"a\":2}", false);
    expect("{\"a\":{\"x\":1},\"b\":0,\"\\u0061\":{\"y\":1,\"y\":2}}", "{\"b\":0,\"a\":{\"y\":2}}", true);
}

static void null_is_null(void **state)
{
    (void)state;
    expect("", "null", true);
    expect("", "", true);
    expect("", "0", false);
}

/* What might look alike when it is written down carelessly. */
static void a_key_is_no_structure(void **state)
{
    (void)state;
    expect("[{\"}\\\"abc\":1}]", "[{},\"abc\",1]", false);
    expect("{\"a\":1,\"b\":2}", "{\"a,b\":1}", false);
    expect("[\"a\",\"b\"]", "[\"a\\\"b\"]", false);
}

/* Before any buffer has memory. */
static void the_first_key_may_be_empty(void **state)
{
    struct json_comparer *fresh = json_comparer_create();
    (void)state;
    assert_false(json_comparer_equal(fresh, BYTES_LITERAL("{\"\":0}"), BYTES_LITERAL("{}")));
    json_comparer_destroy(fresh);
}

/* A random value is equal to itself with white space, and differs from itself with one member more. */
static void random_values(void **state)
{
    (void)state;
    struct random_source random;
    random_init(&random, 5);
    for (int i = 0; i < 2000; i++) {
        struct bytes json = {0};
        struct bytes compact = {0};
        struct bytes more = {0};
        fixture_random_json(&random, 4, true, &json);
        json_scan_compact(bytes_as_view(&json), &compact);
        bytes_append_format(&more, "{\"more\":%.*s}", BYTES_PRINTF(json));
        assert_true(json_comparer_equal(comparer, bytes_as_view(&json), bytes_as_view(&compact)));
        assert_false(json_comparer_equal(comparer, bytes_as_view(&json), bytes_as_view(&more)));
        bytes_free(&json);
        bytes_free(&compact);
        bytes_free(&more);
    }
}

static void the_widest_object(void **state)
{
    (void)state;
    struct bytes up = {0};
    struct bytes down = {0};
    bytes_append_byte(&up, '{');
    bytes_append_byte(&down, '{');
    for (int i = 0; i < 4000; i++) {
        bytes_append_format(&up, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
        bytes_append_format(&down, "%s\"k%d\":%d.0", i > 0 ? "," : "", 3999 - i, 3999 - i);
    }
    bytes_append_byte(&up, '}');
    bytes_append_byte(&down, '}');
    assert_true(json_comparer_equal(comparer, bytes_as_view(&up), bytes_as_view(&down)));
    bytes_free(&up);
    bytes_free(&down);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_compared_by_value),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(exponents_of_any_length),
        cmocka_unit_test(strings_are_compared_by_characters),
        cmocka_unit_test(keys_have_no_order),
        cmocka_unit_test(arrays_have_one),
        cmocka_unit_test(of_a_key_the_last_counts),
        cmocka_unit_test(null_is_null),
        cmocka_unit_test(a_key_is_no_structure),
        cmocka_unit_test(the_first_key_may_be_empty),
        cmocka_unit_test(random_values),
        cmocka_unit_test(the_widest_object),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
