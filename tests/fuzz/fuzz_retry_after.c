/* A Retry-After, read at several times; and dates made from the input in all three forms, which must be read. */
#include "check.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "webhook_verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t day_ms = WEBHOOK_RETRY_AFTER_MAX_MS;

static bool read_at(struct bytes_view value, int64_t now_ms, int64_t *ret_wait_ms)
{
    fuzz_allocation_start();
    bool is_read = webhook_verdict_read_retry_after(value, now_ms, ret_wait_ms);
    fuzz_allocation_check(value.size);
    CHECK(!is_read || (*ret_wait_ms >= 0 && *ret_wait_ms <= day_ms));
    return is_read;
}

static bool is_all_digits(struct bytes_view value)
{
    size_t digits = 0;

    while (digits < value.size && value.data[digits] >= '0' && value.data[digits] <= '9') {
        digits++;
    }
    return digits > 0 && digits == value.size;
}

static void check_seconds(struct bytes_view value, int64_t wait_ms)
{
    char text[32];
    size_t zeros = 0;
    int64_t seconds = 0;

    while (zeros < value.size && value.data[zeros] == '0') {
        zeros++;
    }
    if (value.size - zeros < 10) {
        snprintf(text, sizeof text, "0%.*s", (int)(value.size - zeros), (const char *)value.data + zeros);
        CHECK(sscanf(text, "%" SCNd64, &seconds) == 1);
    } else {
        seconds = INT32_MAX;
    }
    CHECK(wait_ms == (seconds * 1000 < day_ms ? seconds * 1000 : day_ms));
}

static void check_text(struct bytes_view value)
{
    static const int64_t times_ms[] = {0, 784111777000, 1700000000000, 4102444800000, 253402300799999};
    int64_t before_ms = day_ms;

    for (size_t i = 0; i < ARRAY_COUNT(times_ms); i++) {
        int64_t wait_ms;
        bool is_read = read_at(value, times_ms[i], &wait_ms);
        if (is_all_digits(value)) {
            CHECK(is_read);
            check_seconds(value, wait_ms);
        } else if (is_read && value.size != 0 && memchr(value.data, '-', value.size) == NULL) {
            CHECK(wait_ms <= before_ms); /* a date comes nearer; one of two digits may change its century */
            before_ms = wait_ms;
        }
        struct webhook_answer answer = {.status = i % 2 == 0 ? 503 : 404, .retry_after = value};
        struct webhook_judgement judgement;
        webhook_verdict_judge(&answer, times_ms[i], &judgement);
        CHECK(judgement.retry_after_ms == (answer.status == 503 && is_read ? wait_ms : -1));
    }
}

static void check_date(struct fuzz_input *input)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    size_t form = fuzz_input_below(input, ARRAY_COUNT(forms));
    /* Until 2099, and in the second form from 1970 on: its century is not written. */
    int64_t date_s = (int64_t)(fuzz_input_number(input) % 4102444800);
    int64_t now_ms = date_s * 1000 + (int64_t)(fuzz_input_number(input) % 200000000) - 100000000;
    int64_t wanted_ms = date_s * 1000 - now_ms;
    time_t date = (time_t)date_s;
    struct tm parts;
    char text[64];
    int64_t wait_ms;

    CHECK(gmtime_r(&date, &parts) != NULL);
    size_t size = strftime(text, sizeof text, forms[form], &parts);
    CHECK(size > 0);
    CHECK(read_at(bytes_view_of(text, size), now_ms, &wait_ms));
    wanted_ms = wanted_ms < 0 ? 0 : wanted_ms > day_ms ? day_ms : wanted_ms;
    CHECK(wait_ms == wanted_ms || (form == 1 && (wait_ms == 0 || wait_ms == day_ms)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_of(data, size);

    check_text(input.left);
    check_date(&input);
    return 0;
}
