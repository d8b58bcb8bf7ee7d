/* receiver_journal.h: one JSON line for each request that came in, flushed before it is answered.
 *
 * {"time", "method", "path", "headers": {name: value}, "body_base64", "status", "verdict", "reason"}: `path` is the
 * request target as sent; header names are in lower case, a name that came twice has its values joined by ", "; bytes
 * above 0x7f that are not UTF-8 are shown as ISO 8859-1; `reason` is empty where there is nothing to explain. */
#ifndef RELAY_RECEIVER_JOURNAL_H
#define RELAY_RECEIVER_JOURNAL_H

#include "bytes.h"

struct receiver_journal;
struct json_t;

struct journal_entry {
    const char *method;
    const char *path;
    struct json_t *headers; /* from journal_headers_add; borrowed */
    struct bytes_view body;
    unsigned status;
    const char *verdict;
    const char *reason;
};

/* Opens `path` for appending. Free with receiver_journal_close (NULL is fine).
 * Errors: STATUS_IO with the path and the system's reason. */
WARN_UNUSED enum status receiver_journal_open(const char *path, struct receiver_journal **ret_journal,
                                              struct error *ret_error);
void receiver_journal_close(struct receiver_journal *journal);

/* Appends one line with a single write.
 * Errors: STATUS_IO; a part of the line may be in the file then. */
WARN_UNUSED enum status receiver_journal_write(struct receiver_journal *journal, const struct journal_entry *entry,
                                               struct error *ret_error);

/* Adds one received header to the JSON object `headers`. */
void journal_headers_add(struct json_t *headers, const char *name, const char *value);

#endif
