#include "sign_command.h"

#include "bytes.h"
#include "check.h"
#include "command_frame.h"
#include "event_id.h"
#include "memory.h"
#include "offline_input.h"
#include "signer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "sign";

static const char help[] =
    "incident-consumer sign prints the three Standard Webhooks headers of a body, as a delivery would carry them.\n"
    "It connects to nothing.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer sign FILE --id ID --secret SOURCE [--secret SOURCE]... [--timestamp T]\n"
    "  incident-consumer sign FILE --id ID --subscription ID [--timestamp T] [--config FILE] [--set KEY=VALUE]...\n"
    "\n"
    "FILE holds the body, byte for byte; `-` is standard input. A newline at its end is part of it.\n"
    "\n"
    "Options:\n"
    "      --id ID             the webhook-id: 1 to 64 letters, digits, _ and -\n"
    "      --secret SOURCE     env:NAME or file:PATH of a secret; each makes one entry, in the order given. whsec_ "
    "makes\n"
    "                          v1 (HMAC-SHA256), whsk_ makes v1a (ed25519)\n"
    "      --subscription ID   the secrets of that subscription, from the file that subscriptions.file names\n"
    "      --timestamp T       the webhook-timestamp, Unix seconds or RFC 3339; without it now\n"
    "  -c, --config FILE       the consumer's settings, for --subscription\n"
    "  -s, --set KEY=VALUE     one setting over the file's\n"
    "\n"
    "Exit status: 0 fine, 64 usage, 66 the body or a secret cannot be read, 78 bad settings or subscriptions.\n"
    "\n"
    "Try:\n"
    "  printf 'whsec_%s\\n' \"$(head -c 32 /dev/urandom | base64 -w 0)\" >secret\n"
    "  printf '{\"test\":1}' | incident-consumer sign - --id msg_1 --secret file:secret\n";

struct arguments {
    const char *id;
    const char *timestamp;
    const char *subscription;
    struct command_line_list secrets;
};

static void print_headers(const struct signing_key *keys, size_t count, const struct signer_message *message)
{
    struct signer *signer = signer_create();
    struct bytes signatures = {0};
    signer_sign_all(signer, keys, count, message, &signatures);
    printf("webhook-id: %.*s\nwebhook-timestamp: %" PRId64 "\nwebhook-signature: %.*s\n", BYTES_PRINTF(message->id),
           message->timestamp_s, BYTES_PRINTF(signatures));
    bytes_free(&signatures);
    signer_destroy(signer);
}

static enum exit_status sign_with_sources(const struct arguments *arguments, const struct signer_message *message)
{
    struct signing_key keys[COMMAND_LINE_LIST_MAX] = {0};
    size_t count = arguments->secrets.count;
    struct error error = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = offline_input_key(arguments->secrets.values[i], false, &keys[i], &error);
    }
    if (status == STATUS_OK) {
        print_headers(keys, count, message);
    }
    for (size_t i = 0; i < count; i++) {
        signing_key_free(&keys[i]);
    }
    if (status == STATUS_OK) {
        return EXIT_STATUS_OK;
    }
    return status == STATUS_INVALID ? command_frame_usage(name, "%s", error.text)
                                    : command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s", error.text);
}

static enum exit_status sign_as(const char *id, const struct subscription_set *set,
                                const struct signer_message *message)
{
    const struct subscription *subscription = subscription_set_find(set, id);
    if (subscription == NULL) {
        return command_frame_usage(name, "the subscriptions file has no subscription %s", id);
    }
    if (subscription->sink != SINK_HTTP) {
        return command_frame_usage(name, "the sink of the subscription %s is %s: nothing is signed there", id,
                                   sink_kind_name(subscription->sink));
    }
    if (subscription->http.secret_count == 0) {
        return command_frame_usage(name, "the subscription %s has no secrets: nothing signs what is sent to it", id);
    }
    print_headers(subscription->http.secrets, subscription->http.secret_count, message);
    return EXIT_STATUS_OK;
}

static enum exit_status sign_as_subscription(const struct command_line *line, const struct arguments *arguments,
                                             const struct signer_message *message)
{
    struct consumer_settings settings = {0};
    struct subscription_set *set = NULL;
    enum exit_status exit_status = command_frame_settings(line, &settings);
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = command_frame_subscriptions(&settings, &set);
    }
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = sign_as(arguments->subscription, set, message);
    }
    subscription_set_destroy(set);
    consumer_settings_free(&settings);
    return exit_status;
}

static enum exit_status check_arguments(const struct command_line *line, const struct arguments *arguments,
                                        int64_t *ret_timestamp_s)
{
    struct error error;
    if (line->operand_count != 1) {
        return command_frame_usage(name, "name one file, or - for standard input");
    }
    if (arguments->id == NULL) {
        return command_frame_usage(name, "--id is missing: it is a part of what is signed");
    }
    if (!event_id_is_valid(bytes_view_of_text(arguments->id))) {
        return command_frame_usage(name, "--id: an id is 1 to %d letters, digits, _ and -", EVENT_ID_MAX);
    }
    if ((arguments->secrets.count > 0) == (arguments->subscription != NULL)) {
        return command_frame_usage(name, "give --secret (once or more) or --subscription, one of the two");
    }
    *ret_timestamp_s = offline_input_now();
    if (arguments->timestamp != NULL &&
        offline_input_time(arguments->timestamp, ret_timestamp_s, &error) != STATUS_OK) {
        return command_frame_usage(name, "--timestamp: %s", error.text);
    }
    return EXIT_STATUS_OK;
}

enum exit_status sign_command(int argc, char **argv)
{
    struct arguments arguments = {0};
    const struct command_line_option own[] = {
        {.name = "id", .ret_value = &arguments.id},
        {.name = "timestamp", .ret_value = &arguments.timestamp},
        {.name = "subscription", .ret_value = &arguments.subscription},
        {.name = "secret", .ret_list = &arguments.secrets},
    };
    const struct command_frame frame = {.name = name, .help = help, .own = own, .own_count = ARRAY_COUNT(own)};
    struct command_line line;
    struct bytes body = {0};
    struct error error;
    enum exit_status exit_status;
    int64_t timestamp_s = 0;
    if (!command_frame_read(&frame, argc, argv, &line, &exit_status)) {
        return exit_status;
    }
    exit_status = check_arguments(&line, &arguments, &timestamp_s);
    if (exit_status != EXIT_STATUS_OK) {
        return exit_status;
    }
    if (offline_input_read(line.operands[0], &body, &error) != STATUS_OK) {
        exit_status = command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s", error.text);
    } else {
        const struct signer_message message = {bytes_view_of_text(arguments.id), timestamp_s, bytes_as_view(&body)};
        exit_status = arguments.subscription != NULL ? sign_as_subscription(&line, &arguments, &message)
                                                     : sign_with_sources(&arguments, &message);
    }
    bytes_free(&body);
    return command_frame_end(name, exit_status);
}
