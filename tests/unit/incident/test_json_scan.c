/* json_scan: the grammar, the limits, which error comes first, and jansson as the oracle. */
#include "json_scan.h"

#include "check.h"
#include "incident_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_scan *scan;

static int set_up(void **state)
{
    (void)state;
    scan = json_scan_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_scan_destroy(scan);
    return 0;
}

/* The scan sees an exact copy on the heap, so that a look beyond the end is caught. */
static enum status read_copy(struct bytes_view text, const struct json_scan_limits *limits,
                             struct rule_violation *ret_violation)
{
    uint8_t *copy = malloc(text.size + (text.size == 0));
    CHECK(copy != NULL);
    memcpy(copy, text.size == 0 ? (const uint8_t *)"" : text.data, text.size);
    enum status status = json_scan_read(scan, bytes_view_of(copy, text.size), limits, ret_violation);
    free(copy);
    return status;
}

static void expect_fault_in(struct bytes_view text, struct json_scan_limits limits, const char *rule, size_t byte)
{
    struct rule_violation violation = {0};
    char start[64];
    snprintf(start, sizeof start, "byte %zu: ", byte);
    if (read_copy(text, &limits, &violation) != STATUS_INVALID) {
        fail_msg("accepted: %.*s", BYTES_PRINTF(text));
    }
    if (strcmp(violation.rule, rule) != 0 || strncmp(violation.message, start, strlen(start)) != 0) {
        fail_msg("%.*s: %s %s, expected %s at %zu", BYTES_PRINTF(text), violation.rule, violation.message, rule, byte);
    }
    assert_string_equal(violation.pointer, "");
}

static void expect_fault(const char *text, const char *rule, size_t byte)
{
    expect_fault_in(bytes_view_of_text(text), (struct json_scan_limits){0}, rule, byte);
}

static void expect_right(const char *text)
{
    struct rule_violation violation;
    const struct json_scan_limits limits = {0};
    if (read_copy(bytes_view_of_text(text), &limits, &violation) != STATUS_OK) {
        fail_msg("%s: %s", text, violation.message);
    }
}

static void accepts_json(void **state)
{
    static const char *const CASES[] = {
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "-0.0",
        "10",
        "1e5",
        "1E+05",
        "1.5e-300",
        "1e400",
        "123456789012345678901234567890",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"",
        "\"\\ud83d\\ude00\\uD83D\\uDE00\"",
        "\"\xF0\x9F\x98\x80\"",
        "\"\xEF\xBF\xBF\"",
        "\"\xF4\x8F\xBF\xBF\"",
        "\"\x7f\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[],{}]",
        "{\"a\":1,\"a\":2}",
        "\t\r\n [ 1 , 2 ] \n",
        "{\"\":{\"b\":[null,true,false,\"x\",-1.0]}}",
        "\"\\uFFFF\"",
        "\"\\u0001\"",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        expect_right(CASES[i]);
    }
}

static const struct {
    const char *text;
    size_t byte;
} SYNTAX_ERRORS[] = {
    {"", 0},
    {"  ", 2},
    {"nul", 3},
    {"nulL", 3},
    {"nullx", 4},
    {"tru e", 3},
    {"True", 0},
    {"NaN", 0},
    {"Infinity", 0},
    {"-Infinity", 1},
    {"+1", 0},
    {".5", 0},
    {"1.", 2},
    {"1.e5", 2},
    {"1e", 2},
    {"1e+", 3},
    {"01", 1},
    {"-01", 2},
    {"-", 1},
    {"- 1", 1},
    {"0x10", 1},
    {"1 2", 2},
    {"'a'", 0},
    {"\"a", 2},
    {"\"a\nb\"", 2},
    {"\"\\x\"", 2},
    {"\"\\", 2},
    {"\"\\u12G4\"", 5},
    {"\"\\u123\"", 6},
    {"\"\\u", 3},
    {"[", 1},
    {"[1", 2},
    {"[1,", 3},
    {"[1,]", 3},
    {"[,1]", 1},
    {"[1 2]", 3},
    {"[1}", 2},
    {"]", 0},
    {"{", 1},
    {"{\"a\"", 4},
    {"{\"a\":", 5},
    {"{\"a\":}", 5},
    {"{\"a\" 1}", 5},
    {"{\"a\":1,}", 7},
    {"{,}", 1},
    {"{a:1}", 1},
    {"{1:1}", 1},
    {"{\"a\":1]", 6},
    {"{\"a\":1\"b\":2}", 6},
    {"{}}", 2},
    {"{}{}", 2},
    {"[]//", 2},
    {"/**/1", 0},
    {"\xEF\xBB\xBF{}", 0},
    {"\xC2\xA0"
     "1",
     0},
    {"\f1", 0},
    {"\v1", 0},
};

static void names_the_byte_of_a_syntax_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(SYNTAX_ERRORS); i++) {
        expect_fault(SYNTAX_ERRORS[i].text, "json.syntax", SYNTAX_ERRORS[i].byte);
    }
}

static void knows_bad_utf8(void **state)
{
    static const struct {
        const char *text;
        size_t byte;
    } CASES[] = {
        {"\"\x80\"", 1},
        {"\"\xC0\x80\"", 1},
        {"\"\xC1\xBF\"", 1},
        {"\"\xC3\"", 1},
        {"\"\xC3(\"", 1},
        {"\"\xE0\x80\x80\"", 1},
        {"\"\xE2\x82\"", 1},
        {"\"\xED\xA0\x80\"", 1},
        {"\"\xED\xBF\xBF\"", 1},
        {"\"\xF0\x80\x80\x80\"", 1},
        {"\"\xF4\x90\x80\x80\"", 1},
        {"\"\xF5\x80\x80\x80\"", 1},
        {"\"\xFF\"", 1},
        {"\"ab\xFE\"", 3},
        {"\"\xC3", 1},
        {"\xFF", 0},
        {"[1,\xFF]", 3},
        {"{\"a\xFF\":1}", 3},
        {"{\xFF:1}", 1},
        {"\xEF\xBB", 0},
        {"1\xFF", 1},
        {"\"\\ud800\"", 1},
        {"\"\\udc00\"", 1},
        {"\"a\\ud800b\"", 2},
        {"\"\\ud800\\n\"", 1},
        {"\"\\ud800\\ud800\\udc00\"", 1},
        {"\"\\udbff\\ue000\"", 1},
        {"\"\\ud800\\u12\"", 1},
        {"\"\\ud800", 1},
        {"\"\\ud800\\", 1},
        {"\"\\ud800\\q\"", 1},
        {"{\"\\udfff\":1}", 2},
        {"\"\\\xFF\"", 2},
        {"\"\\u\xFF\"", 3},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        expect_fault(CASES[i].text, "json.utf8", CASES[i].byte);
    }
}

/* Wherever they stand: strings are looked at eight bytes at a time. */
static void sees_every_control_character_at_every_place(void **state)
{
    (void)state;
    for (size_t place = 1; place <= 24; place++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[] = "\"abcdefghijklmnopqrstuvwxyz\"";
            text[place] = (char)byte;
            if (byte < 0x20) {
                expect_fault(text, "json.syntax", place);
            } else if (byte >= 0x80) {
                expect_fault(text, "json.utf8", place);
            } else if (byte == '"') {
                expect_fault(text, "json.syntax", place + 1);
            } else if (byte != '\\') {
                expect_right(text);
            }
        }
    }
}

static void knows_nul(void **state)
{
    static const struct {
        struct bytes_view text;
        size_t byte;
    } CASES[] = {
        {{(const uint8_t *)"\"a\\u0000\"", 9}, 2}, {{(const uint8_t *)"{\"\\u0000\":1}", 12}, 2},
        {{(const uint8_t *)"\"a\0b\"", 5}, 2},     {{(const uint8_t *)"1\0", 2}, 1},
        {{(const uint8_t *)"\0", 1}, 0},           {{(const uint8_t *)"[1,\0]", 5}, 3},
        {{(const uint8_t *)"{}\0", 3}, 2},         {{(const uint8_t *)"\"\\\0\"", 4}, 2},
        {{(const uint8_t *)"nu\0l", 4}, 2},        {{(const uint8_t *)"-\0", 2}, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        expect_fault_in(CASES[i].text, (struct json_scan_limits){0}, "json.nul", CASES[i].byte);
    }
}

static void the_first_byte_decides(void **state)
{
    (void)state;
    expect_fault("[1,,\"\xFF\"]", "json.syntax", 3);
    expect_fault("[\"\xFF\",,]", "json.utf8", 2);
    expect_fault("[\"\\u0000\",\"\\ud800\",,]", "json.nul", 2);
    expect_fault("[\"\\ud800\",\"\\u0000\"]", "json.utf8", 2);
    const struct json_scan_limits object = {.must_be_object = true};
    expect_fault_in(bytes_view_of_text("[\"\xFF\"]"), object, "json.syntax", 0);
    expect_fault_in(bytes_view_of_text(" \"\xFF\""), object, "json.syntax", 1);
    expect_fault_in(bytes_view_of_text("null"), object, "json.syntax", 0);
    expect_fault_in(bytes_view_of_text("1"), object, "json.syntax", 0);
    expect_fault_in(bytes_view_of_text("x"), object, "json.syntax", 0);
}

static struct bytes nested(size_t depth)
{
    struct bytes text = {0};
    for (size_t i = 0; i < depth; i++) {
        bytes_append_text(&text, i % 2 == 0 ? "[" : "{\"a\":");
    }
    for (size_t i = depth; i > 0; i--) {
        if (i == depth && depth % 2 == 0) {
            bytes_append_text(&text, "1");
        }
        bytes_append_text(&text, i % 2 == 1 ? "]" : "}");
    }
    return text;
}

static void depth_has_a_limit(void **state)
{
    struct rule_violation violation;
    (void)state;
    for (uint32_t before = 0; before < 32; before++) {
        const struct json_scan_limits limits = {.depth_before = before};
        struct bytes right = nested(32 - before);
        assert_int_equal(read_copy(bytes_as_view(&right), &limits, &violation), STATUS_OK);
        bytes_free(&right);
    }
    struct bytes deep = nested(33);
    /* 16 arrays of one byte and 16 objects of five stand before the 33rd container. */
    expect_fault_in(bytes_as_view(&deep), (struct json_scan_limits){0}, "json.depth", 96);
    bytes_free(&deep);
    expect_fault_in(bytes_view_of_text("[[[1]]]"), (struct json_scan_limits){.depth_before = 30}, "json.depth", 2);
    struct bytes bottomless = {0};
    for (int i = 0; i < 200000; i++) {
        bytes_append_byte(&bottomless, '[');
    }
    expect_fault_in(bytes_as_view(&bottomless), (struct json_scan_limits){0}, "json.depth", 32);
    bytes_free(&bottomless);
}

static struct bytes list_of(size_t count, const char *open, const char *item, const char *close)
{
    struct bytes text = {0};
    bytes_append_text(&text, open);
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(&text, i > 0 ? "," : "");
        bytes_append_text(&text, item);
    }
    bytes_append_text(&text, close);
    return text;
}

static void values_have_a_limit(void **state)
{
    struct rule_violation violation;
    const struct json_scan_limits none = {0};
    const struct json_scan_limits ten = {.values_before = 10};
    (void)state;
    struct bytes right = list_of(4095, "[", "0", "]"); /* the array itself counts */
    assert_int_equal(read_copy(bytes_as_view(&right), &none, &violation), STATUS_OK);
    assert_int_equal(json_scan_values(scan), 4096);
    expect_fault_in(bytes_as_view(&right), ten, "json.values", 1 + 2 * 4085);
    bytes_free(&right);
    struct bytes arrays = list_of(4096, "[", "0", "]");
    expect_fault_in(bytes_as_view(&arrays), none, "json.values", 1 + 2 * 4095);
    bytes_free(&arrays);
    struct bytes objects = list_of(4095, "{", "\"k\":{}", "}"); /* keys do not count */
    assert_int_equal(read_copy(bytes_as_view(&objects), &none, &violation), STATUS_OK);
    size_t count;
    json_scan_nodes(scan, &count);
    assert_int_equal(count, 4096 + 4095);
    bytes_free(&objects);
    objects = list_of(4096, "{", "\"k\":{}", "}");
    expect_fault_in(bytes_as_view(&objects), none, "json.values", 1 + 7 * 4095 + 4);
    bytes_free(&objects);
    objects = list_of(4095, "{", "\"k\":{}", ",\"\xFF\":1}"); /* what is wrong before the value too many comes first */
    expect_fault_in(bytes_as_view(&objects), none, "json.utf8", 7 * 4095 + 2);
    bytes_free(&objects);
}

static void a_prefix_ends_in_line_size(void **state)
{
    static const char LINE[] = "{\"a\":[1.5e5,true,\"\xC3\xA9\\ud83d\\ude00\xF0\x9F\x98\x80\"],\"b\":null}  ";
    const struct json_scan_limits prefix = {.is_prefix = true};
    (void)state;
    for (size_t size = 0; size < sizeof LINE; size++) {
        expect_fault_in(bytes_view_of(LINE, size), prefix, "line.size", size);
    }
    expect_fault_in(bytes_view_of_text("{\"a\":tru!"), prefix, "json.syntax", 8);
    expect_fault_in(bytes_view_of_text("{}x"), prefix, "json.syntax", 2);
    expect_fault_in(bytes_view_of_text("\"\\ud800x"), prefix, "json.utf8", 1);
    expect_fault_in(bytes_view_of_text("\"\xC3x"), prefix, "json.utf8", 1);
    expect_fault_in(bytes_view_of_text("[[1],\xC3"), prefix, "json.syntax", 5);
}

/* Every beginning of a right text is wrong, with the end as its byte. */
static void every_cut_is_seen(void **state)
{
    static const char LINE[] = "{\"a\":[1,true,\"x\\n\",null,{\"b\":-0.5}],\"c\":\"\\u00e9\"}";
    (void)state;
    for (size_t size = 0; size < sizeof LINE - 1; size++) {
        expect_fault_in(bytes_view_of(LINE, size), (struct json_scan_limits){0}, "json.syntax", size);
    }
}

static void the_tape_has_every_place(void **state)
{
    static const char TEXT[] = " {\"a\\n\":[1, {}],\"b\":\"\\u0041\"} ";
    static const struct {
        const char *text;
        enum json_kind kind;
        uint32_t next;
        bool has_escape;
        bool has_space;
    } EXPECTED[] = {
        {"{\"a\\n\":[1, {}],\"b\":\"\\u0041\"}", JSON_KIND_OBJECT, 7, false, true},
        {"\"a\\n\"", JSON_KIND_STRING, 2, true, false},
        {"[1, {}]", JSON_KIND_ARRAY, 5, false, true},
        {"1", JSON_KIND_NUMBER, 4, false, false},
        {"{}", JSON_KIND_OBJECT, 5, false, false},
        {"\"b\"", JSON_KIND_STRING, 6, false, false},
        {"\"\\u0041\"", JSON_KIND_STRING, 7, true, false},
    };
    struct rule_violation violation;
    const struct json_scan_limits limits = {0};
    (void)state;
    struct bytes_view text = bytes_view_of_text(TEXT);
    assert_int_equal(json_scan_read(scan, text, &limits, &violation), STATUS_OK);
    size_t count;
    const struct json_node *nodes = json_scan_nodes(scan, &count);
    assert_int_equal(count, ARRAY_COUNT(EXPECTED));
    assert_int_equal(json_scan_values(scan), 5);
    for (size_t i = 0; i < count; i++) {
        assert_true(bytes_view_equal_text(bytes_view_slice(text, nodes[i].start, nodes[i].size), EXPECTED[i].text));
        assert_int_equal(nodes[i].kind, EXPECTED[i].kind);
        assert_int_equal(nodes[i].next, EXPECTED[i].next);
        assert_int_equal(nodes[i].has_escape, EXPECTED[i].has_escape);
        assert_int_equal(nodes[i].has_space, EXPECTED[i].has_space);
    }
}

static void compacts_outside_strings_only(void **state)
{
    struct bytes compact = {0};
    (void)state;
    json_scan_compact(bytes_view_of_text("{ \"a \\\" b\" :\t[ 1 ,\r\n\" \\\\\" , \"x\" ] }"), &compact);
    assert_true(bytes_view_equal_text(bytes_as_view(&compact), "{\"a \\\" b\":[1,\" \\\\\",\"x\"]}"));
    bytes_free(&compact);
}

static bool jansson_accepts(struct bytes_view text)
{
    json_t *value = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, NULL);
    json_decref(value);
    return value != NULL;
}

/* What jansson refuses though it is JSON: numbers that its types cannot hold. */
static bool has_long_number(struct bytes_view text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool is_number = (text.data[i] >= '0' && text.data[i] <= '9') || strchr("eE+-.", text.data[i]) != NULL;
        digits = is_number ? digits + 1 : 0;
        if (digits > 17 || (digits > 3 && (text.data[i] == 'e' || text.data[i] == 'E'))) {
            return true;
        }
    }
    return false;
}

static void agrees_with_jansson(void **state)
{
    static const char ALPHABET[] = "{}[]:,\"\\0123456789.eE+-tfnu aldrsb/\t\x01\x80\xC3\xA9\xED\xA0\xF0\x9F\xFF";
    struct random_source random;
    const struct json_scan_limits limits = {0};
    size_t accepted = 0;
    size_t refused = 0;
    (void)state;
    random_init(&random, 20260203);
    for (int i = 0; i < 60000; i++) {
        struct bytes text = {0};
        struct rule_violation violation;
        fixture_random_json(&random, 4, true, &text);
        for (uint64_t changes = random_below(&random, 3); changes > 0; changes--) {
            size_t at = random_below(&random, text.size);
            if (random_below(&random, 3) == 0) {
                text.size = at + 1;
            }
            text.data[at] = (uint8_t)ALPHABET[random_below(&random, sizeof ALPHABET - 1)];
        }
        if (!has_long_number(bytes_as_view(&text)) && !memchr(text.data, 0, text.size)) {
            bool is_right = read_copy(bytes_as_view(&text), &limits, &violation) == STATUS_OK;
            if (is_right != jansson_accepts(bytes_as_view(&text))) {
                fail_msg("the scan says %d: %.*s", is_right, BYTES_PRINTF(text));
            }
            accepted += is_right;
            refused += !is_right;
        }
        bytes_free(&text);
    }
    assert_true(accepted > 10000);
    assert_true(refused > 10000);
}

/* Compacting changes nothing that jansson sees, and leaves no white space behind. */
static void compact_text_is_the_same_value(void **state)
{
    struct random_source random;
    struct rule_violation violation;
    const struct json_scan_limits limits = {0};
    (void)state;
    random_init(&random, 5);
    for (int i = 0; i < 5000; i++) {
        struct bytes text = {0};
        struct bytes compact = {0};
        size_t count;
        fixture_random_json(&random, 4, true, &text);
        assert_int_equal(read_copy(bytes_as_view(&text), &limits, &violation), STATUS_OK);
        json_scan_compact(bytes_as_view(&text), &compact);
        json_t *before = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, NULL);
        json_t *after = json_loadb((const char *)compact.data, compact.size, JSON_DECODE_ANY, NULL);
        assert_non_null(before);
        assert_true(json_equal(before, after));
        assert_int_equal(read_copy(bytes_as_view(&compact), &limits, &violation), STATUS_OK);
        assert_false(json_scan_nodes(scan, &count)->has_space);
        json_decref(before);
        json_decref(after);
        bytes_free(&text);
        bytes_free(&compact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(names_the_byte_of_a_syntax_error),
        cmocka_unit_test(knows_bad_utf8),
        cmocka_unit_test(sees_every_control_character_at_every_place),
        cmocka_unit_test(knows_nul),
        cmocka_unit_test(the_first_byte_decides),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(values_have_a_limit),
        cmocka_unit_test(a_prefix_ends_in_line_size),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(the_tape_has_every_place),
        cmocka_unit_test(compacts_outside_strings_only),
        cmocka_unit_test(agrees_with_jansson),
        cmocka_unit_test(compact_text_is_the_same_value),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
