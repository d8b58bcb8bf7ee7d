#include "payload_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void copies_outlive_what_they_were_made_from(void **state)
{
    (void)state;
    struct payload_store *store = payload_store_create(2);
    char value[] = "value";
    char name[] = "ce_id";
    struct record_header header = {.name = name, .value = bytes_view_of_text("abc")};
    struct payload payload = {
        .topic = "t",
        .partition = 3,
        .offset = 42,
        .record = {.key = bytes_view_of_text("2050"),
                   .value = bytes_view_of(value, sizeof(value) - 1),
                   .headers = &header,
                   .header_count = 1},
        .body = bytes_view_of_text("{}"),
        .traceparent = bytes_view_of_text("00-1"),
    };
    uint32_t ticket = payload_store_put(store, &payload);
    memset(value, 'x', sizeof(value) - 1);
    memset(name, 'x', sizeof(name) - 1);

    const struct payload *kept = payload_store_get(store, ticket);
    assert_true(bytes_view_equal_text(kept->record.key, "2050"));
    assert_true(bytes_view_equal_text(kept->record.value, "value"));
    assert_true(bytes_view_equal_text(kept->body, "{}"));
    assert_true(bytes_view_equal_text(kept->traceparent, "00-1"));
    assert_int_equal(kept->record.header_count, 1);
    assert_string_equal(kept->record.headers[0].name, "ce_id");
    assert_true(bytes_view_equal_text(kept->record.headers[0].value, "abc"));
    assert_int_equal(kept->offset, 42);
    assert_true(payload_store_size(store, ticket) >= strlen("2050value{}00-1ce_idabc"));
    payload_store_release(store, ticket);
    payload_store_destroy(store);
}

static void null_and_empty_stay_apart(void **state)
{
    (void)state;
    struct payload_store *store = payload_store_create(1);
    struct record_header headers[] = {{.name = "empty"}, {.name = "null", .value_is_null = true}};
    struct payload payload = {.record = {.key_is_null = true, .headers = headers, .header_count = 2}};
    uint32_t ticket = payload_store_put(store, &payload);
    const struct payload *kept = payload_store_get(store, ticket);
    assert_true(kept->record.key_is_null);
    assert_false(kept->record.value_is_null);
    assert_int_equal(kept->record.value.size, 0);
    assert_false(kept->record.headers[0].value_is_null);
    assert_true(kept->record.headers[1].value_is_null);
    payload_store_destroy(store); /* what is still in hand goes with it */
}

static void slots_are_used_again(void **state)
{
    (void)state;
    struct payload_store *store = payload_store_create(3);
    uint32_t tickets[3];
    for (int64_t i = 0; i < 3; i++) {
        tickets[i] = payload_store_put(store, &(struct payload){.offset = i});
    }
    for (int64_t round = 0; round < 100; round++) {
        uint32_t which = (uint32_t)(round % 3);
        payload_store_release(store, tickets[which]);
        tickets[which] = payload_store_put(store, &(struct payload){.offset = 1000 + round});
        assert_int_equal(payload_store_get(store, tickets[which])->offset, 1000 + round);
        assert_int_not_equal(tickets[which], tickets[(which + 1) % 3]);
        assert_int_not_equal(tickets[which], tickets[(which + 2) % 3]);
    }
    payload_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_outlive_what_they_were_made_from),
        cmocka_unit_test(null_and_empty_stay_apart),
        cmocka_unit_test(slots_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
