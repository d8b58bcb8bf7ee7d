#include "signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* The published vectors of Standard Webhooks; the v1 ones. */
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

static struct bytes secret_of(const json_t *vector)
{
    struct bytes secret = {0};

    assert_int_equal(bytes_append_from_base64(&secret, bytes_view_of_text(text_of(vector, "secret") + 6)), STATUS_OK);
    return secret;
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
    unsigned checked = 0;

    (void)state;
    json_array_foreach(vectors, index, vector)
    {
        struct signer_message message = message_of(vector);
        struct bytes secret;
        struct bytes out = {0};

        if (strncmp(text_of(vector, "secret"), "whsec_", 6) != 0) {
            continue;
        }
        secret = secret_of(vector);
        signer_sign_v1(signer, bytes_as_view(&secret), &message, &out);
        assert_true(bytes_view_equal_text(bytes_as_view(&out), text_of(vector, "signature")));
        checked++;
        bytes_free(&secret);
        bytes_free(&out);
    }
    assert_int_equal(checked, 2);
    json_decref(vectors);
    signer_destroy(signer);
}

static void each_secret_has_its_entry_in_order(void **state)
{
    struct signer *signer = signer_create();
    json_t *vectors = load_vectors();
    struct signer_message message = message_of(json_array_get(vectors, 0));
    struct bytes secrets[3] = {secret_of(json_array_get(vectors, 1)), secret_of(json_array_get(vectors, 0)),
                               secret_of(json_array_get(vectors, 1))};
    struct bytes out = {0};
    struct bytes expected = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        bytes_append_text(&expected, i == 0 ? "" : " ");
        signer_sign_v1(signer, bytes_as_view(&secrets[i]), &message, &expected);
    }
    signer_sign_all(signer, secrets, 3, &message, &out);
    assert_true(bytes_view_equal(bytes_as_view(&out), bytes_as_view(&expected)));
    /* The second entry is the published one; the first and the third are each other. */
    assert_int_equal(out.size, 3 * 47 + 2);
    assert_memory_equal(out.data + 48, text_of(json_array_get(vectors, 0), "signature"), 47);
    assert_memory_equal(out.data, out.data + 96, 47);
    assert_memory_not_equal(out.data, out.data + 48, 47);

    bytes_clear(&out);
    signer_sign_all(signer, secrets, 0, &message, &out);
    assert_int_equal(out.size, 0);

    for (int i = 0; i < 3; i++) {
        bytes_free(&secrets[i]);
    }
    bytes_free(&out);
    bytes_free(&expected);
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
        cmocka_unit_test(each_secret_has_its_entry_in_order),
        cmocka_unit_test(odd_sizes_agree_with_the_command_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
