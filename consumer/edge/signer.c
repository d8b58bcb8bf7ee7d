#include "signer.h"

#include "check.h"
#include "memory.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

enum { SHA256_SIZE = 32, ED25519_SIZE = 64 };

struct signer {
    EVP_MAC *mac;
    EVP_MAC_CTX *context; /* HMAC-SHA256, keyed anew for each signature */
    struct bytes content; /* scratch: `id.timestamp.`, and for ed25519 the body as well */
    struct bytes decoded; /* scratch: of an entry's base64 */
};

struct signer *signer_create(void)
{
    struct signer *signer = memory_alloc(1, sizeof(*signer));
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};

    signer->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    CHECK(signer->mac != NULL);
    signer->context = EVP_MAC_CTX_new(signer->mac);
    CHECK(signer->context != NULL);
    CHECK(EVP_MAC_CTX_set_params(signer->context, parameters) == 1);
    return signer;
}

void signer_destroy(struct signer *signer)
{
    if (signer != NULL) {
        EVP_MAC_CTX_free(signer->context);
        EVP_MAC_free(signer->mac);
        bytes_free(&signer->content);
        bytes_free(&signer->decoded);
        free(signer);
    }
}

static void begin_content(struct signer *signer, const struct signer_message *message)
{
    CHECK(message->timestamp_s >= 0);
    bytes_clear(&signer->content);
    bytes_append_view(&signer->content, message->id);
    bytes_append_byte(&signer->content, '.');
    bytes_append_int64(&signer->content, message->timestamp_s);
    bytes_append_byte(&signer->content, '.');
}

static void compute_v1(struct signer *signer, struct bytes_view secret, const struct signer_message *message,
                       uint8_t ret_code[SHA256_SIZE])
{
    size_t size = 0;

    CHECK(secret.size > 0); /* OpenSSL takes an empty key for "the one before" */
    begin_content(signer, message);
    CHECK(EVP_MAC_init(signer->context, secret.data, secret.size, NULL) == 1);
    CHECK(EVP_MAC_update(signer->context, signer->content.data, signer->content.size) == 1);
    CHECK(EVP_MAC_update(signer->context, message->body.data, message->body.size) == 1);
    CHECK(EVP_MAC_final(signer->context, ret_code, &size, SHA256_SIZE) == 1);
    CHECK(size == SHA256_SIZE);
}

void signer_sign_v1(struct signer *signer, struct bytes_view secret, const struct signer_message *message,
                    struct bytes *out)
{
    uint8_t code[SHA256_SIZE];

    compute_v1(signer, secret, message, code);
    bytes_append_text(out, "v1,");
    bytes_append_base64(out, bytes_view_of(code, sizeof(code)));
}

/* ---- ed25519 ---- */

static EVP_PKEY *key_of_seed(struct bytes_view seed)
{
    EVP_PKEY *key = NULL;

    CHECK(seed.size == SIGNING_KEY_SEED_SIZE);
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed.data, seed.size);
    CHECK(key != NULL);
    return key;
}

/* ed25519 goes over what it signs twice, so OpenSSL takes it in one piece only. */
static void make_content(struct signer *signer, const struct signer_message *message)
{
    begin_content(signer, message);
    bytes_append_view(&signer->content, message->body);
}

void signer_sign_v1a(struct signer *signer, struct bytes_view seed, const struct signer_message *message,
                     struct bytes *out)
{
    EVP_PKEY *key = key_of_seed(seed);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t signature[ED25519_SIZE];
    size_t size = sizeof(signature);

    CHECK(context != NULL);
    make_content(signer, message);
    CHECK(EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1);
    CHECK(EVP_DigestSign(context, signature, &size, signer->content.data, signer->content.size) == 1);
    CHECK(size == sizeof(signature));
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    bytes_append_text(out, "v1a,");
    bytes_append_base64(out, bytes_view_of(signature, sizeof(signature)));
}

/* A public key that is no point of the curve fits nothing. */
static bool is_v1a_right(struct signer *signer, struct bytes_view public, const struct signer_message *message,
                         struct bytes_view signature)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public.data, public.size);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_right;

    CHECK(context != NULL);
    make_content(signer, message);
    is_right =
        key != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature.data, signature.size, signer->content.data, signer->content.size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return is_right;
}

enum status signer_check_key(const struct signing_key *key, struct error *ret_error)
{
    uint8_t public[SIGNING_KEY_PUBLIC_SIZE];
    size_t size = sizeof(public);
    EVP_PKEY *pair;

    if (key->kind != SIGNING_KEY_ED25519) {
        return STATUS_OK;
    }
    pair = key_of_seed(bytes_view_slice(bytes_as_view(&key->bytes), 0, SIGNING_KEY_SEED_SIZE));
    CHECK(EVP_PKEY_get_raw_public_key(pair, public, &size) == 1);
    EVP_PKEY_free(pair);
    if (!bytes_view_equal(bytes_view_of(public, size), signing_key_public(key))) {
        return error_set(ret_error, STATUS_INVALID,
                         "the two halves of the whsk_ key do not belong together: the last 32 bytes are not the public "
                         "key of the first 32; make the key anew");
    }
    return STATUS_OK;
}

/* ---- all keys of a subscription ---- */

static void sign(struct signer *signer, const struct signing_key *key, const struct signer_message *message,
                 struct bytes *out)
{
    switch (key->kind) {
    case SIGNING_KEY_HMAC:
        signer_sign_v1(signer, bytes_as_view(&key->bytes), message, out);
        return;
    case SIGNING_KEY_ED25519:
        signer_sign_v1a(signer, bytes_view_slice(bytes_as_view(&key->bytes), 0, SIGNING_KEY_SEED_SIZE), message, out);
        return;
    case SIGNING_KEY_ED25519_PUBLIC:
        break;
    }
    CHECK(false);
}

void signer_sign_all(struct signer *signer, const struct signing_key *keys, size_t key_count,
                     const struct signer_message *message, struct bytes *out)
{
    for (size_t i = 0; i < key_count; i++) {
        if (i > 0) {
            bytes_append_byte(out, ' ');
        }
        sign(signer, &keys[i], message, out);
    }
}

/* ---- verifying ---- */

struct entry {
    struct bytes_view version;
    struct bytes_view base64;
};

/* Takes the next entry off `rest`; false for one that has no comma. */
static bool next_entry(struct bytes_view *rest, struct entry *ret_entry)
{
    const uint8_t *end = memchr(rest->data, ' ', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct bytes_view text = bytes_view_slice(*rest, 0, size);
    const uint8_t *comma = size == 0 ? NULL : memchr(text.data, ',', size);

    size += end == NULL ? 0 : 1;
    *rest = bytes_view_slice(*rest, size, rest->size - size);
    if (comma == NULL) {
        return false;
    }
    size = (size_t)(comma - text.data);
    ret_entry->version = bytes_view_slice(text, 0, size);
    ret_entry->base64 = bytes_view_slice(text, size + 1, text.size - size - 1);
    return true;
}

static bool is_for(const struct signing_key *key, const struct entry *entry)
{
    return bytes_view_equal_text(entry->version, key->kind == SIGNING_KEY_HMAC ? "v1" : "v1a");
}

static bool fits(struct signer *signer, const struct signing_key *key, const struct signer_message *message,
                 const struct entry *entry)
{
    uint8_t code[SHA256_SIZE];
    size_t wanted = key->kind == SIGNING_KEY_HMAC ? SHA256_SIZE : ED25519_SIZE;

    bytes_clear(&signer->decoded);
    if (bytes_append_from_base64(&signer->decoded, entry->base64) != STATUS_OK || signer->decoded.size != wanted) {
        return false;
    }
    if (key->kind != SIGNING_KEY_HMAC) {
        return is_v1a_right(signer, signing_key_public(key), message, bytes_as_view(&signer->decoded));
    }
    compute_v1(signer, bytes_as_view(&key->bytes), message, code);
    return CRYPTO_memcmp(code, signer->decoded.data, sizeof(code)) == 0;
}

struct signer_finding signer_verify(struct signer *signer, const struct signing_key *keys, size_t key_count,
                                    const struct signer_message *message, struct bytes_view signatures)
{
    struct signer_finding finding = {.answer = SIGNER_NO_ENTRY};

    for (size_t number = 0; signatures.size > 0; number++) {
        struct entry entry;

        if (!next_entry(&signatures, &entry)) {
            continue;
        }
        if (finding.answer == SIGNER_NO_ENTRY) {
            finding.answer = SIGNER_NO_VERSION;
        }
        for (size_t i = 0; i < key_count; i++) {
            if (!is_for(&keys[i], &entry)) {
                continue;
            }
            if (fits(signer, &keys[i], message, &entry)) {
                return (struct signer_finding){SIGNER_FITS, number, i};
            }
            finding.answer = SIGNER_NOTHING_FITS;
        }
    }
    return finding;
}
