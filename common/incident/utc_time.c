#include "utc_time.h"

#include "check.h"

static const int64_t US_PER_SECOND = 1000000;
static const int64_t SECONDS_PER_DAY = 86400;

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar, and back.
 * Source: Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil and civil_from_days. The year
 * starts in March there, so that the leap day is its last. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *ret_month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *ret_year = (unsigned)(year_of_era + era * 400 + (*ret_month <= 2));
}

static int days_of_month(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : DAYS[month - 1];
}

/* What is left to read, and whether all that was read was right. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_right;
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static int read_number(struct reader *reader, int digits, int least, int most)
{
    int number = 0;
    if (reader->end - reader->at < digits) {
        reader->is_right = false;
        return least;
    }
    for (int i = 0; i < digits; i++, reader->at++) {
        reader->is_right &= is_digit(*reader->at);
        number = number * 10 + (*reader->at - '0');
    }
    if (!reader->is_right || number < least || number > most) {
        reader->is_right = false;
        return least;
    }
    return number;
}

static bool skip_byte(struct reader *reader, uint8_t byte)
{
    if (reader->at == reader->end || *reader->at != byte) {
        return false;
    }
    reader->at++;
    return true;
}

static void read_byte(struct reader *reader, uint8_t byte)
{
    reader->is_right &= skip_byte(reader, byte);
}

static int64_t read_fraction_us(struct reader *reader)
{
    int64_t us = 0;
    int digits = 0;
    if (!skip_byte(reader, '.')) {
        return 0;
    }
    for (; reader->at < reader->end && is_digit(*reader->at); reader->at++, digits++) {
        us = digits < 6 ? us * 10 + (*reader->at - '0') : us;
    }
    reader->is_right &= digits > 0;
    for (; digits < 6; digits++) {
        us *= 10;
    }
    return us;
}

static int64_t read_offset_seconds(struct reader *reader)
{
    if (skip_byte(reader, 'Z')) {
        return 0;
    }
    bool is_west = skip_byte(reader, '-');
    if (!is_west) {
        read_byte(reader, '+');
    }
    int64_t seconds = read_number(reader, 2, 0, 23) * INT64_C(3600);
    read_byte(reader, ':');
    seconds += read_number(reader, 2, 0, 59) * INT64_C(60);
    return is_west ? -seconds : seconds;
}

enum status utc_time_parse(struct bytes_view text, int64_t *ret_us)
{
    if (text.size == 0) {
        return STATUS_INVALID;
    }
    struct reader reader = {text.data, text.data + text.size, true};
    int year = read_number(&reader, 4, 0, 9999);
    read_byte(&reader, '-');
    int month = read_number(&reader, 2, 1, 12);
    read_byte(&reader, '-');
    int day = read_number(&reader, 2, 1, days_of_month(year, month));
    read_byte(&reader, 'T');
    int hour = read_number(&reader, 2, 0, 23);
    read_byte(&reader, ':');
    int minute = read_number(&reader, 2, 0, 59);
    read_byte(&reader, ':');
    int second = read_number(&reader, 2, 0, 59);
    int64_t fraction_us = read_fraction_us(&reader);
    int64_t offset_seconds = read_offset_seconds(&reader);
    if (!reader.is_right || reader.at != reader.end) {
        return STATUS_INVALID;
    }
    int64_t seconds = days_of_date(year, month, day) * SECONDS_PER_DAY + hour * INT64_C(3600) + minute * INT64_C(60) +
                      second - offset_seconds;
    int64_t us = seconds * US_PER_SECOND + fraction_us;
    if (!utc_time_is_printable(us)) {
        return STATUS_INVALID;
    }
    *ret_us = us;
    return STATUS_OK;
}

bool utc_time_is_printable(int64_t us)
{
    return us >= UTC_TIME_LEAST_US && us <= UTC_TIME_MOST_US;
}

/* Two digits. */
static char *put_pair(char *at, unsigned number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

/* Puts `2026-02-03T10:46:23` and gives the microseconds after it. */
static char *put_seconds(char *at, int64_t us, unsigned *ret_fraction_us)
{
    CHECK(utc_time_is_printable(us));
    int64_t since_least = us - UTC_TIME_LEAST_US; /* not negative, so that division rounds down */
    *ret_fraction_us = (unsigned)(since_least % US_PER_SECOND);
    int64_t seconds = since_least / US_PER_SECOND;
    unsigned second_of_day = (unsigned)(seconds % SECONDS_PER_DAY);
    unsigned year, month, day;
    date_of_days(seconds / SECONDS_PER_DAY + UTC_TIME_LEAST_US / US_PER_SECOND / SECONDS_PER_DAY, &year, &month, &day);
    at = put_pair(put_pair(at, year / 100), year % 100);
    *at++ = '-';
    at = put_pair(at, month);
    *at++ = '-';
    at = put_pair(at, day);
    *at++ = 'T';
    at = put_pair(at, second_of_day / 3600);
    *at++ = ':';
    at = put_pair(at, second_of_day / 60 % 60);
    *at++ = ':';
    return put_pair(at, second_of_day % 60);
}

void utc_time_append_row(struct bytes *bytes, int64_t us)
{
    char text[40];
    unsigned fraction_us;
    char *at = put_seconds(text, us, &fraction_us);
    if (fraction_us != 0) {
        *at++ = '.';
        at = put_pair(put_pair(put_pair(at, fraction_us / 10000), fraction_us / 100 % 100), fraction_us % 100);
        while (at[-1] == '0') {
            at--;
        }
    }
    bytes_append(bytes, text, (size_t)(at - text));
    bytes_append_text(bytes, "+00:00");
}

void utc_time_append_millis(struct bytes *bytes, int64_t ms)
{
    char text[40];
    unsigned fraction_us;
    CHECK(ms >= UTC_TIME_LEAST_US / 1000 && ms <= UTC_TIME_MOST_US / 1000);
    char *at = put_seconds(text, ms * 1000, &fraction_us);
    *at++ = '.';
    *at++ = (char)('0' + fraction_us / 100000);
    at = put_pair(at, fraction_us / 1000 % 100);
    *at++ = 'Z';
    bytes_append(bytes, text, (size_t)(at - text));
}

int64_t utc_time_us_to_ms(int64_t us)
{
    return us / 1000 - (us % 1000 < 0);
}
