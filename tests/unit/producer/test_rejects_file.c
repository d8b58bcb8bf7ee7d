/* The rejects file: its lines, and what is left when a write fails. */
#include "check.h"
#include "log.h"
#include "rejects_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_rejects_file.XXXXXX";
static char path[256];

static const struct reject a_reject = {
    .input = "in \"put\".ndjson",
    .line = 7,
    .offset = 4242,
    .rule = "severity.enum",
    .pointer = "/payload/severity",
    .message = "\"URGENT\" is not one of LOW, MEDIUM, HIGH",
};

static const char a_head[] = "{\"input\":\"in \\\"put\\\".ndjson\",\"line\":7,\"offset\":4242,";
static const char a_rule[] = "\"rule\":\"severity.enum\",\"pointer\":\"/payload/severity\","
                             "\"message\":\"\\\"URGENT\\\" is not one of LOW, MEDIUM, HIGH\",";

static void put_file(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void get_file(struct bytes *ret_text)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char piece[4096];
    size_t count;
    bytes_clear(ret_text);
    while ((count = fread(piece, 1, sizeof(piece), file)) > 0) {
        bytes_append(ret_text, piece, count);
    }
    fclose(file);
    bytes_append_byte(ret_text, 0);
}

static void assert_file(const char *expected)
{
    struct bytes text = {0};
    get_file(&text);
    assert_string_equal((const char *)text.data, expected);
    bytes_free(&text);
}

static int set_up(void **state)
{
    unlink(path);
    *state = rejects_file_create(path);
    return 0;
}

static int tear_down(void **state)
{
    rejects_file_destroy(*state);
    return 0;
}

static void write_text(struct rejects_file *rejects, const char *line)
{
    assert_int_equal(rejects_file_write(rejects, &a_reject, bytes_view_of_text(line), true, NULL), STATUS_OK);
}

static void test_text_line(void **state)
{
    assert_int_equal(access(path, F_OK), -1); /* nothing is made before the first reject */
    write_text(*state, "{\"a\":\t\"b\\u00e9\"}");
    char expected[1024];
    snprintf(expected, sizeof(expected), "%s\"bytes\":16,%s\"raw\":\"{\\\"a\\\":\\t\\\"b\\\\u00e9\\\"}\"}\n", a_head,
             a_rule);
    assert_file(expected);
    assert_int_equal(rejects_file_sync(*state, NULL), STATUS_OK);
}

static void test_raw_comes_back_byte_for_byte(void **state)
{
    uint8_t line[256 * 3];
    for (size_t i = 0; i < sizeof(line); i++) {
        line[i] = (uint8_t)i;
    }
    assert_int_equal(rejects_file_write(*state, &a_reject, bytes_view_of(line, 0x80), true, NULL), STATUS_OK);
    for (size_t size = sizeof(line) - 4; size <= sizeof(line); size++) {
        assert_int_equal(rejects_file_write(*state, &a_reject, bytes_view_of(line, size), false, NULL), STATUS_OK);
    }
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    json_t *first = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_integer_value(json_object_get(first, "bytes")), 0x80);
    json_t *raw = json_object_get(first, "raw");
    assert_int_equal(json_string_length(raw), 0x80);
    assert_memory_equal(json_string_value(raw), line, 0x80);
    json_decref(first);
    for (size_t size = sizeof(line) - 4; size <= sizeof(line); size++) {
        json_t *next = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
        struct bytes decoded = {0};
        const char *base64 = json_string_value(json_object_get(next, "raw_base64"));
        assert_int_equal(bytes_append_from_base64(&decoded, bytes_view_of_text(base64)), STATUS_OK);
        assert_int_equal(decoded.size, size);
        assert_memory_equal(decoded.data, line, size);
        assert_int_equal(json_integer_value(json_object_get(next, "bytes")), size);
        bytes_free(&decoded);
        json_decref(next);
    }
    fclose(file);
}

static void test_pieces_join(void **state)
{
    static const char line[] = "The quick brown fox";
    for (size_t first = 0; first <= 7; first++) {
        for (size_t second = 0; second <= 7; second++) {
            unlink(path);
            assert_int_equal(rejects_file_begin(*state, &a_reject, NULL), STATUS_OK);
            assert_true(rejects_file_is_begun(*state));
            size_t at = 0;
            const size_t sizes[] = {first, second, sizeof(line) - 1 - first - second};
            for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
                assert_int_equal(rejects_file_add(*state, bytes_view_of(line + at, sizes[i]), NULL), STATUS_OK);
                at += sizes[i];
            }
            assert_int_equal(rejects_file_end(*state, NULL), STATUS_OK);
            assert_false(rejects_file_is_begun(*state));
            char expected[1024];
            snprintf(expected, sizeof(expected), "%s%s\"raw_base64\":\"VGhlIHF1aWNrIGJyb3duIGZveA==\",\"bytes\":19}\n",
                     a_head, a_rule);
            assert_file(expected);
        }
    }
}

static void test_unterminated_tail(void **state)
{
    put_file("{\"old\":1}\n{\"torn\":");
    write_text(*state, "x");
    write_text(*state, "y");
    char expected[2048];
    snprintf(expected, sizeof(expected),
             "{\"old\":1}\n{\"torn\":\n%s\"bytes\":1,%s\"raw\":\"x\"}\n%s\"bytes\":1,%s\"raw\":\"y\"}\n", a_head,
             a_rule, a_head, a_rule);
    assert_file(expected);
}

static void test_appends_to_a_good_end(void **state)
{
    put_file("{\"old\":1}\n");
    write_text(*state, "x");
    char expected[1024];
    snprintf(expected, sizeof(expected), "{\"old\":1}\n%s\"bytes\":1,%s\"raw\":\"x\"}\n", a_head, a_rule);
    assert_file(expected);
}

static void test_abandoned_line_is_taken_out(void **state)
{
    put_file("{\"old\":1}\n");
    assert_int_equal(rejects_file_begin(*state, &a_reject, NULL), STATUS_OK);
    assert_int_equal(rejects_file_add(*state, BYTES_LITERAL("half a line"), NULL), STATUS_OK);
    rejects_file_abandon(*state);
    assert_file("{\"old\":1}\n");
    rejects_file_abandon(*state); /* nothing begun */
    assert_file("{\"old\":1}\n");
    assert_int_equal(rejects_file_begin(*state, &a_reject, NULL), STATUS_OK);
    assert_int_equal(rejects_file_add(*state, BYTES_LITERAL("half a line"), NULL), STATUS_OK);
    rejects_file_destroy(*state);
    *state = NULL;
    assert_file("{\"old\":1}\n");
}

static void test_full_disk(void **state)
{
    struct error error = {0};
    struct rejects_file *full = rejects_file_create("/dev/full");
    assert_int_equal(rejects_file_probe(full, &error), STATUS_OK);
    assert_int_equal(rejects_file_write(full, &a_reject, BYTES_LITERAL("x"), true, &error), STATUS_IO);
    assert_string_equal(error.text, "/dev/full: No space left on device");
    assert_int_equal(rejects_file_begin(full, &a_reject, &error), STATUS_OK);
    assert_int_equal(rejects_file_add(full, BYTES_LITERAL("x"), &error), STATUS_IO);
    assert_false(rejects_file_is_begun(full));
    rejects_file_destroy(full);
    (void)state;
}

/* A file that may grow only a little: the part of the line that was written is cut off again. */
static void test_write_that_fails_half_way_leaves_nothing(void **state)
{
    put_file("{\"old\":1}\n");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 60, .rlim_max = before.rlim_max};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct error error = {0};
    enum status written = rejects_file_write(*state, &a_reject, BYTES_LITERAL("x"), true, &error);
    enum status begun = rejects_file_begin(*state, &a_reject, &error);
    enum status added = rejects_file_add(*state, BYTES_LITERAL("x"), &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(written, STATUS_IO);
    assert_int_equal(begun, STATUS_OK);
    assert_int_equal(added, STATUS_IO);
    assert_non_null(strstr(error.text, "File too large"));
    assert_file("{\"old\":1}\n");
    write_text(*state, "x"); /* there is room again */
    struct bytes text = {0};
    get_file(&text);
    assert_non_null(strstr((const char *)text.data, "{\"old\":1}\n{\"input\""));
    bytes_free(&text);
}

static void test_moved_away(void **state)
{
    write_text(*state, "first");
    char moved[300];
    snprintf(moved, sizeof(moved), "%s.1", path);
    assert_int_equal(rename(path, moved), 0);
    write_text(*state, "second");
    char expected[1024];
    snprintf(expected, sizeof(expected), "%s\"bytes\":6,%s\"raw\":\"second\"}\n", a_head, a_rule);
    assert_file(expected);
    assert_int_equal(unlink(moved), 0);
}

static void test_probe(void **state)
{
    struct error error = {0};
    assert_int_equal(rejects_file_probe(*state, &error), STATUS_OK);
    assert_int_equal(access(path, F_OK), -1);
    struct rejects_file *nowhere = rejects_file_create("/nowhere/at/all/rejects.ndjson");
    assert_int_equal(rejects_file_probe(nowhere, &error), STATUS_IO);
    assert_string_equal(error.text, "/nowhere/at/all/rejects.ndjson: No such file or directory");
    assert_int_equal(rejects_file_write(nowhere, &a_reject, BYTES_LITERAL("x"), true, &error), STATUS_IO);
    rejects_file_destroy(nowhere);
    struct rejects_file *directory = rejects_file_create(folder);
    assert_int_equal(rejects_file_probe(directory, &error), STATUS_IO);
    rejects_file_destroy(directory);
}

/* Two programs, one file: the second waits while a line is being written, and its lines are whole. */
static void test_shared_file(void **state)
{
    struct rejects_file *other = rejects_file_create(path);
    assert_int_equal(rejects_file_begin(*state, &a_reject, NULL), STATUS_OK);
    struct error error = {0};
    assert_int_equal(rejects_file_write(other, &a_reject, BYTES_LITERAL("x"), true, &error), STATUS_IO);
    assert_non_null(strstr(error.text, "another program"));
    assert_int_equal(rejects_file_end(*state, NULL), STATUS_OK);
    assert_int_equal(rejects_file_write(other, &a_reject, BYTES_LITERAL("x"), true, &error), STATUS_OK);
    rejects_file_destroy(other);
    char expected[2048];
    snprintf(expected, sizeof(expected), "%s%s\"raw_base64\":\"\",\"bytes\":0}\n%s\"bytes\":1,%s\"raw\":\"x\"}\n",
             a_head, a_rule, a_head, a_rule);
    assert_file(expected);
}

/* What goes into a FIFO is handled only when somebody is there to read it. */
static void test_fifo(void **state)
{
    struct error error = {0};
    char text[1024];
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(rejects_file_probe(*state, NULL), STATUS_OK);
    assert_int_equal(rejects_file_write(*state, &a_reject, BYTES_LITERAL("x"), true, &error), STATUS_IO);
    assert_non_null(strstr(error.text, "nobody reads this pipe"));
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    write_text(*state, "x");
    ssize_t count = read(reader, text, sizeof(text));
    assert_true(count > 0 && text[count - 1] == '\n');
    assert_int_equal(rejects_file_sync(*state, NULL), STATUS_OK);
    close(reader);
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as the program does */
    assert_int_equal(rejects_file_write(*state, &a_reject, BYTES_LITERAL("x"), true, &error), STATUS_IO);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/rejects.ndjson", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text_line),
        TEST(test_raw_comes_back_byte_for_byte),
        TEST(test_pieces_join),
        TEST(test_unterminated_tail),
        TEST(test_appends_to_a_good_end),
        TEST(test_abandoned_line_is_taken_out),
        TEST(test_full_disk),
        TEST(test_write_that_fails_half_way_leaves_nothing),
        TEST(test_moved_away),
        TEST(test_probe),
        TEST(test_shared_file),
        TEST(test_fifo),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
