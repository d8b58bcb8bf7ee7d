#include "raw_receiver.h"

#include "check.h"
#include "memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 4096, REQUESTS_KEPT = 4096, HEAD_MAX = 1 << 20 };

struct kept_request {
    struct bytes head;
    struct bytes body;
};

struct served {
    struct raw_peer peer;
    pthread_t thread;
    bool is_open;
};

struct raw_receiver {
    raw_script *script;
    SSL_CTX *tls;
    int listener;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t closed;
    bool is_stopping;
    int mode;
    struct served *served[PEERS_MAX];
    unsigned served_count;
    struct kept_request requests[REQUESTS_KEPT];
    unsigned request_count;
};

/* ---- the life of a connection ---- */

static void *serve(void *context)
{
    struct served *served = context;
    struct raw_peer *peer = &served->peer;
    struct raw_receiver *receiver = peer->receiver;

    if (receiver->tls != NULL) {
        peer->ssl = SSL_new(receiver->tls);
        CHECK(peer->ssl != NULL && SSL_set_fd(peer->ssl, peer->socket) == 1);
    }
    if (peer->ssl == NULL || SSL_accept(peer->ssl) == 1) {
        receiver->script(peer);
    }
    SSL_free(peer->ssl);
    pthread_mutex_lock(&receiver->lock);
    served->is_open = false;
    close(peer->socket);
    pthread_cond_broadcast(&receiver->closed);
    pthread_mutex_unlock(&receiver->lock);
    return NULL;
}

static void take_connection(struct raw_receiver *receiver, int accepted)
{
    struct served *served = memory_alloc(1, sizeof(*served));

    pthread_mutex_lock(&receiver->lock);
    CHECK(receiver->served_count < PEERS_MAX);
    served->peer = (struct raw_peer){.receiver = receiver, .socket = accepted, .connection = receiver->served_count};
    served->is_open = true;
    receiver->served[receiver->served_count++] = served;
    if (receiver->is_stopping) {
        shutdown(accepted, SHUT_RDWR);
    }
    CHECK(pthread_create(&served->thread, NULL, serve, served) == 0);
    pthread_mutex_unlock(&receiver->lock);
}

static void *accept_all(void *context)
{
    struct raw_receiver *receiver = context;
    int accepted;

    while ((accepted = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        take_connection(receiver, accepted);
    }
    return NULL;
}

struct raw_receiver *raw_receiver_start(raw_script *script, SSL_CTX *tls)
{
    struct raw_receiver *receiver = memory_alloc(1, sizeof(*receiver));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    receiver->script = script;
    receiver->tls = tls;
    CHECK(pthread_mutex_init(&receiver->lock, NULL) == 0);
    CHECK(pthread_cond_init(&receiver->closed, NULL) == 0);
    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(receiver->listener >= 0);
    CHECK(bind(receiver->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(receiver->listener, 256) == 0);
    CHECK(getsockname(receiver->listener, (struct sockaddr *)&address, &size) == 0);
    receiver->port = ntohs(address.sin_port);
    CHECK(pthread_create(&receiver->thread, NULL, accept_all, receiver) == 0);
    return receiver;
}

void raw_receiver_stop(struct raw_receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->is_stopping = true;
    for (unsigned i = 0; i < receiver->served_count; i++) {
        if (receiver->served[i]->is_open) {
            shutdown(receiver->served[i]->peer.socket, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&receiver->lock);
    shutdown(receiver->listener, SHUT_RDWR);
    pthread_join(receiver->thread, NULL);
    close(receiver->listener);
    for (unsigned i = 0; i < receiver->served_count; i++) {
        pthread_join(receiver->served[i]->thread, NULL);
        free(receiver->served[i]);
    }
    for (unsigned i = 0; i < receiver->request_count; i++) {
        bytes_free(&receiver->requests[i].head);
        bytes_free(&receiver->requests[i].body);
    }
    pthread_cond_destroy(&receiver->closed);
    pthread_mutex_destroy(&receiver->lock);
    free(receiver);
}

/* ---- what it knows ---- */

uint16_t raw_receiver_port(const struct raw_receiver *receiver)
{
    return receiver->port;
}

unsigned raw_receiver_connections(struct raw_receiver *receiver)
{
    unsigned count;

    pthread_mutex_lock(&receiver->lock);
    count = receiver->served_count;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

static unsigned count_open(const struct raw_receiver *receiver)
{
    unsigned count = 0;

    for (unsigned i = 0; i < receiver->served_count; i++) {
        count += receiver->served[i]->is_open;
    }
    return count;
}

unsigned raw_receiver_open_connections(struct raw_receiver *receiver)
{
    unsigned count;

    pthread_mutex_lock(&receiver->lock);
    count = count_open(receiver);
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

void raw_receiver_await_closed(struct raw_receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    while (count_open(receiver) > 0) {
        pthread_cond_wait(&receiver->closed, &receiver->lock);
    }
    pthread_mutex_unlock(&receiver->lock);
}

void raw_receiver_set_mode(struct raw_receiver *receiver, int mode)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->mode = mode;
    pthread_mutex_unlock(&receiver->lock);
}

int raw_receiver_mode(struct raw_receiver *receiver)
{
    int mode;

    pthread_mutex_lock(&receiver->lock);
    mode = receiver->mode;
    pthread_mutex_unlock(&receiver->lock);
    return mode;
}

unsigned raw_receiver_requests(struct raw_receiver *receiver)
{
    unsigned count;

    pthread_mutex_lock(&receiver->lock);
    count = receiver->request_count;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

struct bytes_view raw_receiver_head(struct raw_receiver *receiver, unsigned index)
{
    CHECK(index < raw_receiver_requests(receiver));
    return bytes_as_view(&receiver->requests[index].head);
}

struct bytes_view raw_receiver_body(struct raw_receiver *receiver, unsigned index)
{
    CHECK(index < raw_receiver_requests(receiver));
    return bytes_as_view(&receiver->requests[index].body);
}

/* ---- for scripts ---- */

static bool read_some(struct raw_peer *peer, void *buffer, size_t size, size_t *ret_size)
{
    ssize_t got = peer->ssl != NULL ? SSL_read(peer->ssl, buffer, (int)size) : recv(peer->socket, buffer, size, 0);

    *ret_size = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Byte by byte, so that nothing of what follows the head is taken. */
static bool read_head(struct raw_peer *peer, struct bytes *head)
{
    while (head->size < 4 || memcmp(head->data + head->size - 4, "\r\n\r\n", 4) != 0) {
        uint8_t byte;
        size_t got;

        if (head->size == HEAD_MAX || !read_some(peer, &byte, 1, &got)) {
            return false;
        }
        bytes_append_byte(head, byte);
    }
    return true;
}

static size_t content_length(const struct bytes *head)
{
    static const char name[] = "\r\ncontent-length: ";

    for (size_t i = 0; i + sizeof(name) < head->size; i++) {
        if (strncasecmp((const char *)head->data + i, name, sizeof(name) - 1) == 0) {
            return strtoul((const char *)head->data + i + sizeof(name) - 1, NULL, 10);
        }
    }
    return 0;
}

bool raw_read_request(struct raw_peer *peer)
{
    struct raw_receiver *receiver = peer->receiver;
    struct kept_request kept = {0};
    bool is_whole = read_head(peer, &kept.head);

    if (is_whole) {
        size_t left = content_length(&kept.head);

        bytes_reserve(&kept.body, left + 1);
        while (left > 0) {
            size_t got;

            if (!read_some(peer, kept.body.data + kept.body.size, left, &got)) {
                is_whole = false;
                break;
            }
            kept.body.size += got;
            left -= got;
        }
    }
    if (!is_whole) {
        bytes_free(&kept.head);
        bytes_free(&kept.body);
        return false;
    }
    peer->requests++;
    pthread_mutex_lock(&receiver->lock);
    CHECK(receiver->request_count < REQUESTS_KEPT);
    receiver->requests[receiver->request_count++] = kept;
    pthread_mutex_unlock(&receiver->lock);
    return true;
}

bool raw_read_head(struct raw_peer *peer)
{
    struct bytes head = {0};
    bool is_whole = read_head(peer, &head);

    bytes_free(&head);
    return is_whole;
}

bool raw_send_bytes(struct raw_peer *peer, const void *data, size_t size)
{
    const char *from = data;

    while (size > 0) {
        ssize_t sent =
            peer->ssl != NULL ? SSL_write(peer->ssl, from, (int)size) : send(peer->socket, from, size, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        peer->sent += (size_t)sent;
        from += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool raw_send(struct raw_peer *peer, const char *text)
{
    return raw_send_bytes(peer, text, strlen(text));
}

void raw_wait_closed(struct raw_peer *peer)
{
    char buffer[4096];
    size_t got;

    while (read_some(peer, buffer, sizeof(buffer), &got)) {
    }
}

bool raw_pause(struct raw_peer *peer, int time_ms)
{
    struct pollfd waited = {.fd = peer->socket, .events = POLLRDHUP};

    return poll(&waited, 1, time_ms) == 0;
}

void raw_reset(struct raw_peer *peer)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    CHECK(setsockopt(peer->socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
}
