#include "command_line.h"

#include "check.h"

#include <getopt.h>
#include <string.h>

enum { FIXED_COUNT = 5, OWN_FIRST = 256 };

static enum status add_set(struct command_line *line, const char *set, struct error *ret_error)
{
    if (line->set_count == COMMAND_LINE_SETS_MAX) {
        return error_set(ret_error, STATUS_INVALID, "--set stands there more than %d times", COMMAND_LINE_SETS_MAX);
    }
    if (strchr(set, '=') == NULL) {
        return error_set(ret_error, STATUS_INVALID, "--set %s: write --set KEY=VALUE", set);
    }
    line->sets[line->set_count++] = set;
    return STATUS_OK;
}

static enum status take(struct command_line *line, int found, const struct command_line_option *own, char **argv,
                        struct error *ret_error)
{
    switch (found) {
    case 'c':
        line->config = optarg;
        return STATUS_OK;
    case 's':
        return add_set(line, optarg, ret_error);
    case 'k':
        line->is_check = true;
        return STATUS_OK;
    case 'h':
        line->is_help = true;
        return STATUS_OK;
    case 'v':
        line->is_version = true;
        return STATUS_OK;
    case ':':
        return error_set(ret_error, STATUS_INVALID, "%s wants a value", argv[optind - 1]);
    case '?':
        return error_set(ret_error, STATUS_INVALID, "%s is not an option of this version", argv[optind - 1]);
    default:
        *own[found - OWN_FIRST].ret_value = optarg;
        return STATUS_OK;
    }
}

enum status command_line_read(int argc, char **argv, const struct command_line_option *own, size_t own_count,
                              struct command_line *ret_line, struct error *ret_error)
{
    CHECK(own_count <= COMMAND_LINE_OWN_MAX);
    struct option options[FIXED_COUNT + COMMAND_LINE_OWN_MAX + 1] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
    };
    for (size_t i = 0; i < own_count; i++) {
        options[FIXED_COUNT + i] = (struct option){own[i].name, required_argument, NULL, OWN_FIRST + (int)i};
    }
    *ret_line = (struct command_line){0};
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, ":c:s:h", options, NULL)) != -1) {
        enum status status = take(ret_line, found, own, argv, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    ret_line->operands = argv + optind;
    ret_line->operand_count = (size_t)(argc - optind);
    return STATUS_OK;
}
