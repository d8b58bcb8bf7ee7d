#include "status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#undef error_set /* of static analyzers */
enum status error_set(struct error *ret_error, enum status status, const char *format, ...)
{
    if (ret_error == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    ret_error->status = status;
    vsnprintf(ret_error->text, sizeof(ret_error->text), format, arguments);
    va_end(arguments);
    return status;
}

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_INVALID:
        return "invalid";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_IO:
        return "i/o error";
    case STATUS_FULL:
        return "full";
    case STATUS_UNAVAILABLE:
        return "unavailable";
    case STATUS_REFUSED:
        return "refused";
    }
    return "unknown";
}
