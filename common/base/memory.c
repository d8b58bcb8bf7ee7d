#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes\n", count, size);
    abort();
}

void *memory_alloc(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        out_of_memory(count, size);
    }
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size) {
        out_of_memory(count, size);
    }
    void *memory = realloc(old, count * size > 0 ? count * size : 1);
    if (memory == NULL) {
        out_of_memory(count, size);
    }
    return memory;
}

char *memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(memory_alloc(size, 1), text, size);
}
