/* Faults on purpose: the runner must see each of the two, or it would see none. */
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_of(data, size);
    uint8_t *copy = memory_alloc(size, 1);

    fuzz_allocation_start();
    if (input.left.size > 0) {
        memcpy(copy, data, size);
    }
    if (size == 4 && memcmp(copy, "READ", 4) == 0) {
        copy[0] = copy[size]; /* one byte behind */
    }
    if (size == 4 && memcmp(copy, "MORE", 4) == 0) {
        free(memory_alloc(FUZZ_ALLOCATION_FIXED + FUZZ_ALLOCATION_FACTOR * 4 + 1, 1));
    }
    fuzz_allocation_check(size);
    free(copy);
    return 0;
}
