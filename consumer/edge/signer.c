#include "signer.h"

#include "check.h"
#include "memory.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

enum { SHA256_SIZE = 32 };

struct signer {
    EVP_MAC *mac;
    EVP_MAC_CTX *context; /* HMAC-SHA256, keyed anew for each signature */
    struct bytes prefix;  /* scratch: `id.timestamp.` */
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
        bytes_free(&signer->prefix);
        free(signer);
    }
}

void signer_sign_v1(struct signer *signer, struct bytes_view secret, const struct signer_message *message,
                    struct bytes *out)
{
    uint8_t code[SHA256_SIZE];
    size_t size = 0;

    CHECK(secret.size > 0); /* OpenSSL takes an empty key for "the one before" */
    CHECK(message->timestamp_s >= 0);
    bytes_clear(&signer->prefix);
    bytes_append_view(&signer->prefix, message->id);
    bytes_append_byte(&signer->prefix, '.');
    bytes_append_int64(&signer->prefix, message->timestamp_s);
    bytes_append_byte(&signer->prefix, '.');
    CHECK(EVP_MAC_init(signer->context, secret.data, secret.size, NULL) == 1);
    CHECK(EVP_MAC_update(signer->context, signer->prefix.data, signer->prefix.size) == 1);
    CHECK(EVP_MAC_update(signer->context, message->body.data, message->body.size) == 1);
    CHECK(EVP_MAC_final(signer->context, code, &size, sizeof(code)) == 1);
    CHECK(size == sizeof(code));
    bytes_append_text(out, "v1,");
    bytes_append_base64(out, bytes_view_of(code, sizeof(code)));
}

void signer_sign_all(struct signer *signer, const struct bytes *secrets, size_t secret_count,
                     const struct signer_message *message, struct bytes *out)
{
    for (size_t i = 0; i < secret_count; i++) {
        if (i > 0) {
            bytes_append_byte(out, ' ');
        }
        signer_sign_v1(signer, bytes_as_view(&secrets[i]), message, out);
    }
}
