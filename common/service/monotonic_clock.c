#include "monotonic_clock.h"

#include "check.h"

#include <time.h>

int64_t monotonic_clock_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void monotonic_clock_pause(int64_t ms)
{
    if (ms > 0) {
        const struct timespec length = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
        (void)nanosleep(&length, NULL);
    }
}
