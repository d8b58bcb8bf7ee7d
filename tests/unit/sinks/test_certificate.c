#include "test_certificate.h"

#include "check.h"
#include "memory.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *make_x509(EVP_PKEY *key, const char *names, long ends_in_s)
{
    X509 *x509 = X509_new();
    X509_NAME *subject = X509_get_subject_name(x509);

    CHECK(X509_set_version(x509, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(x509), -86400) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(x509), ends_in_s) != NULL);
    CHECK(X509_set_pubkey(x509, key) == 1);
    CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"receiver", -1, -1, 0) == 1);
    CHECK(X509_set_issuer_name(x509, subject) == 1);
    add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(x509, NID_subject_alt_name, names);
    CHECK(X509_sign(x509, key, EVP_sha256()) > 0);
    return x509;
}

struct test_certificate test_certificate_make(const char *names, long ends_in_s)
{
    struct test_certificate certificate;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = make_x509(key, names, ends_in_s);
    int descriptor;
    FILE *file;

    certificate.file = memory_copy_text("/tmp/relay-test-XXXXXX");
    descriptor = mkstemp(certificate.file);
    CHECK(descriptor >= 0);
    file = fdopen(descriptor, "w");
    CHECK(file != NULL && PEM_write_X509(file, x509) == 1 && fclose(file) == 0);
    certificate.server = SSL_CTX_new(TLS_server_method());
    CHECK(certificate.server != NULL);
    CHECK(SSL_CTX_use_certificate(certificate.server, x509) == 1);
    CHECK(SSL_CTX_use_PrivateKey(certificate.server, key) == 1);
    X509_free(x509);
    EVP_PKEY_free(key);
    return certificate;
}

void test_certificate_free(struct test_certificate *certificate)
{
    CHECK(unlink(certificate->file) == 0);
    free(certificate->file);
    SSL_CTX_free(certificate->server);
}
