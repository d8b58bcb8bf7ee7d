/* epoll_client PORT CONNECTIONS FILE: sends FILE's requests to 127.0.0.1, each as it stands, over kept connections.
 *
 * The least that a client can do: one send, one recv and its part of an epoll_wait for each request. Ends with 0 when
 * every one has been answered 2xx and its standard input has ended; until then its CPU clock can be read. */
#include "check.h"
#include "frames.h"
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { EVENTS_MAX = 256, ANSWER_MAX = 1024 };

struct connection {
    int socket;
    size_t size;
    char answer[ANSWER_MAX];
};

struct client {
    int epoll;
    struct bytes_view rest; /* what is not sent yet */
    size_t in_air;
};

static void send_next(struct client *client, struct connection *connection)
{
    struct bytes_view request;

    connection->size = 0;
    if (frames_next(&client->rest, &request)) {
        CHECK(send(connection->socket, request.data, request.size, MSG_NOSIGNAL) == (ssize_t)request.size);
        client->in_air++;
    }
}

static void connect_to(struct client *client, uint16_t port, struct connection *connection)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connection->socket >= 0);
    CHECK(connect(connection->socket, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->socket, &event) == 0);
    send_next(client, connection);
}

static void on_bytes(struct client *client, struct connection *connection)
{
    ssize_t got =
        recv(connection->socket, connection->answer + connection->size, ANSWER_MAX - connection->size, MSG_DONTWAIT);

    CHECK(got > 0);
    connection->size += (size_t)got;
    if (connection->size < 4 || memcmp(connection->answer + connection->size - 4, "\r\n\r\n", 4) != 0) {
        CHECK(connection->size < ANSWER_MAX);
        return;
    }
    CHECK(memcmp(connection->answer, "HTTP/1.1 204 ", 13) == 0); /* which has no body */
    client->in_air--;
    send_next(client, connection);
}

int main(int count, char **arguments)
{
    struct client client = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event events[EVENTS_MAX];
    struct bytes requests;
    struct connection *connections;
    size_t connection_count;

    CHECK(count == 4);
    connection_count = strtoul(arguments[2], NULL, 10);
    connections = memory_alloc(connection_count, sizeof(*connections));
    requests = frames_load(arguments[3]);
    client.rest = bytes_as_view(&requests);
    for (size_t i = 0; i < connection_count; i++) {
        connect_to(&client, (uint16_t)strtoul(arguments[1], NULL, 10), &connections[i]);
    }
    while (client.in_air > 0) {
        int ready = epoll_wait(client.epoll, events, EVENTS_MAX, -1);

        CHECK(ready >= 0 || errno == EINTR);
        for (int i = 0; i < ready; i++) {
            on_bytes(&client, events[i].data.ptr);
        }
    }
    while (getchar() != EOF) {
    }
    bytes_free(&requests);
    free(connections);
    return 0;
}
