#include "check.h"
#include "signing_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MAKE_ONE "make one with: echo whsec_$(openssl rand -base64 32)"
#define BYTES_63 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"
#define BYTES_64 BYTES_63 "Mw=="
#define BYTES_32 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

struct key_case {
    const char *text;
    const char *message; /* NULL: taken */
};

typedef enum status reader(struct bytes_view text, struct signing_key *ret_key, struct error *ret_error);

static void check_cases(reader *read, const struct key_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error error = {0};
        struct signing_key key = {0};
        enum status status = read(bytes_view_of_text(cases[i].text), &key, &error);

        if (cases[i].message == NULL) {
            assert_int_equal(status, STATUS_OK);
            assert_true(key.bytes.size > 0);
        } else {
            assert_int_equal(status, STATUS_INVALID);
            assert_string_equal(error.text, cases[i].message);
            assert_null(key.bytes.data);
        }
        assert_null(strstr(error.text, "MDEy"));
        assert_null(strstr(error.text, "0123"));
        signing_key_free(&key);
    }
}

static void test_secrets(void **state)
{
    static const char wrong_prefix[] = "the secret does not begin with whsec_ (or whsk_, an ed25519 key); " MAKE_ONE;
    static const char not_base64[] =
        "what follows whsec_ is not base64 (RFC 4648, padded with =, no white space); " MAKE_ONE;
    static const struct key_case cases[] = {
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", NULL}, /* 24 bytes */
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=",
         "the secret is too short: 23 bytes, at least 24 are needed; " MAKE_ONE},
        {"whsec_", "the secret is too short: 0 bytes, at least 24 are needed; " MAKE_ONE},
        {"whsec_" BYTES_64, NULL},
        {"whsec_" BYTES_63 "MzQ=", "the secret is too long: 65 bytes, at most 64 are used; " MAKE_ONE},
        {"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", wrong_prefix},
        {"WHSEC_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", wrong_prefix},
        {"whse", wrong_prefix},
        {"", wrong_prefix},
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI", not_base64}, /* no padding */
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\n", not_base64},
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMT-_", not_base64},
        {"whsec_ MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", not_base64},
        {"whsk_" BYTES_64, NULL},
        {"whsk_" BYTES_63, "a whsk_ key has 64 bytes (the seed and then the public key of ed25519), not 63"},
        {"whsk_" BYTES_32, "a whsk_ key has 64 bytes (the seed and then the public key of ed25519), not 32"},
        {"whsk_", "a whsk_ key has 64 bytes (the seed and then the public key of ed25519), not 0"},
        {"whsk_" BYTES_63 "Mw", "what follows whsk_ is not base64 (RFC 4648, padded with =, no white space)"},
        {"whpk_" BYTES_32, "is a public key (whpk_), which signs nothing; write the whsk_ key that it belongs to"},
    };

    (void)state;
    check_cases(signing_key_read, cases, ARRAY_COUNT(cases));
}

static void test_keys_that_verify(void **state)
{
    static const struct key_case cases[] = {
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", NULL},
        {"whsk_" BYTES_64, NULL},
        {"whpk_" BYTES_32, NULL},
        {"whpk_" BYTES_64, "a whpk_ key has 32 bytes (the public key of ed25519), not 64"},
        {"whpk_!", "what follows whpk_ is not base64 (RFC 4648, padded with =, no white space)"},
        {"whkp_" BYTES_32, "the secret begins with none of whsec_ (for v1), whpk_ and whsk_ (for v1a)"},
    };

    (void)state;
    check_cases(signing_key_read_verifier, cases, ARRAY_COUNT(cases));
}

static void test_kinds_and_halves(void **state)
{
    struct signing_key hmac = {0};
    struct signing_key pair = {0};
    struct signing_key public = {0};

    (void)state;
    assert_int_equal(signing_key_read(BYTES_LITERAL("whsec_" BYTES_64), &hmac, NULL), STATUS_OK);
    assert_int_equal(signing_key_read(BYTES_LITERAL("whsk_" BYTES_64), &pair, NULL), STATUS_OK);
    assert_int_equal(signing_key_read_verifier(BYTES_LITERAL("whpk_" BYTES_32), &public, NULL), STATUS_OK);
    assert_int_equal(hmac.kind, SIGNING_KEY_HMAC);
    assert_int_equal(pair.kind, SIGNING_KEY_ED25519);
    assert_int_equal(public.kind, SIGNING_KEY_ED25519_PUBLIC);
    assert_true(bytes_view_equal_text(signing_key_public(&pair), "23456789012345678901234567890123"));
    assert_true(bytes_view_equal_text(signing_key_public(&public), "01234567890123456789012345678901"));

    /* The same bytes of another kind are another key. */
    assert_true(bytes_view_equal(bytes_as_view(&hmac.bytes), bytes_as_view(&pair.bytes)));
    assert_false(signing_key_equal(&hmac, &pair));
    assert_true(signing_key_equal(&pair, &pair));
    pair.kind = SIGNING_KEY_HMAC;
    assert_true(signing_key_equal(&hmac, &pair));
    pair.bytes.data[63] ^= 1;
    assert_false(signing_key_equal(&hmac, &pair));
    signing_key_free(&hmac);
    signing_key_free(&pair);
    signing_key_free(&public);
    assert_null(public.bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_keys_that_verify),
        cmocka_unit_test(test_kinds_and_halves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
