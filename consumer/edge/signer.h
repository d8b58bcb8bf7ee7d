/* signer.h: the signatures of Standard Webhooks 1.0.0.
 *
 * A signature is over `id.timestamp.body`, so neither the id nor the decimal timestamp may hold a dot; the id's
 * rule sees to that. One signer serves one thread: it keeps an OpenSSL context and keys it anew for each secret.
 * Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md; RFC 2104
 * (`v1`: HMAC-SHA256); RFC 8032 section 5.1 (`v1a`: ed25519, its pure form). */
#ifndef RELAY_SIGNER_H
#define RELAY_SIGNER_H

#include "bytes.h"
#include "signing_key.h"
#include "status.h"

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

/* Appends `v1a,` and the base64 of the ed25519 signature under `seed`, the first 32 bytes of a whsk_ key. */
void signer_sign_v1a(struct signer *signer, struct bytes_view seed, const struct signer_message *message,
                     struct bytes *out);

/* Appends one entry for each key, in their order, a space between two: the value of webhook-signature. A key of kind
 * SIGNING_KEY_ED25519_PUBLIC may not be among them. */
void signer_sign_all(struct signer *signer, const struct signing_key *keys, size_t key_count,
                     const struct signer_message *message, struct bytes *out);

/* Whether the public half of a whsk_ key is its seed's: else nobody who was given it could verify what we sign. Other
 * kinds have nothing to check. From any thread.
 * Errors: STATUS_INVALID. */
WARN_UNUSED enum status signer_check_key(const struct signing_key *key, struct error *ret_error);

enum signer_answer {
    SIGNER_FITS,        /* `entry` and `key` say which */
    SIGNER_NO_ENTRY,    /* no entry is VERSION,BASE64 */
    SIGNER_NO_VERSION,  /* no entry is of a version that one of the keys is for */
    SIGNER_NOTHING_FITS /* id, timestamp or body are not what was signed, or the key is another one */
};

struct signer_finding {
    enum signer_answer answer;
    size_t entry; /* from 0 */
    size_t key;
};

/* Holds each entry of `signatures`, the value of a webhook-signature field, against each key; entries of unknown
 * versions are passed over. How long it takes does not tell how much of a signature was right. Timestamps are the
 * caller's to judge. */
struct signer_finding signer_verify(struct signer *signer, const struct signing_key *keys, size_t key_count,
                                    const struct signer_message *message, struct bytes_view signatures);

#endif
