#include "commands.h"

#include "check.h"
#include "check_url_command.h"
#include "dead_letters_command.h"
#include "explain_command.h"
#include "run_command.h"
#include "sign_command.h"
#include "verify_command.h"

#include <string.h>

static const struct command commands[] = {
    {"run", "run", "join the group and deliver", run_command},
    {"explain", "explain FILE|TOPIC:PARTITION:OFFSET", "who gets this event, and the exact request; sends nothing",
     explain_command},
    {"check-url", "check-url URL...", "may it be called? exit status 1 if not; calls nothing", check_url_command},
    {"dead-letters", "dead-letters list|show", "the events that were given up, and why", dead_letters_command},
    {"sign", "sign FILE", "the Standard Webhooks headers of a body, offline", sign_command},
    {"verify", "verify FILE", "whether a body's signature is right, offline; exit status 1 if not", verify_command},
};

static const char *const later_commands[] = {"lanes", "replay"};

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

bool commands_is_later(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(later_commands); i++) {
        if (strcmp(later_commands[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void commands_print_help(FILE *file)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        fprintf(file, "  %-36s %s\n", commands[i].usage, commands[i].summary);
    }
}
