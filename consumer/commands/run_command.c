#include "run_command.h"

#include "check.h"
#include "command_frame.h"
#include "consumer_app.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char name[] = "run";

static const char help[] =
    "incident-consumer run joins the group and delivers, until SIGTERM or SIGINT.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer run [--config FILE] [--set KEY=VALUE]... [--accept-gap TOPIC:PARTITION]...\n"
    "  incident-consumer run --check [--config FILE] [--set KEY=VALUE]...\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE     settings, one YAML document; without it the defaults hold\n"
    "  -s, --set KEY=VALUE   one setting over the file's; the value is YAML; may be repeated\n"
    "      --accept-gap TOPIC:PARTITION\n"
    "                        where the log no longer has the committed offset, go on at its start; the range that is\n"
    "                        given up is said. Without it such a partition is held. May be repeated\n"
    "      --check           read settings and subscriptions, name each error with file, line and key, and end\n"
    "\n"
    "`incident-consumer --help` has the settings and the signals.\n"
    "\n"
    "Exit status: 0 fine, 64 usage, 69 broker unavailable (with startup_timeout), 78 bad settings or subscriptions.\n";

struct gaps {
    struct accepted_gap items[COMMAND_LINE_LIST_MAX];
    size_t count;
};

/* TOPIC:PARTITION of a topic that is read. A topic's name has no colon. */
static enum status read_gap(const char *text, const struct consumer_settings *settings, struct accepted_gap *ret_gap)
{
    const char *colon = strrchr(text, ':');
    int64_t partition = 0;
    if (colon == NULL || bytes_view_to_int64(bytes_view_of_text(colon + 1), &partition) != STATUS_OK || partition < 0 ||
        partition > INT32_MAX) {
        return STATUS_INVALID;
    }
    size_t size = (size_t)(colon - text);
    for (size_t i = 0; i < settings->topics_events.count; i++) {
        const char *topic = settings->topics_events.items[i];
        if (strlen(topic) == size && memcmp(topic, text, size) == 0) {
            *ret_gap = (struct accepted_gap){.topic = topic, .partition = (int32_t)partition};
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

static enum exit_status read_gaps(const struct command_line_list *list, const struct consumer_settings *settings,
                                  struct gaps *ret_gaps)
{
    for (size_t i = 0; i < list->count; i++) {
        enum status status = read_gap(list->values[i], settings, &ret_gaps->items[i]);
        if (status == STATUS_NOT_FOUND) {
            return command_frame_usage(name, "--accept-gap %s: no such topic in topics.events", list->values[i]);
        }
        if (status != STATUS_OK) {
            return command_frame_usage(name, "--accept-gap %s: write TOPIC:PARTITION", list->values[i]);
        }
        ret_gaps->count++;
    }
    return EXIT_STATUS_OK;
}

static enum exit_status check_or_run(const struct command_line *line, const struct consumer_settings *settings,
                                     const struct gaps *gaps)
{
    struct subscription_set *subscriptions = NULL;
    enum exit_status exit_status = command_frame_subscriptions(settings, &subscriptions);
    if (exit_status != EXIT_STATUS_OK) {
        return exit_status;
    }
    if (line->is_check) {
        printf("settings and %zu subscriptions are fine (hash %016" PRIx64 ")\n", subscriptions->count,
               subscriptions->hash);
        exit_status = command_frame_end(name, EXIT_STATUS_OK);
    } else {
        exit_status = consumer_app_run(&(struct consumer_run){.settings = settings,
                                                              .subscriptions = subscriptions,
                                                              .accepted_gaps = gaps->items,
                                                              .accepted_gap_count = gaps->count});
    }
    subscription_set_destroy(subscriptions);
    return exit_status;
}

enum exit_status run_command(int argc, char **argv)
{
    struct command_line line;
    struct consumer_settings settings = {0};
    struct error error;
    struct command_line_list accepted = {0};
    const struct command_line_option own[] = {{.name = "accept-gap", .ret_list = &accepted}};
    if (command_line_read(argc, argv, own, ARRAY_COUNT(own), &line, &error) != STATUS_OK) {
        return command_frame_usage(name, "%s", error.text);
    }
    if (line.is_help) {
        fputs(help, stdout);
        return command_frame_end(name, EXIT_STATUS_OK);
    }
    if (line.operand_count > 1) {
        return command_frame_usage(name, "takes no `%s`", line.operands[1]);
    }
    enum exit_status exit_status = command_frame_settings(&line, &settings);
    struct gaps gaps = {0};
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = read_gaps(&accepted, &settings, &gaps);
    }
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = check_or_run(&line, &settings, &gaps);
    }
    consumer_settings_free(&settings);
    return exit_status;
}
