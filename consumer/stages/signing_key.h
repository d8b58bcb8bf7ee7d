/* signing_key.h: the secrets of Standard Webhooks 1.0.0, as they are written and as the bytes that they stand for.
 *
 *   whsec_ + base64 of 24 to 64 bytes      the key of HMAC-SHA256: signatures `v1`
 *   whsk_  + base64 of 64 bytes            an ed25519 key, its seed and then its public key: signatures `v1a`
 *   whpk_  + base64 of 32 bytes            the public key alone: verifies `v1a`, signs nothing
 *
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Signature
 * scheme"; RFC 8032 section 5.1.5 (seed and public key). That the two halves of a whsk_ key belong together takes
 * curve arithmetic to say: signer_check_key. */
#ifndef RELAY_SIGNING_KEY_H
#define RELAY_SIGNING_KEY_H

#include "bytes.h"
#include "status.h"

#include <stdbool.h>

enum {
    SIGNING_KEY_HMAC_MIN = 24, /* bytes, decoded */
    SIGNING_KEY_HMAC_MAX = 64,
    SIGNING_KEY_SEED_SIZE = 32,
    SIGNING_KEY_PUBLIC_SIZE = 32,
};

enum signing_key_kind {
    SIGNING_KEY_HMAC,
    SIGNING_KEY_ED25519,        /* seed || public key */
    SIGNING_KEY_ED25519_PUBLIC, /* public key */
};

/* Owned; a zeroed one is empty. */
struct signing_key {
    enum signing_key_kind kind;
    struct bytes bytes; /* the decoded ones */
};

/* Reads a whsec_ or whsk_ secret into the empty *ret_key, which stays empty on error. No copy of the key is left in
 * other memory, and an error never shows any of it.
 * Errors: STATUS_INVALID with what to write instead. */
WARN_UNUSED enum status signing_key_read(struct bytes_view text, struct signing_key *ret_key, struct error *ret_error);

/* The same for one that shall verify: whpk_ is taken too. */
WARN_UNUSED enum status signing_key_read_verifier(struct bytes_view text, struct signing_key *ret_key,
                                                  struct error *ret_error);

/* The public key of either ed25519 kind; borrowed. */
struct bytes_view signing_key_public(const struct signing_key *key);

bool signing_key_equal(const struct signing_key *a, const struct signing_key *b);

void signing_key_free(struct signing_key *key); /* overwritten first; back to zeroed */

#endif
