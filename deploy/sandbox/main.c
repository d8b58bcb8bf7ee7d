/* incident-sandbox: an embedded broker and a receiver that checks what it is sent. */
#include "mock_broker.h"
#include "sandbox_options.h"
#include "webhook_receiver.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MISSING_SHOWN_MAX = 10 };

static const char *const topics[] = {"incident.events", "incident.dead-letters", "incident.lanes", "incident.commands",
                                     NULL};

struct sandbox {
    struct sandbox_options options;
    struct mock_broker *broker;
    struct subscriber_list *subscribers;
    struct expected_deliveries *expected;
    struct receiver_journal *journal;
    struct webhook_receiver *receiver;
    uint16_t receiver_port;
};

/* Written beside its place and renamed, so that a reader never sees half of it. */
static enum status write_state(const struct sandbox *sandbox, bool is_complete, struct error *ret_error)
{
    const char *path = sandbox->options.state;
    char beside[PATH_MAX];
    if (path == NULL) {
        return STATUS_OK;
    }
    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside)) {
        return error_set(ret_error, STATUS_IO, "%s: the path is too long", path);
    }
    FILE *file = fopen(beside, "we");
    if (file == NULL) {
        return error_set(ret_error, STATUS_IO, "%s: %s", beside, strerror(errno));
    }
    if (sandbox->broker != NULL) {
        (void)fprintf(file, "broker=%s\n", mock_broker_address(sandbox->broker));
    }
    if (sandbox->receiver_port != 0) {
        (void)fprintf(file, "receiver=127.0.0.1:%u\n", (unsigned)sandbox->receiver_port);
    }
    (void)fprintf(file, "complete=%s\n", is_complete ? "yes" : "no");
    if (fclose(file) != 0 || rename(beside, path) != 0) {
        return error_set(ret_error, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    return STATUS_OK;
}

/* On the receiver's thread. */
static void on_complete(void *context)
{
    const struct sandbox *sandbox = context;
    struct error why;
    (void)printf("       everything that was expected has arrived\n");
    (void)fflush(stdout);
    if (write_state(sandbox, true, &why) != STATUS_OK) {
        (void)fprintf(stderr, "incident-sandbox: %s\n", why.text);
    }
}

static enum status start_receiver(struct sandbox *sandbox, struct error *ret_error)
{
    const struct sandbox_options *options = &sandbox->options;
    enum status status = STATUS_OK;
    if (options->subscribers != NULL) {
        status = subscriber_list_load(options->subscribers, options->secrets, &sandbox->subscribers, ret_error);
    }
    if (status == STATUS_OK && options->expect != NULL) {
        status = expected_deliveries_load(options->expect, sandbox->subscribers, &sandbox->expected, ret_error);
    }
    if (status == STATUS_OK && options->journal != NULL) {
        status = receiver_journal_open(options->journal, &sandbox->journal, ret_error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct receiver_settings settings = {.port = options->receiver_port,
                                         .secrets_folder = options->secrets,
                                         .subscribers = sandbox->subscribers,
                                         .expected = sandbox->expected,
                                         .journal = sandbox->journal,
                                         .print_whole = options->whole,
                                         .is_quiet = options->is_quiet,
                                         .fail_status = options->fail_status,
                                         .fail_count = options->fail_count,
                                         .delay_ms = options->delay_ms,
                                         .complete = on_complete,
                                         .context = sandbox};
    status = webhook_receiver_create(&settings, &sandbox->receiver, ret_error);
    if (status == STATUS_OK) {
        sandbox->receiver_port = webhook_receiver_port(sandbox->receiver);
    }
    return status;
}

static void say_hello(const struct sandbox *sandbox)
{
    if (sandbox->broker != NULL) {
        (void)printf("sandbox: broker on %s, topics", mock_broker_address(sandbox->broker));
        for (const char *const *topic = topics; *topic != NULL; topic++) {
            (void)printf(" %s", *topic);
        }
        (void)printf("\n");
    }
    if (sandbox->receiver != NULL) {
        (void)printf("sandbox: receiver on http://127.0.0.1:%u/hooks/SUBSCRIBER", (unsigned)sandbox->receiver_port);
        if (sandbox->subscribers != NULL) {
            (void)printf(", %zu subscribers", sandbox->subscribers->count);
        }
        if (sandbox->expected != NULL) {
            (void)printf(", %zu deliveries expected", expected_deliveries_count(sandbox->expected));
        }
        (void)printf("%s\n", sandbox->options.secrets == NULL ? "; signatures are NOT checked (no --secrets)" : "");
    }
    (void)fflush(stdout);
}

static void print_missing(const struct sandbox *sandbox, int64_t missing)
{
    const struct subscriber *subscriber = NULL;
    size_t position = 0;
    size_t line = 0;
    for (int shown = 0; shown < MISSING_SHOWN_MAX; shown++) {
        if (!expected_deliveries_next_missing(sandbox->expected, &position, &subscriber, &line)) {
            return;
        }
        (void)printf("missing: line %zu of %s at %s\n", line, sandbox->options.expect, subscriber->id);
    }
    if (missing > MISSING_SHOWN_MAX) {
        (void)printf("missing: and %lld more\n", (long long)missing - MISSING_SHOWN_MAX);
    }
}

/* The counts, the last line for whoever started us. False when --expect was not met. */
static bool summarize(const struct sandbox *sandbox)
{
    struct receiver_counts counts = webhook_receiver_counts(sandbox->receiver);
    if (counts.duplicates > 0) {
        (void)printf("%lld deliveries came again with the same webhook-id\n", (long long)counts.duplicates);
    }
    if (counts.others > 0) {
        (void)printf("%lld deliveries were right, but not among the expected\n", (long long)counts.others);
    }
    if (counts.told > 0) {
        (void)printf("%lld requests were answered as told by /answer\n", (long long)counts.told);
    }
    if (sandbox->expected == NULL) {
        (void)printf("delivered %lld, signatures ok %lld, refused %lld\n", (long long)counts.delivered,
                     (long long)counts.signatures_ok, (long long)counts.refused);
        return true;
    }
    int64_t expected = (int64_t)expected_deliveries_count(sandbox->expected);
    print_missing(sandbox, counts.missing);
    (void)printf("delivered %lld of %lld, signatures ok %lld, refused %lld\n", (long long)counts.delivered,
                 (long long)expected, (long long)counts.signatures_ok, (long long)counts.refused);
    return counts.delivered == expected && counts.signatures_ok == expected && counts.refused == 0 &&
           counts.others == 0;
}

static int exit_status_of(enum status status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return EXIT_STATUS_NO_INPUT;
    case STATUS_IO:
        return EXIT_STATUS_CANT_WRITE;
    case STATUS_UNAVAILABLE:
        return EXIT_STATUS_UNAVAILABLE;
    default:
        return EXIT_STATUS_SETTINGS;
    }
}

/* Runs until a signal of `stop` comes. */
static int run(struct sandbox *sandbox, const sigset_t *stop)
{
    struct error why;
    enum status status = STATUS_OK;
    if (sandbox->options.has_broker) {
        status = mock_broker_create(sandbox->options.broker_port, topics, &sandbox->broker, &why);
    }
    if (status == STATUS_OK && sandbox->options.has_receiver) {
        status = start_receiver(sandbox, &why);
    }
    if (status == STATUS_OK) {
        say_hello(sandbox);
        status = write_state(sandbox,
                             sandbox->receiver != NULL && sandbox->expected != NULL &&
                                 webhook_receiver_counts(sandbox->receiver).missing == 0,
                             &why);
    }
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "incident-sandbox: %s\n", why.text);
        return exit_status_of(status);
    }
    int signal_number = 0;
    (void)sigwait(stop, &signal_number);
    (void)pthread_sigmask(SIG_UNBLOCK, stop, NULL); /* a second signal ends us at once */
    if (sandbox->receiver == NULL) {
        return EXIT_STATUS_OK;
    }
    webhook_receiver_stop(sandbox->receiver);
    bool is_met = summarize(sandbox);
    return fflush(stdout) == 0 && is_met ? EXIT_STATUS_OK : EXIT_STATUS_DENIED;
}

int main(int argc, char **argv)
{
    struct sandbox sandbox = {0};
    struct error why;
    if (sandbox_options_parse(argc, argv, &sandbox.options, &why) != STATUS_OK) {
        (void)fprintf(stderr, "incident-sandbox: %s\n", why.text);
        return EXIT_STATUS_USAGE;
    }
    if (sandbox.options.wants_help) {
        sandbox_options_help(stdout);
        return EXIT_STATUS_OK;
    }
    /* Blocked before there is a second thread, so that sigwait alone gets them. */
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    json_object_seed(0);

    int exit_status = run(&sandbox, &stop);

    webhook_receiver_destroy(sandbox.receiver);
    receiver_journal_close(sandbox.journal);
    expected_deliveries_destroy(sandbox.expected);
    subscriber_list_destroy(sandbox.subscribers);
    mock_broker_destroy(sandbox.broker);
    return exit_status;
}
