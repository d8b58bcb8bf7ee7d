/* incident-producer: the command line. */
#include "check.h"
#include "command_line.h"
#include "kafka_client.h"
#include "log.h"
#include "producer_app.h"
#include "producer_files.h"
#include "producer_settings.h"
#include "program.h"
#include "status.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>

static const char program[] = "incident-producer";

static void print_help(void)
{
    printf(
        "incident-producer checks incident events, one JSON object a line, and publishes them to Kafka.\n"
        "\n"
        "Usage:\n"
        "  incident-producer [--input FILE|-] [--format event|change] [--checkpoint FILE] [--follow]\n"
        "                    [--config FILE] [--set KEY=VALUE]...\n"
        "  incident-producer --check [--input FILE|-] [--config FILE] [--set ...]\n"
        "  incident-producer --help | --version\n"
        "\n"
        "Options:\n"
        "      --input FILE      a file, a FIFO, or - for standard input (the setting `input`)\n"
        "      --format FORMAT   what a line is: event, or change, which is {\"before\": row, \"after\": row}\n"
        "                        with null where there is no row (the setting `format`)\n"
        "      --checkpoint FILE keep in FILE how far the input is dealt with, and begin there (the setting\n"
        "                        `checkpoint`); the input must be a file\n"
        "      --follow          go on as the file grows; a file that takes its name comes next, after the old one's\n"
        "                        end; SIGTERM ends it\n"
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
        "A line that breaks a rule goes whole to the rejects file, with the rule; the rest flows on, unless\n"
        "on_invalid is stop. The last log line sums up; on a terminal a line every two seconds tells how it goes.\n"
        "\n"
        "Signals: SIGTERM or SIGINT reads no more and waits for what is in flight for at most `drain`; a second one\n"
        "cuts at once. What is not acknowledged then will be sent again by the next run, with the same ids.\n"
        "\n"
        "Exit status: 0 all published, 64 usage, 65 some lines were rejected, 66 the input is missing or cannot be\n"
        "read, 69 no broker or topic within startup_timeout, 74 the rejects file or the checkpoint cannot be\n"
        "written, 75 stopped before the end of the input, 78 bad settings, or a checkpoint of another input.\n"
        "\n"
        "Try:\n"
        "  incident-producer --input incidents.ndjson --set kafka.bootstrap.servers=localhost:9092\n"
        "  some-source | incident-producer --config producer.yaml\n");
}

static void print_version(void)
{
    program_print_version(program);
    program_print_library("avro-c", AVRO_C_VERSION, NULL);
    program_print_library("jansson", JANSSON_VERSION, jansson_version_str());
    program_print_library("OpenSSL", OPENSSL_VERSION_STR, OpenSSL_version(OPENSSL_VERSION_STRING));
}

static enum exit_status check(const struct producer_settings *settings)
{
    struct error error = {0};
    enum exit_status exit_status = producer_files_check(settings, &error);
    if (exit_status == EXIT_STATUS_OK) {
        printf("settings are fine; the input can be read%s\n",
               settings->checkpoint == NULL ? " and the rejects written" : ", the rejects and the checkpoint written");
    } else {
        fprintf(stderr, "%s: %s\n", program, error.text);
    }
    return program_end(program, exit_status);
}

static enum exit_status load_and_go(const struct command_line *line, const struct producer_options *options)
{
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    struct error error = {0};
    enum exit_status exit_status;
    if (producer_settings_load(line->config, line->sets, line->set_count, &settings, &errors) != STATUS_OK) {
        exit_status = program_settings_error(&errors);
    } else if (producer_settings_override(&settings, options, &error) != STATUS_OK) {
        exit_status = program_usage_error(program, error.text);
    } else if (producer_settings_check(&settings, &error) != STATUS_OK) {
        error_list_add(&errors, "%s", error.text);
        exit_status = program_settings_error(&errors);
    } else if (kafka_client_check(KAFKA_CLIENT_PRODUCER, &settings.kafka, &error) != STATUS_OK) {
        error_list_add(&errors, "kafka: %s", error.text);
        exit_status = program_settings_error(&errors);
    } else {
        log_configure(settings.log_level, settings.log_format);
        exit_status = line->is_check ? check(&settings) : producer_app_run(&settings);
    }
    producer_settings_free(&settings);
    return exit_status;
}

int main(int argc, char **argv)
{
    program_begin();
    json_object_seed(0); /* once, before any thread */
    struct producer_options options = {0};
    const struct command_line_option own[] = {{.name = "input", .ret_value = &options.input},
                                              {.name = "format", .ret_value = &options.format},
                                              {.name = "checkpoint", .ret_value = &options.checkpoint},
                                              {.name = "follow", .ret_flag = &options.is_followed}};
    struct command_line line;
    struct error error = {0};
    if (command_line_read(argc, argv, own, ARRAY_COUNT(own), &line, &error) != STATUS_OK) {
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
    if (line.operand_count > 0) {
        error_set(&error, STATUS_INVALID, "`%s` has no place here; the input is named with --input", line.operands[0]);
        return program_usage_error(program, error.text);
    }
    return load_and_go(&line, &options);
}
