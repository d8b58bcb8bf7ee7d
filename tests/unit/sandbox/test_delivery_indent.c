/* The printed form of a body. */
#include "delivery_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void strings_and_numbers_stand_as_they_came(void **state)
{
    (void)state;
    struct bytes out = {0};
    delivery_indent(&out, bytes_view_of_text("{\"a\":[1.0,\"x,{\\\"}:\\\\\",[],{}],\"b\":{\"c\":1e400}}"), "> ");
    bytes_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, "> {\n"
                                                ">   \"a\": [\n"
                                                ">     1.0,\n"
                                                ">     \"x,{\\\"}:\\\\\",\n"
                                                ">     [],\n"
                                                ">     {}\n"
                                                ">   ],\n"
                                                ">   \"b\": {\n"
                                                ">     \"c\": 1e400\n"
                                                ">   }\n"
                                                "> }\n");
    bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings_and_numbers_stand_as_they_came)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
