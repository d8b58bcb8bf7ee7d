#include "fuzz_input.h"

#include "check.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct fuzz_input fuzz_input_of(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){bytes_view_of(data, size)};
}

uint8_t fuzz_input_byte(struct fuzz_input *input)
{
    return input->left.size == 0 ? 0 : input->left.data[--input->left.size];
}

uint64_t fuzz_input_number(struct fuzz_input *input)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++) {
        number = number << 8 | fuzz_input_byte(input);
    }
    return number;
}

size_t fuzz_input_below(struct fuzz_input *input, size_t most)
{
    size_t choice = fuzz_input_byte(input);

    CHECK(most > 0);
    if (most > 256) {
        choice = choice << 8 | fuzz_input_byte(input);
    }
    return choice % most;
}

const char *fuzz_input_file(struct bytes_view bytes)
{
    static int file = -1;
    static char path[64];

    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        CHECK(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    CHECK(ftruncate(file, 0) == 0);
    for (size_t done = 0; done < bytes.size;) {
        ssize_t size = pwrite(file, bytes.data + done, bytes.size - done, (off_t)done);
        CHECK(size > 0);
        done += (size_t)size;
    }
    return path;
}
