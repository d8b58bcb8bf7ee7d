/* fuzz_input.h: the bytes of a fuzzer as decisions, and as a file.
 *
 * Decisions are taken from the end of the input, so that a text at its beginning stays readable in the corpus; when the
 * bytes are used up every decision is 0. */
#ifndef RELAY_FUZZ_INPUT_H
#define RELAY_FUZZ_INPUT_H

#include "bytes.h"

#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls it with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    struct bytes_view left;
};

struct fuzz_input fuzz_input_of(const uint8_t *data, size_t size);

uint8_t fuzz_input_byte(struct fuzz_input *input);
uint64_t fuzz_input_number(struct fuzz_input *input);           /* eight bytes */
size_t fuzz_input_below(struct fuzz_input *input, size_t most); /* 0 … most - 1; most > 0 */

/* The path of a file in memory that holds `bytes` until the next call. */
const char *fuzz_input_file(struct bytes_view bytes);

#endif
