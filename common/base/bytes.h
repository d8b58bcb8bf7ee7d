/* bytes.h: borrowed and owned bytes.
 *
 * A `bytes_view` borrows: it is valid as long as whoever owns the bytes says. A `bytes` owns and grows; a
 * zeroed one is empty and ready for use, bytes_free gives its memory back. Neither is NUL-terminated. */
#ifndef RELAY_BYTES_H
#define RELAY_BYTES_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes_view {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
};

struct bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/* A view of a string literal, without its NUL. */
#define BYTES_LITERAL(literal) ((struct bytes_view){(const uint8_t *)(literal), sizeof(literal) - 1})

/* For printf's "%.*s". */
#define BYTES_PRINTF(view) (int)(view).size, (const char *)(view).data

struct bytes_view bytes_view_of(const void *data, size_t size);
struct bytes_view bytes_view_of_text(const char *text); /* NUL-terminated; NULL is empty */
struct bytes_view bytes_view_slice(struct bytes_view view, size_t start, size_t size); /* must lie inside */
bool bytes_view_equal(struct bytes_view a, struct bytes_view b);
bool bytes_view_equal_text(struct bytes_view view, const char *text);

/* What `bytes` holds now; valid until it is next changed. */
struct bytes_view bytes_as_view(const struct bytes *bytes);

void bytes_append(struct bytes *bytes, const void *data, size_t size);
void bytes_append_view(struct bytes *bytes, struct bytes_view view);
void bytes_append_text(struct bytes *bytes, const char *text);
void bytes_append_byte(struct bytes *bytes, uint8_t byte);
void bytes_append_format(struct bytes *bytes, const char *format, ...) PRINTF_LIKE(2, 3);
void bytes_append_int64(struct bytes *bytes, int64_t number);          /* decimal */
void bytes_append_hex(struct bytes *bytes, struct bytes_view view);    /* lower case */
void bytes_append_base64(struct bytes *bytes, struct bytes_view view); /* RFC 4648 section 4, padded */

/* `view` as a JSON string with its quotes (RFC 8259): `"`, `\` and control characters are escaped, the rest is
 * passed on. `view` must be UTF-8. */
void bytes_append_json_string(struct bytes *bytes, struct bytes_view view);

/* Appends the decoded bytes of padded base64 (RFC 4648 section 4).
 * Errors: STATUS_INVALID for any other character, wrong padding or stray bits; nothing is appended then. */
WARN_UNUSED enum status bytes_append_from_base64(struct bytes *bytes, struct bytes_view base64);

/* Makes room for `size` bytes in all; never shrinks. */
void bytes_reserve(struct bytes *bytes, size_t size);
void bytes_clear(struct bytes *bytes); /* size 0, memory kept */
void bytes_free(struct bytes *bytes);  /* back to zeroed */

/* An owned NUL-terminated copy; free with free(). */
char *bytes_view_to_text(struct bytes_view view);

/* Reads a decimal integer that fills `view` wholly: optional '-', no '+', no white space.
 * Errors: STATUS_INVALID when it is not one or does not fit. */
WARN_UNUSED enum status bytes_view_to_int64(struct bytes_view view, int64_t *ret_number);

#endif
