#include "bytes.h"

#include "check.h"
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes_view bytes_view_of(const void *data, size_t size)
{
    return (struct bytes_view){data, size};
}

struct bytes_view bytes_view_of_text(const char *text)
{
    return (struct bytes_view){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

struct bytes_view bytes_view_slice(struct bytes_view view, size_t start, size_t size)
{
    CHECK(start <= view.size && size <= view.size - start);
    return (struct bytes_view){size == 0 ? NULL : view.data + start, size};
}

bool bytes_view_equal(struct bytes_view a, struct bytes_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool bytes_view_equal_text(struct bytes_view view, const char *text)
{
    return bytes_view_equal(view, bytes_view_of_text(text));
}

struct bytes_view bytes_as_view(const struct bytes *bytes)
{
    return (struct bytes_view){bytes->data, bytes->size};
}

void bytes_reserve(struct bytes *bytes, size_t size)
{
    if (size <= bytes->capacity) {
        return;
    }
    size_t capacity = bytes->capacity < 64 ? 64 : bytes->capacity;
    while (capacity < size) {
        CHECK(capacity <= SIZE_MAX / 2);
        capacity *= 2;
    }
    bytes->data = memory_resize(bytes->data, capacity, 1);
    bytes->capacity = capacity;
}

void bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    CHECK(size <= SIZE_MAX - bytes->size);
    bytes_reserve(bytes, bytes->size + size);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_append_view(struct bytes *bytes, struct bytes_view view)
{
    bytes_append(bytes, view.data, view.size);
}

void bytes_append_text(struct bytes *bytes, const char *text)
{
    bytes_append(bytes, text, strlen(text));
}

void bytes_append_byte(struct bytes *bytes, uint8_t byte)
{
    bytes_append(bytes, &byte, 1);
}

void bytes_append_format(struct bytes *bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    /* vsnprintf writes a NUL behind the text: room for it, but not counted. */
    bytes_reserve(bytes, bytes->size + (size_t)length + 1);
    vsnprintf((char *)bytes->data + bytes->size, (size_t)length + 1, format, again);
    va_end(again);
    bytes->size += (size_t)length;
}

void bytes_append_int64(struct bytes *bytes, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    bytes_append(bytes, digits + at, sizeof(digits) - at);
}

void bytes_append_hex(struct bytes *bytes, struct bytes_view view)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < view.size; i++) {
        const char pair[2] = {digits[view.data[i] >> 4], digits[view.data[i] & 15]};
        bytes_append(bytes, pair, sizeof(pair));
    }
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void bytes_append_base64(struct bytes *bytes, struct bytes_view view)
{
    for (size_t i = 0; i < view.size; i += 3) {
        size_t left = view.size - i;
        uint32_t group = (uint32_t)view.data[i] << 16;
        group |= left > 1 ? (uint32_t)view.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)view.data[i + 2] : 0;
        const char quad[4] = {base64_digits[group >> 18], base64_digits[(group >> 12) & 63],
                              (char)(left > 1 ? base64_digits[(group >> 6) & 63] : '='),
                              (char)(left > 2 ? base64_digits[group & 63] : '=')};
        bytes_append(bytes, quad, sizeof(quad));
    }
}

static int base64_value(uint8_t digit)
{
    const char *found = digit == 0 ? NULL : strchr(base64_digits, digit);
    return found == NULL ? -1 : (int)(found - base64_digits);
}

enum status bytes_append_from_base64(struct bytes *bytes, struct bytes_view base64)
{
    if (base64.size % 4 != 0) {
        return STATUS_INVALID;
    }
    size_t start = bytes->size;
    for (size_t i = 0; i < base64.size; i += 4) {
        const uint8_t *quad = base64.data + i;
        bool last = i + 4 == base64.size;
        int padding = last && quad[3] == '=' ? (quad[2] == '=' ? 2 : 1) : 0;
        uint32_t group = 0;
        for (int j = 0; j < 4; j++) {
            int value = j >= 4 - padding ? 0 : base64_value(quad[j]);
            if (value < 0) {
                bytes->size = start;
                return STATUS_INVALID;
            }
            group = (group << 6) | (uint32_t)value;
        }
        const uint8_t decoded[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
        bool stray_bits = (padding == 1 && decoded[2] != 0) || (padding == 2 && (decoded[1] | decoded[2]) != 0);
        if (stray_bits) {
            bytes->size = start;
            return STATUS_INVALID;
        }
        bytes_append(bytes, decoded, (size_t)(3 - padding));
    }
    return STATUS_OK;
}

void bytes_append_json_string(struct bytes *bytes, struct bytes_view view)
{
    bytes_append_byte(bytes, '"');
    size_t plain_from = 0;
    for (size_t i = 0; i < view.size; i++) {
        uint8_t byte = view.data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        bytes_append(bytes, view.data + plain_from, i - plain_from);
        plain_from = i + 1;
        switch (byte) {
        case '"':
            bytes_append_text(bytes, "\\\"");
            break;
        case '\\':
            bytes_append_text(bytes, "\\\\");
            break;
        case '\n':
            bytes_append_text(bytes, "\\n");
            break;
        case '\r':
            bytes_append_text(bytes, "\\r");
            break;
        case '\t':
            bytes_append_text(bytes, "\\t");
            break;
        default:
            bytes_append_format(bytes, "\\u%04x", byte);
        }
    }
    if (plain_from < view.size) {
        bytes_append(bytes, view.data + plain_from, view.size - plain_from);
    }
    bytes_append_byte(bytes, '"');
}

void bytes_clear(struct bytes *bytes)
{
    bytes->size = 0;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

char *bytes_view_to_text(struct bytes_view view)
{
    char *text = memory_alloc(view.size + 1, 1);
    if (view.size > 0) {
        memcpy(text, view.data, view.size);
    }
    return text;
}

enum status bytes_view_to_int64(struct bytes_view view, int64_t *ret_number)
{
    bool negative = view.size > 0 && view.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == view.size) {
        return STATUS_INVALID;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t magnitude = 0;
    for (; at < view.size; at++) {
        uint8_t byte = view.data[at];
        if (byte < '0' || byte > '9') {
            return STATUS_INVALID;
        }
        uint64_t digit = (uint64_t)(byte - '0');
        if (magnitude > (limit - digit) / 10) {
            return STATUS_INVALID;
        }
        magnitude = magnitude * 10 + digit;
    }
    *ret_number = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return STATUS_OK;
}
