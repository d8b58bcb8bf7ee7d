/* Following a file, and reading on where an earlier run has stopped. */
#include "bytes.h"
#include "check.h"
#include "line_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_SMALL = 8, QUIET = 4 };

static char folder[] = "/tmp/test_follow.XXXXXX";
static char path[256];
static struct line_source *source;
static struct bytes story;

static char *named(const char *name)
{
    static char text[4][256];
    static unsigned turn;
    char *result = text[turn++ % 4];
    snprintf(result, sizeof(text[0]), "%s/%s", folder, name);
    return result;
}

static void append_to(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    append_to(path, "");
    bytes_clear(&story);
    return line_source_open(path, LINE_MAX_SMALL, &source, NULL) != STATUS_OK;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"in", "a", "b", "c", "other"};
    line_source_destroy(source);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        unlink(named(names[i]));
    }
    bytes_free(&story);
    return 0;
}

/* Reads once and tells the lines: NUMBER@OFFSET:TEXT; `.` waiting, `E` the end. */
static const char *look(void)
{
    struct input_line line;
    bool is_new;
    bytes_clear(&story);
    assert_int_equal(line_source_look_around(source, &is_new), STATUS_OK);
    assert_int_equal(line_source_fill(source, NULL), STATUS_OK);
    for (;;) {
        enum line_part part = line_source_next(source, &line);
        if (part == LINE_PART_NONE || part == LINE_PART_END) {
            bytes_append_text(&story, part == LINE_PART_END ? "E" : line_source_is_waiting(source) ? "." : "");
            break;
        }
        bytes_append_format(&story, "%" PRId64 "@%" PRId64 ":%.*s ", line.number, line.offset,
                            BYTES_PRINTF(line.bytes));
        line_source_take(source);
    }
    bytes_append_byte(&story, '\0');
    return (const char *)story.data;
}

static void test_growth(void **state)
{
    (void)state;
    line_source_follow(source);
    assert_string_equal(look(), ".");
    append_to(path, "one\ntw");
    assert_string_equal(look(), "1@0:one ");
    assert_string_equal(look(), ".");
    assert_true(line_source_is_caught_up(source));
    append_to(path, "o\n");
    assert_false(line_source_is_caught_up(source));
    assert_string_equal(look(), "2@4:two ");
    for (int i = 0; i < 3 * QUIET; i++) {
        assert_string_equal(look(), ".");
    }
    assert_int_equal(line_source_line(source), 3);
    assert_int_equal(line_source_offset(source), 8);
}

/* The old file is read until nothing has come for a while, its last line without a newline too. */
static void test_rename(void **state)
{
    (void)state;
    line_source_follow(source);
    append_to(path, "one\n");
    assert_string_equal(look(), "1@0:one ");
    assert_int_equal(rename(path, named("a")), 0);
    for (int i = 0; i < 3 * QUIET; i++) {
        assert_string_equal(look(), "."); /* no file has taken the name */
    }
    assert_true(line_source_is_caught_up(source));
    append_to(path, "new\n");
    assert_false(line_source_is_caught_up(source));
    for (int i = 0; i < QUIET - 1; i++) {
        assert_string_equal(look(), ".");
    }
    append_to(named("a"), "two");
    assert_string_equal(look(), "");
    for (int i = 0; i < QUIET - 1; i++) {
        assert_string_equal(look(), ".");
    }
    assert_string_equal(look(), "2@4:two E");
    assert_true(line_source_go_on(source));
    assert_string_equal(look(), "1@0:new ");
    assert_true(line_source_is_caught_up(source));
}

/* What a writer appends after all to a file that was quiet for a while is told. */
static void test_missed_tail(void **state)
{
    (void)state;
    struct line_source_missed missed;
    line_source_follow(source);
    append_to(path, "one\n");
    look();
    assert_int_equal(rename(path, named("a")), 0);
    append_to(path, "new\n");
    append_to(named("a"), "two\n");
    for (int i = 0; i <= QUIET; i++) {
        look();
    }
    assert_true(line_source_go_on(source));
    assert_string_equal(look(), "1@0:new ");
    assert_false(line_source_has_missed(source, &missed));
    append_to(named("a"), "late\n");
    assert_true(line_source_has_missed(source, &missed));
    assert_int_equal(missed.offset, 8);
    assert_int_equal(missed.bytes, 5);
    append_to(named("a"), "later\n");
    assert_false(line_source_has_missed(source, &missed)); /* once */
}

static void look_around(bool is_new)
{
    bool found;
    assert_int_equal(line_source_look_around(source, &found), STATUS_OK);
    assert_int_equal(found, is_new);
}

/* Renamed again and again while the first file is still being read: all of them come, in their order. */
static void test_several_renames(void **state)
{
    (void)state;
    struct input_queue queue;
    line_source_follow(source);
    append_to(path, "1\n");
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char text[8];
        assert_int_equal(rename(path, named(names[i])), 0);
        snprintf(text, sizeof(text), "%zu\n", i + 2);
        append_to(path, text);
        look_around(true);
        look_around(false);
    }
    line_source_queue(source, &queue);
    assert_int_equal(queue.count, 3);
    unlink(named("b")); /* it is open */
    for (int i = 0; i < 4; i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "1@0:%d ", i + 1);
        assert_string_equal(look(), expected);
        for (int j = 0; j < QUIET && i < 3; j++) {
            look();
        }
        if (i < 3) {
            assert_true(line_source_go_on(source));
        }
    }
    assert_true(line_source_is_caught_up(source));
}

static void test_too_many_renames(void **state)
{
    (void)state;
    line_source_follow(source);
    for (int i = 0; i < INPUT_QUEUE_MAX; i++) {
        assert_int_equal(rename(path, named("a")), 0);
        append_to(path, "x\n");
        look_around(true);
    }
    bool found;
    assert_int_equal(rename(path, named("a")), 0);
    append_to(path, "y\n");
    assert_int_equal(line_source_look_around(source, &found), STATUS_FULL);
}

static void test_truncation(void **state)
{
    (void)state;
    line_source_follow(source);
    append_to(path, "one\ntwo\nhal");
    assert_string_equal(look(), "1@0:one 2@4:two ");
    assert_int_equal(truncate(path, 4), 0);
    assert_string_equal(look(), "E"); /* half a line that is gone is no line */
    assert_false(line_source_go_on(source));
    assert_string_equal(look(), "1@0:one ");
    assert_int_equal(truncate(path, 0), 0);
    assert_string_equal(look(), "E");
    assert_false(line_source_go_on(source));
    append_to(path, "new\n");
    assert_string_equal(look(), "1@0:new ");
}

/* ---- reading on ---- */

static void reopen(void)
{
    line_source_destroy(source);
    assert_int_equal(line_source_open(path, LINE_MAX_SMALL, &source, NULL), STATUS_OK);
}

/* Of the file that is open, which begins with `head`. */
static struct input_identity identify(const char *head)
{
    struct input_identity identity;
    assert_int_equal(input_identity_make(line_source_fd(source), bytes_view_of_text(head), &identity, NULL), STATUS_OK);
    return identity;
}

static void expect_identity(int64_t head_size, const char *head)
{
    struct input_identity expected = identify(head);
    struct input_identity identity;
    assert_int_equal(line_source_identify(source, head_size, &identity, NULL), STATUS_OK);
    assert_int_equal(identity.inode, expected.inode);
    assert_int_equal(identity.head_size, expected.head_size);
    assert_true(identity.head_hash == expected.head_hash);
}

/* The head is what was read, whatever has become of the file. */
static void test_head_is_what_was_read(void **state)
{
    (void)state;
    line_source_follow(source);
    append_to(path, "one\n");
    look();
    append_to(path, "two\n");
    expect_identity(8, "one\n");
    look();
    assert_int_equal(truncate(path, 0), 0);
    expect_identity(8, "one\ntwo\n");
    expect_identity(5, "one\nt");
    assert_string_equal(look(), "E");
    assert_false(line_source_go_on(source));
    expect_identity(8, "");
    append_to(path, "1\n2\n3\n");
    look();
    expect_identity(2, "1\n");
    reopen();
    struct input_identity identity = identify("1\n");
    assert_int_equal(line_source_continue(source, &identity, 3, 4, NULL), STATUS_OK);
    line_source_follow(source);
    expect_identity(8, "1\n2\n");
    assert_string_equal(look(), "3@4:3 ");
    expect_identity(8, "1\n2\n3\n");
}

/* Of a long file the first INPUT_HEAD_MAX bytes. */
static void test_head_is_bounded(void **state)
{
    (void)state;
    static char head[INPUT_HEAD_MAX + 1];
    line_source_follow(source);
    for (size_t i = 0; i < INPUT_HEAD_MAX; i++) {
        head[i] = i % 3 == 2 ? '\n' : 'a';
    }
    append_to(path, head);
    look();
    append_to(path, "\nb\nc\n");
    look();
    expect_identity(INT64_MAX, head);
}

static void test_reading_on(void **state)
{
    (void)state;
    append_to(path, "one\ntwo\nthree");
    struct input_identity identity = identify("one\n");
    assert_int_equal(line_source_continue(source, &identity, 2, 4, NULL), STATUS_OK);
    line_source_follow(source);
    assert_string_equal(look(), "2@4:two ");
    /* The last line had no newline, and has it now. */
    append_to(path, "\nfour\n");
    reopen();
    identity = identify("one\n");
    assert_int_equal(line_source_continue(source, &identity, 4, 13, NULL), STATUS_OK);
    line_source_follow(source);
    assert_string_equal(look(), "4@14:four ");
    assert_int_equal(line_source_size(source), 19);
}

static void expect_refused(const struct input_identity *identity, int64_t offset, const char *expected)
{
    struct error error = {0};
    reopen();
    assert_int_equal(line_source_continue(source, identity, 2, offset, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, expected));
}

static void test_refused(void **state)
{
    (void)state;
    append_to(path, "one\ntwo\n");
    struct input_identity identity = identify("one\n");
    expect_refused(&identity, 6, "goes on now");
    expect_refused(&identity, 10, "shorter");
    struct input_identity other = identity;
    other.head_hash++;
    expect_refused(&other, 4, "beginning");
    other = identity;
    other.inode++;
    expect_refused(&other, 4, "another file");
}

/* After a run that was killed: the file it read has another name now, and so has one that waited. */
static void test_search(void **state)
{
    (void)state;
    struct input_queue next;
    append_to(path, "1\nrest\n");
    line_source_follow(source);
    struct input_identity identity = identify("1\n");
    static const char *const names[] = {"a", "b"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        assert_int_equal(rename(path, named(names[i])), 0);
        append_to(path, i == 0 ? "2\n" : "3\n");
        if (i == 0) {
            look_around(true);
            line_source_queue(source, &next);
        }
    }
    reopen();
    assert_int_equal(line_source_search(source, &identity, &next, NULL), STATUS_OK);
    assert_int_equal(line_source_continue(source, &identity, 2, 2, NULL), STATUS_OK);
    line_source_follow(source);
    assert_string_equal(look(), "2@2:rest ");
    static const char *const after[] = {"1@0:2 ", "1@0:3 "};
    for (size_t i = 0; i < ARRAY_COUNT(after); i++) {
        for (int j = 0; j < QUIET; j++) {
            look();
        }
        assert_true(line_source_go_on(source));
        assert_string_equal(look(), after[i]);
    }
    unlink(named("b"));
    struct error error = {0};
    reopen();
    assert_int_equal(line_source_search(source, &identity, &next, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "not in its folder any more"));
}

static void write_later(const char *file, const char *text, time_t seconds)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds}};
    append_to(file, text);
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

/* Renamed more than once while nobody looked: what came in between is never passed over. */
static void test_missed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        time_t seconds; /* the file that was read: 1000 */
        bool is_missed;
    } cases[] = {
        {"in.1", 1001, true},           {"in.1", 999, false},        {"in.1", 1000, false},
        {"in-20260203.gz", 1001, true}, {"in_7.ndjson", 1001, true}, {"in.checkpoint", 1001, false},
        {"in.", 1001, false},           {"other.1", 1001, false},    {"inn.1", 1001, false},
    };
    const struct input_queue none = {.count = 0};
    write_later(path, "1\n", 1000);
    struct input_identity identity = identify("1\n");
    assert_int_equal(rename(path, named("a")), 0);
    write_later(path, "3\n", 2000);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct error error = {0};
        write_later(named(cases[i].name), "2\n", cases[i].seconds);
        reopen();
        enum status status = line_source_search(source, &identity, &none, &error);
        unlink(named(cases[i].name));
        assert_int_equal(status, cases[i].is_missed ? STATUS_INVALID : STATUS_OK);
        if (cases[i].is_missed) {
            assert_non_null(strstr(error.text, cases[i].name));
        }
    }
    /* One that waited in the queue was not passed over, nor the one that is read, whatever was written last. */
    write_later(named("in.1"), "2\n", 1001);
    assert_int_equal(rename(named("a"), named("in.2")), 0);
    write_later(named("in.2"), "1\n", 1002);
    struct input_queue next = {.count = 1};
    struct stat facts;
    assert_int_equal(stat(named("in.1"), &facts), 0);
    next.inodes[0] = facts.st_ino;
    reopen();
    assert_int_equal(line_source_search(source, &identity, &next, NULL), STATUS_OK);
    unlink(named("in.1"));
    unlink(named("in.2"));
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/in", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_growth),           TEST(test_rename),     TEST(test_several_renames),
        TEST(test_too_many_renames), TEST(test_truncation), TEST(test_reading_on),
        TEST(test_refused),          TEST(test_search),     TEST(test_head_is_what_was_read),
        TEST(test_head_is_bounded),  TEST(test_missed),     TEST(test_missed_tail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
