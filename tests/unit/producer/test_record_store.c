/* The store keeps copies that do not depend on where they came from. */
#include "record_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(struct bytes_view view, const char *text)
{
    assert_true(bytes_view_equal_text(view, text));
}

static void test_copies(void **state)
{
    (void)state;
    char key[] = "2050";
    char value[] = "value";
    char id[] = "id-1";
    char line[] = "{line}";
    struct outgoing_record record = {
        .key = bytes_view_of_text(key),
        .value = bytes_view_of_text(value),
        .headers = {{"ce_id", bytes_view_of_text(id)}, {"empty", bytes_view_of(NULL, 0)}},
        .header_count = 2,
        .timestamp_ms = 77,
    };
    struct record_store *store = record_store_create(4);
    assert_int_equal(record_store_size(&record, bytes_view_of_text(line)), 4 + 5 + 4 + 6);
    record_store_put(store, 6, &record, bytes_view_of_text(line));
    record_store_put(store, 7, &record, bytes_view_of_text(line));
    memset(key, 'x', 4), memset(value, 'x', 5), memset(id, 'x', 4), memset(line, 'x', 6);

    const struct outgoing_record *kept = record_store_record(store, 6);
    assert_text(kept->key, "2050");
    assert_text(kept->value, "value");
    assert_int_equal(kept->header_count, 2);
    assert_string_equal(kept->headers[0].name, "ce_id");
    assert_text(kept->headers[0].value, "id-1");
    assert_int_equal(kept->headers[1].value.size, 0);
    assert_int_equal(kept->timestamp_ms, 77);
    assert_text(record_store_line(store, 6), "{line}");

    assert_int_equal(record_store_error(store, 6), 0);
    record_store_set_error(store, 6, 10);
    assert_int_equal(record_store_error(store, 6), 10);
    record_store_drop(store, 6);
    record_store_put(store, 10, &record, bytes_view_of_text(line)); /* the same slot */
    assert_int_equal(record_store_error(store, 10), 0);
    assert_text(record_store_line(store, 7), "{line}");
    record_store_destroy(store); /* with two still in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
