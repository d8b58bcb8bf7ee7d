#include "dead_letter_facts.h"

#include "check.h"
#include "utc_time.h"

#include <string.h>

static const char undecodable[] = "undecodable";

/* The last header of that name; an empty view when there is none, or it is null. */
static struct bytes_view find(const struct record_header *headers, size_t count, const char *name)
{
    for (size_t i = count; i > 0; i--) {
        if (strcmp(headers[i - 1].name, name) == 0) {
            return headers[i - 1].value_is_null ? bytes_view_of(NULL, 0) : headers[i - 1].value;
        }
    }
    return bytes_view_of(NULL, 0);
}

/* Where the relay's own headers begin; the count of all when there are none. */
static size_t find_added(const struct record_in *record)
{
    for (size_t i = record->header_count; i > 0; i--) {
        if (strcmp(record->headers[i - 1].name, "dl_reason") == 0) {
            return i - 1;
        }
    }
    return record->header_count;
}

/* `07001` is no spelling of tenant 7001, and lies on another partition than its events. */
static int64_t read_tenant(const struct record_in *record)
{
    int64_t tenant = 0;
    bool is_tenant = !record->key_is_null && bytes_view_to_int64(record->key, &tenant) == STATUS_OK && tenant > 0 &&
                     record->key.data[0] != '0';
    return is_tenant ? tenant : 0;
}

void dead_letter_facts_read(int32_t partition, int64_t offset, const struct record_in *record,
                            struct dead_letter_facts *ret_facts)
{
    size_t own = find_added(record);
    size_t count = record->header_count - own;
    const struct record_header *added = count > 0 ? record->headers + own : NULL;
    count = count < DEAD_LETTER_ADDED_MAX ? count : DEAD_LETTER_ADDED_MAX;
    *ret_facts = (struct dead_letter_facts){
        .partition = partition,
        .offset = offset,
        .record = record,
        .added = added,
        .added_count = count,
        .reason = find(added, count, "dl_reason"),
        .subscription = find(added, count, "dl_subscription"),
        .attempts = find(added, count, "dl_attempts"),
        .last_error = find(added, count, "dl_last_error"),
        .first_attempt_at = find(added, count, "dl_first_attempt_at"),
        .origin_topic = find(added, count, "dl_origin_topic"),
        .origin_partition = find(added, count, "dl_origin_partition"),
        .origin_offset = find(added, count, "dl_origin_offset"),
        .ce_id = find(record->headers, own, "ce_id"),
        .ce_type = find(record->headers, own, "ce_type"),
        .tenant = read_tenant(record),
    };
}

int64_t dead_letter_facts_time(const struct dead_letter_facts *facts)
{
    int64_t time_us = 0;
    if (utc_time_parse(facts->first_attempt_at, &time_us) == STATUS_OK) {
        return utc_time_us_to_ms(time_us);
    }
    return facts->record->timestamp_ms;
}

bool dead_letter_facts_has_event(const struct decoded_record *decoded)
{
    return decoded->reading == RECORD_READABLE ||
           (decoded->reading == RECORD_UNREADABLE && strcmp(decoded->reason, "key.mismatch") == 0);
}

bool dead_letter_filter_is_reason(const char *reason)
{
    static const char *const reasons[] = {"refused",        "exhausted",    "skipped",      undecodable,
                                          "schema.unknown", "key.mismatch", "retention.gap"};
    size_t size = sizeof(undecodable) - 1;
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return strncmp(reason, undecodable, size) == 0 && reason[size] == '.' && reason[size + 1] != '\0';
}

static bool is_of_reason(const char *wanted, struct bytes_view reason)
{
    size_t size = sizeof(undecodable) - 1;
    if (strcmp(wanted, undecodable) == 0 && reason.size > size && reason.data[size] == '.') {
        return memcmp(reason.data, undecodable, size) == 0;
    }
    return bytes_view_equal_text(reason, wanted);
}

bool dead_letter_filter_matches(const struct dead_letter_filter *filter, const struct dead_letter_facts *facts)
{
    if (filter->reason != NULL && !is_of_reason(filter->reason, facts->reason)) {
        return false;
    }
    if (filter->subscription != NULL && !bytes_view_equal_text(facts->subscription, filter->subscription)) {
        return false;
    }
    if (filter->tenant != 0 && facts->tenant != filter->tenant) {
        return false;
    }
    int64_t time_ms = dead_letter_facts_time(facts);
    return time_ms >= filter->from_ms && time_ms < filter->to_ms;
}
