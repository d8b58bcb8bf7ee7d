/* record_framing: both framings, and everything that is neither. */
#include "record_framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void knows_both(void **state)
{
    (void)state;
    struct framed single = record_framing_detect(BYTES_LITERAL("\xC3\x01\x65\xE8\x88\x68\xE9\xD1\xF8\x05"
                                                               "body"));
    assert_int_equal(single.framing, FRAMING_SINGLE_OBJECT);
    assert_true(single.schema == UINT64_C(0x05f8d1e96888e865));
    assert_true(bytes_view_equal_text(single.body, "body"));
    struct framed confluent = record_framing_detect(BYTES_LITERAL("\x00\x80\x00\x01\x02x"));
    assert_int_equal(confluent.framing, FRAMING_CONFLUENT);
    assert_true(confluent.schema == UINT64_C(0x80000102));
    assert_true(bytes_view_equal_text(confluent.body, "x"));
}

static void bodies_may_be_empty(void **state)
{
    (void)state;
    struct framed single = record_framing_detect(BYTES_LITERAL("\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08"));
    assert_int_equal(single.framing, FRAMING_SINGLE_OBJECT);
    assert_int_equal(single.body.size, 0);
    assert_int_equal(record_framing_detect(BYTES_LITERAL("\x00\x00\x00\x00\x01")).framing, FRAMING_CONFLUENT);
}

static void everything_else_is_unknown(void **state)
{
    static const struct bytes_view CASES[] = {
        {NULL, 0},
        {(const uint8_t *)"\x00\x00\x00\x01", 4},
        {(const uint8_t *)"\xC3\x01\x01\x02\x03\x04\x05\x06\x07", 9},
        {(const uint8_t *)"\xC3\x02\x01\x02\x03\x04\x05\x06\x07\x08\x09", 11},
        {(const uint8_t *)"\xC4\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09", 11},
        {(const uint8_t *)"{\"event_type\":\"incident.instance.create\"}", 41},
        {(const uint8_t *)"Obj\x01 and so on", 14},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct framed framed = record_framing_detect(CASES[i]);
        assert_int_equal(framed.framing, FRAMING_UNKNOWN);
        assert_int_equal(framed.body.size, 0);
        assert_true(framed.schema == 0);
    }
}

static void what_it_appends_it_detects(void **state)
{
    struct bytes value = {0};
    (void)state;
    record_framing_append_single_object(&value, UINT64_C(0x0123456789abcdef));
    bytes_append_text(&value, "b");
    struct framed framed = record_framing_detect(bytes_as_view(&value));
    assert_int_equal(framed.framing, FRAMING_SINGLE_OBJECT);
    assert_true(framed.schema == UINT64_C(0x0123456789abcdef));
    assert_true(bytes_view_equal_text(framed.body, "b"));
    bytes_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_both),
        cmocka_unit_test(bodies_may_be_empty),
        cmocka_unit_test(everything_else_is_unknown),
        cmocka_unit_test(what_it_appends_it_detects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
