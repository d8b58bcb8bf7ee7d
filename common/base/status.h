/* status.h: errors as values.
 *
 * A function that can fail for a reason outside the program returns `enum status` and, where a person will
 * read the reason, fills a `struct error` with one line that says what happened and what to do next. */
#ifndef RELAY_STATUS_H
#define RELAY_STATUS_H

#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

enum status {
    STATUS_OK = 0,
    STATUS_INVALID,     /* the input breaks a rule */
    STATUS_NOT_FOUND,   /* the named thing does not exist */
    STATUS_IO,          /* the operating system refused a read or a write */
    STATUS_FULL,        /* a bound of ours is reached; try again when something has left */
    STATUS_UNAVAILABLE, /* another system does not answer */
    STATUS_REFUSED,     /* another system answered no */
};

enum { ERROR_TEXT_MAX = 512 };

struct error {
    enum status status;
    char text[ERROR_TEXT_MAX]; /* one line without a newline; cut at the end when too long */
};

/* Fills *ret_error (which may be NULL) and returns `status`, so that a function can end with
 * `return error_set(ret_error, STATUS_IO, "…")`. */
enum status error_set(struct error *ret_error, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

#ifdef __clang_analyzer__
/* A static analyzer sees no more of error_set than its declaration: this tells it what comes back. */
#define error_set(ret_error, status, ...) ((void)error_set(ret_error, status, __VA_ARGS__), (status))
#endif

/* "ok", "invalid" …; a static string. */
const char *status_name(enum status status);

/* The exit statuses of both programs (sysexits.h where it has one). */
enum exit_status {
    EXIT_STATUS_OK = 0,
    EXIT_STATUS_DENIED = 1,       /* a check command's answer is no */
    EXIT_STATUS_USAGE = 64,       /* the command line is wrong */
    EXIT_STATUS_BAD_DATA = 65,    /* rejects were written */
    EXIT_STATUS_NO_INPUT = 66,    /* an input is missing or cannot be read */
    EXIT_STATUS_UNAVAILABLE = 69, /* the broker did not answer in time */
    EXIT_STATUS_CANT_WRITE = 74,  /* a file of ours cannot be written */
    EXIT_STATUS_STOPPED = 75,     /* stopped before the end of the input */
    EXIT_STATUS_SETTINGS = 78,    /* the settings are wrong */
};

#endif
