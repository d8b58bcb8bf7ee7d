/* Two JSON values, a newline between them: are they equal? */
#include "check.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "json_scan.h"
#include "json_value.h"

#include <jansson.h>
#include <string.h>

/* Normal forms of both, and an object's members. A member takes 40 bytes and may be of 5 (`"":0,`). */
enum { COMPARE_FACTOR = 32 };

static struct json_scan *scan;
static struct json_comparer *comparer;

static bool is_value(struct bytes_view text)
{
    struct json_scan_limits limits = {0};
    struct rule_violation violation;

    return json_scan_read(scan, text, &limits, &violation) == STATUS_OK;
}

/* Where no number has a fraction, an exponent or a sign, jansson can say as well. */
static json_t *load(struct bytes_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (strchr(".eE-", text.data[i]) != NULL) {
            return NULL;
        }
    }
    return json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, NULL);
}

static void check_with_jansson(struct bytes_view a, struct bytes_view b, bool is_equal)
{
    json_t *a_value = load(a);
    json_t *b_value = load(b);

    if (a_value != NULL && b_value != NULL) {
        CHECK(is_equal == (json_equal(a_value, b_value) == 1));
    }
    json_decref(a_value);
    json_decref(b_value);
}

static void check_with_itself(struct bytes_view text)
{
    struct bytes compact = {0};

    json_scan_compact(text, &compact);
    CHECK(json_comparer_equal(comparer, text, text));
    CHECK(json_comparer_equal(comparer, text, bytes_as_view(&compact)));
    bytes_free(&compact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);

    if (newline == NULL) {
        return 0;
    }
    size_t first = (size_t)(newline - data);
    struct bytes_view a = bytes_view_of(data, first);
    struct bytes_view b = bytes_view_of(newline + 1, size - first - 1);
    if (comparer == NULL) {
        comparer = json_comparer_create();
        scan = json_scan_create();
    }
    if (!is_value(a) || !is_value(b)) {
        return 0;
    }
    fuzz_allocation_start();
    bool is_equal = json_comparer_equal(comparer, a, b);
    fuzz_allocation_check_bound(size, COMPARE_FACTOR, FUZZ_ALLOCATION_FIXED);
    CHECK(json_comparer_equal(comparer, b, a) == is_equal);
    check_with_jansson(a, b, is_equal);
    check_with_itself(a);
    check_with_itself(b);
    return 0;
}
