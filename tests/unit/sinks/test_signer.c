#include "signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* The published vectors of Standard Webhooks: two of v1, one of v1a. */
static json_t *load_vectors(void)
{
    json_error_t error;
    json_t *vectors = json_load_file(FIXTURES "/standard-webhooks-vectors.json", 0, &error);

    assert_non_null(vectors);
    return vectors;
}

static const char *text_of(const json_t *vector, const char *key)
{
    const char *text = json_string_value(json_object_get(vector, key));

    assert_non_null(text);
    return text;
}

static struct signing_key key_of(const json_t *vector, const char *name)
{
    struct signing_key key = {0};

    assert_int_equal(signing_key_read_verifier(bytes_view_of_text(text_of(vector, name)), &key, NULL), STATUS_OK);
    return key;
}

static struct signer_message message_of(const json_t *vector)
{
    return (struct signer_message){.id = bytes_view_of_text(text_of(vector, "id")),
                                   .timestamp_s = json_integer_value(json_object_get(vector, "timestamp")),
                                   .body = bytes_view_of_text(text_of(vector, "body"))};
}

static void published_vectors_come_out(void **state)
{
    struct signer *signer = signer_create();
    json_t *vectors = load_vectors();
    size_t index;
    json_t *vector;
    unsigned checked[2] = {0, 0};

    (void)state;
    json_array_foreach(vectors, index, vector)
    {
        struct signer_message message = message_of(vector);
        struct signing_key key = key_of(vector, "secret");
        struct bytes out = {0};

        assert_int_equal(signer_check_key(&key, NULL), STATUS_OK);
        signer_sign_all(signer, &key, 1, &message, &out);
        assert_true(bytes_view_equal_text(bytes_as_view(&out), text_of(vector, "signature")));
        checked[key.kind]++;
        signing_key_free(&key);
        bytes_free(&out);
    }
    assert_int_equal(checked[SIGNING_KEY_HMAC], 2);
    assert_int_equal(checked[SIGNING_KEY_ED25519], 1);
    json_decref(vectors);
    signer_destroy(signer);
}

static void each_key_has_its_entry_in_order(void **state)
{
    struct signer *signer = signer_create();
    json_t *vectors = load_vectors();
    const json_t *first = json_array_get(vectors, 0);
    const json_t *last = json_array_get(vectors, 2);
    struct signer_message message = message_of(first); /* the last vector's, too */
    struct signing_key keys[3] = {key_of(last, "secret"), key_of(json_array_get(vectors, 1), "secret"),
                                  key_of(first, "secret")};
    struct bytes out = {0};
    struct bytes expected = {0};

    (void)state;
    bytes_append_format(&expected, "%s ", text_of(last, "signature"));
    signer_sign_v1(signer, bytes_as_view(&keys[1].bytes), &message, &expected);
    bytes_append_format(&expected, " %s", text_of(first, "signature"));
    signer_sign_all(signer, keys, 3, &message, &out);
    assert_true(bytes_view_equal(bytes_as_view(&out), bytes_as_view(&expected)));
    assert_int_equal(out.size, 92 + 1 + 47 + 1 + 47);

    bytes_clear(&out);
    signer_sign_all(signer, keys, 0, &message, &out);
    assert_int_equal(out.size, 0);

    for (int i = 0; i < 3; i++) {
        signing_key_free(&keys[i]);
    }
    bytes_free(&out);
    bytes_free(&expected);
    json_decref(vectors);
    signer_destroy(signer);
}

static void a_pair_whose_halves_differ_is_refused(void **state)
{
    json_t *vectors = load_vectors();
    struct signing_key key = key_of(json_array_get(vectors, 2), "secret");
    struct error error;

    (void)state;
    for (size_t i = 0; i < key.bytes.size; i++) {
        key.bytes.data[i] ^= 0x40;
        assert_int_equal(signer_check_key(&key, &error), STATUS_INVALID);
        assert_non_null(strstr(error.text, "do not belong together"));
        key.bytes.data[i] ^= 0x40;
    }
    assert_int_equal(signer_check_key(&key, &error), STATUS_OK);
    signing_key_free(&key);
    json_decref(vectors);
}

struct verify_case {
    const char *signatures;
    enum signer_answer answer;
    size_t entry, key;
};

#define V1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define V1_OTHER "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
#define V1A "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

/* Keys: 0 is the second vector's, 1 the first one's (V1 fits), 2 the public key of the last (V1A fits). */
static void what_fits_is_found_and_nothing_else(void **state)
{
    static const struct verify_case cases[] = {
        {V1, SIGNER_FITS, 0, 1},
        {V1A, SIGNER_FITS, 0, 2},
        {"v2,AAAA nonsense " V1_OTHER " " V1, SIGNER_FITS, 3, 1},
        {V1_OTHER " " V1A, SIGNER_FITS, 1, 2},
        {"  " V1, SIGNER_FITS, 2, 1},
        {V1_OTHER, SIGNER_NOTHING_FITS, 0, 0},
        {"v1,", SIGNER_NOTHING_FITS, 0, 0},
        {"v1,AAAA", SIGNER_NOTHING_FITS, 0, 0},
        {"v1a,AAAA", SIGNER_NOTHING_FITS, 0, 0},
        {V1 "x", SIGNER_NOTHING_FITS, 0, 0},
        {"v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", SIGNER_NOTHING_FITS, 0, 0},
        {"v2,AAAA V1,AAAA", SIGNER_NO_VERSION, 0, 0},
        {",", SIGNER_NO_VERSION, 0, 0},
        {"nonsense", SIGNER_NO_ENTRY, 0, 0},
        {" ", SIGNER_NO_ENTRY, 0, 0},
        {"", SIGNER_NO_ENTRY, 0, 0},
    };
    struct signer *signer = signer_create();
    json_t *vectors = load_vectors();
    struct signer_message message = message_of(json_array_get(vectors, 0));
    struct signing_key keys[3] = {key_of(json_array_get(vectors, 1), "secret"),
                                  key_of(json_array_get(vectors, 0), "secret"),
                                  key_of(json_array_get(vectors, 2), "public")};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signer_finding finding =
            signer_verify(signer, keys, 3, &message, bytes_view_of_text(cases[i].signatures));

        assert_int_equal(finding.answer, cases[i].answer);
        assert_int_equal(finding.entry, cases[i].entry);
        assert_int_equal(finding.key, cases[i].key);
    }
    /* Only keys of the other version. */
    assert_int_equal(signer_verify(signer, &keys[2], 1, &message, BYTES_LITERAL(V1)).answer, SIGNER_NO_VERSION);
    assert_int_equal(signer_verify(signer, keys, 2, &message, BYTES_LITERAL(V1A)).answer, SIGNER_NO_VERSION);
    for (int i = 0; i < 3; i++) {
        signing_key_free(&keys[i]);
    }
    json_decref(vectors);
    signer_destroy(signer);
}

static void one_changed_bit_fits_no_more(void **state)
{
    struct signer *signer = signer_create();
    json_t *vectors = load_vectors();
    struct signer_message message = message_of(json_array_get(vectors, 0));
    struct signing_key keys[2] = {key_of(json_array_get(vectors, 0), "secret"),
                                  key_of(json_array_get(vectors, 2), "secret")};
    uint8_t body[64];
    size_t size = message.body.size;

    (void)state;
    assert_true(size < sizeof(body));
    memcpy(body, message.body.data, size);
    message.body = bytes_view_of(body, size);
    for (int i = 0; i < 2; i++) {
        struct bytes_view signature = i == 0 ? BYTES_LITERAL(V1) : BYTES_LITERAL(V1A);

        for (size_t bit = 0; bit < size * 8; bit++) {
            body[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(signer_verify(signer, &keys[i], 1, &message, signature).answer, SIGNER_NOTHING_FITS);
            body[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        message.timestamp_s++;
        assert_int_equal(signer_verify(signer, &keys[i], 1, &message, signature).answer, SIGNER_NOTHING_FITS);
        message.timestamp_s--;
        assert_int_equal(signer_verify(signer, &keys[i], 1, &message, signature).answer, SIGNER_FITS);
        signing_key_free(&keys[i]);
    }
    json_decref(vectors);
    signer_destroy(signer);
}

/* An empty body; secrets of 24 bytes, of 64 (the hash's block) and of 65 (hashed first): made
 * with `printf … | openssl dgst -sha256 -hmac KEY -binary | base64`. */
static void odd_sizes_agree_with_the_command_line(void **state)
{
    static const char *const expected[] = {
        "v1,2NgbgKA8XYWW6ahurB3hLe4kFqvTYSxyRXuq9slW3Ag=",
        "v1,kZOYycBuAgs343K5pQ02Se23sF4SY5YcINkOrW1IuFs=",
        "v1,WcRxtOsHkSmx5XX40iTgx0UwgIhjiP922pSHqoiW0GQ=",
    };
    static const size_t sizes[] = {24, 64, 65};
    struct signer *signer = signer_create();
    uint8_t key[65];

    (void)state;
    memset(key, 'k', sizeof(key));
    for (size_t i = 0; i < 3; i++) {
        struct signer_message message = {.id = BYTES_LITERAL("evt-1_A"), .timestamp_s = 0, .body = {NULL, 0}};
        struct bytes out = {0};

        signer_sign_v1(signer, bytes_view_of(key, sizes[i]), &message, &out);
        assert_true(bytes_view_equal_text(bytes_as_view(&out), expected[i]));
        bytes_free(&out);
    }
    signer_destroy(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_come_out),
        cmocka_unit_test(each_key_has_its_entry_in_order),
        cmocka_unit_test(a_pair_whose_halves_differ_is_refused),
        cmocka_unit_test(what_fits_is_found_and_nothing_else),
        cmocka_unit_test(one_changed_bit_fits_no_more),
        cmocka_unit_test(odd_sizes_agree_with_the_command_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
