/* subscriber_list.h: what the companies behind the endpoints ordered, in the receiver's own words.
 *
 * A JSON file: [{"id": "crm-2050", "tenant": 2050, "severity": ["HIGH"]}, …]; `event_type`, `status` and `severity`
 * are optional lists of what is wanted, absent means all. It is kept apart from the relay's subscriptions on purpose:
 * a mistake in routing then shows as a delivery that nobody ordered. */
#ifndef RELAY_SUBSCRIBER_LIST_H
#define RELAY_SUBSCRIBER_LIST_H

#include "body_shape.h"
#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { SUBSCRIBER_ID_MAX = 64, SUBSCRIBERS_MAX = 10000 };

struct json_t;

struct subscriber {
    char id[SUBSCRIBER_ID_MAX + 1]; /* the last part of the path of its URL */
    int64_t tenant;                 /* 0: any, for an endpoint that no list names */
    struct json_t *wanted;          /* the object of the file, NULL for any */
    struct bytes secret;            /* decoded; empty when it is not known */
    int told_status;                /* answer with this whatever comes; 0: judge */
};

struct subscriber_list {
    struct subscriber *items;
    size_t count;
};

/* Reads the list, and each subscriber's secret from `secrets_folder`/ID when that is not NULL. Free with
 * subscriber_list_destroy, which takes NULL too.
 * Errors: STATUS_NOT_FOUND for a file that is missing; STATUS_INVALID with what is wrong and where. */
WARN_UNUSED enum status subscriber_list_load(const char *path, const char *secrets_folder,
                                             struct subscriber_list **ret_list, struct error *ret_error);
void subscriber_list_destroy(struct subscriber_list *list);

/* NULL when there is none of this name. */
struct subscriber *subscriber_list_find(struct subscriber_list *list, struct bytes_view id);

bool subscriber_wants(const struct subscriber *subscriber, const struct body_facts *facts);

/* Appends the decoded secret in `folder`/`id` to *ret_secret.
 * Errors: STATUS_NOT_FOUND, STATUS_INVALID; the line names the file. */
WARN_UNUSED enum status subscriber_secret_load(const char *folder, const char *id, struct bytes *ret_secret,
                                               struct error *ret_error);

/* Letters, digits, `-`, `_`, `.`; 1 to 64; not starting with a dot. */
bool subscriber_id_is_valid(struct bytes_view id);

#endif
