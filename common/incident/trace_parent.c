#include "trace_parent.h"

/* Lower-case hexadecimal digits, not all of them 0 unless they may be. */
static bool is_hex(struct bytes_view text, bool may_be_zero)
{
    bool is_zero = true;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f')) {
            return false;
        }
        is_zero = is_zero && byte == '0';
    }
    return may_be_zero || !is_zero;
}

bool trace_parent_is_valid(struct bytes_view text)
{
    if (text.size != TRACE_PARENT_SIZE || text.data[2] != '-' || text.data[35] != '-' || text.data[52] != '-') {
        return false;
    }
    struct bytes_view version = bytes_view_slice(text, 0, 2);
    return is_hex(version, true) && !bytes_view_equal_text(version, "ff") &&
           is_hex(bytes_view_slice(text, 3, 32), false) && is_hex(bytes_view_slice(text, 36, 16), false) &&
           is_hex(bytes_view_slice(text, 53, 2), true);
}
