#include "curl_loop.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    /* The kernel keeps what we do not read: without this a receiver that floods us fills its default, 128 KiB and
     * more, on every connection. */
    RECEIVE_BUFFER = 16 * 1024,
};

struct watched {
    uv_poll_t poll;
    struct curl_loop *loop;
    curl_socket_t socket;
    CURL *user;   /* the transfer on it; NULL: idle in the pool */
    int events;   /* what libuv watches for now */
    bool is_ours; /* opened here; the others are the resolver's, and libcurl closes them by itself */
};

struct curl_loop {
    uv_loop_t *uv;
    uv_timer_t timer;
    CURLM *multi;
    struct curl_loop_hooks hooks;
    struct watched **watched; /* by socket number */
    size_t watched_capacity;
    size_t open_handles; /* of libuv, the closing ones included */
    void (*freed)(void *context);
    bool is_destroyed;
};

/* ---- watchers ---- */

static void free_if_done(struct curl_loop *loop)
{
    if (loop->is_destroyed && loop->open_handles == 0) {
        void (*freed)(void *) = loop->freed;
        void *context = loop->hooks.context;

        free(loop->watched);
        free(loop);
        freed(context);
    }
}

static void on_watched_closed(uv_handle_t *handle)
{
    struct watched *watched = CONTAINER_OF(handle, struct watched, poll);
    struct curl_loop *loop = watched->loop;

    free(watched);
    loop->open_handles--;
    free_if_done(loop);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct curl_loop *loop = CONTAINER_OF(handle, struct curl_loop, timer);

    loop->open_handles--;
    free_if_done(loop);
}

static struct watched *find_watched(const struct curl_loop *loop, curl_socket_t socket)
{
    return (size_t)socket < loop->watched_capacity ? loop->watched[socket] : NULL;
}

static void set_events(struct watched *watched, int events);
static void remove_watched(struct watched *watched);

static struct watched *add_watched(struct curl_loop *loop, curl_socket_t socket, bool is_ours)
{
    struct watched *watched = memory_alloc(1, sizeof(*watched));

    if ((size_t)socket >= loop->watched_capacity) {
        size_t capacity = 2 * (size_t)socket + 64;

        loop->watched = memory_resize(loop->watched, capacity, sizeof(struct watched *));
        memset(loop->watched + loop->watched_capacity, 0,
               (capacity - loop->watched_capacity) * sizeof(struct watched *));
        loop->watched_capacity = capacity;
    }
    if (loop->watched[socket] != NULL) {
        /* libcurl closes a socket that is still connecting by itself, without CURLOPT_CLOSESOCKETFUNCTION, and its
         * number has come back. The kernel forgot the old socket's watch when it was closed. */
        remove_watched(loop->watched[socket]);
    }
    loop->watched[socket] = watched;
    watched->loop = loop;
    watched->socket = socket;
    watched->is_ours = is_ours;
    CHECK(uv_poll_init(loop->uv, &watched->poll, socket) == 0);
    loop->open_handles++;
    return watched;
}

static void remove_watched(struct watched *watched)
{
    watched->loop->watched[watched->socket] = NULL;
    watched->user = NULL;
    uv_close((uv_handle_t *)&watched->poll, on_watched_closed);
}

/* A peer's word on a connection that nobody uses: its end, or bytes nobody asked for. libcurl looks for the first
 * when it takes a connection out of the pool, but over TLS it takes the second for the next request's answer. */
static void on_idle_event(struct watched *watched)
{
    set_events(watched, 0);
    shutdown(watched->socket, SHUT_RDWR);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watched *watched = CONTAINER_OF(poll, struct watched, poll);
    struct curl_loop *loop = watched->loop;
    int flags = 0;
    int running;

    if (status < 0) {
        watched->events = 0; /* libuv has stopped watching */
        flags = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    } else {
        flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
        flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    }
    if (watched->user == NULL) {
        on_idle_event(watched);
        return;
    }
    if ((flags & CURL_CSELECT_IN) == 0 || loop->hooks.may_read(loop->hooks.context, watched->user, watched->socket)) {
        CHECK(curl_multi_socket_action(loop->multi, watched->socket, flags, &running) == CURLM_OK);
    }
    loop->hooks.has_worked(loop->hooks.context);
}

static void set_events(struct watched *watched, int events)
{
    if (watched->events == events) {
        return;
    }
    watched->events = events;
    if (events == 0) {
        uv_poll_stop(&watched->poll);
    } else {
        CHECK(uv_poll_start(&watched->poll, events, on_poll) == 0);
    }
}

/* ---- libcurl's callbacks ---- */

static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *unused)
{
    struct curl_loop *loop = context;
    struct watched *watched = find_watched(loop, socket);

    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL && !watched->is_ours) {
            remove_watched(watched);
        } else if (watched != NULL) {
            watched->user = NULL;
            if (watched->events != UV_READABLE) {
                set_events(watched, 0);
            }
        }
        return 0;
    }
    if (watched == NULL) {
        watched = add_watched(loop, socket, false);
    }
    watched->user = easy;
    set_events(watched,
               ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0));
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct curl_loop *loop = CONTAINER_OF(timer, struct curl_loop, timer);
    int running;

    CHECK(curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running) == CURLM_OK);
    loop->hooks.has_worked(loop->hooks.context);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct curl_loop *loop = context;

    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&loop->timer);
    } else {
        CHECK(uv_timer_start(&loop->timer, on_timer, (uint64_t)timeout_ms, 0) == 0);
    }
    return 0;
}

/* ---- the page's functions ---- */

struct curl_loop *curl_loop_create(struct uv_loop_s *uv, const struct curl_loop_hooks *hooks)
{
    struct curl_loop *loop = memory_alloc(1, sizeof(*loop));

    loop->uv = uv;
    loop->hooks = *hooks;
    loop->multi = curl_multi_init();
    CHECK(loop->multi != NULL);
    CHECK(uv_timer_init(uv, &loop->timer) == 0);
    loop->open_handles = 1;
    CHECK(curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK);
    CHECK(curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop) == CURLM_OK);
    CHECK(curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK);
    CHECK(curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop) == CURLM_OK);
    return loop;
}

CURLM *curl_loop_multi(const struct curl_loop *loop)
{
    return loop->multi;
}

curl_socket_t curl_loop_open_socket(struct curl_loop *loop, const struct curl_sockaddr *address)
{
    int size = RECEIVE_BUFFER;
    curl_socket_t opened = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    if (opened == CURL_SOCKET_BAD) {
        return opened;
    }
    (void)setsockopt(opened, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    add_watched(loop, opened, true);
    return opened;
}

int curl_loop_close_socket(void *context, curl_socket_t socket)
{
    struct watched *watched = find_watched(context, socket);

    if (watched != NULL) {
        remove_watched(watched);
    }
    return close(socket);
}

void curl_loop_stop(struct curl_loop *loop)
{
    if (loop->multi == NULL) {
        return;
    }
    CHECK(curl_multi_cleanup(loop->multi) == CURLM_OK);
    loop->multi = NULL;
    for (size_t i = 0; i < loop->watched_capacity; i++) {
        if (loop->watched[i] != NULL) {
            remove_watched(loop->watched[i]);
        }
    }
    uv_close((uv_handle_t *)&loop->timer, on_timer_closed);
}

void curl_loop_destroy(struct curl_loop *loop, void (*freed)(void *context))
{
    CHECK(loop->multi == NULL);
    loop->is_destroyed = true;
    loop->freed = freed;
    free_if_done(loop);
}
