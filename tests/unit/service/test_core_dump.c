#include "core_dump.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether the kernel wrote a core dump of a child that aborts with the highest limit that it may have. */
static bool is_dumped(void (*before)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_CORE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_CORE, &limit);
        signal(SIGABRT, SIG_DFL); /* not cmocka's, nor a sanitizer's */
        if (before != NULL) {
            before();
        }
        abort();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    return WCOREDUMP(status);
}

static void an_aborted_process_leaves_none(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_core_dump.XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    bool is_possible = is_dumped(NULL);
    bool is_dumped_though_forbidden = is_dumped(core_dump_forbid);
    unlink("core"); /* the name is the kernel's choice; whatever else it is stays in the folder */
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
    assert_false(is_dumped_though_forbidden);
    if (!is_possible) {
        skip(); /* this kernel writes none of anybody */
    }
}

static void memory_is_for_root_only(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
    core_dump_forbid();
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_aborted_process_leaves_none),
        cmocka_unit_test(memory_is_for_root_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
