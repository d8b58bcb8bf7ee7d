/* check.h: assertions that stay on in release builds.
 *
 * CHECK(condition) states something that can only be false through a mistake of ours. When it is false the
 * program prints the place and aborts: a crash costs a redelivery, going on might cost an event. Bad input
 * is never a CHECK; it is an error value (see status.h). */
#ifndef RELAY_CHECK_H
#define RELAY_CHECK_H

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (__builtin_expect(!(condition), 0)) {                                                                       \
            check_failed(__FILE__, __LINE__, __func__, #condition);                                                    \
        }                                                                                                              \
    } while (0)

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of type `type` whose member `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Prints one line to standard error and aborts. */
_Noreturn void check_failed(const char *file, int line, const char *function, const char *condition);

#endif
