/* webhook_request.h: one attempt as an HTTP request.
 *
 * Pure: method, URL and header fields are put together from what the attempt is about; nothing is copied that can
 * be borrowed. Two walls stand here. The tenant of the event, of the subscription and of the record's key must be
 * one number: anything else aborts the program, because it would show one tenant's events to another. And each
 * header field is held against RFC 9110 section 5 again, although it was when the subscription was loaded. */
#ifndef RELAY_WEBHOOK_REQUEST_H
#define RELAY_WEBHOOK_REQUEST_H

#include "bytes.h"
#include "status.h"
#include "subscription.h"
#include "subscription_rules.h"

#include <stddef.h>
#include <stdint.h>

enum { WEBHOOK_FIELDS_MAX = SUBSCRIPTION_HEADERS_MAX + 8 };

struct webhook_field {
    struct bytes_view name;  /* a token */
    struct bytes_view value; /* no control character but HTAB, no white space around it, not empty */
};

struct webhook_request {
    const char *method; /* POST, PUT or PATCH */
    const char *url;
    struct webhook_field fields[WEBHOOK_FIELDS_MAX];
    size_t field_count;
    char timestamp[24]; /* a field points here: do not copy the struct */
};

/* What one attempt is about; everything is borrowed. */
struct webhook_attempt {
    const struct subscription *subscription;
    int64_t event_tenant;          /* the decoded event's */
    int64_t key_tenant;            /* the record key's, read as a number */
    struct bytes_view id;          /* the event's id */
    int64_t timestamp_s;           /* Unix seconds of this attempt, the signed ones */
    struct bytes_view signatures;  /* see signer_sign_all; empty exactly when the subscription is unsigned */
    struct bytes_view traceparent; /* empty: none; one that is no legal field value is left out */
};

/* Fills *ret_request; it is valid as long as *ret_request itself and all that `attempt` borrows.
 * Aborts when the three tenants differ.
 * Errors: STATUS_INVALID when method, URL or an own header field may not be sent; the text gives the number of the
 * field, never its value. */
WARN_UNUSED enum status webhook_request_build(const struct webhook_attempt *attempt,
                                              struct webhook_request *ret_request, struct error *ret_error);

#endif
