#include "fuzz_allocation.h"

#include <sanitizer/allocator_interface.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_counting;
static long long held; /* less than 0 when what was there before the start is freed */
static long long peak;

static void on_malloc(const volatile void *memory, size_t size)
{
    (void)memory;
    if (__atomic_load_n(&is_counting, __ATOMIC_RELAXED)) {
        long long now = __atomic_add_fetch(&held, (long long)size, __ATOMIC_RELAXED);
        long long most = __atomic_load_n(&peak, __ATOMIC_RELAXED);
        while (now > most &&
               !__atomic_compare_exchange_n(&peak, &most, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
    }
}

static void on_free(const volatile void *memory)
{
    if (__atomic_load_n(&is_counting, __ATOMIC_RELAXED) && memory != NULL) {
        __atomic_sub_fetch(&held, (long long)__sanitizer_get_allocated_size(memory), __ATOMIC_RELAXED);
    }
}

void fuzz_allocation_start(void)
{
    static bool is_installed;

    if (!is_installed) {
        is_installed = true;
        if (__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) == 0) {
            fprintf(stderr, "no room for the allocator's hooks\n");
            abort();
        }
    }
    held = 0;
    peak = 0;
    is_counting = true;
}

size_t fuzz_allocation_peak(void)
{
    is_counting = false;
    return (size_t)peak;
}

void fuzz_allocation_check_bound(size_t input_size, size_t factor, size_t fixed)
{
    size_t most = factor * input_size + fixed;
    size_t used = fuzz_allocation_peak();

    if (used > most) {
        fprintf(stderr, "allocation: %zu bytes for an input of %zu, %zu allowed\n", used, input_size, most);
        abort();
    }
}

void fuzz_allocation_check(size_t input_size)
{
    fuzz_allocation_check_bound(input_size, FUZZ_ALLOCATION_FACTOR, FUZZ_ALLOCATION_FIXED);
}
