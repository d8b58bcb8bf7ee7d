#include "verify_command.h"

#include "bytes.h"
#include "check.h"
#include "command_frame.h"
#include "offline_input.h"
#include "signer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TOLERANCE_S = 300 };

static const char name[] = "verify";

static const char help[] =
    "incident-consumer verify says whether the Standard Webhooks signature of a body is right. It connects to "
    "nothing.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer verify FILE --id ID --timestamp T --signature LIST --secret SOURCE [--secret SOURCE]...\n"
    "                           [--tolerance SECONDS] [--at T]\n"
    "\n"
    "FILE holds the body as it was received, byte for byte; `-` is standard input.\n"
    "\n"
    "Options:\n"
    "      --id ID               the webhook-id header\n"
    "      --timestamp T         the webhook-timestamp header: Unix seconds\n"
    "      --signature LIST      the webhook-signature header: entries with spaces between them; one that fits is "
    "enough\n"
    "      --secret SOURCE       env:NAME or file:PATH of a key: whsec_ for v1, whpk_ or whsk_ for v1a. Of several, "
    "one\n"
    "                            that fits is enough\n"
    "      --tolerance SECONDS   how far the timestamp may be from now, before or after it (300)\n"
    "      --at T                take T for now: Unix seconds or RFC 3339\n"
    "\n"
    "Exit status: 0 it is right, 1 it is not (the reason is printed), 64 usage, 66 the body or a secret cannot be "
    "read.\n"
    "\n"
    "Try:\n"
    "  incident-consumer verify body.json --id msg_1 --timestamp 1614265330 --at 1614265330 \\\n"
    "      --signature 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' --secret file:secret\n";

struct arguments {
    const char *id;
    const char *timestamp;
    const char *signature;
    const char *tolerance;
    const char *at;
    struct command_line_list secrets;
};

struct question {
    struct signer_message message;
    struct bytes_view signatures;
    int64_t now_s;
    int64_t tolerance_s;
};

/* Prints the answer. The timestamp is judged first: what is too old is refused, however well it is signed. */
static enum exit_status answer(const struct question *question, const struct signing_key *keys, size_t key_count)
{
    int64_t age_s = question->now_s - question->message.timestamp_s;
    if (age_s > question->tolerance_s || age_s < -question->tolerance_s) {
        printf("refused: the timestamp is %" PRId64 " s %s now; %" PRId64 " s are tolerated\n",
               age_s < 0 ? -age_s : age_s, age_s < 0 ? "after" : "before", question->tolerance_s);
        return EXIT_STATUS_DENIED;
    }
    struct signer *signer = signer_create();
    struct signer_finding finding = signer_verify(signer, keys, key_count, &question->message, question->signatures);
    signer_destroy(signer);
    switch (finding.answer) {
    case SIGNER_FITS:
        printf("right: entry %zu fits secret %zu (%s)\n", finding.entry + 1, finding.key + 1,
               keys[finding.key].kind == SIGNING_KEY_HMAC ? "v1" : "v1a");
        return EXIT_STATUS_OK;
    case SIGNER_NO_ENTRY:
        printf("refused: the signature has no entry like v1,BASE64\n");
        break;
    case SIGNER_NO_VERSION:
        printf("refused: no entry of the signature is of a version that a secret is for (whsec_: v1; whpk_, whsk_: "
               "v1a)\n");
        break;
    case SIGNER_NOTHING_FITS:
        printf("refused: no entry fits: the id, the timestamp or the body is not what was signed, or the secret is "
               "another one\n");
        break;
    }
    return EXIT_STATUS_DENIED;
}

static enum exit_status verify(const struct question *question, const struct command_line_list *secrets)
{
    struct signing_key keys[COMMAND_LINE_LIST_MAX] = {0};
    struct error error = {0};
    enum status status = STATUS_OK;
    enum exit_status exit_status;
    for (size_t i = 0; i < secrets->count && status == STATUS_OK; i++) {
        status = offline_input_key(secrets->values[i], true, &keys[i], &error);
    }
    if (status == STATUS_OK) {
        exit_status = answer(question, keys, secrets->count);
    } else if (status == STATUS_INVALID) {
        exit_status = command_frame_usage(name, "%s", error.text);
    } else {
        exit_status = command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s", error.text);
    }
    for (size_t i = 0; i < secrets->count; i++) {
        signing_key_free(&keys[i]);
    }
    return exit_status;
}

static enum exit_status read_arguments(const struct command_line *line, const struct arguments *arguments,
                                       struct question *ret_question)
{
    struct error error;
    if (line->operand_count != 1) {
        return command_frame_usage(name, "name one file, or - for standard input");
    }
    if (arguments->id == NULL || arguments->timestamp == NULL || arguments->signature == NULL) {
        return command_frame_usage(name, "--id, --timestamp and --signature are needed: the three headers as received");
    }
    if (arguments->secrets.count == 0) {
        return command_frame_usage(name, "--secret is missing: env:NAME or file:PATH of the key");
    }
    ret_question->message.id = bytes_view_of_text(arguments->id);
    ret_question->signatures = bytes_view_of_text(arguments->signature);
    ret_question->now_s = offline_input_now();
    ret_question->tolerance_s = TOLERANCE_S;
    if (offline_input_time(arguments->timestamp, &ret_question->message.timestamp_s, &error) != STATUS_OK) {
        return command_frame_usage(name, "--timestamp: %s", error.text);
    }
    if (arguments->at != NULL && offline_input_time(arguments->at, &ret_question->now_s, &error) != STATUS_OK) {
        return command_frame_usage(name, "--at: %s", error.text);
    }
    if (arguments->tolerance != NULL &&
        (bytes_view_to_int64(bytes_view_of_text(arguments->tolerance), &ret_question->tolerance_s) != STATUS_OK ||
         ret_question->tolerance_s < 0)) {
        return command_frame_usage(name, "--tolerance: \"%.40s\" is no number of seconds", arguments->tolerance);
    }
    return EXIT_STATUS_OK;
}

enum exit_status verify_command(int argc, char **argv)
{
    struct arguments arguments = {0};
    const struct command_line_option own[] = {
        {.name = "id", .ret_value = &arguments.id},
        {.name = "timestamp", .ret_value = &arguments.timestamp},
        {.name = "signature", .ret_value = &arguments.signature},
        {.name = "tolerance", .ret_value = &arguments.tolerance},
        {.name = "at", .ret_value = &arguments.at},
        {.name = "secret", .ret_list = &arguments.secrets},
    };
    const struct command_frame frame = {.name = name, .help = help, .own = own, .own_count = ARRAY_COUNT(own)};
    struct question question = {0};
    struct command_line line;
    struct bytes body = {0};
    struct error error;
    enum exit_status exit_status;
    if (!command_frame_read(&frame, argc, argv, &line, &exit_status)) {
        return exit_status;
    }
    exit_status = read_arguments(&line, &arguments, &question);
    if (exit_status != EXIT_STATUS_OK) {
        return exit_status;
    }
    if (offline_input_read(line.operands[0], &body, &error) != STATUS_OK) {
        exit_status = command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s", error.text);
    } else {
        question.message.body = bytes_as_view(&body);
        exit_status = verify(&question, &arguments.secrets);
    }
    bytes_free(&body);
    return command_frame_end(name, exit_status);
}
