/* incident-producer: the command line. */
#include "check.h"
#include "command_line.h"
#include "kafka_client.h"
#include "log.h"
#include "producer_app.h"
#include "producer_settings.h"
#include "status.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

static const char *const later_options[] = {"--follow"};

static void print_help(void)
{
    printf("incident-producer checks incident events, one JSON object a line, and publishes them to Kafka.\n"
           "\n"
           "Usage:\n"
           "  incident-producer [--input FILE|-] [--format event|change] [--config FILE] [--set KEY=VALUE]...\n"
           "  incident-producer --check [--input FILE|-] [--config FILE] [--set ...]\n"
           "  incident-producer --help | --version\n"
           "\n"
           "Options:\n"
           "      --input FILE      a file, a FIFO, or - for standard input (the setting `input`)\n"
           "      --format FORMAT   what a line is: event, or change, which is {\"before\": row, \"after\": row}\n"
           "                        with null where there is no row (the setting `format`)\n"
           "  -c, --config FILE     settings, one YAML document; without it the defaults below hold\n"
           "  -s, --set KEY=VALUE   one setting over the file's; the value is YAML; may be repeated.\n"
           "                        After `kafka.` the rest is one librdkafka property: --set kafka.client.id=a\n"
           "      --check           read the settings, name each error with file, line and key, and look whether the\n"
           "                        input can be read and the rejects written; publish nothing\n"
           "  -h, --help            this text\n"
           "      --version         our version, and each library's as built and as running\n"
           "\n"
           "Settings (durations 500ms 30s 5m 2h 5d; sizes 64KiB 16MiB; any text may be env:NAME or file:PATH):\n");
    producer_settings_print_help(stdout);
    printf(
        "\n"
        "A line that breaks a rule goes whole to the rejects file, with the rule; the rest flows on. The last log\n"
        "line sums up.\n"
        "\n"
        "Signals: SIGTERM or SIGINT reads no more and waits for what is in flight for at most `drain`; a second one\n"
        "cuts at once.\n"
        "\n"
        "Exit status: 0 all published, 64 usage, 65 some lines were rejected, 66 the input is missing or cannot be\n"
        "read, 69 no broker or topic within startup_timeout, 74 the rejects file cannot be written, 75 stopped\n"
        "before the end of the input, 78 bad settings.\n"
        "\n"
        "Try:\n"
        "  incident-producer --input incidents.ndjson --set kafka.bootstrap.servers=localhost:9092\n"
        "  some-source | incident-producer --config producer.yaml\n");
}

static void print_version(void)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    yaml_get_version(&major, &minor, &patch);
    printf("incident-producer %s\n", RELAY_VERSION);
    printf("  librdkafka     built %d.%d.%d, running %s\n", RD_KAFKA_VERSION >> 24, (RD_KAFKA_VERSION >> 16) & 255,
           (RD_KAFKA_VERSION >> 8) & 255, rd_kafka_version_str());
    printf("  avro-c         built %s (it does not tell what is running)\n", AVRO_C_VERSION);
    printf("  jansson        built %s, running %s\n", JANSSON_VERSION, jansson_version_str());
    printf("  libmicrohttpd  built %x.%x.%x, running %s\n", (unsigned)MHD_VERSION >> 24,
           ((unsigned)MHD_VERSION >> 16) & 255, ((unsigned)MHD_VERSION >> 8) & 255, MHD_get_version());
    printf("  libyaml        built %s, running %d.%d.%d\n", LIBYAML_VERSION, major, minor, patch);
    printf("  OpenSSL        built %s, running %s\n", OPENSSL_VERSION_STR, OpenSSL_version(OPENSSL_VERSION_STRING));
}

static enum exit_status usage_error(const char *reason)
{
    fprintf(stderr, "incident-producer: %s\nTry `incident-producer --help`.\n", reason);
    return EXIT_STATUS_USAGE;
}

static enum exit_status settings_error(struct error_list *errors)
{
    error_list_print(errors, stderr);
    error_list_free(errors);
    return EXIT_STATUS_SETTINGS;
}

static enum exit_status check(const struct producer_settings *settings)
{
    struct error error = {0};
    enum exit_status exit_status = producer_app_check(settings, &error);
    if (exit_status == EXIT_STATUS_OK) {
        printf("settings are fine; the input can be read and the rejects written\n");
    } else {
        fprintf(stderr, "incident-producer: %s: %s\n", exit_status == EXIT_STATUS_NO_INPUT ? "input" : "rejects",
                error.text);
    }
    return exit_status;
}

static enum exit_status load_and_go(const struct command_line *line, const char *input, const char *format)
{
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    struct error error = {0};
    enum exit_status exit_status;
    if (producer_settings_load(line->config, line->sets, line->set_count, &settings, &errors) != STATUS_OK) {
        exit_status = settings_error(&errors);
    } else if (producer_settings_override(&settings, input, format, &error) != STATUS_OK) {
        exit_status = usage_error(error.text);
    } else if (kafka_client_check(KAFKA_CLIENT_PRODUCER, &settings.kafka, &error) != STATUS_OK) {
        error_list_add(&errors, "kafka: %s", error.text);
        exit_status = settings_error(&errors);
    } else {
        log_configure(settings.log_level, settings.log_format);
        exit_status = line->is_check ? check(&settings) : producer_app_run(&settings);
    }
    producer_settings_free(&settings);
    return exit_status;
}

/* False when one was named: an option that is not built yet. */
static bool refuse_later_options(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        for (size_t j = 0; j < ARRAY_COUNT(later_options); j++) {
            size_t size = strlen(later_options[j]);
            if (strncmp(argv[i], later_options[j], size) == 0 && (argv[i][size] == '\0' || argv[i][size] == '=')) {
                struct error error;
                error_set(&error, STATUS_INVALID, "%s comes in a later version", later_options[j]);
                usage_error(error.text);
                return false;
            }
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    json_object_seed(0); /* once, before any thread */
    const char *input = NULL;
    const char *format = NULL;
    const struct command_line_option own[] = {{.name = "input", .ret_value = &input},
                                              {.name = "format", .ret_value = &format}};
    struct command_line line;
    struct error error = {0};
    if (!refuse_later_options(argc, argv)) {
        return EXIT_STATUS_USAGE;
    }
    if (command_line_read(argc, argv, own, ARRAY_COUNT(own), &line, &error) != STATUS_OK) {
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
    if (line.operand_count > 0) {
        error_set(&error, STATUS_INVALID, "`%s` has no place here; the input is named with --input", line.operands[0]);
        return usage_error(error.text);
    }
    return load_and_go(&line, input, format);
}
