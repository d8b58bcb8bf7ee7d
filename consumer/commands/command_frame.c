#include "command_frame.h"

#include "error_list.h"
#include "log.h"
#include "program.h"
#include "subscriptions_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum exit_status command_frame_usage(const char *name, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "incident-consumer %s: %s\nTry `incident-consumer %s --help`.\n", name, text, name);
    return EXIT_STATUS_USAGE;
}

enum exit_status command_frame_fail(const char *name, enum exit_status exit_status, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "incident-consumer %s: %s\n", name, text);
    return exit_status;
}

bool command_frame_read(const struct command_frame *frame, int argc, char **argv, struct command_line *ret_line,
                        enum exit_status *ret_exit)
{
    struct error error;
    if (command_line_read(argc, argv, frame->own, frame->own_count, ret_line, &error) != STATUS_OK) {
        *ret_exit = command_frame_usage(frame->name, "%s", error.text);
        return false;
    }
    if (ret_line->is_help) {
        fputs(frame->help, stdout);
        *ret_exit = command_frame_end(frame->name, EXIT_STATUS_OK);
        return false;
    }
    if (ret_line->is_check) {
        *ret_exit = command_frame_usage(frame->name, "--check belongs to `run`");
        return false;
    }
    ret_line->operands++;
    ret_line->operand_count--;
    return true;
}

enum exit_status command_frame_settings(const struct command_line *line, struct consumer_settings *ret_settings)
{
    struct error_list errors = {0};
    if (consumer_settings_load(line->config, line->sets, line->set_count, ret_settings, &errors) != STATUS_OK) {
        return program_settings_error(&errors);
    }
    log_configure(ret_settings->log_level, ret_settings->log_format);
    return EXIT_STATUS_OK;
}

enum exit_status command_frame_subscriptions(const struct consumer_settings *settings,
                                             struct subscription_set **ret_set)
{
    struct error_list errors = {0};
    const struct subscriptions_rules rules = consumer_settings_subscriptions_rules(settings);
    if (subscriptions_file_load(settings->subscriptions_file, &rules, ret_set, &errors) != STATUS_OK) {
        return program_settings_error(&errors);
    }
    return EXIT_STATUS_OK;
}

enum exit_status command_frame_end(const char *name, enum exit_status exit_status)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        return command_frame_fail(name, EXIT_STATUS_CANT_WRITE, "standard output: %s", strerror(errno));
    }
    return exit_status;
}
