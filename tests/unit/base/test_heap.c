#include "check.h"
#include "heap.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 300, STEPS = 3000, SEEDS = 20 };

struct item {
    struct heap_node node;
    uint64_t due;
    size_t number; /* makes the order total */
    bool is_in;
};

static bool comes_before(const struct heap_node *a, const struct heap_node *b)
{
    union {
        const struct heap_node *node;
        const struct item *item;
    } first = {a}, second = {b}; /* node is the first member */
    return first.item->due != second.item->due ? first.item->due < second.item->due
                                               : first.item->number < second.item->number;
}

/* What the heap must say: the first of all that are in, found by looking at each. */
static struct item *first_of(struct item *items)
{
    struct item *first = NULL;
    for (size_t i = 0; i < ITEMS; i++) {
        if (items[i].is_in && (first == NULL || comes_before(&items[i].node, &first->node))) {
            first = &items[i];
        }
    }
    return first;
}

static void check_top(const struct heap *heap, struct item *items, size_t count)
{
    struct item *first = first_of(items);
    assert_int_equal(heap->count, count);
    assert_ptr_equal(heap_top(heap), first == NULL ? NULL : &first->node);
}

static void an_empty_heap_has_no_top(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap, comes_before);
    assert_null(heap_top(&heap));
    struct item one = {.due = 5};
    heap_insert(&heap, &one.node);
    assert_ptr_equal(heap_top(&heap), &one.node);
    heap_remove(&heap, &one.node);
    assert_null(heap_top(&heap));
    assert_int_equal(heap.count, 0);
}

/* Inserts, removes from anywhere and removes from the top, against the oracle after every step. */
static void run_seed(uint64_t seed)
{
    static struct item items[ITEMS];
    memset(items, 0, sizeof(items));
    struct random_source random;
    random_init(&random, seed);
    struct heap heap;
    heap_init(&heap, comes_before);
    size_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        struct item *item = &items[random_below(&random, ITEMS)];
        if (random_below(&random, 4) == 0 && count > 0) {
            item = CONTAINER_OF(heap_top(&heap), struct item, node);
        }
        if (item->is_in) {
            heap_remove(&heap, &item->node);
            count--;
        } else {
            item->number = (size_t)(item - items);
            item->due = random_below(&random, 50); /* few values: many ties */
            heap_insert(&heap, &item->node);
            count++;
        }
        item->is_in = !item->is_in;
        check_top(&heap, items, count);
    }
    while (count > 0) {
        struct item *top = CONTAINER_OF(heap_top(&heap), struct item, node);
        assert_ptr_equal(top, first_of(items));
        heap_remove(&heap, &top->node);
        top->is_in = false;
        count--;
    }
    assert_null(heap_top(&heap));
}

static void the_top_is_always_the_first(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed);
    }
}

static void many_come_out_in_order(void **state)
{
    (void)state;
    static struct item items[100000];
    struct heap heap;
    struct random_source random;
    random_init(&random, 7);
    heap_init(&heap, comes_before);
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        items[i] = (struct item){.due = random_below(&random, 1000), .number = i};
        heap_insert(&heap, &items[i].node);
    }
    const struct item *last = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        struct item *top = CONTAINER_OF(heap_top(&heap), struct item, node);
        assert_true(last == NULL || comes_before(&last->node, &top->node));
        heap_remove(&heap, &top->node);
        last = top;
    }
    assert_int_equal(heap.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_top),
        cmocka_unit_test(the_top_is_always_the_first),
        cmocka_unit_test(many_come_out_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
