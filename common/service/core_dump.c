#include "core_dump.h"

#include "check.h"

#include <sys/prctl.h>

void core_dump_forbid(void)
{
    CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}
