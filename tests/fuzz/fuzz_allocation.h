/* fuzz_allocation.h: how much memory an input costs.
 *
 * Counted by the sanitizer's allocator hooks: every allocation of the process, libraries' too. The figure is how much
 * more memory was held at one moment than at the start, a block that is moved counting twice while it is moved. */
#ifndef RELAY_FUZZ_ALLOCATION_H
#define RELAY_FUZZ_ALLOCATION_H

#include <stddef.h>

enum { FUZZ_ALLOCATION_FIXED = 64 * 1024, FUZZ_ALLOCATION_FACTOR = 2 };

void fuzz_allocation_start(void);

/* The most held since the start. */
size_t fuzz_allocation_peak(void);

/* Aborts when the peak is above `factor` × `input_size` + `fixed`. */
void fuzz_allocation_check_bound(size_t input_size, size_t factor, size_t fixed);

/* The promise: 2 × input + 64 KiB. */
void fuzz_allocation_check(size_t input_size);

#endif
