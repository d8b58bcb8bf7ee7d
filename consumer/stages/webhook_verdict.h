/* webhook_verdict.h: what the answer to an attempt means.
 *
 * Pure: an answer and the time go in, a verdict for the delivery core comes out. A final status (200 and above)
 * always decides, whatever became of the body behind it; without one the failure of the transport does. */
#ifndef RELAY_WEBHOOK_VERDICT_H
#define RELAY_WEBHOOK_VERDICT_H

#include "bytes.h"
#include "delivery_core.h"

#include <stdbool.h>
#include <stdint.h>

enum transport_failure {
    TRANSPORT_OK,      /* a final status was read */
    TRANSPORT_CONNECT, /* no connection, or it broke or talked no HTTP before a final status */
    TRANSPORT_TIMEOUT,
    TRANSPORT_TLS,            /* handshake or certificate */
    TRANSPORT_DNS,            /* the name has no address */
    TRANSPORT_ADDRESS_DENIED, /* the gate closed every address, or the scheme */
    TRANSPORT_TOO_LARGE,      /* more header fields than are read, and no final status among them */
};

struct webhook_answer {
    int status;                     /* the first final status, 0 without one */
    enum transport_failure failure; /* TRANSPORT_OK exactly when status is not 0 */
    struct bytes_view retry_after;  /* the field's value; empty without one */
};

enum {
    WEBHOOK_ERROR_MAX = 24,
    WEBHOOK_RETRY_AFTER_MAX_MS = 24 * 60 * 60 * 1000,
};

struct webhook_judgement {
    enum delivery_verdict verdict;
    int64_t retry_after_ms;        /* 0 … WEBHOOK_RETRY_AFTER_MAX_MS, on 429 and 503 only; -1: it named none */
    char error[WEBHOOK_ERROR_MAX]; /* `connect`, `timeout`, `tls`, `dns`, `address-denied`, `too-large`, `http 503`;
                                    * empty when delivered */
};

/* `now_ms` is Unix time in milliseconds: a Retry-After may be a date. */
void webhook_verdict_judge(const struct webhook_answer *answer, int64_t now_ms,
                           struct webhook_judgement *ret_judgement);

/* Reads a Retry-After (RFC 9110 section 10.2.3): seconds in digits, or a date in any of the three forms of
 * section 5.6.7. A date that has passed is 0; what is more than a day is a day. False for anything else. */
bool webhook_verdict_read_retry_after(struct bytes_view value, int64_t now_ms, int64_t *ret_wait_ms);

#endif
