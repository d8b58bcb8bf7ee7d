/* incident-consumer: the command line. */
#include "command_line.h"
#include "commands.h"
#include "consumer_settings.h"
#include "program.h"
#include "run_command.h"
#include "status.h"

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <uv.h>

static const char program[] = "incident-consumer";

static void print_help(void)
{
    printf("incident-consumer delivers incident events from Kafka to each tenant's HTTP subscribers.\n"
           "\n"
           "Usage:\n"
           "  incident-consumer COMMAND [--config FILE] [--set KEY=VALUE]...\n"
           "  incident-consumer --check [--config FILE] [--set ...]   read everything, explain each error, exit\n"
           "  incident-consumer --help | --version\n"
           "\n"
           "Commands (incident-consumer COMMAND --help tells more):\n");
    commands_print_help(stdout);
    printf("\n"
           "Options:\n"
           "  -c, --config FILE     settings, one YAML document; without it the defaults below hold\n"
           "  -s, --set KEY=VALUE   one setting over the file's; the value is YAML; may be repeated.\n"
           "                        After `kafka.` the rest is one librdkafka property: --set kafka.client.id=a\n"
           "      --check           read settings and subscriptions, name each error with file, line and key\n"
           "  -h, --help            this text\n"
           "      --version         our version, and each library's as built and as running\n"
           "\n"
           "Settings (durations 500ms 30s 5m 2h 5d; any text may be env:NAME or file:PATH):\n");
    consumer_settings_print_help(stdout);
    printf(
        "\n"
        "Signals: SIGTERM or SIGINT reads no more, waits for what is in the air for at most `drain`, commits and\n"
        "ends; a second one cuts at once. SIGHUP takes over a changed subscriptions file, as a whole or not at all,\n"
        "and reopens the files of file sinks.\n"
        "\n"
        "Exit status of run: 0 fine, 64 usage, 69 broker unavailable, 78 bad settings or subscriptions.\n"
        "\n"
        "Try:\n"
        "  incident-consumer --check --config consumer.yaml\n"
        "  incident-consumer run --config consumer.yaml --set log.level=debug\n");
}

static void print_version(void)
{
    char uv_built[32];
    snprintf(uv_built, sizeof(uv_built), "%d.%d.%d", UV_VERSION_MAJOR, UV_VERSION_MINOR, UV_VERSION_PATCH);
    program_print_version(program);
    program_print_library("avro-c", AVRO_C_VERSION, NULL);
    program_print_library("jansson", JANSSON_VERSION, jansson_version_str());
    program_print_library("libcurl", LIBCURL_VERSION, curl_version_info(CURLVERSION_NOW)->version);
    program_print_library("libuv", uv_built, uv_version_string());
    program_print_library("OpenSSL", OPENSSL_VERSION_STR, OpenSSL_version(OPENSSL_VERSION_STRING));
}

static enum exit_status dispatch(int argc, char **argv, const char *name)
{
    const struct command *command = commands_find(name);
    struct error error;
    if (command != NULL) {
        return command->run(argc, argv);
    }
    if (commands_is_later(name)) {
        error_set(&error, STATUS_INVALID, "`%s` comes in a later version", name);
    } else {
        error_set(&error, STATUS_INVALID, "`%s` is not a command; write `incident-consumer run`", name);
    }
    return program_usage_error(program, error.text);
}

/* Without a command: --help, --version, and --check, which is what `run --check` is. */
static enum exit_status answer(int argc, char **argv)
{
    struct command_line line;
    struct error error;
    if (command_line_read(argc, argv, NULL, 0, &line, &error) != STATUS_OK) {
        return program_usage_error(program, error.text);
    }
    if (line.is_help) {
        print_help();
        return program_end(program, EXIT_STATUS_OK);
    }
    if (line.is_version) {
        print_version();
        return program_end(program, EXIT_STATUS_OK);
    }
    if (!line.is_check) {
        return program_usage_error(program, "what shall it do? Write `incident-consumer run`");
    }
    return run_command(argc, argv);
}

int main(int argc, char **argv)
{
    program_begin();
    json_object_seed(0); /* once, before any thread */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const char *name = command_line_first_operand(argc, argv);
    enum exit_status exit_status = name != NULL ? dispatch(argc, argv, name) : answer(argc, argv);
    curl_global_cleanup();
    return exit_status;
}
