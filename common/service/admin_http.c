#include "admin_http.h"

#include "check.h"
#include "memory.h"
#include "monotonic_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_TIMEOUT_S = 2, BACKLOG = 64, CONNECTION_MEMORY_SIZE = 32 << 10 };

struct held_connection {
    int fd; /* -1: free */
    int64_t ends_at_ms;
};

struct admin_http {
    struct MHD_Daemon *daemon;
    struct metrics *metrics;
    struct admin_http_health health;
    uint16_t port;
    /* The library's time-out counts silence only: a sender of one byte a second would keep its place for ever. So a
     * thread of ours shuts down what is too old. The mutex makes sure that a descriptor in the table is still open. */
    pthread_t watchdog;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct held_connection held[ADMIN_HTTP_CONNECTIONS_MAX];
    bool is_stopping;
};

static enum status refuse_listen(const char *listen, struct error *ret_error)
{
    return error_set(ret_error, STATUS_INVALID,
                     "\"%.64s\" is not an address and port like 127.0.0.1:9464, [::1]:9464 or :9464", listen);
}

/* Numeric addresses only: a name could come to mean another address than the one meant. */
static enum status parse_listen(const char *listen, struct sockaddr_in6 *ret_address, struct error *ret_error)
{
    const char *colon = strrchr(listen, ':');
    int64_t port;
    char host[INET6_ADDRSTRLEN + 2];
    if (colon == NULL || (size_t)(colon - listen) >= sizeof(host) ||
        bytes_view_to_int64(bytes_view_of_text(colon + 1), &port) != STATUS_OK || port < 0 || port > 65535) {
        return refuse_listen(listen, ret_error);
    }
    snprintf(host, sizeof(host), "%.*s", (int)(colon - listen), listen);
    *ret_address = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_ANY_INIT};
    size_t length = strlen(host);
    if (length == 0) {
        return STATUS_OK;
    }
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, &ret_address->sin6_addr) == 1 ? STATUS_OK
                                                                           : refuse_listen(listen, ret_error);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (inet_pton(AF_INET, numeric, &address.sin_addr) != 1) {
        return refuse_listen(listen, ret_error);
    }
    memcpy(ret_address, &address, sizeof(address));
    return STATUS_OK;
}

enum status admin_http_check_listen(const char *listen, struct error *ret_error)
{
    struct sockaddr_in6 address;
    return parse_listen(listen, &address, ret_error);
}

static int try_bind(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    const int yes = 1, no = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (address->sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    }
    if (bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static enum status bind_listen(const char *listen, int *ret_fd, uint16_t *ret_port, struct error *ret_error)
{
    struct sockaddr_in6 address;
    enum status status = parse_listen(listen, &address, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct sockaddr *generic = (const struct sockaddr *)&address;
    int fd = try_bind(generic, address.sin6_family == AF_INET6 ? sizeof(address) : sizeof(struct sockaddr_in));
    if (fd < 0 && errno == EAFNOSUPPORT && listen[0] == ':') {
        /* A machine without IPv6. */
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = address.sin6_port};
        fd = try_bind((const struct sockaddr *)&any, sizeof(any));
    }
    if (fd < 0) {
        return error_set(ret_error, STATUS_IO, "cannot listen on %s: %s", listen, strerror(errno));
    }
    struct sockaddr_in6 bound = {0};
    socklen_t size = sizeof(bound);
    CHECK(getsockname(fd, (struct sockaddr *)&bound, &size) == 0);
    *ret_port = ntohs(bound.sin6_port); /* at the same place in both families */
    *ret_fd = fd;
    return STATUS_OK;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **ret_socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct admin_http *admin = context;
    (void)ret_socket_context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    CHECK(info != NULL);
    bool is_start = code == MHD_CONNECTION_NOTIFY_STARTED;
    CHECK(pthread_mutex_lock(&admin->mutex) == 0);
    for (size_t i = 0; i < ADMIN_HTTP_CONNECTIONS_MAX; i++) {
        struct held_connection *held = &admin->held[i];
        if (held->fd == (is_start ? -1 : info->connect_fd)) {
            held->fd = is_start ? info->connect_fd : -1;
            held->ends_at_ms = monotonic_clock_ms() + ADMIN_HTTP_DEADLINE_MS;
            break;
        }
    }
    CHECK(pthread_cond_signal(&admin->changed) == 0);
    CHECK(pthread_mutex_unlock(&admin->mutex) == 0);
}

/* Shuts down what is too old; returns when the next one will be. */
static int64_t end_old_connections(struct admin_http *admin)
{
    int64_t now_ms = monotonic_clock_ms();
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < ADMIN_HTTP_CONNECTIONS_MAX; i++) {
        struct held_connection *held = &admin->held[i];
        if (held->fd < 0 || held->ends_at_ms == INT64_MAX) {
            continue;
        }
        if (held->ends_at_ms <= now_ms) {
            (void)shutdown(held->fd, SHUT_RDWR);
            held->ends_at_ms = INT64_MAX;
        } else if (held->ends_at_ms < next_ms) {
            next_ms = held->ends_at_ms;
        }
    }
    return next_ms;
}

static void *run_watchdog(void *context)
{
    struct admin_http *admin = context;
    CHECK(pthread_mutex_lock(&admin->mutex) == 0);
    while (!admin->is_stopping) {
        int64_t next_ms = end_old_connections(admin);
        if (next_ms == INT64_MAX) {
            CHECK(pthread_cond_wait(&admin->changed, &admin->mutex) == 0);
            continue;
        }
        struct timespec until = {.tv_sec = (time_t)(next_ms / 1000), .tv_nsec = (long)(next_ms % 1000) * 1000000};
        int result = pthread_cond_timedwait(&admin->changed, &admin->mutex, &until);
        CHECK(result == 0 || result == ETIMEDOUT);
    }
    CHECK(pthread_mutex_unlock(&admin->mutex) == 0);
    return NULL;
}

/* One request a connection: nothing is gained by keeping one from scrape to scrape. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              const struct bytes *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(body->size, body->data, MHD_RESPMEM_MUST_COPY);
    CHECK(response != NULL);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned code, const char *text)
{
    struct bytes body = {0};
    bytes_append_format(&body, "%s\n", text);
    enum MHD_Result result = answer(connection, code, "text/plain; charset=utf-8", &body);
    bytes_free(&body);
    return result;
}

static enum MHD_Result answer_metrics(struct admin_http *admin, struct MHD_Connection *connection)
{
    struct bytes body = {0};
    metrics_render(admin->metrics, &body);
    enum MHD_Result result = answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
    bytes_free(&body);
    return result;
}

static enum MHD_Result answer_health(struct admin_http *admin, struct MHD_Connection *connection,
                                     bool (*is_well)(void *context, struct bytes *why))
{
    struct bytes why = {0};
    bool is_ok = is_well(admin->health.context, &why);
    char *text = is_ok ? memory_copy_text("ok") : bytes_view_to_text(bytes_as_view(&why));
    bytes_free(&why);
    enum MHD_Result result = answer_text(connection, is_ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text);
    free(text);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request_context)
{
    struct admin_http *admin = context;
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)request_context;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    }
    if (strcmp(url, "/metrics") == 0) {
        return answer_metrics(admin, connection);
    }
    if (strcmp(url, "/livez") == 0) {
        return answer_health(admin, connection, admin->health.is_live);
    }
    if (strcmp(url, "/readyz") == 0) {
        return answer_health(admin, connection, admin->health.is_ready);
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "here are /metrics, /livez and /readyz");
}

static void start_watchdog(struct admin_http *admin)
{
    for (size_t i = 0; i < ADMIN_HTTP_CONNECTIONS_MAX; i++) {
        admin->held[i].fd = -1;
    }
    pthread_condattr_t attributes;
    CHECK(pthread_mutex_init(&admin->mutex, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&admin->changed, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
    CHECK(pthread_create(&admin->watchdog, NULL, run_watchdog, admin) == 0);
}

static void stop_watchdog(struct admin_http *admin)
{
    CHECK(pthread_mutex_lock(&admin->mutex) == 0);
    admin->is_stopping = true;
    CHECK(pthread_cond_signal(&admin->changed) == 0);
    CHECK(pthread_mutex_unlock(&admin->mutex) == 0);
    CHECK(pthread_join(admin->watchdog, NULL) == 0);
    CHECK(pthread_cond_destroy(&admin->changed) == 0);
    CHECK(pthread_mutex_destroy(&admin->mutex) == 0);
}

/* Poll mode: the library's epoll mode waits a second time when it gets exactly its full table of events. */
static struct MHD_Daemon *start_daemon(struct admin_http *admin, int fd)
{
    return MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, admin, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_SIZE,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, admin, MHD_OPTION_END);
}

enum status admin_http_start(const char *listen, struct metrics *metrics, const struct admin_http_health *health,
                             struct admin_http **ret_admin, struct error *ret_error)
{
    *ret_admin = NULL;
    struct admin_http *admin = memory_alloc(1, sizeof(*admin));
    admin->metrics = metrics;
    admin->health = *health;
    int fd = -1;
    enum status status = bind_listen(listen, &fd, &admin->port, ret_error);
    if (status != STATUS_OK) {
        free(admin);
        return status;
    }
    /* Signals belong to the loop's thread. */
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    start_watchdog(admin);
    admin->daemon = start_daemon(admin, fd);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (admin->daemon == NULL) {
        close(fd);
        stop_watchdog(admin);
        free(admin);
        return error_set(ret_error, STATUS_IO, "cannot listen on %s: the HTTP library does not start", listen);
    }
    *ret_admin = admin;
    return STATUS_OK;
}

uint16_t admin_http_port(const struct admin_http *admin)
{
    return admin->port;
}

void admin_http_stop(struct admin_http *admin)
{
    if (admin == NULL) {
        return;
    }
    MHD_stop_daemon(admin->daemon);
    stop_watchdog(admin);
    free(admin);
}
