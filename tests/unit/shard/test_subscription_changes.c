#include "subscription_changes.h"

#include "memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct spec {
    const char *id;
    int64_t tenant;
    int64_t timeout_ms;
};

static struct subscription_set *make_set(const struct spec *specs, size_t count)
{
    struct subscription_set *set = memory_alloc(1, sizeof(*set));
    set->items = memory_alloc(count, sizeof(*set->items));
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        set->items[i] = (struct subscription){.id = memory_copy_text(specs[i].id),
                                              .tenant = specs[i].tenant,
                                              .events_mask = 3,
                                              .payload_version = 1,
                                              .enabled = true,
                                              .http = {.url = memory_copy_text("https://a.example/"),
                                                       .method = memory_copy_text("POST"),
                                                       .is_unsigned = true,
                                                       .timeout_ms = specs[i].timeout_ms,
                                                       .max_in_flight = 1}};
    }
    subscription_set_seal(set);
    return set;
}

static void every_kind_of_change_is_told_apart(void **state)
{
    (void)state;
    const struct spec before[] = {{"kept", 1, 10}, {"gone", 2, 10}, {"slower", 3, 10}};
    const struct spec after[] = {{"slower", 3, 20}, {"fresh", 2, 10}, {"kept", 1, 10}};
    struct subscription_set *old_set = make_set(before, 3);
    struct subscription_set *new_set = make_set(after, 3);
    struct subscription_changes changes;
    assert_int_equal(subscription_changes_find(old_set, new_set, &changes, NULL), STATUS_OK);
    assert_int_equal(changes.new_index[0], 2);
    assert_int_equal(changes.new_index[1], SUBSCRIPTION_REMOVED);
    assert_int_equal(changes.new_index[2], 0);
    assert_true(changes.is_changed[0]);
    assert_false(changes.is_changed[1]);
    assert_false(changes.is_changed[2]);
    assert_int_equal(changes.added, 1);
    assert_int_equal(changes.changed, 1);
    assert_int_equal(changes.removed, 1);
    assert_int_equal(changes.unchanged, 1);
    subscription_changes_free(&changes);
    subscription_set_destroy(old_set);
    subscription_set_destroy(new_set);
}

static void another_tenant_under_an_id_is_refused(void **state)
{
    (void)state;
    const struct spec before[] = {{"crm", 1, 10}};
    const struct spec after[] = {{"other", 5, 10}, {"crm", 2, 10}};
    struct subscription_set *old_set = make_set(before, 1);
    struct subscription_set *new_set = make_set(after, 2);
    struct subscription_changes changes;
    struct error error;
    assert_int_equal(subscription_changes_find(old_set, new_set, &changes, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "subscription crm: its tenant was 1 and is 2 now"));
    subscription_changes_free(&changes);
    subscription_set_destroy(old_set);
    subscription_set_destroy(new_set);
}

static void from_none_and_to_none(void **state)
{
    (void)state;
    const struct spec some[] = {{"a", 1, 10}, {"b", 1, 10}};
    struct subscription_set *none = make_set(NULL, 0);
    struct subscription_set *two = make_set(some, 2);
    struct subscription_changes changes;
    assert_int_equal(subscription_changes_find(none, two, &changes, NULL), STATUS_OK);
    assert_int_equal(changes.added, 2);
    subscription_changes_free(&changes);
    assert_int_equal(subscription_changes_find(two, none, &changes, NULL), STATUS_OK);
    assert_int_equal(changes.removed, 2);
    assert_int_equal(changes.new_index[1], SUBSCRIPTION_REMOVED);
    subscription_changes_free(&changes);
    subscription_set_destroy(none);
    subscription_set_destroy(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_change_is_told_apart),
        cmocka_unit_test(another_tenant_under_an_id_is_refused),
        cmocka_unit_test(from_none_and_to_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
