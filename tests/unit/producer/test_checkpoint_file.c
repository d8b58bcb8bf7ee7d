/* checkpoint_file: what is written is read back, and nothing else is taken for a checkpoint. */
#include "checkpoint_file.h"

#include "check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_checkpoint.XXXXXX";
static char path[256];
static char new_path[256];
static char lock_path[256];
static char input_path[256];

static const char good[] = "incident-producer checkpoint 1\n"
                           "input \"/var/spool/a \\\"b\\\".ndjson\"\n"
                           "inode 131077\n"
                           "head 4096 00000000000000ff\n"
                           "line 1234\n"
                           "offset 567890\n"
                           "next 7\n"
                           "next 18446744073709551615\n";

static void put(const char *to, const char *text)
{
    FILE *file = fopen(to, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    struct checkpoint again;
    put(path, good);
    assert_int_equal(checkpoint_file_read(path, &checkpoint, NULL), STATUS_OK);
    assert_true(bytes_view_equal_text(bytes_as_view(&checkpoint.input), "\"/var/spool/a \\\"b\\\".ndjson\""));
    assert_int_equal(checkpoint.identity.inode, 131077);
    assert_int_equal(checkpoint.identity.head_size, 4096);
    assert_int_equal(checkpoint.identity.head_hash, 255);
    assert_int_equal(checkpoint.line, 1234);
    assert_int_equal(checkpoint.offset, 567890);
    assert_int_equal(checkpoint.next.count, 2);
    assert_int_equal(checkpoint.next.inodes[0], 7);
    assert_true(checkpoint.next.inodes[1] == UINT64_MAX);

    put(new_path, "left behind by a run that was killed, and longer than what comes");
    assert_int_equal(checkpoint_file_write(path, &checkpoint, NULL), STATUS_OK);
    assert_int_equal(access(new_path, F_OK), -1);
    char text[1024] = {0};
    FILE *file = fopen(path, "re");
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, good);
    assert_int_equal(checkpoint_file_read(path, &again, NULL), STATUS_OK);
    checkpoint_free(&again);
    checkpoint_free(&checkpoint);
}

/* Cut off anywhere, or with any one byte of its structure changed, it is none. */
static void test_nothing_else_is_taken(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "incident-producer checkpoint 2\ninput \"a\"\ninode 2\nhead 0 0\nline 1\noffset 0\n",
        "incident-producer checkpoint 1\ninput a\ninode 2\nhead 0 0\nline 1\noffset 0\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 1 2\nhead 0 0\nline 1\noffset 0\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode -2\nhead 0 0\nline 1\noffset 0\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 5000 0\nline 1\noffset 6000\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 10 0\nline 1\noffset 9\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0g\nline 1\noffset 0\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\nline 0\noffset 0\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\nline 1\noffset -1\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\nline 1\noffset 99999999999999999999\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\nline 1\noffset 0\n\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\nline 1\noffset 0\nnext 1 2\n",
        "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\noffset 0\nline 1\n",
    };
    struct checkpoint checkpoint;
    struct error error = {0};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        put(path, wrong[i]);
        if (checkpoint_file_read(path, &checkpoint, &error) != STATUS_INVALID) {
            fail_msg("taken: %s", wrong[i]);
        }
        assert_non_null(strstr(error.text, "is no checkpoint"));
    }
    static const char whole[] = "incident-producer checkpoint 1\ninput \"a\"\ninode 2\nhead 0 0\nline 1\noffset 0\n";
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        char text[sizeof(whole)];
        memcpy(text, whole, size);
        text[size] = '\0';
        put(path, text);
        assert_int_equal(checkpoint_file_read(path, &checkpoint, &error), STATUS_INVALID);
    }
    put(path, whole);
    assert_int_equal(checkpoint_file_read(path, &checkpoint, &error), STATUS_OK);
    checkpoint_free(&checkpoint);
    unlink(path);
    assert_int_equal(checkpoint_file_read(path, &checkpoint, &error), STATUS_NOT_FOUND);
    assert_int_equal(checkpoint_file_read(folder, &checkpoint, &error), STATUS_IO);
}

/* The same file has one name, however its folder is written. */
static void test_names(void **state)
{
    (void)state;
    struct bytes whole = {0};
    struct bytes relative = {0};
    char here[256];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(checkpoint_name_input("input", &relative, NULL), STATUS_OK);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(checkpoint_name_input(input_path, &whole, NULL), STATUS_OK);
    assert_true(bytes_view_equal(bytes_as_view(&whole), bytes_as_view(&relative)));
    bytes_clear(&whole);
    assert_int_equal(checkpoint_name_input("/a", &whole, NULL), STATUS_OK);
    assert_true(bytes_view_equal_text(bytes_as_view(&whole), "\"/a\""));
    bytes_free(&whole);
    bytes_free(&relative);
}

static void identify(int fd, const char *head, struct input_identity *ret_identity)
{
    assert_int_equal(input_identity_make(fd, bytes_view_of_text(head), ret_identity, NULL), STATUS_OK);
}

static void test_identity(void **state)
{
    (void)state;
    struct input_identity first;
    struct input_identity second;
    struct error error = {0};
    put(input_path, "0123456789");
    int fd = open(input_path, O_RDWR | O_CLOEXEC);
    identify(fd, "0123", &first);
    assert_int_equal(first.head_size, 4);
    assert_int_equal(input_identity_check(&first, fd, NULL), STATUS_OK);
    assert_int_equal(pwrite(fd, "x", 1, 4), 1); /* behind the head */
    assert_int_equal(input_identity_check(&first, fd, NULL), STATUS_OK);
    assert_int_equal(pwrite(fd, "x", 1, 3), 1);
    assert_int_equal(input_identity_check(&first, fd, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "beginning"));
    identify(fd, "012x", &second);
    assert_int_equal(input_identity_check(&second, fd, NULL), STATUS_OK);
    assert_true(first.head_hash != second.head_hash);
    assert_int_equal(ftruncate(fd, 3), 0);
    assert_int_equal(input_identity_check(&second, fd, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "shorter"));
    int found = input_identity_find(first.inode, path); /* by any name of the folder */
    assert_true(found >= 0);
    close(found);
    first.inode++;
    assert_int_equal(input_identity_check(&first, fd, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "inode"));
    assert_int_equal(input_identity_find(1, path), -1);
    close(fd);
}

static void test_cannot_be_written(void **state)
{
    (void)state;
    struct checkpoint checkpoint = {.line = 1};
    struct error error = {0};
    bytes_append_text(&checkpoint.input, "\"a\"");
    assert_int_equal(mkdir(new_path, 0700), 0);
    put(path, good);
    assert_int_equal(checkpoint_file_write(path, &checkpoint, &error), STATUS_IO);
    assert_non_null(strstr(error.text, path));
    rmdir(new_path);
    struct checkpoint before;
    assert_int_equal(checkpoint_file_read(path, &before, NULL), STATUS_OK); /* the old one is still there */
    assert_int_equal(before.line, 1234);
    checkpoint_free(&before);
    checkpoint_free(&checkpoint);
    assert_int_equal(checkpoint_file_probe(path, NULL), STATUS_OK);
    assert_int_equal(checkpoint_file_probe(folder, &error), STATUS_IO);
    assert_int_equal(checkpoint_file_probe("/no/such/folder/c", &error), STATUS_IO);
}

static void test_lock(void **state)
{
    (void)state;
    struct error error = {0};
    int first = -1;
    int second = -1;
    put(path, good);
    assert_int_equal(checkpoint_file_lock(path, &first, NULL), STATUS_OK);
    assert_int_equal(checkpoint_file_lock(path, &second, &error), STATUS_IO);
    assert_int_equal(second, -1);
    assert_non_null(strstr(error.text, "another producer"));
    struct checkpoint checkpoint;
    assert_int_equal(checkpoint_file_read(path, &checkpoint, NULL), STATUS_OK);
    assert_int_equal(checkpoint_file_write(path, &checkpoint, NULL), STATUS_OK);
    checkpoint_free(&checkpoint);
    assert_int_equal(checkpoint_file_lock(path, &second, &error), STATUS_IO); /* although it is another file now */
    close(first);
    assert_int_equal(checkpoint_file_lock(path, &second, NULL), STATUS_OK);
    close(second);
    assert_int_equal(checkpoint_file_lock("/no/such/folder/c", &first, &error), STATUS_IO);
    assert_non_null(strstr(error.text, "/no/such/folder/c"));
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/checkpoint", folder);
    snprintf(new_path, sizeof(new_path), "%s/checkpoint.new", folder);
    snprintf(lock_path, sizeof(lock_path), "%s/checkpoint.lock", folder);
    snprintf(input_path, sizeof(input_path), "%s/input", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(lock_path);
    unlink(input_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_nothing_else_is_taken), cmocka_unit_test(test_names),
        cmocka_unit_test(test_identity),   cmocka_unit_test(test_cannot_be_written),     cmocka_unit_test(test_lock),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
