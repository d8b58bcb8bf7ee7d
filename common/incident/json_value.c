#include "json_value.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Two values are equal when their normal forms are the same bytes. The normal form is made by one walk over the
 * scanned text: strings decoded and ended by a NUL (which no string holds), numbers as sign, digits and exponent,
 * objects as their members in the order of their keys. */

enum { EXPONENT_DIGITS_PLAIN = 17 }; /* more of them, and the sum with a digit count might not fit an int64_t */

struct json_comparer {
    struct json_scan *scan;
    struct bytes forms[2];
    struct bytes keys; /* decoded keys of the objects that the walk is inside of */
};

/* One form being made. */
struct walk {
    struct bytes_view text;
    const struct json_node *nodes;
    struct bytes *form;
    struct bytes *keys;
};

struct member {
    struct bytes_view key; /* decoded; for the sorting */
    size_t key_start;
    size_t key_size;
    uint32_t value; /* its node; a later member's is greater */
};

struct json_comparer *json_comparer_create(void)
{
    struct json_comparer *comparer = memory_alloc(1, sizeof *comparer);
    comparer->scan = json_scan_create();
    return comparer;
}

void json_comparer_destroy(struct json_comparer *comparer)
{
    if (comparer == NULL) {
        return;
    }
    json_scan_destroy(comparer->scan);
    bytes_free(&comparer->forms[0]);
    bytes_free(&comparer->forms[1]);
    bytes_free(&comparer->keys);
    free(comparer);
}

/* ---- strings ---- */

static uint32_t hex4(const uint8_t *at)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t lower = at[i] | 0x20;
        code = code * 16 + (uint32_t)(lower >= 'a' ? lower - 'a' + 10 : lower - '0');
    }
    return code;
}

static void append_utf8(struct bytes *out, uint32_t code)
{
    if (code < 0x80) {
        bytes_append_byte(out, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        bytes_append_byte(out, (uint8_t)(0xC0 | code >> 6));
    } else {
        if (code < 0x10000) {
            bytes_append_byte(out, (uint8_t)(0xE0 | code >> 12));
        } else {
            bytes_append_byte(out, (uint8_t)(0xF0 | code >> 18));
            bytes_append_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3F)));
        }
        bytes_append_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
    }
    bytes_append_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
}

/* The escape after the backslash at `at`; returns how many bytes it has with the backslash. */
static size_t append_escape(struct bytes *out, const uint8_t *at)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    if (at[1] == 'u') {
        uint32_t code = hex4(at + 2);
        bool is_pair = code >= 0xD800 && code <= 0xDBFF; /* the scan has seen its second half */
        append_utf8(out, is_pair ? 0x10000 + ((code - 0xD800) << 10) + (hex4(at + 8) - 0xDC00) : code);
        return is_pair ? 12 : 6;
    }
    const char *letter = strchr(letters, at[1]);
    bytes_append_byte(out, letter != NULL ? (uint8_t)meanings[letter - letters] : at[1]);
    return 2;
}

static void append_characters(struct walk *walk, const struct json_node *node, struct bytes *out)
{
    struct bytes_view inside = bytes_view_slice(walk->text, node->start + 1, node->size - 2);
    if (!node->has_escape) {
        bytes_append_view(out, inside);
        return;
    }
    for (size_t i = 0; i < inside.size;) {
        if (inside.data[i] == '\\') {
            i += append_escape(out, inside.data + i);
        } else {
            bytes_append_byte(out, inside.data[i++]);
        }
    }
}

/* ---- numbers ---- */

/* A number's parts: 0.DIGITS × 10^(shift + exponent), where DIGITS begins and ends with no 0. */
struct decimal {
    bool is_negative;
    bool is_exponent_negative;
    struct bytes_view exponent; /* its digits, without leading zeros */
    int64_t shift;
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Appends the digits of the number and returns the other parts; false for zero, which has no digits. */
static bool append_digits(struct bytes *out, struct bytes_view text, struct decimal *ret_decimal)
{
    size_t at = text.data[0] == '-';
    size_t start = out->size;
    bool is_fraction = false;
    *ret_decimal = (struct decimal){.is_negative = at == 1};
    for (; at < text.size && (is_digit(text.data[at]) || text.data[at] == '.'); at++) {
        if (text.data[at] == '.') {
            is_fraction = true;
            continue;
        }
        if (out->size == start && text.data[at] == '0') {
            ret_decimal->shift -= is_fraction; /* a leading zero is no digit */
            continue;
        }
        bytes_append_byte(out, text.data[at]);
        ret_decimal->shift += !is_fraction;
    }
    while (out->size > start && out->data[out->size - 1] == '0') {
        out->size--;
    }
    if (at < text.size) { /* the e */
        at++;
        ret_decimal->is_exponent_negative = text.data[at] == '-';
        at += !is_digit(text.data[at]);
        while (at < text.size && text.data[at] == '0') {
            at++;
        }
        ret_decimal->exponent = bytes_view_slice(text, at, text.size - at);
    }
    return out->size > start;
}

/* Appends EXPONENT + number, where EXPONENT, in decimal, is greater than the number can be. */
static void append_long_sum(struct bytes *out, struct bytes_view exponent, int64_t number)
{
    size_t start = out->size;
    bytes_append_byte(out, '0'); /* room for a carry */
    bytes_append_view(out, exponent);
    for (size_t i = out->size; i > start && number != 0; i--) {
        int64_t digit = out->data[i - 1] - '0' + number % 10;
        number /= 10;
        if (digit < 0) {
            digit += 10;
            number--;
        } else if (digit > 9) {
            digit -= 10;
            number++;
        }
        out->data[i - 1] = (uint8_t)('0' + digit);
    }
    size_t zeros = 0;
    while (out->data[start + zeros] == '0') {
        zeros++;
    }
    memmove(out->data + start, out->data + start + zeros, out->size - start - zeros);
    out->size -= zeros;
}

static void append_number(struct bytes *out, struct bytes_view text)
{
    struct decimal decimal;
    size_t sign_at = out->size;
    bytes_append_byte(out, '+');
    if (!append_digits(out, text, &decimal)) {
        bytes_append_byte(out, '0');
        return;
    }
    out->data[sign_at] = decimal.is_negative ? '-' : '+';
    bytes_append_byte(out, 'e');
    if (decimal.exponent.size > EXPONENT_DIGITS_PLAIN) {
        bytes_append_text(out, decimal.is_exponent_negative ? "-" : "");
        append_long_sum(out, decimal.exponent, decimal.is_exponent_negative ? -decimal.shift : decimal.shift);
        return;
    }
    int64_t exponent = 0;
    if (decimal.exponent.size > 0) {
        CHECK(bytes_view_to_int64(decimal.exponent, &exponent) == STATUS_OK);
    }
    bytes_append_int64(out, decimal.shift + (decimal.is_exponent_negative ? -exponent : exponent));
}

/* ---- the walk ---- */

static int compare_members(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    size_t size = left->key.size < right->key.size ? left->key.size : right->key.size;
    int order = size == 0 ? 0 : memcmp(left->key.data, right->key.data, size);
    if (order != 0) {
        return order;
    }
    if (left->key.size != right->key.size) {
        return left->key.size < right->key.size ? -1 : 1;
    }
    return left->value < right->value ? -1 : left->value > right->value;
}

/* The members of the object at `index` by their keys, the last of each; free it. The keys are appended to walk->keys,
 * which objects further inside may move: then only key_start and key_size are good. */
static struct member *sort_members(struct walk *walk, uint32_t index, size_t *ret_count)
{
    size_t capacity = 16;
    size_t count = 0;
    struct member *members = memory_alloc(capacity, sizeof *members);
    for (uint32_t at = index + 1; at < walk->nodes[index].next; at = walk->nodes[at + 1].next) {
        if (count == capacity) {
            capacity *= 2;
            members = memory_resize(members, capacity, sizeof *members);
        }
        size_t start = walk->keys->size;
        append_characters(walk, &walk->nodes[at], walk->keys);
        members[count++] = (struct member){.key_start = start, .key_size = walk->keys->size - start, .value = at + 1};
    }
    for (size_t i = 0; i < count; i++) {
        members[i].key = bytes_view_slice(bytes_as_view(walk->keys), members[i].key_start, members[i].key_size);
    }
    qsort(members, count, sizeof *members, compare_members);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || !bytes_view_equal(members[i].key, members[i + 1].key)) {
            members[(*ret_count)++] = members[i];
        }
    }
    return members;
}

static void append_value(struct walk *walk, uint32_t index);

static void append_object(struct walk *walk, uint32_t index)
{
    size_t keys_start = walk->keys->size;
    size_t count;
    struct member *members = sort_members(walk, index, &count);
    bytes_append_byte(walk->form, '{');
    for (size_t i = 0; i < count; i++) {
        bytes_append_byte(walk->form, ',');
        bytes_append_view(walk->form,
                          bytes_view_slice(bytes_as_view(walk->keys), members[i].key_start, members[i].key_size));
        bytes_append_byte(walk->form, '\0');
        append_value(walk, members[i].value);
    }
    bytes_append_byte(walk->form, '}');
    free(members);
    walk->keys->size = keys_start;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most JSON_SCAN_DEPTH_MAX deep */
static void append_value(struct walk *walk, uint32_t index)
{
    const struct json_node *node = &walk->nodes[index];
    switch (node->kind) {
    case JSON_KIND_NULL:
    case JSON_KIND_FALSE:
    case JSON_KIND_TRUE:
        bytes_append_byte(walk->form, walk->text.data[node->start]);
        return;
    case JSON_KIND_NUMBER:
        append_number(walk->form, bytes_view_slice(walk->text, node->start, node->size));
        bytes_append_byte(walk->form, '\0');
        return;
    case JSON_KIND_STRING:
        bytes_append_byte(walk->form, '"');
        append_characters(walk, node, walk->form);
        bytes_append_byte(walk->form, '\0');
        return;
    case JSON_KIND_ARRAY:
        bytes_append_byte(walk->form, '[');
        for (uint32_t at = index + 1; at < node->next; at = walk->nodes[at].next) {
            append_value(walk, at);
        }
        bytes_append_byte(walk->form, ']');
        return;
    case JSON_KIND_OBJECT:
        append_object(walk, index);
        return;
    }
}

static void make_form(struct json_comparer *comparer, struct bytes_view text, struct bytes *form)
{
    const struct json_scan_limits limits = {0};
    struct rule_violation violation;
    size_t count;
    bytes_clear(form);
    bytes_clear(&comparer->keys);
    if (text.size == 0) {
        text = BYTES_LITERAL("null");
    }
    CHECK(json_scan_read(comparer->scan, text, &limits, &violation) == STATUS_OK);
    struct walk walk = {
        .text = text, .nodes = json_scan_nodes(comparer->scan, &count), .form = form, .keys = &comparer->keys};
    append_value(&walk, 0);
}

bool json_comparer_equal(struct json_comparer *comparer, struct bytes_view a, struct bytes_view b)
{
    if (bytes_view_equal(a, b)) {
        return true;
    }
    make_form(comparer, a, &comparer->forms[0]);
    make_form(comparer, b, &comparer->forms[1]);
    return bytes_view_equal(bytes_as_view(&comparer->forms[0]), bytes_as_view(&comparer->forms[1]));
}
