#include "json_scan.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 2 * JSON_SCAN_VALUES_MAX }; /* each value may have a key */

/* What may come next. */
enum expectation {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* right after [ */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* right after { */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING, /* after the outermost value */
};

struct json_scan {
    /* the text */
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
    bool is_prefix;
    bool must_be_object;

    enum expectation expectation;
    uint32_t open[JSON_SCAN_DEPTH_MAX]; /* nodes of the open containers, outermost first */
    uint32_t depth;
    uint32_t depth_max;
    size_t values;
    size_t values_max;

    /* the first error */
    const char *rule; /* NULL: none */
    size_t fault_byte;
    const char *fault_text;

    size_t count;
    struct json_node nodes[NODES_MAX];
};

struct json_scan *json_scan_create(void)
{
    return memory_alloc(1, sizeof(struct json_scan));
}

void json_scan_destroy(struct json_scan *scan)
{
    free(scan);
}

/* Bytes of the UTF-8 character at `at`; 0 when there is none, -1 when `end` cuts off one that is right so far.
 * Source: The Unicode Standard, table 3-7 (well-formed byte sequences). */
static int utf8_size(const uint8_t *at, const uint8_t *end)
{
    uint8_t first = *at;
    uint8_t least = 0x80;
    uint8_t most = 0xBF;
    int size = 0;
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        size = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        size = 3;
        least = first == 0xE0 ? 0xA0 : least;
        most = first == 0xED ? 0x9F : most; /* no surrogates */
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4;
        least = first == 0xF0 ? 0x90 : least;
        most = first == 0xF4 ? 0x8F : most;
    }
    for (int i = 1; i < size; i++) {
        if (at + i == end) {
            return -1;
        }
        if (at[i] < least || at[i] > most) {
            return 0;
        }
        least = 0x80;
        most = 0xBF;
    }
    return size;
}

/* Eight bytes at once. */
static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static const uint64_t ONES = UINT64_C(0x0101010101010101);
static const uint64_t HIGH_BITS = UINT64_C(0x8080808080808080);

bool json_scan_is_utf8(struct bytes_view text)
{
    size_t at = 0;
    while (at < text.size) {
        if (text.size - at >= 8 && (word_at(text.data + at) & HIGH_BITS) == 0) {
            at += 8;
            continue;
        }
        int size = utf8_size(text.data + at, text.data + text.size);
        if (size <= 0) {
            return false;
        }
        at += (size_t)size;
    }
    return true;
}

static bool fault(struct json_scan *scan, const char *rule, const uint8_t *at, const char *text)
{
    scan->rule = rule;
    scan->fault_byte = (size_t)(at - scan->begin);
    scan->fault_text = text;
    return false;
}

/* The text ends too early. */
static bool fault_end(struct json_scan *scan, const char *text)
{
    if (scan->is_prefix) {
        return fault(scan, "line.size", scan->end, NULL);
    }
    return fault(scan, "json.syntax", scan->end, text);
}

/* The byte at `at` cannot stand there. */
static bool fault_byte(struct json_scan *scan, const char *text)
{
    if (scan->at == scan->end) {
        return fault_end(scan, text);
    }
    if (*scan->at == 0) {
        return fault(scan, "json.nul", scan->at, "a NUL byte");
    }
    int size = utf8_size(scan->at, scan->end);
    if (size < 0 && scan->is_prefix) {
        return fault(scan, "json.syntax", scan->at, text); /* whatever it is, it is wrong here */
    }
    if (size <= 0) {
        return fault(scan, "json.utf8", scan->at, "not UTF-8");
    }
    return fault(scan, "json.syntax", scan->at, text);
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The four digits of a \u escape, or -1 with `at` where they go wrong. */
static int read_hex4(struct json_scan *scan)
{
    int code = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        if (scan->at == scan->end) {
            return -1;
        }
        uint8_t byte = *scan->at;
        uint8_t lower = byte | 0x20;
        if (is_digit(byte)) {
            code = code * 16 + (byte - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            code = code * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return code;
}

static bool is_low_surrogate(int code)
{
    return code >= 0xDC00 && code <= 0xDFFF;
}

/* After `\u` of the escape that starts at `escape`. */
static bool scan_unicode_escape(struct json_scan *scan, const uint8_t *escape)
{
    static const char LONE[] = "a lone surrogate escape";
    int code = read_hex4(scan);
    if (code < 0) {
        return fault_byte(scan, "\\u must be followed by four hexadecimal digits");
    }
    if (code == 0) {
        return fault(scan, "json.nul", escape, "an escaped NUL");
    }
    if (is_low_surrogate(code)) {
        return fault(scan, "json.utf8", escape, LONE);
    }
    if (code < 0xD800 || code > 0xDFFF) {
        return true;
    }
    const uint8_t *second = scan->at;
    bool is_pair = scan->end - second >= 2 && second[0] == '\\' && second[1] == 'u';
    if (is_pair) {
        scan->at += 2;
        is_pair = is_low_surrogate(read_hex4(scan));
    }
    if (is_pair) {
        return true;
    }
    /* Where the view of a longer text ends inside what may be the pair's second half, its end is what is wrong. */
    bool may_go_on = scan->at == scan->end || (scan->end - second == 1 && second[0] == '\\');
    if (scan->is_prefix && may_go_on && scan->end - second < 6) {
        return fault_end(scan, NULL);
    }
    return fault(scan, "json.utf8", escape, LONE);
}

static bool scan_escape(struct json_scan *scan)
{
    const uint8_t *escape = scan->at++;
    if (scan->at == scan->end) {
        return fault_end(scan, "the text ends inside a string");
    }
    switch (*scan->at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        scan->at++;
        return true;
    case 'u':
        scan->at++;
        return scan_unicode_escape(scan, escape);
    default:
        return fault_byte(scan, "no escape of JSON");
    }
}

/* A byte of a string that is neither plain ASCII nor its end. */
static bool scan_special(struct json_scan *scan, struct json_node *node)
{
    uint8_t byte = *scan->at;
    if (byte == '\\') {
        node->has_escape = true;
        return scan_escape(scan);
    }
    if (byte < 0x20) {
        return fault_byte(scan, "a control character in a string must be escaped");
    }
    int size = utf8_size(scan->at, scan->end);
    if (size < 0 && scan->is_prefix) {
        return fault_end(scan, NULL);
    }
    if (size <= 0) {
        return fault(scan, "json.utf8", scan->at, "not UTF-8");
    }
    scan->at += size;
    return true;
}

/* True when all eight bytes are ASCII from 0x20, and neither a quote nor a backslash. A byte less 0x20, and a byte
 * exclusive-or'ed to zero less 1, borrow into their high bit (Anderson, "Bit Twiddling Hacks", "Determine if a word has
 * a zero byte"); a borrow that runs on into the next byte only makes the slow loop look at it. */
static bool is_plain(uint64_t word)
{
    uint64_t quote = word ^ (ONES * '"');
    uint64_t backslash = word ^ (ONES * '\\');
    return ((word | (word - ONES * 0x20) | (quote - ONES) | (backslash - ONES)) & HIGH_BITS) == 0;
}

static bool scan_string(struct json_scan *scan, struct json_node *node)
{
    scan->at++;
    for (;;) {
        while (scan->end - scan->at >= 8 && is_plain(word_at(scan->at))) {
            scan->at += 8;
        }
        while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at < 0x80 && *scan->at != '"' && *scan->at != '\\') {
            scan->at++;
        }
        if (scan->at == scan->end) {
            return fault_end(scan, "the text ends inside a string");
        }
        if (*scan->at == '"') {
            scan->at++;
            return true;
        }
        if (!scan_special(scan, node)) {
            return false;
        }
    }
}

static bool scan_digits(struct json_scan *scan)
{
    const uint8_t *start = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at)) {
        scan->at++;
    }
    return scan->at > start || fault_byte(scan, "expected a digit");
}

static bool scan_number(struct json_scan *scan)
{
    scan->at += *scan->at == '-';
    if (scan->at < scan->end && *scan->at == '0') {
        scan->at++;
    } else if (!scan_digits(scan)) {
        return false;
    }
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!scan_digits(scan)) {
            return false;
        }
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        scan->at += scan->at < scan->end && (*scan->at == '+' || *scan->at == '-');
        return scan_digits(scan);
    }
    return true;
}

static bool scan_word(struct json_scan *scan, const char *word)
{
    for (; *word != '\0'; word++, scan->at++) {
        if (scan->at == scan->end || *scan->at != (uint8_t)*word) {
            return fault_byte(scan, "expected a value");
        }
    }
    return true;
}

static struct json_node *add_node(struct json_scan *scan, enum json_kind kind)
{
    CHECK(scan->count < NODES_MAX);
    struct json_node *node = &scan->nodes[scan->count++];
    *node = (struct json_node){.start = (uint32_t)(scan->at - scan->begin), .kind = kind};
    return node;
}

static void end_node(struct json_scan *scan, struct json_node *node)
{
    node->size = (uint32_t)(scan->at - scan->begin) - node->start;
    node->next = (uint32_t)scan->count;
}

static void after_value(struct json_scan *scan)
{
    scan->expectation = scan->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static bool open_container(struct json_scan *scan, enum json_kind kind)
{
    if (scan->depth == scan->depth_max) {
        return fault(scan, "json.depth", scan->at, "containers nest deeper than 32");
    }
    if (scan->values == scan->values_max) {
        return fault(scan, "json.values", scan->at, "more than 4,096 values");
    }
    scan->values++;
    scan->open[scan->depth++] = (uint32_t)scan->count;
    add_node(scan, kind);
    scan->at++;
    scan->expectation = kind == JSON_KIND_OBJECT ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return true;
}

static bool close_container(struct json_scan *scan)
{
    scan->at++;
    struct json_node *node = &scan->nodes[scan->open[--scan->depth]];
    end_node(scan, node);
    if (scan->depth > 0 && node->has_space) {
        scan->nodes[scan->open[scan->depth - 1]].has_space = true;
    }
    after_value(scan);
    return true;
}

static bool on_scalar(struct json_scan *scan, enum json_kind kind)
{
    if (scan->values == scan->values_max) {
        return fault(scan, "json.values", scan->at, "more than 4,096 values");
    }
    scan->values++;
    struct json_node *node = add_node(scan, kind);
    bool is_right;
    switch (kind) {
    case JSON_KIND_STRING:
        is_right = scan_string(scan, node);
        break;
    case JSON_KIND_NUMBER:
        is_right = scan_number(scan);
        break;
    default:
        is_right = scan_word(scan, kind == JSON_KIND_NULL ? "null" : kind == JSON_KIND_TRUE ? "true" : "false");
        break;
    }
    end_node(scan, node);
    after_value(scan);
    return is_right;
}

static bool on_value(struct json_scan *scan)
{
    uint8_t byte = *scan->at;
    if (scan->must_be_object && scan->depth == 0 && byte != '{') {
        return fault_byte(scan, "expected an object");
    }
    switch (byte) {
    case '{':
        return open_container(scan, JSON_KIND_OBJECT);
    case '[':
        return open_container(scan, JSON_KIND_ARRAY);
    case '"':
        return on_scalar(scan, JSON_KIND_STRING);
    case 'n':
        return on_scalar(scan, JSON_KIND_NULL);
    case 't':
        return on_scalar(scan, JSON_KIND_TRUE);
    case 'f':
        return on_scalar(scan, JSON_KIND_FALSE);
    default:
        if (byte == '-' || is_digit(byte)) {
            return on_scalar(scan, JSON_KIND_NUMBER);
        }
        return fault_byte(scan, "expected a value");
    }
}

static bool on_key(struct json_scan *scan)
{
    if (*scan->at != '"') {
        return fault_byte(scan, "expected a key");
    }
    if (scan->values == scan->values_max) {
        /* The key's value would be too many; the tape has no room for it. What is wrong in the key comes first. */
        struct json_node spare = {0};
        if (!scan_string(scan, &spare)) {
            return false;
        }
        scan->expectation = EXPECT_COLON;
        return true;
    }
    struct json_node *key = add_node(scan, JSON_KIND_STRING);
    bool is_right = scan_string(scan, key);
    end_node(scan, key);
    scan->expectation = EXPECT_COLON;
    return is_right;
}

static bool on_colon(struct json_scan *scan)
{
    if (*scan->at != ':') {
        return fault_byte(scan, "expected a colon");
    }
    scan->at++;
    scan->expectation = EXPECT_VALUE;
    return true;
}

static bool on_comma_or_end(struct json_scan *scan)
{
    bool is_object = scan->nodes[scan->open[scan->depth - 1]].kind == JSON_KIND_OBJECT;
    if (*scan->at == (is_object ? '}' : ']')) {
        return close_container(scan);
    }
    if (*scan->at != ',') {
        return fault_byte(scan, is_object ? "expected a comma or }" : "expected a comma or ]");
    }
    scan->at++;
    scan->expectation = is_object ? EXPECT_KEY : EXPECT_VALUE;
    return true;
}

/* One token; false after an error. `at` is before the end and on no white space. */
static bool on_token(struct json_scan *scan)
{
    switch (scan->expectation) {
    case EXPECT_VALUE_OR_END:
        return *scan->at == ']' ? close_container(scan) : on_value(scan);
    case EXPECT_VALUE:
        return on_value(scan);
    case EXPECT_KEY_OR_END:
        return *scan->at == '}' ? close_container(scan) : on_key(scan);
    case EXPECT_KEY:
        return on_key(scan);
    case EXPECT_COLON:
        return on_colon(scan);
    case EXPECT_COMMA_OR_END:
        return on_comma_or_end(scan);
    case EXPECT_NOTHING:
        return fault_byte(scan, "something follows the value");
    }
    CHECK(!"an expectation");
    return false;
}

static void skip_space(struct json_scan *scan)
{
    if (scan->at == scan->end || !is_space(*scan->at)) {
        return;
    }
    while (scan->at < scan->end && is_space(*scan->at)) {
        scan->at++;
    }
    if (scan->depth > 0) {
        scan->nodes[scan->open[scan->depth - 1]].has_space = true;
    }
}

static enum status answer(const struct json_scan *scan, struct rule_violation *ret_violation)
{
    if (scan->rule == NULL) {
        return STATUS_OK;
    }
    if (strcmp(scan->rule, "line.size") == 0) {
        rule_violation_set(ret_violation, scan->rule, "", "byte %zu: the line is longer than 256 KiB",
                           scan->fault_byte);
    } else {
        rule_violation_set(ret_violation, scan->rule, "", "byte %zu: %s", scan->fault_byte, scan->fault_text);
    }
    return STATUS_INVALID;
}

enum status json_scan_read(struct json_scan *scan, struct bytes_view text, const struct json_scan_limits *limits,
                           struct rule_violation *ret_violation)
{
    static const uint8_t NOTHING[1] = {0};
    CHECK(text.size < UINT32_MAX && limits->depth_before < JSON_SCAN_DEPTH_MAX &&
          limits->values_before < JSON_SCAN_VALUES_MAX);
    scan->begin = text.size == 0 ? NOTHING : text.data;
    scan->at = scan->begin;
    scan->end = scan->begin + text.size;
    scan->is_prefix = limits->is_prefix;
    scan->must_be_object = limits->must_be_object;
    scan->expectation = EXPECT_VALUE;
    scan->depth = 0;
    scan->depth_max = JSON_SCAN_DEPTH_MAX - limits->depth_before;
    scan->values = 0;
    scan->values_max = JSON_SCAN_VALUES_MAX - limits->values_before;
    scan->rule = NULL;
    scan->count = 0;
    for (;;) {
        skip_space(scan);
        if (scan->at == scan->end) {
            if (scan->expectation != EXPECT_NOTHING || scan->is_prefix) {
                fault_end(scan, scan->count == 0 ? "expected a value" : "the text ends too early");
            }
            break;
        }
        if (!on_token(scan)) {
            break;
        }
    }
    return answer(scan, ret_violation);
}

const struct json_node *json_scan_nodes(const struct json_scan *scan, size_t *ret_count)
{
    *ret_count = scan->count;
    return scan->nodes;
}

size_t json_scan_values(const struct json_scan *scan)
{
    return scan->values;
}

void json_scan_compact(struct bytes_view json, struct bytes *ret_compact)
{
    bool is_in_string = false;
    bytes_reserve(ret_compact, ret_compact->size + json.size);
    for (size_t i = 0; i < json.size; i++) {
        uint8_t byte = json.data[i];
        if (!is_in_string && is_space(byte)) {
            continue;
        }
        ret_compact->data[ret_compact->size++] = byte;
        if (byte == '\\') {
            ret_compact->data[ret_compact->size++] = json.data[++i]; /* \" does not end the string */
        } else if (byte == '"') {
            is_in_string = !is_in_string;
        }
    }
}
