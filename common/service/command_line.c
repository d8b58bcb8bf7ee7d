#include "command_line.h"

#include "check.h"

#include <getopt.h>
#include <string.h>

/* The codes of options without a short form are beyond any character, so that optopt tells the two apart. */
enum { FIXED_COUNT = 5, CODE_CHECK = 256, CODE_VERSION, OWN_FIRST };

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

static enum status take_own(const struct command_line_option *own, struct error *ret_error)
{
    if (own->ret_flag != NULL) {
        *own->ret_flag = true;
    } else if (own->ret_value != NULL) {
        *own->ret_value = optarg;
    } else if (own->ret_list->count == COMMAND_LINE_LIST_MAX) {
        return error_set(ret_error, STATUS_INVALID, "--%s stands there more than %d times", own->name,
                         COMMAND_LINE_LIST_MAX);
    } else {
        own->ret_list->values[own->ret_list->count++] = optarg;
    }
    return STATUS_OK;
}

/* The word in which getopt_long has stopped: behind an unknown letter that is not its word's last, optind is still at
 * that word. */
static const char *failed_word(char *const *argv)
{
    const char *word = argv[optind];
    if (optopt != 0 && optopt < CODE_CHECK && word != NULL && word[0] == '-' && word[1] != '-') {
        const char *letter = strchr(word, optopt);
        if (letter != NULL && letter[1] != '\0') {
            return word;
        }
    }
    return argv[optind - 1];
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
    case CODE_CHECK:
        line->is_check = true;
        return STATUS_OK;
    case 'h':
        line->is_help = true;
        return STATUS_OK;
    case CODE_VERSION:
        line->is_version = true;
        return STATUS_OK;
    case ':':
        return error_set(ret_error, STATUS_INVALID, "%s wants a value", argv[optind - 1]);
    case '?':
        return error_set(ret_error, STATUS_INVALID, "%s is not an option of this version", failed_word(argv));
    default:
        return take_own(&own[found - OWN_FIRST], ret_error);
    }
}

enum status command_line_read(int argc, char **argv, const struct command_line_option *own, size_t own_count,
                              struct command_line *ret_line, struct error *ret_error)
{
    CHECK(own_count <= COMMAND_LINE_OWN_MAX);
    struct option options[FIXED_COUNT + COMMAND_LINE_OWN_MAX + 1] = {
        {"config", required_argument, NULL, 'c'},     {"set", required_argument, NULL, 's'},
        {"check", no_argument, NULL, CODE_CHECK},     {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, CODE_VERSION},
    };
    for (size_t i = 0; i < own_count; i++) {
        int argument = own[i].ret_flag != NULL ? no_argument : required_argument;
        options[FIXED_COUNT + i] = (struct option){own[i].name, argument, NULL, OWN_FIRST + (int)i};
    }
    *ret_line = (struct command_line){0};
    opterr = 0;
    optind = 0; /* getopt begins anew: whoever looks for a command reads the line again */
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

/* `--config FILE` and `--set KEY=VALUE`, also cut short as getopt_long takes them; `--config=FILE` is one word. */
static bool takes_the_next_word(const char *word)
{
    size_t size = strlen(word);
    if (word[1] != '-') {
        return strcmp(word, "-c") == 0 || strcmp(word, "-s") == 0;
    }
    return size > 2 && (strncmp(word, "--config", size) == 0 || strncmp(word, "--set", size) == 0);
}

const char *command_line_first_operand(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            return i + 1 < argc ? argv[i + 1] : NULL;
        }
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            return argv[i];
        }
        i += takes_the_next_word(argv[i]) ? 1 : 0;
    }
    return NULL;
}
