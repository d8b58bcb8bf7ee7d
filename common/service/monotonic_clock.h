/* monotonic_clock.h: time that only goes forward, for time-outs; and the waiting of whoever has no loop to wait in. */
#ifndef RELAY_MONOTONIC_CLOCK_H
#define RELAY_MONOTONIC_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment before the start of the program (CLOCK_MONOTONIC). */
int64_t monotonic_clock_ms(void);

/* Waits so long and no longer (not at all when `ms` is not above 0). For threads beside a loop and for commands: a
 * signal that the program has not blocked or ignored ends a command at once, the pause with it. */
void monotonic_clock_pause(int64_t ms);

#endif
