/* signature_check.h: is this request signed as Standard Webhooks 1.0.0 says?
 *
 * Written against the specification alone (https://github.com/standard-webhooks/standard-webhooks, "Signature
 * scheme"), on OpenSSL's one-shot HMAC: it shares nothing with the program that signs. */
#ifndef RELAY_SIGNATURE_CHECK_H
#define RELAY_SIGNATURE_CHECK_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIGNATURE_TOLERANCE_S = 300 }; /* how far webhook-timestamp may be from now, either way */

/* The three headers as received; NULL is absent. */
struct signature_headers {
    const char *id;
    const char *timestamp;
    const char *signature;
};

/* Reads `whsec_` + base64 of 24 to 64 bytes, appending the decoded bytes to *ret_secret. One newline at the end is
 * allowed.
 * Errors: STATUS_INVALID with a line that does not repeat the secret. */
WARN_UNUSED enum status signature_secret_read(struct bytes_view text, struct bytes *ret_secret,
                                              struct error *ret_error);

/* The form of id and timestamp alone: present, 1 to 64 of A-Z a-z 0-9 _ -, and Unix seconds within
 * SIGNATURE_TOLERANCE_S of `now_s`.
 * Errors: STATUS_REFUSED with the reason. */
WARN_UNUSED enum status signature_check_headers(const struct signature_headers *headers, int64_t now_s,
                                                struct error *ret_error);

/* signature_check_headers, and one of the `v1,` entries is the HMAC-SHA256 of `id.timestamp.body` under `secret`.
 * Errors: STATUS_REFUSED with the reason. */
WARN_UNUSED enum status signature_check(const struct signature_headers *headers, struct bytes_view body,
                                        struct bytes_view secret, int64_t now_s, struct error *ret_error);

#endif
