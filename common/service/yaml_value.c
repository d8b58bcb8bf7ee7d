#include "yaml_value.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 64 << 10, SHOWN_MAX = 64 };

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                             {"s", 1000},     {"ms", 1},      {NULL, 0}};
static const struct unit size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {NULL, 0}};

static const char env_prefix[] = "env:";
static const char file_prefix[] = "file:";

enum yaml_value_source yaml_value_source(const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR) {
        return YAML_VALUE_INLINE;
    }
    if (strncmp(node->text, env_prefix, strlen(env_prefix)) == 0) {
        return YAML_VALUE_ENV;
    }
    return strncmp(node->text, file_prefix, strlen(file_prefix)) == 0 ? YAML_VALUE_FILE : YAML_VALUE_INLINE;
}

/* How an error names the value: itself when it stands in the settings, else only where it came from. */
static void describe(const struct yaml_node *node, char *ret_text, size_t size)
{
    bool is_inline = yaml_value_source(node) == YAML_VALUE_INLINE;
    bool is_long = strlen(node->text) > SHOWN_MAX;
    if (is_inline) {
        snprintf(ret_text, size, "\"%.*s%s\"", SHOWN_MAX, node->text, is_long ? "…" : "");
    } else {
        snprintf(ret_text, size, "the value of %.*s%s", SHOWN_MAX, node->text, is_long ? "…" : "");
    }
}

static enum status read_env(const char *name, char **ret_text, struct error *ret_error)
{
    if (name[0] == '\0') {
        return error_set(ret_error, STATUS_INVALID, "env: needs the name of a variable, as in env:NAME");
    }
    const char *value = getenv(name);
    if (value == NULL) {
        return error_set(ret_error, STATUS_NOT_FOUND, "the environment variable %s is not set", name);
    }
    *ret_text = memory_copy_text(value);
    return STATUS_OK;
}

static enum status read_fd(int fd, struct bytes *text)
{
    ssize_t got = 1;
    bytes_reserve(text, FILE_SIZE_MAX + 1);
    while (got > 0 && text->size <= FILE_SIZE_MAX) {
        got = read(fd, text->data + text->size, FILE_SIZE_MAX + 1 - text->size);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        text->size += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? STATUS_IO : STATUS_OK;
}

static enum status check_content(const struct bytes *text, const char *path, struct error *ret_error)
{
    if (text->size > FILE_SIZE_MAX) {
        return error_set(ret_error, STATUS_INVALID, "the file %s has more than 64 KiB", path);
    }
    if (text->size > 0 && memchr(text->data, '\0', text->size) != NULL) {
        return error_set(ret_error, STATUS_INVALID, "the file %s has a NUL in it", path);
    }
    return STATUS_OK;
}

static enum status read_file(const char *path, char **ret_text, struct error *ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(ret_error, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "the file %s: %s", path,
                         strerror(errno));
    }
    struct bytes text = {0};
    enum status status = read_fd(fd, &text);
    if (status != STATUS_OK) {
        (void)error_set(ret_error, status, "the file %s: %s", path, strerror(errno));
    } else {
        status = check_content(&text, path, ret_error);
    }
    close(fd);
    if (status == STATUS_OK) {
        bool ends_with_newline = text.size > 0 && text.data[text.size - 1] == '\n';
        *ret_text = bytes_view_to_text(bytes_view_of(text.data, text.size - (ends_with_newline ? 1 : 0)));
    }
    explicit_bzero(text.data, text.capacity);
    bytes_free(&text);
    return status;
}

enum status yaml_value_text(const struct yaml_node *node, char **ret_text, struct error *ret_error)
{
    *ret_text = NULL;
    if (node->kind != YAML_SCALAR) {
        return error_set(ret_error, STATUS_INVALID, "must be a single value, not %s", yaml_node_kind_name(node));
    }
    if (yaml_node_is_null(node)) {
        return error_set(ret_error, STATUS_INVALID, "has no value; leave the key out for the default");
    }
    switch (yaml_value_source(node)) {
    case YAML_VALUE_ENV:
        return read_env(node->text + strlen(env_prefix), ret_text, ret_error);
    case YAML_VALUE_FILE:
        return read_file(node->text + strlen(file_prefix), ret_text, ret_error);
    default:
        *ret_text = memory_copy_text(node->text);
        return STATUS_OK;
    }
}

/* The text of a scalar that is not text: as above, but quotes make it the wrong thing. */
static enum status bare_text(const struct yaml_node *node, const char *wanted, char **ret_text, struct error *ret_error)
{
    enum status status = yaml_value_text(node, ret_text, ret_error);
    if (status != STATUS_OK || node->is_plain || yaml_value_source(node) != YAML_VALUE_INLINE) {
        return status;
    }
    free(*ret_text);
    *ret_text = NULL;
    return error_set(ret_error, STATUS_INVALID, "is text in quotes, not %s; leave the quotes out", wanted);
}

static enum status refuse_value(const struct yaml_node *node, const char *wanted, struct error *ret_error)
{
    char shown[128];
    describe(node, shown, sizeof(shown));
    return error_set(ret_error, STATUS_INVALID, "%s is not %s", shown, wanted);
}

static void append_in_unit(struct bytes *text, int64_t number, const struct unit *units)
{
    for (const struct unit *unit = units; units != NULL && unit->name != NULL; unit++) {
        if (number != 0 && number % unit->factor == 0) {
            bytes_append_int64(text, number / unit->factor);
            bytes_append_format(text, "%s%s", units == size_units && unit->factor > 1 ? " " : "", unit->name);
            return;
        }
    }
    bytes_append_int64(text, number);
}

void yaml_value_append_duration(struct bytes *text, int64_t ms)
{
    append_in_unit(text, ms, duration_units);
}

static enum status check_range(const struct yaml_node *node, int64_t number, int64_t min, int64_t max,
                               const struct unit *units, struct error *ret_error)
{
    if (number >= min && number <= max) {
        return STATUS_OK;
    }
    struct bytes wanted = {0};
    if (max == INT64_MAX) {
        append_in_unit(&wanted, min, units);
        bytes_append_text(&wanted, " or more");
    } else {
        bytes_append_text(&wanted, "within ");
        append_in_unit(&wanted, min, units);
        bytes_append_text(&wanted, " and ");
        append_in_unit(&wanted, max, units);
    }
    char *text = bytes_view_to_text(bytes_as_view(&wanted));
    enum status status = refuse_value(node, text, ret_error);
    free(text);
    bytes_free(&wanted);
    return status;
}

enum status yaml_value_int(const struct yaml_node *node, int64_t min, int64_t max, int64_t *ret_number,
                           struct error *ret_error)
{
    char *text;
    enum status status = bare_text(node, "an integer", &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t number = 0;
    struct bytes_view view = bytes_view_of_text(text);
    size_t first = view.size > 0 && text[0] == '-' ? 1 : 0;
    /* 010 is 8 for some readers of YAML and 10 for others. */
    bool has_leading_zero = view.size > first + 1 && text[first] == '0';
    if (has_leading_zero || bytes_view_to_int64(view, &number) != STATUS_OK) {
        status = refuse_value(node, "an integer", ret_error);
    } else {
        status = check_range(node, number, min, max, NULL, ret_error);
    }
    free(text);
    if (status == STATUS_OK) {
        *ret_number = number;
    }
    return status;
}

enum status yaml_value_bool(const struct yaml_node *node, bool *ret_bool, struct error *ret_error)
{
    char *text;
    enum status status = bare_text(node, "true or false", &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) {
        status = refuse_value(node, "true or false", ret_error);
    } else {
        *ret_bool = is_true;
    }
    free(text);
    return status;
}

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

static bool is_decimal(const char *text)
{
    size_t whole = digits_at(text);
    if (whole == 0 || whole > 15) {
        return false;
    }
    if (text[whole] == '\0') {
        return true;
    }
    size_t fraction = digits_at(text + whole + 1);
    return text[whole] == '.' && fraction > 0 && fraction <= 15 && text[whole + 1 + fraction] == '\0';
}

enum status yaml_value_number(const struct yaml_node *node, double min, double max, double *ret_number,
                              struct error *ret_error)
{
    char *text;
    enum status status = bare_text(node, "a number", &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    double number = is_decimal(text) ? strtod(text, NULL) : -1;
    if (!is_decimal(text)) {
        status = refuse_value(node, "a number like 0.2", ret_error);
    } else if (number < min || number > max) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "within %g and %g", min, max);
        status = refuse_value(node, wanted, ret_error);
    } else {
        *ret_number = number;
    }
    free(text);
    return status;
}

/* Digits, then exactly one of the units. */
static enum status read_with_unit(const char *text, const struct unit *units, bool may_have_space, int64_t *ret_number)
{
    size_t digits = digits_at(text);
    int64_t number;
    if (bytes_view_to_int64(bytes_view_of(text, digits), &number) != STATUS_OK) {
        return STATUS_INVALID;
    }
    const char *name = text + digits;
    if (may_have_space && name[0] == ' ' && name[1] != '\0') {
        name++;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(name, unit->name) == 0 && number <= INT64_MAX / unit->factor) {
            *ret_number = number * unit->factor;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

/* Quoted or not: a unit makes clear what is meant. */
enum status yaml_value_duration_ms(const struct yaml_node *node, int64_t min, int64_t max, int64_t *ret_ms,
                                   struct error *ret_error)
{
    char *text;
    enum status status = yaml_value_text(node, &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t ms = 0;
    if (strcmp(text, "0") != 0 && read_with_unit(text, duration_units, false, &ms) != STATUS_OK) {
        status = refuse_value(node, "a duration like 500ms, 30s, 5m, 2h or 5d", ret_error);
    } else {
        status = check_range(node, ms, min, max, duration_units, ret_error);
    }
    free(text);
    if (status == STATUS_OK) {
        *ret_ms = ms;
    }
    return status;
}

enum status yaml_value_size_bytes(const struct yaml_node *node, int64_t min, int64_t max, int64_t *ret_bytes,
                                  struct error *ret_error)
{
    char *text;
    enum status status = yaml_value_text(node, &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t size = 0;
    if (read_with_unit(text, size_units, true, &size) != STATUS_OK) {
        status = refuse_value(node, "a size like 16 MiB, 64 KiB, 1 GiB or a plain number of bytes", ret_error);
    } else {
        status = check_range(node, size, min, max, size_units, ret_error);
    }
    free(text);
    if (status == STATUS_OK) {
        *ret_bytes = size;
    }
    return status;
}

enum status yaml_value_choice(const struct yaml_node *node, const char *const *choices, int *ret_index,
                              struct error *ret_error)
{
    char *text;
    enum status status = yaml_value_text(node, &text, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *ret_index = i;
            free(text);
            return STATUS_OK;
        }
    }
    free(text);
    struct bytes wanted = {0};
    bytes_append_text(&wanted, "one of ");
    for (int i = 0; choices[i] != NULL; i++) {
        bytes_append_format(&wanted, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    char *names = bytes_view_to_text(bytes_as_view(&wanted));
    status = refuse_value(node, names, ret_error);
    free(names);
    bytes_free(&wanted);
    return status;
}
