#include "error_list.h"

#include "memory.h"

#include <stdarg.h>
#include <stdlib.h>

enum status error_list_add(struct error_list *errors, const char *format, ...)
{
    errors->total++;
    if (errors->count == ERROR_LIST_MAX) {
        return STATUS_INVALID;
    }
    char line[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    /* What a person wrote may hold anything; a line of ours is one line. */
    for (char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = ' ';
        }
    }
    if (errors->lines == NULL) {
        errors->lines = memory_alloc(ERROR_LIST_MAX, sizeof(*errors->lines));
    }
    errors->lines[errors->count++] = memory_copy_text(line);
    return STATUS_INVALID;
}

void error_list_print(const struct error_list *errors, FILE *file)
{
    for (size_t i = 0; i < errors->count; i++) {
        fprintf(file, "%s\n", errors->lines[i]);
    }
    if (errors->total > errors->count) {
        fprintf(file, "and %zu more errors\n", errors->total - errors->count);
    }
}

void error_list_free(struct error_list *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free(errors->lines[i]);
    }
    free(errors->lines);
    *errors = (struct error_list){0};
}
