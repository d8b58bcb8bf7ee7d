/* bench_receiver PORT COUNT [FILE]: takes HTTP/1.1 requests on 127.0.0.1 and answers each with 204, as cheaply as it
 * can.
 *
 * Says `listening`, `first` when the first request is whole, `last` when the COUNT-th is; each on a line. When its
 * standard input ends it says `requests N bytes B` and ends. FILE gets the requests as they came, in frames. */
#include "check.h"
#include "frames.h"
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, REQUEST_MAX = 64 * 1024, SOCKETS_MAX = 4096 };

struct connection {
    size_t size;
    uint8_t data[REQUEST_MAX];
};

struct receiver {
    int epoll;
    int listener;
    FILE *file; /* NULL: requests are not kept */
    uint64_t expected;
    uint64_t requests;
    uint64_t bytes;
    struct connection *connections[SOCKETS_MAX]; /* by socket */
};

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static void watch(struct receiver *receiver, int socket)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};

    CHECK(epoll_ctl(receiver->epoll, EPOLL_CTL_ADD, socket, &event) == 0);
}

static void listen_on(struct receiver *receiver, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;

    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(receiver->listener >= 0);
    CHECK(setsockopt(receiver->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0);
    CHECK(bind(receiver->listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(receiver->listener, SOCKETS_MAX) == 0);
    watch(receiver, receiver->listener);
}

static void on_connection(struct receiver *receiver)
{
    int socket = accept4(receiver->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    CHECK(socket >= 0 && socket < SOCKETS_MAX);
    receiver->connections[socket] = memory_alloc(1, sizeof(struct connection));
    watch(receiver, socket);
}

/* The size of the request that `data` begins with; 0 while its head is not whole. */
static size_t request_size(const uint8_t *data, size_t size)
{
    static const char field[] = "\r\nContent-Length: ";
    const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
    const char *found;

    if (end == NULL) {
        return 0;
    }
    found = memmem(data, (size_t)(end - data), field, sizeof(field) - 1);
    CHECK(found != NULL);
    return (size_t)(end - data) + 4 + strtoul(found + sizeof(field) - 1, NULL, 10);
}

static void take_request(struct receiver *receiver, int socket, struct bytes_view request)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

    if (receiver->file != NULL) {
        frames_write(receiver->file, request);
    }
    receiver->requests++;
    receiver->bytes += request.size;
    if (receiver->requests == 1) {
        say("first");
    }
    CHECK(send(socket, answer, sizeof(answer) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(answer) - 1);
    if (receiver->requests == receiver->expected) {
        say("last");
    }
}

static void on_bytes(struct receiver *receiver, int socket)
{
    struct connection *connection = receiver->connections[socket];
    ssize_t got = recv(socket, connection->data + connection->size, REQUEST_MAX - connection->size, 0);
    size_t size;

    if (got <= 0) {
        CHECK(got == 0 || errno == ECONNRESET);
        receiver->connections[socket] = NULL;
        free(connection);
        close(socket);
        return;
    }
    connection->size += (size_t)got;
    size = request_size(connection->data, connection->size);
    CHECK(size <= REQUEST_MAX && connection->size < REQUEST_MAX);
    if (size > 0 && connection->size >= size) {
        CHECK(connection->size == size); /* nobody here sends a request before the last one's answer */
        take_request(receiver, socket, bytes_view_of(connection->data, size));
        connection->size = 0;
    }
}

/* One turn; false once standard input has ended. */
static bool turn(struct receiver *receiver)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(receiver->epoll, events, EVENTS_MAX, -1);

    CHECK(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == STDIN_FILENO) {
            return false;
        }
        if (events[i].data.fd == receiver->listener) {
            on_connection(receiver);
        } else {
            on_bytes(receiver, events[i].data.fd);
        }
    }
    return true;
}

int main(int count, char **arguments)
{
    struct receiver *receiver = memory_alloc(1, sizeof(*receiver));

    CHECK(count == 3 || count == 4);
    receiver->expected = strtoul(arguments[2], NULL, 10);
    if (count == 4) {
        receiver->file = fopen(arguments[3], "wb");
        CHECK(receiver->file != NULL);
    }
    receiver->epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(receiver->epoll >= 0);
    watch(receiver, STDIN_FILENO);
    listen_on(receiver, (uint16_t)strtoul(arguments[1], NULL, 10));
    say("listening");
    while (turn(receiver)) {
    }
    CHECK(receiver->file == NULL || fclose(receiver->file) == 0);
    printf("requests %llu bytes %llu\n", (unsigned long long)receiver->requests, (unsigned long long)receiver->bytes);
    for (size_t i = 0; i < SOCKETS_MAX; i++) {
        free(receiver->connections[i]);
    }
    free(receiver);
    return 0;
}
