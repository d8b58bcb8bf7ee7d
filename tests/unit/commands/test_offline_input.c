#include "check.h"
#include "offline_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAIR "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

static void times_are_seconds_or_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        int64_t time_s; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1614265330", 1614265330},
        {"253402300799", INT64_C(253402300799)},
        {"2021-02-25T15:02:10Z", 1614265330},
        {"2021-02-25T16:02:10.999+01:00", 1614265330},
        {"1970-01-01T00:00:00Z", 0},
        {"-1", -1},
        {"1969-12-31T23:59:59.5Z", -1},
        {"253402300800", -1},
        {"9223372036854775808", -1},
        {"", -1},
        {" 1", -1},
        {"1614265330.5", -1},
        {"2021-02-25", -1},
        {"now", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct error error = {0};
        int64_t time_s = -2;
        enum status status = offline_input_time(cases[i].text, &time_s, &error);

        assert_int_equal(status, cases[i].time_s < 0 ? STATUS_INVALID : STATUS_OK);
        if (status == STATUS_OK) {
            assert_int_equal(time_s, cases[i].time_s);
        } else {
            assert_true(error.text[0] != '\0');
        }
    }
}

static void a_file_is_read_whole(void **state)
{
    static const char path[] = "/tmp/offline-input-test";
    struct bytes content = {0};
    struct bytes wanted = {0};
    struct error error;
    FILE *file = fopen(path, "wb");

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 300000; i++) {
        bytes_append_byte(&wanted, (uint8_t)(i * 7));
    }
    assert_int_equal(fwrite(wanted.data, 1, wanted.size, file), wanted.size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(offline_input_read(path, &content, &error), STATUS_OK);
    assert_true(bytes_view_equal(bytes_as_view(&content), bytes_as_view(&wanted)));

    assert_int_equal(truncate(path, OFFLINE_INPUT_MAX + 1), 0);
    bytes_clear(&content);
    assert_int_equal(offline_input_read(path, &content, &error), STATUS_FULL);
    assert_int_equal(truncate(path, OFFLINE_INPUT_MAX), 0);
    bytes_clear(&content);
    assert_int_equal(offline_input_read(path, &content, &error), STATUS_OK);
    assert_int_equal(content.size, OFFLINE_INPUT_MAX);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(offline_input_read(path, &content, &error), STATUS_NOT_FOUND);
    assert_string_equal(error.text, "/tmp/offline-input-test: No such file or directory");
    assert_int_equal(offline_input_read("/", &content, &error), STATUS_IO);
    bytes_free(&content);
    bytes_free(&wanted);
}

static void keys_come_from_elsewhere_and_are_never_shown(void **state)
{
    static const struct {
        const char *value; /* of KEY_HERE; NULL: not set */
        const char *source;
        enum status to_sign, to_verify;
    } cases[] = {
        {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "env:KEY_HERE", STATUS_OK, STATUS_OK},
        {PAIR, "env:KEY_HERE", STATUS_OK, STATUS_OK},
        {PUBLIC, "env:KEY_HERE", STATUS_INVALID, STATUS_OK},
        {"whsec_MDEyMzQ1", "env:KEY_HERE", STATUS_INVALID, STATUS_INVALID},
        /* The seed of PAIR with a public key that is another one's. */
        {"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvw==",
         "env:KEY_HERE", STATUS_INVALID, STATUS_INVALID},
        {NULL, "env:KEY_HERE", STATUS_NOT_FOUND, STATUS_NOT_FOUND},
        {NULL, "file:/nowhere/key", STATUS_NOT_FOUND, STATUS_NOT_FOUND},
        {NULL, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", STATUS_INVALID, STATUS_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        unsetenv("KEY_HERE");
        if (cases[i].value != NULL) {
            setenv("KEY_HERE", cases[i].value, 1);
        }
        for (int is_verifier = 0; is_verifier < 2; is_verifier++) {
            struct signing_key key = {0};
            struct error error = {0};
            enum status wanted = is_verifier ? cases[i].to_verify : cases[i].to_sign;

            assert_int_equal(offline_input_key(cases[i].source, is_verifier, &key, &error), wanted);
            assert_int_equal(key.bytes.size > 0, wanted == STATUS_OK);
            assert_int_equal(error.text[0] != '\0', wanted != STATUS_OK);
            assert_null(strstr(error.text, "MDEyMz"));
            assert_null(strstr(error.text, "6Xb/"));
            signing_key_free(&key);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_seconds_or_rfc_3339),
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(keys_come_from_elsewhere_and_are_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
