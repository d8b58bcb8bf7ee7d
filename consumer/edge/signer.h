/* signer.h: the signatures of Standard Webhooks 1.0.0.
 *
 * A signature is over `id.timestamp.body`, so neither the id nor the decimal timestamp may hold a dot; the id's
 * rule sees to that. One signer serves one thread: it keeps an OpenSSL context and keys it anew for each secret.
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
#ifndef RELAY_SIGNER_H
#define RELAY_SIGNER_H

#include "bytes.h"

#include <stddef.h>
#include <stdint.h>

struct signer;

/* Aborts where OpenSSL has no HMAC-SHA256. */
struct signer *signer_create(void);
void signer_destroy(struct signer *signer); /* NULL is fine */

/* What is signed; the views are borrowed for the call. */
struct signer_message {
    struct bytes_view id;   /* the webhook-id */
    int64_t timestamp_s;    /* Unix seconds of this attempt, not negative */
    struct bytes_view body; /* the exact bytes sent */
};

/* Appends `v1,` and the base64 of HMAC-SHA256 keyed by `secret`, the decoded bytes of a whsec_ secret. */
void signer_sign_v1(struct signer *signer, struct bytes_view secret, const struct signer_message *message,
                    struct bytes *out);

/* Appends one entry for each secret, in their order, a space between two: the value of webhook-signature. */
void signer_sign_all(struct signer *signer, const struct bytes *secrets, size_t secret_count,
                     const struct signer_message *message, struct bytes *out);

#endif
