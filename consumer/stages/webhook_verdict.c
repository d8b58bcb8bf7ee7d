#include "webhook_verdict.h"

#include "check.h"
#include "utc_time.h"

#include <stdio.h>
#include <string.h>

static const char *const failure_names[] = {
    [TRANSPORT_CONNECT] = "connect",
    [TRANSPORT_TIMEOUT] = "timeout",
    [TRANSPORT_TLS] = "tls",
    [TRANSPORT_DNS] = "dns",
    [TRANSPORT_ADDRESS_DENIED] = "address-denied",
    [TRANSPORT_TOO_LARGE] = "too-large",
};

static const int64_t fifty_years_ms = INT64_C(50) * 365 * 24 * 60 * 60 * 1000;

static enum delivery_verdict verdict_of_status(int status)
{
    if (status >= 200 && status <= 299) {
        return VERDICT_DELIVERED;
    }
    switch (status) {
    case 410:
        return VERDICT_GONE;
    case 429:
        return VERDICT_PACED;
    case 408:
    case 425:
        return VERDICT_FAILED;
    default:
        /* Beyond 599 no status means anything (RFC 9110 section 15): it is the endpoint that is wrong. */
        return status >= 400 && status <= 499 ? VERDICT_REFUSED : VERDICT_FAILED;
    }
}

void webhook_verdict_judge(const struct webhook_answer *answer, int64_t now_ms, struct webhook_judgement *ret_judgement)
{
    CHECK((answer->status != 0) == (answer->failure == TRANSPORT_OK));
    *ret_judgement = (struct webhook_judgement){.retry_after_ms = -1};
    if (answer->status == 0) {
        ret_judgement->verdict = answer->failure == TRANSPORT_ADDRESS_DENIED ? VERDICT_DENIED : VERDICT_FAILED;
        snprintf(ret_judgement->error, sizeof(ret_judgement->error), "%s", failure_names[answer->failure]);
        return;
    }
    ret_judgement->verdict = verdict_of_status(answer->status);
    if (ret_judgement->verdict != VERDICT_DELIVERED) {
        snprintf(ret_judgement->error, sizeof(ret_judgement->error), "http %d", answer->status);
    }
    if (answer->status == 429 || answer->status == 503) {
        int64_t wait_ms;

        if (webhook_verdict_read_retry_after(answer->retry_after, now_ms, &wait_ms)) {
            ret_judgement->retry_after_ms = wait_ms;
        }
    }
}

/* ---- Retry-After ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool read_seconds(struct bytes_view value, int64_t *ret_wait_ms)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < value.size; i++) {
        if (!is_digit(value.data[i])) {
            return false;
        }
        if (seconds < WEBHOOK_RETRY_AFTER_MAX_MS) {
            seconds = seconds * 10 + (value.data[i] - '0');
        }
    }
    *ret_wait_ms = seconds < WEBHOOK_RETRY_AFTER_MAX_MS / 1000 ? seconds * 1000 : WEBHOOK_RETRY_AFTER_MAX_MS;
    return value.size > 0;
}

/* The two digits of the month whose three letters stand at `text`, or NULL. */
static const char *month_digits(const uint8_t *text)
{
    static const char months[] = "Jan01Feb02Mar03Apr04May05Jun06Jul07Aug08Sep09Oct10Nov11Dec12";

    for (const char *month = months; *month != '\0'; month += 5) {
        if (memcmp(month, text, 3) == 0) {
            return month + 3;
        }
    }
    return NULL;
}

/* Where a letter of a pattern puts its digits into `YYYY-MM-DDThh:mm:ssZ`; -1 for a character that stands for
 * itself. `y` is a year of two digits, `d` a day whose first digit may be a space. */
static int place_of(char letter)
{
    static const struct {
        char letter;
        int8_t place;
    } places[] = {{'Y', 0}, {'y', 2}, {'D', 8}, {'d', 8}, {'h', 11}, {'m', 14}, {'s', 17}};

    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        if (places[i].letter == letter) {
            return places[i].place;
        }
    }
    return -1;
}

/* Reads `text` by a pattern (`bbb` is the month's name) into the RFC 3339 form of the time. */
static bool match(struct bytes_view text, const char *pattern, char ret_time[static 21])
{
    char last = '\0';
    int next = 0;

    memcpy(ret_time, "2000-00-00T00:00:00Z", 21);
    if (text.size != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        int place = place_of(pattern[i]);

        if (pattern[i] == 'b') {
            const char *digits = month_digits(text.data + i);

            if (digits == NULL) {
                return false;
            }
            memcpy(ret_time + 5, digits, 2);
            i += 2;
        } else if (place < 0) {
            if (c != (uint8_t)pattern[i]) {
                return false;
            }
        } else {
            next = pattern[i] == last ? next + 1 : place;
            if (!is_digit(c) && !(pattern[i] == 'd' && c == ' ' && next == place)) {
                return false;
            }
            ret_time[next] = (char)(c == ' ' ? '0' : c);
        }
        last = pattern[i];
    }
    return true;
}

/* The bytes of the weekday that `value` begins with, in full or by its first three letters; 0 for none. */
static size_t weekday_size(struct bytes_view value, bool in_full)
{
    static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

    for (size_t i = 0; i < ARRAY_COUNT(days); i++) {
        size_t size = in_full ? strlen(days[i]) : 3;

        if (value.size > size && memcmp(value.data, days[i], size) == 0) {
            return size;
        }
    }
    return 0;
}

static bool read_date(struct bytes_view value, int64_t now_ms, int64_t *ret_date_ms)
{
    size_t full = weekday_size(value, true);
    size_t brief = weekday_size(value, false);
    struct bytes_view rest = bytes_view_slice(value, brief, value.size - brief);
    bool has_short_year = false;
    char time[21];
    int64_t us;

    if (full > 0 && match(bytes_view_slice(value, full, value.size - full), ", DD-bbb-yy hh:mm:ss GMT", time)) {
        has_short_year = true;
    } else if (brief == 0 ||
               (!match(rest, ", DD bbb YYYY hh:mm:ss GMT", time) && !match(rest, " bbb dd hh:mm:ss YYYY", time))) {
        return false;
    }
    if (memcmp(time + 17, "60", 2) == 0) {
        memcpy(time + 17, "59", 2); /* a leap second, which the other clock does not have */
    }
    if (utc_time_parse(bytes_view_of(time, 20), &us) != STATUS_OK) {
        return false;
    }
    /* RFC 9110 section 5.6.7: more than fifty years ahead means the century before. */
    if (has_short_year && utc_time_us_to_ms(us) > now_ms + fifty_years_ms) {
        memcpy(time, "19", 2);
        if (utc_time_parse(bytes_view_of(time, 20), &us) != STATUS_OK) {
            return false; /* 29 February 1900 */
        }
    }
    *ret_date_ms = utc_time_us_to_ms(us);
    return true;
}

bool webhook_verdict_read_retry_after(struct bytes_view value, int64_t now_ms, int64_t *ret_wait_ms)
{
    int64_t date_ms;

    if (read_seconds(value, ret_wait_ms)) {
        return true;
    }
    if (!read_date(value, now_ms, &date_ms)) {
        return false;
    }
    *ret_wait_ms = date_ms <= now_ms                               ? 0
                   : date_ms - now_ms > WEBHOOK_RETRY_AFTER_MAX_MS ? WEBHOOK_RETRY_AFTER_MAX_MS
                                                                   : date_ms - now_ms;
    return true;
}
