/* incident-consumer: the command line. */
#include "check.h"
#include "command_line.h"
#include "consumer_app.h"
#include "consumer_settings.h"
#include "kafka_client.h"
#include "log.h"
#include "status.h"
#include "subscription.h"
#include "subscriptions_file.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <yaml.h>

static const char *const later_commands[] = {"explain", "check-url", "sign",        "verify",
                                             "lanes",   "replay",    "dead-letters"};

static void print_help(void)
{
    printf("incident-consumer delivers incident events from Kafka to each tenant's HTTP subscribers.\n"
           "\n"
           "Usage:\n"
           "  incident-consumer run [--config FILE] [--set KEY=VALUE]...   join the group and deliver\n"
           "  incident-consumer --check [--config FILE] [--set ...]        read everything, explain each error, exit\n"
           "  incident-consumer --help | --version\n"
           "\n"
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
    printf("\n"
           "Signals: SIGTERM or SIGINT reads no more, waits for what is in the air for at most `drain`, commits and "
           "ends;\n"
           "a second one cuts at once.\n"
           "\n"
           "Exit status: 0 fine, 64 usage, 69 broker unavailable, 78 bad settings or subscriptions.\n"
           "\n"
           "Try:\n"
           "  incident-consumer --check --config consumer.yaml\n"
           "  incident-consumer run --config consumer.yaml --set log.level=debug\n");
}

static void print_version(void)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    yaml_get_version(&major, &minor, &patch);
    printf("incident-consumer %s\n", RELAY_VERSION);
    printf("  librdkafka     built %d.%d.%d, running %s\n", RD_KAFKA_VERSION >> 24, (RD_KAFKA_VERSION >> 16) & 255,
           (RD_KAFKA_VERSION >> 8) & 255, rd_kafka_version_str());
    printf("  avro-c         built %s (it does not tell what is running)\n", AVRO_C_VERSION);
    printf("  jansson        built %s, running %s\n", JANSSON_VERSION, jansson_version_str());
    printf("  libcurl        built %s, running %s\n", LIBCURL_VERSION, curl_version_info(CURLVERSION_NOW)->version);
    printf("  libuv          built %d.%d.%d, running %s\n", UV_VERSION_MAJOR, UV_VERSION_MINOR, UV_VERSION_PATCH,
           uv_version_string());
    printf("  libmicrohttpd  built %x.%x.%x, running %s\n", MHD_VERSION >> 24, (MHD_VERSION >> 16) & 255,
           (MHD_VERSION >> 8) & 255, MHD_get_version());
    printf("  libyaml        running %d.%d.%d\n", major, minor, patch);
    printf("  OpenSSL        built %s, running %s\n", OPENSSL_VERSION_STR, OpenSSL_version(OPENSSL_VERSION_STRING));
}

static enum exit_status usage_error(const char *reason)
{
    fprintf(stderr, "incident-consumer: %s\nTry `incident-consumer --help`.\n", reason);
    return EXIT_STATUS_USAGE;
}

/* The one command is `run`; --check needs none. */
static enum exit_status check_operands(const struct command_line *line)
{
    const char *command = line->operand_count > 0 ? line->operands[0] : NULL;
    struct error error;
    if (command == NULL) {
        return line->is_check ? EXIT_STATUS_OK : usage_error("what shall it do? Write `incident-consumer run`");
    }
    for (size_t i = 0; i < ARRAY_COUNT(later_commands); i++) {
        if (strcmp(command, later_commands[i]) == 0) {
            error_set(&error, STATUS_INVALID, "`%s` comes in a later version", command);
            return usage_error(error.text);
        }
    }
    if (strcmp(command, "run") != 0) {
        error_set(&error, STATUS_INVALID, "`%s` is not a command; the one there is is `run`", command);
        return usage_error(error.text);
    }
    if (line->operand_count > 1) {
        error_set(&error, STATUS_INVALID, "`run` takes no `%s`", line->operands[1]);
        return usage_error(error.text);
    }
    return EXIT_STATUS_OK;
}

static enum exit_status report(struct error_list *errors)
{
    error_list_print(errors, stderr);
    error_list_free(errors);
    return EXIT_STATUS_SETTINGS;
}

static enum exit_status check_or_run(const struct command_line *line, const struct consumer_settings *settings)
{
    struct error_list errors = {0};
    struct subscription_set *subscriptions = NULL;
    const struct subscriptions_rules rules = {.allow_inline_secrets = settings->allow_inline_secrets,
                                              .egress_http = settings->egress_http};
    enum status status = subscriptions_file_load(settings->subscriptions_file, &rules, &subscriptions, &errors);
    if (status != STATUS_OK) {
        return report(&errors);
    }
    enum exit_status exit_status = EXIT_STATUS_OK;
    if (line->is_check) {
        printf("settings and %zu subscriptions are fine (hash %016" PRIx64 ")\n", subscriptions->count,
               subscriptions->hash);
    } else {
        exit_status = consumer_app_run(settings, subscriptions);
    }
    subscription_set_destroy(subscriptions);
    return exit_status;
}

static enum exit_status load_and_go(const struct command_line *line)
{
    struct consumer_settings settings = {0};
    struct error_list errors = {0};
    struct error error = {0};
    enum exit_status exit_status;
    if (consumer_settings_load(line->config, line->sets, line->set_count, &settings, &errors) != STATUS_OK) {
        exit_status = report(&errors);
    } else if (kafka_client_check(KAFKA_CLIENT_CONSUMER, &settings.kafka, &error) != STATUS_OK) {
        error_list_add(&errors, "kafka: %s", error.text);
        exit_status = report(&errors);
    } else {
        log_configure(settings.log_level, settings.log_format);
        exit_status = check_or_run(line, &settings);
    }
    consumer_settings_free(&settings);
    return exit_status;
}

int main(int argc, char **argv)
{
    json_object_seed(0); /* once, before any thread */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct command_line line;
    struct error error;
    if (command_line_read(argc, argv, NULL, 0, &line, &error) != STATUS_OK) {
        return usage_error(error.text);
    }
    if (line.is_help) {
        print_help();
        return EXIT_STATUS_OK;
    }
    if (line.is_version) {
        print_version();
        return EXIT_STATUS_OK;
    }
    enum exit_status exit_status = check_operands(&line);
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = load_and_go(&line);
    }
    curl_global_cleanup();
    return exit_status;
}
