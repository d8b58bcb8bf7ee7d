/* curl_client PORT CONNECTIONS FILE: sends FILE's requests to 127.0.0.1 by libcurl, with reused handles, on epoll.
 *
 * libcurl alone: curl_multi_socket_action, sockets that stay watched between two requests, and of the options only
 * those that make its bytes the same as FILE's. Ends as epoll_client does. */
#include "check.h"
#include "frames.h"
#include "memory.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, SOCKETS_MAX = 4096, LINES_MAX = 32, URL_MAX = 512 };

/* A request whose head has been made texts, in place; `lines` follow each other, an empty one ends them. */
struct request {
    char *path;
    char *lines;
    struct bytes_view body;
};

struct client {
    int epoll;
    CURLM *multi;
    const char *port;
    uint32_t watched[SOCKETS_MAX]; /* what epoll watches a socket for; 0: it does not know it */
    long timeout_ms;               /* libcurl's; -1: none */
    struct request *requests;
    size_t request_count;
    size_t sent;
    size_t answered;
};

struct slot {
    CURL *easy;
    char url[URL_MAX];
    struct curl_slist lines[LINES_MAX];
};

#define SET(easy, option, value) CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK)
#define SET_MULTI(multi, option, value) CHECK(curl_multi_setopt(multi, option, value) == CURLM_OK)

/* ---- the file ---- */

/* libcurl makes these by itself. */
static bool is_libcurl_s(const char *line)
{
    return strncasecmp(line, "host:", 5) == 0 || strncasecmp(line, "accept:", 7) == 0 ||
           strncasecmp(line, "content-length:", 15) == 0;
}

/* The text up to the line's end, NUL-terminated in place; *at goes on behind it. */
static char *cut_line(char **at)
{
    char *line = *at;
    char *end = strstr(line, "\r\n");

    CHECK(end != NULL);
    *end = '\0';
    *at = end + 2;
    return line;
}

/* The frame lies in memory of ours that `content` owns. */
static struct request parse_request(char *text, size_t size)
{
    struct request request;
    char *at = text;
    char *line = cut_line(&at);

    CHECK(strncmp(line, "POST ", 5) == 0);
    request.path = line + 5;
    *strchr(request.path, ' ') = '\0';
    request.lines = at;
    do {
        line = cut_line(&at);
    } while (line[0] != '\0');
    request.body = bytes_view_of(at, size - (size_t)(at - text));
    return request;
}

static void load_requests(struct client *client, struct bytes *content)
{
    struct bytes_view rest = bytes_as_view(content);
    struct bytes_view frame;
    size_t capacity = 0;

    while (frames_next(&rest, &frame)) {
        if (client->request_count == capacity) {
            capacity = 2 * capacity + 1024;
            client->requests = memory_resize(client->requests, capacity, sizeof(*client->requests));
        }
        client->requests[client->request_count++] =
            parse_request((char *)content->data + (frame.data - content->data), frame.size);
    }
}

/* ---- libcurl's callbacks ---- */

static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *unused)
{
    struct client *client = context;
    struct epoll_event event = {.data.fd = socket};

    (void)easy, (void)unused;
    CHECK(socket < SOCKETS_MAX);
    event.events =
        ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    /* What is removed goes back to the pool and stays watched as it is, for the next request; see on_close_socket. */
    if (what != CURL_POLL_REMOVE && client->watched[socket] != event.events) {
        int how = client->watched[socket] == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

        CHECK(epoll_ctl(client->epoll, how, socket, &event) == 0);
        client->watched[socket] = event.events;
    }
    return 0;
}

static int on_close_socket(void *context, curl_socket_t socket)
{
    ((struct client *)context)->watched[socket] = 0;
    return close(socket);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    ((struct client *)context)->timeout_ms = timeout_ms;
    return 0;
}

static size_t on_body(char *bytes, size_t unit, size_t size, void *context)
{
    (void)bytes, (void)unit, (void)context;
    return size;
}

/* ---- requests ---- */

static void open_slot(struct client *client, struct slot *slot)
{
    slot->easy = curl_easy_init();
    CHECK(slot->easy != NULL);
    SET(slot->easy, CURLOPT_PRIVATE, slot);
    SET(slot->easy, CURLOPT_NOSIGNAL, 1L);
    SET(slot->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(slot->easy, CURLOPT_PROXY, "");
    SET(slot->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    SET(slot->easy, CURLOPT_CLOSESOCKETDATA, client);
    SET(slot->easy, CURLOPT_WRITEFUNCTION, on_body);
}

/* Gives the slot its next request, if one is left. */
static void send_next(struct client *client, struct slot *slot)
{
    const struct request *request;
    size_t count = 0;

    if (client->sent == client->request_count) {
        return;
    }
    request = &client->requests[client->sent++];
    snprintf(slot->url, sizeof(slot->url), "http://127.0.0.1:%s%s", client->port, request->path);
    for (char *line = request->lines; line[0] != '\0'; line += strlen(line) + 2) {
        if (!is_libcurl_s(line)) {
            CHECK(count < LINES_MAX);
            slot->lines[count].data = line;
            slot->lines[count].next = &slot->lines[count + 1];
            count++;
        }
    }
    CHECK(count > 0);
    slot->lines[count - 1].next = NULL;
    SET(slot->easy, CURLOPT_URL, slot->url);
    SET(slot->easy, CURLOPT_POST, 1L);
    SET(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    SET(slot->easy, CURLOPT_POSTFIELDS, (const char *)request->body.data);
    SET(slot->easy, CURLOPT_HTTPHEADER, slot->lines);
    CHECK(curl_multi_add_handle(client->multi, slot->easy) == CURLM_OK);
}

static void take_answers(struct client *client)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        char *slot = NULL;
        long status = 0;

        CHECK(message->msg == CURLMSG_DONE && message->data.result == CURLE_OK);
        CHECK(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 204);
        CHECK(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot) == CURLE_OK);
        CHECK(curl_multi_remove_handle(client->multi, easy) == CURLM_OK);
        client->answered++;
        send_next(client, (struct slot *)(void *)slot);
    }
}

static void turn(struct client *client)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(client->epoll, events, EVENTS_MAX, (int)client->timeout_ms);
    int running;

    CHECK(count >= 0 || errno == EINTR);
    if (count == 0) {
        CHECK(curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running) == CURLM_OK);
        take_answers(client);
    }
    for (int i = 0; i < count; i++) {
        int flags = ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                    ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                    ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);

        CHECK(curl_multi_socket_action(client->multi, events[i].data.fd, flags, &running) == CURLM_OK);
        take_answers(client);
    }
}

int main(int count, char **arguments)
{
    struct client *client = memory_alloc(1, sizeof(*client));
    struct bytes content;
    struct slot *slots;
    size_t slot_count;

    CHECK(count == 4);
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    client->port = arguments[1];
    client->timeout_ms = -1;
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->multi = curl_multi_init();
    CHECK(client->epoll >= 0 && client->multi != NULL);
    slot_count = strtoul(arguments[2], NULL, 10);
    slots = memory_alloc(slot_count, sizeof(*slots));
    content = frames_load(arguments[3]);
    load_requests(client, &content);
    SET_MULTI(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    SET_MULTI(client->multi, CURLMOPT_SOCKETDATA, client);
    SET_MULTI(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    SET_MULTI(client->multi, CURLMOPT_TIMERDATA, client);
    for (size_t i = 0; i < slot_count; i++) {
        open_slot(client, &slots[i]);
        send_next(client, &slots[i]);
    }
    while (client->answered < client->request_count) {
        turn(client);
    }
    while (getchar() != EOF) {
    }
    for (size_t i = 0; i < slot_count; i++) {
        curl_easy_cleanup(slots[i].easy);
    }
    CHECK(curl_multi_cleanup(client->multi) == CURLM_OK);
    bytes_free(&content);
    free(client->requests);
    free(slots);
    free(client);
    return 0;
}
