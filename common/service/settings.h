/* settings.h: one table of options makes the reading of the settings file, of `--set`, the errors and `--help`.
 *
 * A program has a plain struct for its settings and one `struct option` per key, which says where in the struct
 * the value goes. The file is one YAML document; a key `a.b` is `b` in the mapping `a` (or is written `a.b`). A
 * `--set key=value` has YAML as its value and goes over the file, the last of several over the others. After
 * `kafka.` the rest is one property name of librdkafka. Any scalar may be `env:NAME` or `file:PATH` (yaml_value.h).
 *
 * An error reads `FILE:LINE:COLUMN: KEY: text`, or `--set KEY: text`. */
#ifndef RELAY_SETTINGS_H
#define RELAY_SETTINGS_H

#include "error_list.h"
#include "kafka_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a key takes, and the type of the member at `offset`. */
enum option_kind {
    OPTION_TEXT,          /* char *, owned; NULL without a value */
    OPTION_INT,           /* int64_t */
    OPTION_NUMBER,        /* double */
    OPTION_BOOL,          /* bool */
    OPTION_DURATION_MS,   /* int64_t */
    OPTION_SIZE_BYTES,    /* int64_t */
    OPTION_ENUM,          /* int or an enum without negative values: the index in `choices` */
    OPTION_TEXT_LIST,     /* struct text_list */
    OPTION_DURATION_LIST, /* struct int64_list, in milliseconds */
    OPTION_INT_LIST,      /* struct int64_list */
};

struct text_list {
    char **items;
    size_t count;
};

struct int64_list {
    int64_t *items;
    size_t count;
};

/* One more look at a value, at each item of a list: `text` is the scalar, env: and file: looked up. For what only
 * the program knows (an address, a CIDR range, a value that comes in a later version).
 * Errors: any but STATUS_OK refuses it, with the text in *ret_error, which must not be NULL. */
typedef enum status option_check(const char *text, struct error *ret_error);

/* Write it with designated initialisers; what is left out is 0. */
struct option {
    const char *key; /* dotted */
    enum option_kind kind;
    size_t offset;               /* in the program's struct */
    const char *default_text;    /* YAML, read as if it stood in the file; NULL: none. Without one and without a value a
                                    number is -1, a text NULL, a list empty, a bool false */
    int64_t min, max;            /* of numbers, durations (ms), sizes (bytes), list items; both 0: from 0 up */
    size_t items_min, items_max; /* of a list; items_max 0: any number */
    const char *const *choices;  /* OPTION_ENUM, ends with NULL */
    const char *const *later_choices; /* values refused with "comes in a later version", ends with NULL; or NULL */
    option_check *check;              /* or NULL */
    const char *none_text;            /* for --help, where there is no default: "off", "none"; NULL: "none" */
    const char *help;                 /* one line */
};

struct settings_spec {
    const struct option *options;
    size_t option_count;
    const char *const *later_keys;     /* keys, or whole groups (`replay` for `replay.rate`); ends with NULL; or NULL */
    size_t kafka_offset;               /* of a struct kafka_properties */
    enum kafka_client_kind kafka_kind; /* decides whose promises a property would break */
};

/* Reads defaults, then `file` (NULL: none), then `sets` (`key=value` each), into the zeroed struct at ret_settings.
 * Every error is added to `errors`, not only the first. Free with settings_free, after an error too.
 * Errors: STATUS_INVALID when there was any. */
WARN_UNUSED enum status settings_load(const struct settings_spec *spec, const char *file, const char *const *sets,
                                      size_t set_count, void *ret_settings, struct error_list *errors);

/* Frees what settings_load put into the struct and zeroes those members. */
void settings_free(const struct settings_spec *spec, void *settings);

/* One line per key: key, default, help. */
void settings_print_help(const struct settings_spec *spec, FILE *file);

/* The same as a Markdown table, for the README. */
void settings_print_markdown(const struct settings_spec *spec, FILE *file);

#endif
