#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_holds(bytes, literal)                                                                                   \
    do {                                                                                                               \
        assert_int_equal((bytes).size, strlen(literal));                                                               \
        assert_memory_equal((bytes).data, (literal), strlen(literal));                                                 \
    } while (0)

static void a_view_of_nothing_is_empty(void **state)
{
    (void)state;
    assert_int_equal(bytes_view_of_text(NULL).size, 0);
    assert_int_equal(bytes_view_of_text("").size, 0);
    assert_true(bytes_view_equal(bytes_view_of_text(NULL), bytes_view_of_text("")));
    assert_int_equal(BYTES_LITERAL("ab").size, 2);
}

static void views_are_equal_by_content(void **state)
{
    (void)state;
    assert_true(bytes_view_equal_text(BYTES_LITERAL("tenant"), "tenant"));
    assert_false(bytes_view_equal_text(BYTES_LITERAL("tenant"), "tenan"));
    assert_false(bytes_view_equal_text(BYTES_LITERAL("tenant"), "tenanT"));
    /* A NUL inside counts like any other byte. */
    assert_false(bytes_view_equal(BYTES_LITERAL("a\0b"), BYTES_LITERAL("a\0c")));
}

static void a_slice_may_be_all_or_nothing(void **state)
{
    (void)state;
    struct bytes_view view = BYTES_LITERAL("2050");
    assert_true(bytes_view_equal_text(bytes_view_slice(view, 0, 4), "2050"));
    assert_true(bytes_view_equal_text(bytes_view_slice(view, 1, 2), "05"));
    assert_int_equal(bytes_view_slice(view, 4, 0).size, 0);
}

static void bytes_grow_and_keep_what_they_hold(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    for (int i = 0; i < 100000; i++) {
        bytes_append_byte(&bytes, (uint8_t)i);
    }
    assert_int_equal(bytes.size, 100000);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(bytes.data[i], (uint8_t)i);
    }
    uint8_t *memory = bytes.data;
    bytes_clear(&bytes);
    assert_int_equal(bytes.size, 0);
    bytes_append_text(&bytes, "kept memory");
    assert_ptr_equal(bytes.data, memory);
    assert_holds(bytes, "kept memory");
    bytes_free(&bytes);
    assert_null(bytes.data);
    assert_int_equal(bytes.capacity, 0);
}

static void a_format_is_appended_whole_and_without_its_nul(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_format(&bytes, "%s", "");
    assert_int_equal(bytes.size, 0);
    bytes_append_format(&bytes, "%d/%s", 7, "x");
    bytes_append_format(&bytes, "%0200d", 1);
    assert_int_equal(bytes.size, 203);
    assert_memory_equal(bytes.data, "7/x0", 4);
    assert_int_equal(bytes.data[202], '1');
    bytes_free(&bytes);
}

static void int64_is_printed_and_read_back_at_its_edges(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-1, "-1"},
                 {10, "10"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes bytes = {0};
        bytes_append_int64(&bytes, cases[i].number);
        assert_holds(bytes, cases[i].text);
        int64_t number = 99;
        assert_int_equal(bytes_view_to_int64(bytes_as_view(&bytes), &number), STATUS_OK);
        assert_true(number == cases[i].number);
        bytes_free(&bytes);
    }
}

static void what_is_no_int64_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e2",
        "0x1",
        "--1",
        "1-",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t number = 42;
        assert_int_equal(bytes_view_to_int64(bytes_view_of_text(wrong[i]), &number), STATUS_INVALID);
        assert_true(number == 42);
    }
    int64_t number;
    assert_int_equal(bytes_view_to_int64(BYTES_LITERAL("1\0"), &number), STATUS_INVALID);
    assert_int_equal(bytes_view_to_int64(BYTES_LITERAL("000000000000000000000000000042"), &number), STATUS_OK);
    assert_true(number == 42);
    assert_int_equal(bytes_view_to_int64(BYTES_LITERAL("-0"), &number), STATUS_OK);
    assert_true(number == 0);
}

/* The vectors of RFC 4648 section 10, and one with both special digits. */
static const struct {
    const char *plain;
    const char *base64;
} base64_vectors[] = {{"", ""},
                      {"f", "Zg=="},
                      {"fo", "Zm8="},
                      {"foo", "Zm9v"},
                      {"foob", "Zm9vYg=="},
                      {"fooba", "Zm9vYmE="},
                      {"foobar", "Zm9vYmFy"},
                      {"\xfb\xff\xbf", "+/+/"}};

static void base64_goes_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(base64_vectors) / sizeof(base64_vectors[0]); i++) {
        struct bytes base64 = {0}, plain = {0};
        bytes_append_base64(&base64, bytes_view_of_text(base64_vectors[i].plain));
        assert_holds(base64, base64_vectors[i].base64);
        assert_int_equal(bytes_append_from_base64(&plain, bytes_as_view(&base64)), STATUS_OK);
        assert_holds(plain, base64_vectors[i].plain);
        bytes_free(&base64);
        bytes_free(&plain);
    }
}

static void every_byte_survives_base64(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t size = 0; size <= sizeof(all); size++) {
        for (size_t i = 0; i < size; i++) {
            all[i] = (uint8_t)(255 - i);
        }
        struct bytes base64 = {0}, plain = {0};
        bytes_append_base64(&base64, bytes_view_of(all, size));
        assert_int_equal(bytes_append_from_base64(&plain, bytes_as_view(&base64)), STATUS_OK);
        assert_true(bytes_view_equal(bytes_as_view(&plain), bytes_view_of(all, size)));
        bytes_free(&base64);
        bytes_free(&plain);
    }
}

static void wrong_base64_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Z",    "Zg",    "Zg=",  "Zg===", "====",     "=g==", "Z===",     "Zm=v",   "Zm9-",
        "Zm9_", "Zm9\n", "Zh==", "Zm9=",  "Zg==Zg==", "Zm 9", "Zm9v====", "Zm9\x80"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct bytes plain = {0};
        bytes_append_text(&plain, "before");
        assert_int_equal(bytes_append_from_base64(&plain, bytes_view_of_text(wrong[i])), STATUS_INVALID);
        assert_holds(plain, "before");
        bytes_free(&plain);
    }
    struct bytes plain = {0};
    assert_int_equal(bytes_append_from_base64(&plain, BYTES_LITERAL("Zm9\0")), STATUS_INVALID);
    assert_int_equal(plain.size, 0);
    bytes_free(&plain);
}

static void hex_is_lower_case(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_hex(&bytes, BYTES_LITERAL("\x00\x0f\xa5\xff"));
    assert_holds(bytes, "000fa5ff");
    bytes_free(&bytes);
}

static void a_json_string_escapes_what_it_must_and_no_more(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_json_string(&bytes, BYTES_LITERAL("a\"b\\c\n\r\t\x01\x1f/\x7f\xc3\xa9"));
    assert_holds(bytes, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/\x7f\xc3\xa9\"");
    bytes_clear(&bytes);
    bytes_append_json_string(&bytes, BYTES_LITERAL("\0"));
    assert_holds(bytes, "\"\\u0000\"");
    bytes_clear(&bytes);
    bytes_append_json_string(&bytes, BYTES_LITERAL(""));
    assert_holds(bytes, "\"\"");
    bytes_free(&bytes);
}

static void a_text_copy_ends_with_a_nul(void **state)
{
    (void)state;
    char *text = bytes_view_to_text(bytes_view_slice(BYTES_LITERAL("abcdef"), 1, 3));
    assert_string_equal(text, "bcd");
    free(text);
    text = bytes_view_to_text((struct bytes_view){0});
    assert_string_equal(text, "");
    free(text);
}

static void an_error_is_one_line_and_cut_at_its_end(void **state)
{
    (void)state;
    char long_text[2 * ERROR_TEXT_MAX];
    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    struct error error = {0};
    assert_int_equal(error_set(&error, STATUS_IO, "%s", long_text), STATUS_IO);
    assert_int_equal(error.status, STATUS_IO);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    assert_int_equal(error_set(NULL, STATUS_FULL, "nobody reads this"), STATUS_FULL);
    assert_string_equal(status_name(STATUS_OK), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_of_nothing_is_empty),
        cmocka_unit_test(views_are_equal_by_content),
        cmocka_unit_test(a_slice_may_be_all_or_nothing),
        cmocka_unit_test(bytes_grow_and_keep_what_they_hold),
        cmocka_unit_test(a_format_is_appended_whole_and_without_its_nul),
        cmocka_unit_test(int64_is_printed_and_read_back_at_its_edges),
        cmocka_unit_test(what_is_no_int64_is_refused),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(every_byte_survives_base64),
        cmocka_unit_test(wrong_base64_is_refused_and_leaves_nothing),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(a_json_string_escapes_what_it_must_and_no_more),
        cmocka_unit_test(a_text_copy_ends_with_a_nul),
        cmocka_unit_test(an_error_is_one_line_and_cut_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
