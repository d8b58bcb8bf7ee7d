/* What a receiver may answer: each input is sent, byte for byte, by a receiver on a loopback socket to the sink itself,
 * so libcurl's own reading of heads and chunks is part of what is tried. The connection is closed behind the bytes. */
#include "check.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "http_sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    RECEIVERS = 64,         /* addresses 127.0.0.1 …: each has ports of its own for connections that linger */
    PEERS_MAX = 4,          /* connections of one attempt */
    TIMEOUT_MS = 10000,     /* no input takes that long: what is sent is sent at once */
    SINK_FIXED = 320 * 1024 /* libcurl's handles and the copies of fields that it keeps (CURLHcode's list) */
};

struct receiver {
    int socket;
    char url[64];
};

struct peer {
    uv_poll_t poll;
    int socket;
};

static struct receiver receivers[RECEIVERS];
static struct address_gate *gate;
static struct bytes_view input;

struct attempt {
    uv_loop_t loop;
    uv_poll_t listener;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    unsigned answers;
    struct http_sink *sink;
};

static void make_receiver(struct receiver *receiver, size_t number)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    char text[32];

    snprintf(text, sizeof text, "127.0.0.%zu", number + 1);
    CHECK(inet_pton(AF_INET, text, &address.sin_addr) == 1);
    receiver->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(receiver->socket >= 0);
    CHECK(bind(receiver->socket, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(receiver->socket, 16) == 0);
    CHECK(getsockname(receiver->socket, (struct sockaddr *)&address, &size) == 0);
    snprintf(receiver->url, sizeof receiver->url, "http://%s:%u/hook", text, ntohs(address.sin_port));
}

static void make_receivers(void)
{
    static const char *const loopback[] = {"127.0.0.0/8"};
    struct address_gate_settings settings = {.is_http_allowed = true, .allow = loopback, .allow_count = 1};

    signal(SIGPIPE, SIG_IGN);
    CHECK(address_gate_create(&settings, &gate, NULL) == STATUS_OK);
    for (size_t i = 0; i < RECEIVERS; i++) {
        make_receiver(&receivers[i], i);
    }
}

/* The request is there, or the other side has gone. */
static void on_request(uv_poll_t *poll, int status, int events)
{
    struct peer *peer = CONTAINER_OF(poll, struct peer, poll);
    char request[4096];

    (void)status, (void)events;
    if (recv(peer->socket, request, sizeof request, 0) > 0) {
        for (size_t done = 0; done < input.size;) {
            ssize_t size = send(peer->socket, input.data + done, input.size - done, MSG_NOSIGNAL);
            if (size <= 0) {
                break; /* it has read enough, or the rest finds no room: either way that is the end */
            }
            done += (size_t)size;
        }
        shutdown(peer->socket, SHUT_WR);
    }
    uv_poll_stop(poll);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct attempt *attempt = CONTAINER_OF(poll, struct attempt, listener);
    int listener;

    (void)status, (void)events;
    CHECK(uv_fileno((uv_handle_t *)poll, &listener) == 0);
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        return;
    }
    CHECK(attempt->peer_count < PEERS_MAX);
    struct peer *peer = &attempt->peers[attempt->peer_count++];
    peer->socket = socket;
    CHECK(uv_poll_init(&attempt->loop, &peer->poll, socket) == 0);
    CHECK(uv_poll_start(&peer->poll, UV_READABLE, on_request) == 0);
}

/* What is said to have been read was sent. */
static void check_retry_after(struct bytes_view value)
{
    CHECK(value.size <= 64);
    CHECK(value.size == 0 || memmem(input.data, input.size, value.data, value.size) != NULL);
    for (size_t i = 0; i < value.size; i++) {
        CHECK(value.data[i] != '\n' && value.data[i] != '\0');
    }
}

static void on_done(void *context, uint64_t number, const struct http_answer *answer)
{
    struct attempt *attempt = context;
    struct webhook_judgement judgement;
    char status[8];

    CHECK(number == 7 && attempt->answers == 0);
    attempt->answers++;
    CHECK((answer->answer.status == 0) == (answer->answer.failure != TRANSPORT_OK));
    CHECK(answer->answer.failure != TRANSPORT_TIMEOUT);
    CHECK((answer->answer.status == 0) == (answer->detail[0] != '\0'));
    CHECK(answer->header_bytes <= HTTP_SINK_HEADER_MAX && answer->body_bytes <= HTTP_SINK_BODY_MAX);
    CHECK(answer->header_bytes + answer->body_bytes <= input.size * answer->requests);
    CHECK(answer->requests <= 2);
    if (answer->answer.status != 0) {
        CHECK(answer->answer.status >= 200 && answer->answer.status <= 999);
        snprintf(status, sizeof status, "%d", answer->answer.status);
        CHECK(memmem(input.data, input.size, status, 3) != NULL);
    }
    check_retry_after(answer->answer.retry_after);
    webhook_verdict_judge(&answer->answer, 1700000000000, &judgement);
    CHECK(judgement.retry_after_ms >= -1 && judgement.retry_after_ms <= WEBHOOK_RETRY_AFTER_MAX_MS);
    CHECK((judgement.verdict == VERDICT_DELIVERED) == (answer->answer.status / 100 == 2));
}

static void start(struct attempt *attempt, const struct receiver *receiver)
{
    struct http_sink_limits limits = {.connections_max = 2};
    struct webhook_request request = {.method = "POST", .url = receiver->url, .field_count = 1};

    request.fields[0] = (struct webhook_field){BYTES_LITERAL("webhook-id"), BYTES_LITERAL("msg_1")};
    CHECK(uv_loop_init(&attempt->loop) == 0);
    CHECK(uv_poll_init(&attempt->loop, &attempt->listener, receiver->socket) == 0);
    CHECK(uv_poll_start(&attempt->listener, UV_READABLE, on_connection) == 0);
    attempt->sink = http_sink_create(&attempt->loop, &limits, gate, on_done, attempt);
    CHECK(http_sink_start_attempt(attempt->sink, 7, &request, BYTES_LITERAL("{}"), TIMEOUT_MS) == STATUS_OK);
}

static void finish(struct attempt *attempt)
{
    http_sink_destroy(attempt->sink);
    uv_close((uv_handle_t *)&attempt->listener, NULL);
    for (size_t i = 0; i < attempt->peer_count; i++) {
        uv_close((uv_handle_t *)&attempt->peers[i].poll, NULL);
    }
    CHECK(uv_run(&attempt->loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&attempt->loop) == 0);
    for (size_t i = 0; i < attempt->peer_count; i++) {
        close(attempt->peers[i].socket);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t turn;
    struct attempt attempt = {.answers = 0};

    if (gate == NULL) {
        make_receivers();
    }
    input = bytes_view_of(data, size);
    start(&attempt, &receivers[turn++ % RECEIVERS]);
    fuzz_allocation_start();
    while (attempt.answers == 0) {
        uv_run(&attempt.loop, UV_RUN_ONCE);
    }
    fuzz_allocation_check_bound(size, FUZZ_ALLOCATION_FACTOR, SINK_FIXED);
    finish(&attempt);
    CHECK(attempt.answers == 1);
    return 0;
}
