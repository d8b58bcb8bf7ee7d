#include "signature_check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { SECRET_SIZE_MIN = 24, SECRET_SIZE_MAX = 64, ID_SIZE_MAX = 64, DIGEST_BASE64_SIZE = 44 };

static const char SECRET_PREFIX[] = "whsec_";

enum status signature_secret_read(struct bytes_view text, struct bytes *ret_secret, struct error *ret_error)
{
    const size_t prefix = sizeof(SECRET_PREFIX) - 1;
    if (text.size > 0 && text.data[text.size - 1] == '\n') {
        text.size -= 1;
    }
    if (text.size < prefix || memcmp(text.data, SECRET_PREFIX, prefix) != 0) {
        return error_set(ret_error, STATUS_INVALID, "a secret starts with whsec_");
    }
    size_t before = ret_secret->size;
    if (bytes_append_from_base64(ret_secret, bytes_view_slice(text, prefix, text.size - prefix)) != STATUS_OK) {
        return error_set(ret_error, STATUS_INVALID, "what follows whsec_ is not base64");
    }
    size_t size = ret_secret->size - before;
    if (size < SECRET_SIZE_MIN || size > SECRET_SIZE_MAX) {
        ret_secret->size = before;
        return error_set(ret_error, STATUS_INVALID, "the secret has %zu bytes, not %d to %d", size, SECRET_SIZE_MIN,
                         SECRET_SIZE_MAX);
    }
    return STATUS_OK;
}

static bool id_is_valid(const char *id)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t size = strlen(id);
    return size >= 1 && size <= ID_SIZE_MAX && strspn(id, alphabet) == size;
}

enum status signature_check_headers(const struct signature_headers *headers, int64_t now_s, struct error *ret_error)
{
    if (headers->id == NULL || headers->timestamp == NULL || headers->signature == NULL) {
        return error_set(ret_error, STATUS_REFUSED, "%s is missing",
                         headers->id == NULL          ? "webhook-id"
                         : headers->timestamp == NULL ? "webhook-timestamp"
                                                      : "webhook-signature");
    }
    if (!id_is_valid(headers->id)) {
        return error_set(ret_error, STATUS_REFUSED, "webhook-id is not 1 to 64 of A-Z a-z 0-9 _ -");
    }
    int64_t timestamp_s = 0;
    if (bytes_view_to_int64(bytes_view_of_text(headers->timestamp), &timestamp_s) != STATUS_OK || timestamp_s < 0) {
        return error_set(ret_error, STATUS_REFUSED, "webhook-timestamp is not a number of seconds");
    }
    if (timestamp_s < now_s - SIGNATURE_TOLERANCE_S || timestamp_s > now_s + SIGNATURE_TOLERANCE_S) {
        return error_set(ret_error, STATUS_REFUSED, "webhook-timestamp is more than %d s from now",
                         SIGNATURE_TOLERANCE_S);
    }
    return STATUS_OK;
}

/* The base64 of the digest, with its NUL. */
static bool expected_signature(const struct signature_headers *headers, struct bytes_view body,
                               struct bytes_view secret, char ret_base64[DIGEST_BASE64_SIZE + 1])
{
    struct bytes content = {0};
    bytes_append_text(&content, headers->id);
    bytes_append_byte(&content, '.');
    bytes_append_text(&content, headers->timestamp);
    bytes_append_byte(&content, '.');
    bytes_append_view(&content, body);

    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    bool done =
        HMAC(EVP_sha256(), secret.data, (int)secret.size, content.data, content.size, digest, &digest_size) != NULL;
    bytes_free(&content);
    return done && EVP_EncodeBlock((unsigned char *)ret_base64, digest, (int)digest_size) == DIGEST_BASE64_SIZE;
}

enum status signature_check(const struct signature_headers *headers, struct bytes_view body, struct bytes_view secret,
                            int64_t now_s, struct error *ret_error)
{
    enum status status = signature_check_headers(headers, now_s, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    char expected[DIGEST_BASE64_SIZE + 1];
    if (!expected_signature(headers, body, secret, expected)) {
        return error_set(ret_error, STATUS_REFUSED, "OpenSSL made no HMAC");
    }
    size_t entries = 0;
    const char *entry = headers->signature;
    while (*entry != '\0') {
        size_t size = strcspn(entry, " ");
        if (size == 0) {
            return error_set(ret_error, STATUS_REFUSED, "webhook-signature is not a list with single spaces");
        }
        if (size == 3 + DIGEST_BASE64_SIZE && strncmp(entry, "v1,", 3) == 0 &&
            CRYPTO_memcmp(entry + 3, expected, DIGEST_BASE64_SIZE) == 0) {
            return STATUS_OK;
        }
        entries += 1;
        entry += size;
        if (*entry == ' ') {
            entry += 1;
        }
    }
    return error_set(ret_error, STATUS_REFUSED, "no entry of webhook-signature is right (%zu looked at)", entries);
}
