#include "frames.h"

#include "check.h"

enum { SIZE_BYTES = 4 };

struct bytes frames_load(const char *path)
{
    struct bytes content = {0};
    FILE *file = fopen(path, "rb");
    long size;

    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size >= 0);
    rewind(file);
    bytes_reserve(&content, (size_t)size);
    content.size = fread(content.data, 1, (size_t)size, file);
    CHECK(content.size == (size_t)size);
    fclose(file);
    return content;
}

bool frames_next(struct bytes_view *rest, struct bytes_view *ret_frame)
{
    size_t size = 0;

    if (rest->size == 0) {
        return false;
    }
    CHECK(rest->size >= SIZE_BYTES);
    for (size_t i = 0; i < SIZE_BYTES; i++) {
        size |= (size_t)rest->data[i] << 8 * i;
    }
    CHECK(size <= rest->size - SIZE_BYTES);
    *ret_frame = bytes_view_slice(*rest, SIZE_BYTES, size);
    *rest = bytes_view_slice(*rest, SIZE_BYTES + size, rest->size - SIZE_BYTES - size);
    return true;
}

void frames_write(FILE *file, struct bytes_view frame)
{
    uint8_t size[SIZE_BYTES];

    for (size_t i = 0; i < SIZE_BYTES; i++) {
        size[i] = (uint8_t)(frame.size >> 8 * i);
    }
    CHECK(fwrite(size, 1, sizeof(size), file) == sizeof(size));
    CHECK(fwrite(frame.data, 1, frame.size, file) == frame.size);
}
