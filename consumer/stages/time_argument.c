#include "time_argument.h"

#include "check.h"
#include "utc_time.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* Unix milliseconds below it are before March 1973, when nothing here had happened; as seconds they reach to the year
 * 5138. */
static const int64_t LEAST_MS = INT64_C(100000000000);

static bool is_made_of(struct bytes_view text, const char *bytes)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(bytes, text.data[i]) == NULL) {
            return false;
        }
    }
    return text.size > 0;
}

static enum status read_number(const char *text, int64_t *ret_ms, struct error *ret_error)
{
    int64_t number = 0;
    if (bytes_view_to_int64(bytes_view_of_text(text), &number) != STATUS_OK || number > UTC_TIME_MOST_US / 1000) {
        return error_set(ret_error, STATUS_INVALID, "%.40s is more than the year 9999 in Unix milliseconds", text);
    }
    if (number != 0 && number < LEAST_MS) {
        return error_set(ret_error, STATUS_INVALID,
                         "%s is too small for Unix milliseconds; were seconds meant, write %" PRId64, text,
                         number * 1000);
    }
    *ret_ms = number;
    return STATUS_OK;
}

static enum status read_span(const char *text, int64_t now_ms, int64_t *ret_ms, struct error *ret_error)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text + 1, "0123456789");
    int64_t count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(units) && digits > 0; i++) {
        if (strcmp(text + 1 + digits, units[i].unit) != 0) {
            continue;
        }
        if (bytes_view_to_int64(bytes_view_of(text + 1, digits), &count) != STATUS_OK ||
            count > (now_ms - UTC_TIME_LEAST_US / 1000) / units[i].ms) {
            return error_set(ret_error, STATUS_INVALID, "%.40s is before the year 1", text);
        }
        *ret_ms = now_ms - count * units[i].ms;
        return STATUS_OK;
    }
    return error_set(ret_error, STATUS_INVALID, "\"%.40s\" is no span of time before now: write -90s, -30m, -2h or -5d",
                     text);
}

/* What is left of a timestamp that would be one with an offset behind it. */
static bool lacks_an_offset(const char *text)
{
    char whole[64];
    int64_t time_us;
    size_t size = strlen(text);
    if (size + 2 > sizeof(whole)) {
        return false;
    }
    memcpy(whole, text, size);
    whole[size] = 'Z';
    return utc_time_parse(bytes_view_of(whole, size + 1), &time_us) == STATUS_OK;
}

static bool is_date(const char *text)
{
    static const char noon[] = "T12:00:00Z";
    char whole[32];
    int64_t time_us;
    if (strlen(text) != 10) {
        return false;
    }
    memcpy(whole, text, 10);
    memcpy(whole + 10, noon, sizeof(noon));
    return utc_time_parse(bytes_view_of_text(whole), &time_us) == STATUS_OK;
}

enum status time_argument_read(const char *text, int64_t now_ms, int64_t *ret_ms, struct error *ret_error)
{
    struct bytes_view view = bytes_view_of_text(text);
    int64_t time_us = 0;
    CHECK(now_ms >= 0 && now_ms <= UTC_TIME_MOST_US / 1000);
    if (text[0] == '-') {
        return read_span(text, now_ms, ret_ms, ret_error);
    }
    if (is_made_of(view, "0123456789")) {
        return read_number(text, ret_ms, ret_error);
    }
    if (utc_time_parse(view, &time_us) == STATUS_OK) {
        *ret_ms = utc_time_us_to_ms(time_us);
        return STATUS_OK;
    }
    if (lacks_an_offset(text)) {
        return error_set(ret_error, STATUS_INVALID, "%s has no offset: write %sZ for UTC, or its offset (%s+01:00)",
                         text, text, text);
    }
    if (is_date(text)) {
        return error_set(ret_error, STATUS_INVALID, "%s is a day: write the time and the offset too (%sT00:00:00Z)",
                         text, text);
    }
    return error_set(
        ret_error, STATUS_INVALID,
        "\"%.80s\" is no time: write 2026-02-03T10:46:23Z (or with an offset, +01:00), Unix milliseconds, or "
        "-2h for two hours ago",
        text);
}
