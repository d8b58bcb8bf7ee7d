/* subscription_rules.h: what an id, a URL, a header, a topic and a path of a subscription must look like (secrets:
 * signing_key.h).
 *
 * Each function answers for one text and fills *ret_error with a line that says what to write instead. A header's
 * value and a URL (which may hold a token) never appear in it: a place in them is said by its byte, counted
 * from 0. All of them: Errors: STATUS_INVALID. */
#ifndef RELAY_SUBSCRIPTION_RULES_H
#define RELAY_SUBSCRIPTION_RULES_H

#include "bytes.h"
#include "status.h"

#include <stdbool.h>

/* Bounds of one subscription. */
enum {
    SUBSCRIPTION_SECRETS_MAX = 8,
    SUBSCRIPTION_HEADERS_MAX = 32,
    SUBSCRIPTION_HEADER_NAME_MAX = 128,   /* bytes */
    SUBSCRIPTION_HEADER_VALUE_MAX = 4096, /* bytes */
    SUBSCRIPTION_URL_MAX = 2048,          /* bytes */
    SUBSCRIPTION_TIMEOUT_MAX_MS = 300000,
    SUBSCRIPTION_IN_FLIGHT_MAX = 1000,
    SUBSCRIPTION_TOPIC_MAX = 249, /* bytes; Kafka's own bound */
    SUBSCRIPTION_PATH_MAX = 4095, /* bytes; Linux' own bound */
};

/* 1 to 64 of letters, digits, '-', '_', '.'. */
WARN_UNUSED enum status subscription_rules_check_id(struct bytes_view id, struct error *ret_error);

/* An absolute URL of RFC 3986: https (or http, when allowed), a host, perhaps a port, path and query; no user
 * information, no fragment. Whether the address may be called is the address gate's question. */
WARN_UNUSED enum status subscription_rules_check_url(struct bytes_view url, bool allow_http, struct error *ret_error);

/* A token of RFC 9110 section 5.6.2, and none that the relay or the HTTP framing sets itself. */
WARN_UNUSED enum status subscription_rules_check_header_name(struct bytes_view name, struct error *ret_error);

/* A field-value of RFC 9110 section 5.5 that is not empty: no control characters but the tab, no white space at its
 * ends. */
WARN_UNUSED enum status subscription_rules_check_header_value(struct bytes_view value, struct error *ret_error);

/* A name that Kafka takes for a topic: letters, digits, '.', '_', '-', and neither "." nor "..". */
WARN_UNUSED enum status subscription_rules_check_topic(struct bytes_view topic, struct error *ret_error);

/* A path that can be a file's: not empty, no '/' at its end. */
WARN_UNUSED enum status subscription_rules_check_path(struct bytes_view path, struct error *ret_error);

#endif
