/* test_certificate.h: certificates made while a test runs. */
#ifndef RELAY_TEST_CERTIFICATE_H
#define RELAY_TEST_CERTIFICATE_H

#include <openssl/ssl.h>

struct test_certificate {
    SSL_CTX *server; /* a server's context with the certificate and its key */
    char *file;      /* the certificate as PEM in a temporary file */
};

/* Self-signed; `names` as OpenSSL takes a subjectAltName (`IP:127.0.0.1`); valid from a day before now to
 * `ends_in_s` from now, which may be negative. */
struct test_certificate test_certificate_make(const char *names, long ends_in_s);
void test_certificate_free(struct test_certificate *certificate); /* removes the file */

#endif
