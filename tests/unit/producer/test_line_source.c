/* Lines from pipes, FIFOs and files, with the borders of the reads everywhere. */
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
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_SMALL = 8 };

static char folder[] = "/tmp/test_line_source.XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* Writes what is left of `text` in pieces as `cut` says: bit i set means that a piece ends behind byte i. Everything
 * the source gives is printed as a story: W/S/M/L(line,offset,"bytes") … E. */
static void tell(struct line_source *source, struct bytes *story)
{
    static const char letters[] = {
        [LINE_PART_WHOLE] = 'W', [LINE_PART_START] = 'S', [LINE_PART_MORE] = 'M', [LINE_PART_LAST] = 'L'};
    struct input_line line;
    enum line_part part;
    while ((part = line_source_next(source, &line)) != LINE_PART_NONE) {
        if (part == LINE_PART_END) {
            bytes_append_text(story, "E");
            return;
        }
        struct input_line again;
        assert_int_equal(line_source_next(source, &again), part); /* looking changes nothing */
        assert_true(bytes_view_equal(line.bytes, again.bytes));
        /* Pieces of a long line depend on how it came; joined they don't. */
        if (part == LINE_PART_WHOLE || part == LINE_PART_START) {
            bytes_append_format(story, "%c(%" PRId64 ",%" PRId64 ",", letters[part], line.number, line.offset);
        }
        bytes_append_view(story, line.bytes);
        if (part == LINE_PART_START) {
            bytes_append_text(story, "|");
        }
        if (part == LINE_PART_WHOLE || part == LINE_PART_LAST) {
            bytes_append_text(story, ")");
        }
        line_source_take(source);
    }
}

static void fill(struct line_source *source)
{
    struct pollfd ready = {.fd = line_source_fd(source), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 5000), 1);
    assert_int_equal(line_source_fill(source, NULL), STATUS_OK);
}

/* The story of `text`, which comes through a FIFO in pieces that end where `cuts` has a bit. */
static void run_pieces(const char *text, size_t size, uint32_t cuts, struct bytes *story)
{
    const char *path = in_folder("fifo");
    struct line_source *source = NULL;
    assert_int_equal(line_source_open(path, LINE_MAX_SMALL, &source, NULL), STATUS_OK);
    int writer = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0);
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        if (i + 1 == size || (i < 32 && (cuts >> i & 1) != 0)) {
            assert_int_equal(write(writer, text + from, i + 1 - from), (ssize_t)(i + 1 - from));
            from = i + 1;
            fill(source);
            tell(source, story);
        }
    }
    close(writer);
    fill(source);
    tell(source, story);
    line_source_destroy(source);
}

static void assert_story(const char *text, size_t size, const char *expected)
{
    uint32_t all = size < 2 ? 1 : size > 14 ? 1U << 13 : 1U << (size - 1);
    for (uint32_t cuts = 0; cuts < all; cuts++) {
        struct bytes story = {0};
        run_pieces(text, size, size > 14 ? cuts * 2654435761U : cuts, &story);
        bytes_append_byte(&story, 0);
        assert_string_equal((const char *)story.data, expected);
        bytes_free(&story);
    }
}

#define ASSERT_STORY(text, expected) assert_story((text), sizeof(text) - 1, (expected))

static void test_borders_everywhere(void **state)
{
    (void)state;
    ASSERT_STORY("ab\ncde\n", "W(1,0,ab)W(2,3,cde)E");
    ASSERT_STORY("ab\n\n c", "W(1,0,ab)W(2,3,)W(3,4, c)E");
    ASSERT_STORY("\n\n", "W(1,0,)W(2,1,)E");
    ASSERT_STORY("a\r\nb", "W(1,0,a\r)W(2,3,b)E");
    ASSERT_STORY("12345678\nx\n", "W(1,0,12345678)W(2,9,x)E");     /* just short enough */
    ASSERT_STORY("123456789\nx\n", "S(1,0,12345678|9)W(2,10,x)E"); /* just too long */
    ASSERT_STORY("12345678", "W(1,0,12345678)E");
    ASSERT_STORY("123456789", "S(1,0,12345678|9)E");
    ASSERT_STORY("a\n1234567890\n", "W(1,0,a)S(2,2,12345678|90)E");
    ASSERT_STORY("1234567890abcdef\n\n1234567890ABC", "S(1,0,12345678|90abcdef)W(2,17,)S(3,18,12345678|90ABC)E");
}

static void test_empty(void **state)
{
    (void)state;
    const char *path = in_folder("empty");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    struct line_source *source = NULL;
    assert_int_equal(line_source_open(path, LINE_MAX_SMALL, &source, NULL), STATUS_OK);
    struct input_line line;
    assert_int_equal(line_source_next(source, &line), LINE_PART_NONE);
    fill(source);
    assert_int_equal(line_source_next(source, &line), LINE_PART_END);
    assert_int_equal(line_source_line(source), 1);
    assert_int_equal(line_source_offset(source), 0);
    line_source_destroy(source);
}

static void test_fifo_without_writer_is_not_at_its_end(void **state)
{
    (void)state;
    struct line_source *source = NULL;
    assert_int_equal(line_source_open(in_folder("fifo"), LINE_MAX_SMALL, &source, NULL), STATUS_OK);
    struct pollfd ready = {.fd = line_source_fd(source), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 0), 0);
    line_source_destroy(source);
}

static void test_what_is_no_input(void **state)
{
    (void)state;
    struct line_source *source = NULL;
    struct error error = {0};
    assert_int_equal(line_source_open(in_folder("missing"), 8, &source, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.text, "missing: No such file or directory"));
    assert_int_equal(line_source_open(folder, 8, &source, &error), STATUS_IO);
    assert_non_null(strstr(error.text, "is a directory"));
    assert_null(source);
}

/* A line far larger than the buffer comes in pieces that join to it. */
static void test_long_line_of_a_file(void **state)
{
    (void)state;
    enum { LONG = 3 * 1024 * 1024 + 7, MAX = 64 * 1024 };
    const char *path = in_folder("long");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("short\n", file);
    for (int i = 0; i < LONG; i++) {
        fputc('a' + i % 26, file);
    }
    fputs("\nlast", file);
    assert_int_equal(fclose(file), 0);

    struct line_source *source = NULL;
    assert_int_equal(line_source_open(path, MAX, &source, NULL), STATUS_OK);
    struct input_line line;
    enum line_part part;
    int64_t seen = 0;
    int whole = 0;
    while ((part = line_source_next(source, &line)) != LINE_PART_END) {
        if (part == LINE_PART_NONE) {
            fill(source);
            continue;
        }
        if (part == LINE_PART_WHOLE) {
            whole++;
        } else {
            assert_int_equal(line.number, 2);
            assert_int_equal(line.offset, 6);
            assert_true(part != LINE_PART_START || line.bytes.size == MAX);
            for (size_t i = 0; i < line.bytes.size; i++) {
                assert_true(line.bytes.data[i] == 'a' + (seen + (int64_t)i) % 26);
            }
            seen += (int64_t)line.bytes.size;
        }
        line_source_take(source);
    }
    assert_int_equal(seen, LONG);
    assert_int_equal(whole, 2);
    assert_int_equal(line_source_offset(source), 6 + LONG + 1 + 4);
    line_source_destroy(source);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || mkfifo(in_folder("fifo"), 0600) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"fifo", "empty", "long"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        unlink(in_folder(names[i]));
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_borders_everywhere),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_fifo_without_writer_is_not_at_its_end),
        cmocka_unit_test(test_what_is_no_input),
        cmocka_unit_test(test_long_line_of_a_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
