#include "pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OBJECTS = 300 };

static void test_objects_stay_where_they_are(void **state)
{
    (void)state;
    struct pool pool;
    uint64_t *objects[OBJECTS];
    pool_init(&pool, 1, sizeof(uint64_t));
    for (uint32_t i = 0; i < OBJECTS; i++) {
        pool_reserve(&pool, i + 1);
        objects[i] = pool_take(&pool);
        assert_non_null(objects[i]);
        *objects[i] = i;
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        assert_int_equal(*objects[i], i);
        assert_int_equal(pool_index(&pool, objects[i]), i);
        assert_ptr_equal(pool_at(&pool, i), objects[i]);
    }
    pool_destroy(&pool);
}

static void test_only_what_there_is_room_for(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, 10, 3);
    pool_reserve(&pool, 5);
    for (uint32_t i = 0; i < 10; i++) {
        assert_non_null(pool_take(&pool));
    }
    assert_null(pool_take(&pool));
    /* Once more than the half, so that chunks are few. */
    pool_reserve(&pool, 11);
    assert_int_equal(pool.capacity, 15);
    pool_reserve(&pool, 40);
    assert_int_equal(pool.capacity, 40);
    for (uint32_t i = 10; i < 40; i++) {
        assert_non_null(pool_take(&pool));
    }
    assert_null(pool_take(&pool));
    pool_return(&pool, pool_at(&pool, 12));
    assert_ptr_equal(pool_take(&pool), pool_at(&pool, 12));
    pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_stay_where_they_are),
        cmocka_unit_test(test_only_what_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
