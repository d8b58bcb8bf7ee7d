/* program: what main() of either program relies on. */
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

/* What a child of its own returns from `run`. */
static int in_child(int (*run)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int begin_without_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        close(fd);
    }
    program_begin();
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return next > STDERR_FILENO && write(STDERR_FILENO, "x", 1) == 1 ? 0 : 1;
}

static int begin_with_descriptors(void)
{
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    program_begin();
    return open("/dev/null", O_RDONLY | O_CLOEXEC) == before ? 0 : 1; /* none is left open */
}

static void no_file_of_ours_takes_a_standard_descriptor(void **state)
{
    (void)state;
    assert_int_equal(in_child(begin_without_descriptors), 0);
    assert_int_equal(in_child(begin_with_descriptors), 0);
}

static int end_on(const char *path)
{
    if (freopen(path, "we", stdout) == NULL || freopen("/dev/null", "we", stderr) == NULL) {
        return 1;
    }
    program_print_version("program");
    return (int)program_end("program", EXIT_STATUS_DENIED);
}

static int end_on_a_full_disk(void)
{
    return end_on("/dev/full");
}

static int end_well(void)
{
    return end_on("/dev/null");
}

static void an_answer_that_is_lost_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(in_child(end_on_a_full_disk), EXIT_STATUS_CANT_WRITE);
    assert_int_equal(in_child(end_well), EXIT_STATUS_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_of_ours_takes_a_standard_descriptor),
        cmocka_unit_test(an_answer_that_is_lost_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
