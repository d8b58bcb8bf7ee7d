/* The file sink's own promises: whole lines, full disks, reopening, many files. */
#include "check.h"
#include "file_sink.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWERS_MAX = 1024, HANG_MS = 30000 };

struct bench {
    char folder[32];
    struct event_loop *loop;
    struct sink sink;
    int errors[ANSWERS_MAX]; /* errnos, in the order of the answers */
    unsigned count;
    unsigned wanted;
    int64_t give_up_ms;
};

static void on_answer(void *context, uint64_t number, const struct sink_answer *answer)
{
    struct bench *bench = context;

    (void)number;
    CHECK(bench->count < ANSWERS_MAX);
    CHECK(answer->verdict == (answer->error == 0 ? VERDICT_DELIVERED : VERDICT_FAILED));
    bench->errors[bench->count++] = answer->error == 0 ? 0 : answer->error - sink_error_of_file(0);
}

static void on_turn(void *context, int64_t now_ms)
{
    struct bench *bench = context;

    if (bench->count >= bench->wanted || now_ms > bench->give_up_ms) {
        event_loop_stop(bench->loop);
    }
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    snprintf(bench->folder, sizeof(bench->folder), "/tmp/file-sink-XXXXXX");
    if (mkdtemp(bench->folder) == NULL || chdir(bench->folder) != 0) {
        return -1;
    }
    signal(SIGXFSZ, SIG_IGN);
    bench->loop = event_loop_create(&(struct event_loop_hooks){.on_turn = on_turn, .context = bench});
    bench->sink = file_sink_create(bench->loop, on_answer, bench);
    *state = bench;
    return 0;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts, (void)kind, (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    int status;

    bench->sink.ops->destroy(bench->sink.self);
    event_loop_destroy(bench->loop);
    status = chdir("/") == 0 ? nftw(bench->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
    free(bench);
    return status;
}

static void start(struct bench *bench, uint64_t number, const char *path, const char *body, enum file_fsync policy)
{
    char copy[64];
    struct subscription subscription = {.tenant = 7, .sink = SINK_FILE, .file = {.path = copy, .fsync = policy}};
    const struct record_in record = {.key = BYTES_LITERAL("7")};
    const struct sink_delivery delivery = {.number = number,
                                           .subscription = &subscription,
                                           .record = &record,
                                           .tenant = 7,
                                           .body = bytes_view_of_text(body)};

    snprintf(copy, sizeof(copy), "%s", path);
    assert_int_equal(bench->sink.ops->start_attempt(bench->sink.self, &delivery, NULL), STATUS_OK);
}

static void await(struct bench *bench, unsigned count)
{
    bench->wanted = count;
    bench->give_up_ms = event_loop_now_ms(bench->loop) + HANG_MS;
    event_loop_run(bench->loop);
    assert_int_equal(bench->count, count);
}

/* The errno of one line's writing. */
static int write_line(struct bench *bench, const char *path, const char *body)
{
    unsigned before = bench->count;

    start(bench, 1, path, body, FILE_FSYNC_ALWAYS);
    await(bench, before + 1);
    return bench->errors[before];
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *path, const char *text)
{
    char found[256] = {0};
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_true(fread(found, 1, sizeof(found) - 1, file) < sizeof(found) - 1);
    fclose(file);
    assert_string_equal(found, text);
}

static void limit_size(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lines_are_appended_to_what_is_there(void **state)
{
    struct bench *bench = *state;
    struct stat facts;

    put("lines", "before\n");
    assert_int_equal(write_line(bench, "lines", "{\"a\":1}"), 0);
    assert_int_equal(write_line(bench, "lines", ""), 0);
    assert_file("lines", "before\n{\"a\":1}\n\n");
    umask(0);
    assert_int_equal(write_line(bench, "new", "x"), 0);
    assert_int_equal(stat("new", &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
}

static void a_line_without_an_end_is_ended_first(void **state)
{
    put("lines", "half of a li");
    assert_int_equal(write_line(*state, "lines", "whole"), 0);
    assert_int_equal(write_line(*state, "lines", "next"), 0);
    assert_file("lines", "half of a li\nwhole\nnext\n");
}

static void a_part_that_a_full_disk_took_is_cut_off(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(write_line(bench, "lines", "first"), 0);
    limit_size(6 + 4);
    assert_int_equal(write_line(bench, "lines", "second"), ENOSPC);
    assert_file("lines", "first\n");
    assert_int_equal(write_line(bench, "lines", "abc"), 0); /* what fits is taken */
    assert_int_equal(write_line(bench, "lines", "d"), EFBIG);
    limit_size(RLIM_INFINITY);
    assert_int_equal(write_line(bench, "lines", "second"), 0);
    assert_file("lines", "first\nabc\nsecond\n");
}

static void each_line_of_a_group_has_its_own_answer(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(write_line(bench, "lines", "first"), 0);
    limit_size(6 + 8);
    for (uint64_t i = 0; i < 4; i++) {
        start(bench, i, "lines", i % 2 == 0 ? "abc" : "much too long", FILE_FSYNC_ALWAYS);
    }
    await(bench, 5);
    limit_size(RLIM_INFINITY);
    assert_int_equal(bench->errors[1], 0);
    assert_int_equal(bench->errors[2], ENOSPC);
    assert_int_equal(bench->errors[3], 0);
    assert_int_equal(bench->errors[4], EFBIG);
    assert_file("lines", "first\nabc\nabc\n");
}

static void a_full_device_is_a_failure(void **state)
{
    assert_int_equal(write_line(*state, "/dev/full", "line"), ENOSPC);
}

static void what_cannot_be_a_file_is_a_failure(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(write_line(bench, "folder", "x"), EISDIR);
    assert_int_equal(write_line(bench, "no/such/folder", "x"), ENOENT);
    assert_int_equal(write_line(bench, "pipe", "x"), EINVAL);
    assert_int_equal(write_line(bench, "loop", "x"), ELOOP);
    assert_int_equal(write_line(bench, "lines", "x"), 0);
}

static void a_file_is_opened_anew_after_reopen(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(write_line(bench, "lines", "1"), 0);
    assert_int_equal(rename("lines", "lines.1"), 0);
    assert_int_equal(write_line(bench, "lines", "2"), 0); /* still the old one */
    bench->sink.ops->reopen(bench->sink.self);
    assert_int_equal(write_line(bench, "lines", "3"), 0);
    assert_file("lines.1", "1\n2\n");
    assert_file("lines", "3\n");
}

static unsigned open_files(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 2048; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void open_files_are_bounded(void **state)
{
    struct bench *bench = *state;
    enum { FILES = FILE_SINK_OPEN_MAX + 100 };
    unsigned before = open_files();

    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < FILES; i++) {
            char path[16];

            snprintf(path, sizeof(path), "lines-%d", (int)i);
            start(bench, i, path, "x", FILE_FSYNC_NEVER);
        }
        await(bench, FILES * (unsigned)(round + 1));
        assert_true(open_files() <= before + FILE_SINK_OPEN_MAX + 8); /* and the workers' own at that moment */
    }
    for (unsigned i = 0; i < 2 * FILES; i++) {
        assert_int_equal(bench->errors[i], 0);
    }
    assert_file("lines-0", "x\nx\n");
    assert_file("lines-355", "x\nx\n");
}

/* Two sinks, as two shards have them, on one file that runs full again and again. */
static void two_writers_never_cut_each_others_lines(void **state)
{
    struct bench *bench = *state;
    struct bench other = {.loop = bench->loop};
    char line[64];
    FILE *file;
    unsigned lines = 0;

    other.sink = file_sink_create(bench->loop, on_answer, &other);
    limit_size(4000);
    for (uint64_t i = 0; i < 300; i++) {
        start(bench, i, "lines", "first writer's line", FILE_FSYNC_NEVER);
        start(&other, i, "lines", "the line of the second writer, longer", FILE_FSYNC_NEVER);
    }
    await(bench, 300);
    while (other.count < 300) {
        unsigned before = bench->count;

        start(bench, 1, "/dev/full", "turns the loop", FILE_FSYNC_NEVER);
        await(bench, before + 1);
    }
    limit_size(RLIM_INFINITY);
    file = fopen("lines", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        assert_true(strcmp(line, "first writer's line\n") == 0 ||
                    strcmp(line, "the line of the second writer, longer\n") == 0);
        lines++;
    }
    fclose(file);
    for (unsigned i = 0; i < 300; i++) {
        lines -= bench->errors[i] == 0;
        lines -= other.errors[i] == 0;
    }
    assert_int_equal(lines, 0); /* as many as were said to be delivered */
    other.sink.ops->destroy(other.sink.self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_appended_to_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_an_end_is_ended_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_that_a_full_disk_took_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_line_of_a_group_has_its_own_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_device_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_file_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_opened_anew_after_reopen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(open_files_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_writers_never_cut_each_others_lines, set_up, tear_down),
    };

    /* A line about a file would meet the same limit on files. */
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_AUTO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
