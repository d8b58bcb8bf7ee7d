#include "run_command.h"

#include "command_frame.h"
#include "consumer_app.h"
#include "kafka_client.h"

#include <inttypes.h>
#include <stdio.h>

static const char name[] = "run";

static const char help[] =
    "incident-consumer run joins the group and delivers, until SIGTERM or SIGINT.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer run [--config FILE] [--set KEY=VALUE]...\n"
    "  incident-consumer run --check [--config FILE] [--set KEY=VALUE]...\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE     settings, one YAML document; without it the defaults hold\n"
    "  -s, --set KEY=VALUE   one setting over the file's; the value is YAML; may be repeated\n"
    "      --check           read settings and subscriptions, name each error with file, line and key, and end\n"
    "\n"
    "`incident-consumer --help` has the settings and the signals.\n"
    "\n"
    "Exit status: 0 fine, 64 usage, 69 broker unavailable (with startup_timeout), 78 bad settings or subscriptions.\n";

static enum exit_status check_or_run(const struct command_line *line, const struct consumer_settings *settings)
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
        exit_status = consumer_app_run(settings, subscriptions);
    }
    subscription_set_destroy(subscriptions);
    return exit_status;
}

enum exit_status run_command(int argc, char **argv)
{
    struct command_line line;
    struct consumer_settings settings = {0};
    struct error error;
    if (command_line_read(argc, argv, NULL, 0, &line, &error) != STATUS_OK) {
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
    if (exit_status == EXIT_STATUS_OK &&
        kafka_client_check(KAFKA_CLIENT_CONSUMER, &settings.kafka, &error) != STATUS_OK) {
        fprintf(stderr, "kafka: %s\n", error.text);
        exit_status = EXIT_STATUS_SETTINGS;
    }
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = check_or_run(&line, &settings);
    }
    consumer_settings_free(&settings);
    return exit_status;
}
