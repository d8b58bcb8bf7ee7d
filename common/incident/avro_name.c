#include "avro_name.h"

#include "check.h"
#include "memory.h"

#include <string.h>

int avro_name_primitive(const char *name)
{
    static const char *const PRIMITIVES[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};
    for (size_t i = 0; i < ARRAY_COUNT(PRIMITIVES); i++) {
        if (strcmp(name, PRIMITIVES[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool avro_name_is_legal(const char *name, bool may_have_dots)
{
    bool is_start = true;
    for (; *name != '\0'; name++) {
        char byte = *name;
        bool is_letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
        bool is_digit = byte >= '0' && byte <= '9';
        bool is_dot = byte == '.' && may_have_dots;
        if (is_start ? !is_letter : !(is_letter || is_digit || is_dot)) {
            return false;
        }
        is_start = is_dot;
    }
    return !is_start;
}

bool avro_name_is_legal_space(const char *name_space)
{
    return name_space == NULL || name_space[0] == '\0' || avro_name_is_legal(name_space, true);
}

char *avro_name_full(const char *name, const char *name_space, const char *enclosing)
{
    const char *space = name_space != NULL ? name_space : enclosing;
    struct bytes full = {0};
    if (strchr(name, '.') == NULL && space[0] != '\0') {
        bytes_append_format(&full, "%s.", space);
    }
    bytes_append(&full, name, strlen(name) + 1);
    return (char *)full.data;
}

char *avro_name_space_of(const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    return bytes_view_to_text(bytes_view_of(full_name, dot == NULL ? 0 : (size_t)(dot - full_name)));
}
