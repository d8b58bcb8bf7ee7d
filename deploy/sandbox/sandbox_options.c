#include "sandbox_options.h"

#include "bytes.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

enum {
    BROKER_PORT_DEFAULT = 9092,
    RECEIVER_PORT_DEFAULT = 9480,
    WHOLE_DEFAULT = 1,
    WHOLE_MAX = 1000000,
    DELAY_MAX_MS = 60000
};

enum option_code {
    OPTION_HELP = 1,
    OPTION_BROKER_ONLY,
    OPTION_RECEIVER_ONLY,
    OPTION_PORT,
    OPTION_RECEIVER_PORT,
    OPTION_SUBSCRIBERS,
    OPTION_SECRETS,
    OPTION_EXPECT,
    OPTION_JOURNAL,
    OPTION_STATE,
    OPTION_WHOLE,
    OPTION_QUIET,
    OPTION_FAIL,
    OPTION_DELAY,
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"broker-only", no_argument, NULL, OPTION_BROKER_ONLY},
    {"receiver-only", no_argument, NULL, OPTION_RECEIVER_ONLY},
    {"port", required_argument, NULL, OPTION_PORT},
    {"receiver-port", required_argument, NULL, OPTION_RECEIVER_PORT},
    {"subscribers", required_argument, NULL, OPTION_SUBSCRIBERS},
    {"secrets", required_argument, NULL, OPTION_SECRETS},
    {"expect", required_argument, NULL, OPTION_EXPECT},
    {"journal", required_argument, NULL, OPTION_JOURNAL},
    {"state", required_argument, NULL, OPTION_STATE},
    {"whole", required_argument, NULL, OPTION_WHOLE},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"fail", required_argument, NULL, OPTION_FAIL},
    {"delay", required_argument, NULL, OPTION_DELAY},
    {NULL, 0, NULL, 0},
};

void sandbox_options_help(FILE *out)
{
    (void)fputs(
        "incident-sandbox: a broker and a receiver to try the incident relay with, on this machine only.\n"
        "\n"
        "  incident-sandbox                                            both\n"
        "  incident-sandbox --broker-only --port P                     the broker alone\n"
        "  incident-sandbox --receiver-only --port P --journal FILE    the receiver alone\n"
        "\n"
        "The broker is librdkafka's mock cluster. It makes incident.events, incident.dead-letters, incident.lanes\n"
        "and incident.commands with 4 partitions each, keeps about 5 MiB a partition in memory and forgets all of\n"
        "it at the end. Its admin calls time out: run the consumer with topics.create: false, and with\n"
        "session.timeout.ms 6000 and fetch.wait.max.ms 10 to 50 in its kafka: map.\n"
        "\n"
        "The receiver takes deliveries at http://127.0.0.1:P/hooks/SUBSCRIBER and prints them. It answers 204 when\n"
        "the Standard Webhooks signature, the shape of the body and the order are right; 401 for a signature,\n"
        "404 for an unknown subscriber, 422 for a shape, another tenant's event or one that was not ordered.\n"
        "It counts all of these but the 204s as refused, and each webhook-id of a subscriber once.\n"
        "\n"
        "  --port P             the broker's port (9092); with --receiver-only the receiver's (9480). 0: a free one\n"
        "  --receiver-port P    the receiver's port beside a broker (9480). 0: a free one\n"
        "  --subscribers FILE   who ordered what, as JSON: [{\"id\": \"crm-2050\", \"tenant\": 2050,\n"
        "                       \"severity\": [\"HIGH\"]}]; event_type, status, severity are optional lists.\n"
        "                       Without it any subscriber of any tenant is taken\n"
        "  --secrets FOLDER     a file for each subscriber, named as it is: whsec_ and the base64 of 24 to 64 bytes.\n"
        "                       Without it signatures are NOT checked, and every line says so\n"
        "  --expect FILE        events, one a line, as the subscribers shall get them: counts what arrives of them\n"
        "                       byte for byte (sent_at aside); needs --subscribers\n"
        "  --journal FILE       append one JSON line for each request: time, method, path, headers, body_base64,\n"
        "                       status, verdict (delivered, duplicate, refused, told, control), reason\n"
        "  --state FILE         write broker=, receiver= and complete=yes|no there: at the start, and when all that\n"
        "                       is expected has arrived\n"
        "  --whole N            print the first N deliveries whole (1)\n"
        "  --quiet              print refusals only\n"
        "  --fail STATUS:N      answer the first N deliveries with STATUS, unread: --fail 500:3\n"
        "  --delay MS           answer each delivery so much later: --delay 200\n"
        "  --help               this text\n"
        "\n"
        "While it runs:\n"
        "  curl http://127.0.0.1:P/counts                            what came so far\n"
        "  curl -X PUT http://127.0.0.1:P/answer/crm-2050/503        let an endpoint fail; needs --subscribers\n"
        "  curl -X PUT http://127.0.0.1:P/answer/crm-2050/judge      and mend it\n"
        "\n"
        "It ends on SIGTERM or Ctrl-C with one line that counts. Exit status: 0 fine; 1 with --expect, when not\n"
        "everything arrived, something else did, or something was refused; 64 usage; 66 a file cannot be read;\n"
        "69 a port is taken; 74 a file cannot be written; 78 a file is wrong.\n",
        out);
}

static enum status read_port(const char *text, uint16_t *ret_port, struct error *ret_error)
{
    int64_t number = 0;
    if (bytes_view_to_int64(bytes_view_of_text(text), &number) != STATUS_OK || number < 0 || number > 65535) {
        return error_set(ret_error, STATUS_INVALID, "a port is a number from 0 to 65535, not %s", text);
    }
    *ret_port = (uint16_t)number;
    return STATUS_OK;
}

/* What the command line says, before it is looked at as a whole. */
struct raw_options {
    bool broker_only;
    bool receiver_only;
    const char *port;
    const char *receiver_port;
};

/* STATUS:N */
static enum status read_fail(const char *text, struct sandbox_options *options, struct error *ret_error)
{
    const char *colon = strchr(text, ':');
    int64_t status = 0;
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    if (colon == NULL || bytes_view_to_int64(bytes_view_of(text, size), &status) != STATUS_OK || status < 200 ||
        status > 599 || bytes_view_to_int64(bytes_view_of_text(colon + 1), &options->fail_count) != STATUS_OK ||
        options->fail_count < 1) {
        return error_set(ret_error, STATUS_INVALID,
                         "--fail takes STATUS:N, as 500:3; a status is from 200 to 599, N at least 1");
    }
    options->fail_status = (int)status;
    return STATUS_OK;
}

static enum status take_option(int code, const char *argument, struct raw_options *raw, struct sandbox_options *options,
                               struct error *ret_error)
{
    switch ((enum option_code)code) {
    case OPTION_HELP:
        options->wants_help = true;
        break;
    case OPTION_BROKER_ONLY:
        raw->broker_only = true;
        break;
    case OPTION_RECEIVER_ONLY:
        raw->receiver_only = true;
        break;
    case OPTION_PORT:
        raw->port = argument;
        break;
    case OPTION_RECEIVER_PORT:
        raw->receiver_port = argument;
        break;
    case OPTION_SUBSCRIBERS:
        options->subscribers = argument;
        break;
    case OPTION_SECRETS:
        options->secrets = argument;
        break;
    case OPTION_EXPECT:
        options->expect = argument;
        break;
    case OPTION_JOURNAL:
        options->journal = argument;
        break;
    case OPTION_STATE:
        options->state = argument;
        break;
    case OPTION_WHOLE:
        if (bytes_view_to_int64(bytes_view_of_text(argument), &options->whole) != STATUS_OK || options->whole < 0 ||
            options->whole > WHOLE_MAX) {
            return error_set(ret_error, STATUS_INVALID, "--whole takes a number from 0 to %d", WHOLE_MAX);
        }
        break;
    case OPTION_QUIET:
        options->is_quiet = true;
        break;
    case OPTION_FAIL:
        return read_fail(argument, options, ret_error);
    case OPTION_DELAY:
        if (bytes_view_to_int64(bytes_view_of_text(argument), &options->delay_ms) != STATUS_OK ||
            options->delay_ms < 0 || options->delay_ms > DELAY_MAX_MS) {
            return error_set(ret_error, STATUS_INVALID, "--delay takes milliseconds from 0 to %d", DELAY_MAX_MS);
        }
        break;
    }
    return STATUS_OK;
}

static enum status settle(const struct raw_options *raw, struct sandbox_options *options, struct error *ret_error)
{
    if (raw->broker_only && raw->receiver_only) {
        return error_set(ret_error, STATUS_INVALID,
                         "--broker-only and --receiver-only exclude each other; leave both "
                         "out for both halves");
    }
    options->has_broker = !raw->receiver_only;
    options->has_receiver = !raw->broker_only;
    bool has_receiver_option = options->subscribers != NULL || options->secrets != NULL || options->expect != NULL ||
                               options->journal != NULL || raw->receiver_port != NULL || options->fail_count > 0 ||
                               options->delay_ms > 0;
    if (raw->broker_only && has_receiver_option) {
        return error_set(
            ret_error, STATUS_INVALID,
            "--receiver-port, --subscribers, --secrets, --expect, --journal, --fail and --delay are the receiver's; "
            "--broker-only has none");
    }
    if (raw->receiver_only && raw->receiver_port != NULL) {
        return error_set(ret_error, STATUS_INVALID, "with --receiver-only, --port is the receiver's port");
    }
    if (options->expect != NULL && options->subscribers == NULL) {
        return error_set(ret_error, STATUS_INVALID, "--expect needs --subscribers: who shall get the events?");
    }
    if (raw->port != NULL) {
        uint16_t *port = raw->receiver_only ? &options->receiver_port : &options->broker_port;
        enum status status = read_port(raw->port, port, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return raw->receiver_port == NULL ? STATUS_OK : read_port(raw->receiver_port, &options->receiver_port, ret_error);
}

enum status sandbox_options_parse(int argc, char *const *argv, struct sandbox_options *ret_options,
                                  struct error *ret_error)
{
    *ret_options = (struct sandbox_options){
        .broker_port = BROKER_PORT_DEFAULT, .receiver_port = RECEIVER_PORT_DEFAULT, .whole = WHOLE_DEFAULT};
    struct raw_options raw = {0};
    opterr = 0;
    optind = 1;
    for (;;) {
        int before = optind;
        int code = getopt_long(argc, argv, "+:", long_options, NULL); /* no word is moved, so argv[before] is it */
        if (code == -1) {
            break;
        }
        if (code == '?' || code == ':') {
            return error_set(ret_error, STATUS_INVALID, "%s: %s; see --help", argv[before],
                             code == ':' ? "a value is missing" : "no such option");
        }
        enum status status = take_option(code, optarg, &raw, ret_options, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (optind < argc) {
        return error_set(ret_error, STATUS_INVALID, "%s: no arguments are taken; see --help", argv[optind]);
    }
    return ret_options->wants_help ? STATUS_OK : settle(&raw, ret_options, ret_error);
}
