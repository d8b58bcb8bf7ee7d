#include "signing_key.h"

#include "check.h"

#include <string.h>

static const char make[] = "make one with: echo whsec_$(openssl rand -base64 32)";

struct spelling {
    const char *prefix;
    enum signing_key_kind kind;
};

static const struct spelling spellings[] = {
    {"whsec_", SIGNING_KEY_HMAC},
    {"whsk_", SIGNING_KEY_ED25519},
    {"whpk_", SIGNING_KEY_ED25519_PUBLIC},
};

static const struct spelling *find_spelling(struct bytes_view text)
{
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        size_t size = strlen(spellings[i].prefix);

        if (text.size >= size && memcmp(text.data, spellings[i].prefix, size) == 0) {
            return &spellings[i];
        }
    }
    return NULL;
}

static enum status check_size(enum signing_key_kind kind, size_t size, struct error *ret_error)
{
    switch (kind) {
    case SIGNING_KEY_HMAC:
        if (size < SIGNING_KEY_HMAC_MIN) {
            return error_set(ret_error, STATUS_INVALID,
                             "the secret is too short: %zu bytes, at least %d are needed; %s", size,
                             SIGNING_KEY_HMAC_MIN, make);
        }
        if (size > SIGNING_KEY_HMAC_MAX) {
            return error_set(ret_error, STATUS_INVALID, "the secret is too long: %zu bytes, at most %d are used; %s",
                             size, SIGNING_KEY_HMAC_MAX, make);
        }
        return STATUS_OK;
    case SIGNING_KEY_ED25519:
        if (size != SIGNING_KEY_SEED_SIZE + SIGNING_KEY_PUBLIC_SIZE) {
            return error_set(ret_error, STATUS_INVALID,
                             "a whsk_ key has 64 bytes (the seed and then the public key of ed25519), not %zu", size);
        }
        return STATUS_OK;
    case SIGNING_KEY_ED25519_PUBLIC:
        if (size != SIGNING_KEY_PUBLIC_SIZE) {
            return error_set(ret_error, STATUS_INVALID, "a whpk_ key has 32 bytes (the public key of ed25519), not %zu",
                             size);
        }
        return STATUS_OK;
    }
    CHECK(false);
    return STATUS_INVALID;
}

static enum status decode(struct bytes_view text, const struct spelling *spelling, struct signing_key *ret_key,
                          struct error *ret_error)
{
    size_t prefix = strlen(spelling->prefix);
    enum status status;

    CHECK(ret_key->bytes.size == 0);
    ret_key->kind = spelling->kind;
    /* Room for the longest text at once: a buffer that grows leaves copies of the key behind. */
    bytes_reserve(&ret_key->bytes, text.size);
    if (bytes_append_from_base64(&ret_key->bytes, bytes_view_slice(text, prefix, text.size - prefix)) != STATUS_OK) {
        status =
            error_set(ret_error, STATUS_INVALID,
                      "what follows %s is not base64 (RFC 4648, padded with =, no white space)%s%s", spelling->prefix,
                      spelling->kind == SIGNING_KEY_HMAC ? "; " : "", spelling->kind == SIGNING_KEY_HMAC ? make : "");
    } else {
        status = check_size(spelling->kind, ret_key->bytes.size, ret_error);
    }
    if (status != STATUS_OK) {
        signing_key_free(ret_key);
    }
    return status;
}

enum status signing_key_read(struct bytes_view text, struct signing_key *ret_key, struct error *ret_error)
{
    const struct spelling *spelling = find_spelling(text);

    if (spelling == NULL) {
        return error_set(ret_error, STATUS_INVALID,
                         "the secret does not begin with whsec_ (or whsk_, an ed25519 key); %s", make);
    }
    if (spelling->kind == SIGNING_KEY_ED25519_PUBLIC) {
        return error_set(ret_error, STATUS_INVALID,
                         "is a public key (whpk_), which signs nothing; write the whsk_ key that it belongs to");
    }
    return decode(text, spelling, ret_key, ret_error);
}

enum status signing_key_read_verifier(struct bytes_view text, struct signing_key *ret_key, struct error *ret_error)
{
    const struct spelling *spelling = find_spelling(text);

    if (spelling == NULL) {
        return error_set(ret_error, STATUS_INVALID,
                         "the secret begins with none of whsec_ (for v1), whpk_ and whsk_ (for v1a)");
    }
    return decode(text, spelling, ret_key, ret_error);
}

struct bytes_view signing_key_public(const struct signing_key *key)
{
    CHECK(key->kind != SIGNING_KEY_HMAC);
    return bytes_view_slice(bytes_as_view(&key->bytes), key->bytes.size - SIGNING_KEY_PUBLIC_SIZE,
                            SIGNING_KEY_PUBLIC_SIZE);
}

bool signing_key_equal(const struct signing_key *a, const struct signing_key *b)
{
    return a->kind == b->kind && bytes_view_equal(bytes_as_view(&a->bytes), bytes_as_view(&b->bytes));
}

void signing_key_free(struct signing_key *key)
{
    if (key->bytes.data != NULL) {
        explicit_bzero(key->bytes.data, key->bytes.capacity);
    }
    bytes_free(&key->bytes);
    key->kind = SIGNING_KEY_HMAC;
}
