/* The receiver's own verification, against the vectors that Standard Webhooks publishes. */
#include "signature_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char secret_text[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char body_text[] = "{\"test\": 2432232314}";
static const struct signature_headers vector = {"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                                                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="};
static const int64_t vector_s = 1614265330;

static enum status check(struct signature_headers headers, const char *body, int64_t now_s)
{
    struct bytes secret = {0};
    struct error why = {0};
    assert_int_equal(signature_secret_read(bytes_view_of_text(secret_text), &secret, &why), STATUS_OK);
    enum status status = signature_check(&headers, bytes_view_of_text(body), bytes_as_view(&secret), now_s, &why);
    bytes_free(&secret);
    return status;
}

static void published_vectors_are_taken(void **state)
{
    (void)state;
    assert_int_equal(check(vector, body_text, vector_s), STATUS_OK);

    struct bytes secret = {0};
    const struct signature_headers other = {"msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553",
                                            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="};
    assert_int_equal(
        signature_secret_read(bytes_view_of_text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n"), &secret, NULL),
        STATUS_OK);
    assert_int_equal(signature_check(&other,
                                     bytes_view_of_text("{\"email\":\"test@example.com\",\"username\":\"test_user\"}"),
                                     bytes_as_view(&secret), 1649367553, NULL),
                     STATUS_OK);
    bytes_free(&secret);
}

static void one_right_entry_among_several_is_enough(void **state)
{
    (void)state;
    struct signature_headers headers = vector;
    headers.signature = "v1a,hnO3f9T8 v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= "
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_int_equal(check(headers, body_text, vector_s), STATUS_OK);
}

static void anything_changed_is_refused(void **state)
{
    (void)state;
    static const char *const signatures[] = {
        "",
        "v1",
        "v1,",
        "v1, g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        struct signature_headers headers = vector;
        headers.signature = signatures[i];
        assert_int_equal(check(headers, body_text, vector_s), STATUS_REFUSED);
    }
    assert_int_equal(check(vector, "{\"test\": 2432232315}", vector_s), STATUS_REFUSED);
    struct signature_headers other_id = vector;
    other_id.id = "msg_p5jXN8AQM9LWM0D4loKWxJel";
    assert_int_equal(check(other_id, body_text, vector_s), STATUS_REFUSED);
    struct signature_headers other_time = vector;
    other_time.timestamp = "1614265331";
    assert_int_equal(check(other_time, body_text, vector_s), STATUS_REFUSED);
}

static void headers_are_looked_at(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct signature_headers headers = vector;
        *(i == 0 ? &headers.id : i == 1 ? &headers.timestamp : &headers.signature) = NULL;
        assert_int_equal(check(headers, body_text, vector_s), STATUS_REFUSED);
    }
    static const char *const ids[] = {"", "a.b", "a b", "\xc3\xa9",
                                      "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct signature_headers headers = vector;
        headers.id = ids[i];
        assert_int_equal(signature_check_headers(&headers, vector_s, NULL), STATUS_REFUSED);
    }
    static const char *const times[] = {"", "now", "1614265330.0", " 1614265330", "-1614265330"};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct signature_headers headers = vector;
        headers.timestamp = times[i];
        assert_int_equal(signature_check_headers(&headers, vector_s, NULL), STATUS_REFUSED);
    }
}

static void the_clock_may_be_five_minutes_off(void **state)
{
    (void)state;
    assert_int_equal(check(vector, body_text, vector_s + SIGNATURE_TOLERANCE_S), STATUS_OK);
    assert_int_equal(check(vector, body_text, vector_s - SIGNATURE_TOLERANCE_S), STATUS_OK);
    assert_int_equal(check(vector, body_text, vector_s + SIGNATURE_TOLERANCE_S + 1), STATUS_REFUSED);
    assert_int_equal(check(vector, body_text, vector_s - SIGNATURE_TOLERANCE_S - 1), STATUS_REFUSED);
}

static void bad_secrets_are_named_but_not_shown(void **state)
{
    (void)state;
    static const char *const secrets[] = {"",
                                          "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                          "whsec_",
                                          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                                          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==" /* 23 bytes and stray bits */,
                                          "whsec_c2hvcnQ="};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        struct bytes secret = {0};
        struct error why = {0};
        assert_int_equal(signature_secret_read(bytes_view_of_text(secrets[i]), &secret, &why), STATUS_INVALID);
        assert_null(strstr(why.text, "MfKQ"));
        assert_null(strstr(why.text, "c2hv"));
        bytes_free(&secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_are_taken),       cmocka_unit_test(one_right_entry_among_several_is_enough),
        cmocka_unit_test(anything_changed_is_refused),       cmocka_unit_test(headers_are_looked_at),
        cmocka_unit_test(the_clock_may_be_five_minutes_off), cmocka_unit_test(bad_secrets_are_named_but_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
