#include "admin_http.h"
#include "monotonic_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWER_MAX = 65536 };

static atomic_bool is_live = true;
static atomic_bool is_ready = false;
static struct metrics *metrics;
static struct admin_http *admin;

static bool ask_live(void *context, struct bytes *why)
{
    (void)context;
    bytes_append_text(why, "the loop stands still");
    return atomic_load(&is_live);
}

static bool ask_ready(void *context, struct bytes *why)
{
    (void)context;
    bytes_append_text(why, "no broker has answered");
    return atomic_load(&is_ready);
}

static int set_up(void **state)
{
    (void)state;
    const struct admin_http_health health = {.is_live = ask_live, .is_ready = ask_ready};
    metrics = metrics_create();
    metric_add(metrics_counter(metrics, "x_total", "Help.", NULL), 7);
    struct error error;
    if (admin_http_start("127.0.0.1:0", metrics, &health, &admin, &error) != STATUS_OK) {
        print_error("%s\n", error.text);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    admin_http_stop(admin);
    metrics_destroy(metrics);
    return 0;
}

static int connect_to_admin(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(admin_http_port(admin)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Reads until the other side closes, 20 s at most. */
static void read_all(int fd, char *ret_text)
{
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < ANSWER_MAX - 1) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&waiting, 1, 20000), 1);
        got = recv(fd, ret_text + size, ANSWER_MAX - 1 - size, 0);
        size += got > 0 ? (size_t)got : 0;
    }
    ret_text[size] = '\0';
    close(fd);
}

static const char *ask(const char *request)
{
    static char answer[ANSWER_MAX];
    int fd = connect_to_admin();
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    read_all(fd, answer);
    return answer;
}

static const char *get(const char *path)
{
    char request[256];
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    return ask(request);
}

#define assert_begins(text, begin) assert_int_equal(strncmp((text), (begin), strlen(begin)), 0)
#define assert_ends(text, end) assert_string_equal((text) + strlen(text) - strlen(end), (end))

static void metrics_are_prometheus_text(void **state)
{
    (void)state;
    const char *answer = get("/metrics");
    assert_begins(answer, "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_ends(answer, "\r\n\r\n# HELP x_total Help.\n# TYPE x_total counter\nx_total 7\n");
}

static void health_is_a_status_and_a_line(void **state)
{
    (void)state;
    assert_begins(get("/livez"), "HTTP/1.1 200 OK\r\n");
    assert_ends(get("/livez"), "\r\n\r\nok\n");
    assert_begins(get("/readyz"), "HTTP/1.1 503 Service Unavailable\r\n");
    assert_ends(get("/readyz"), "\r\n\r\nno broker has answered\n");
    atomic_store(&is_ready, true);
    assert_begins(get("/readyz"), "HTTP/1.1 200 OK\r\n");
    atomic_store(&is_live, false);
    assert_begins(get("/livez"), "HTTP/1.1 503 Service Unavailable\r\n");
    assert_ends(get("/livez"), "\r\n\r\nthe loop stands still\n");
    atomic_store(&is_live, true);
}

static void other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    assert_begins(get("/"), "HTTP/1.1 404 ");
    assert_begins(get("/metrics/"), "HTTP/1.1 404 ");
    assert_begins(get("/metrics?x=1"), "HTTP/1.1 200 ");
    const char *answer = ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert_begins(answer, "HTTP/1.1 405 ");
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    assert_begins(ask("DELETE /livez HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ");
    answer = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_begins(answer, "HTTP/1.1 200 OK\r\n");
    assert_ends(answer, "\r\n\r\n");
}

static void rubbish_harms_nobody(void **state)
{
    (void)state;
    (void)ask("\x01\x02\x03\r\n\r\n");
    (void)ask("GET\r\n\r\n");
    assert_begins(get("/livez"), "HTTP/1.1 200 OK\r\n");
}

/* One that is never silent for long, and never finished. */
static void a_slow_sender_is_cut_at_the_deadline(void **state)
{
    (void)state;
    int fd = connect_to_admin();
    int64_t start_ms = monotonic_clock_ms();
    assert_int_equal(send(fd, "GET /livez HTTP/1.1\r\nx: ", 24, MSG_NOSIGNAL), 24);
    bool is_open = true;
    while (is_open && monotonic_clock_ms() - start_ms < 2 * ADMIN_HTTP_DEADLINE_MS) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        char byte;
        (void)send(fd, "y", 1, MSG_NOSIGNAL);
        is_open = poll(&waiting, 1, 500) == 0 || recv(fd, &byte, 1, 0) > 0;
    }
    int64_t took_ms = monotonic_clock_ms() - start_ms;
    close(fd);
    assert_false(is_open);
    assert_in_range(took_ms, ADMIN_HTTP_DEADLINE_MS - 100, ADMIN_HTTP_DEADLINE_MS + 4000);
}

/* All places taken by the silent: they are freed, and the next one is served. */
static void the_silent_do_not_keep_their_places(void **state)
{
    (void)state;
    int fds[ADMIN_HTTP_CONNECTIONS_MAX];
    for (size_t i = 0; i < ADMIN_HTTP_CONNECTIONS_MAX; i++) {
        fds[i] = connect_to_admin();
    }
    assert_begins(get("/livez"), "HTTP/1.1 200 OK\r\n");
    for (size_t i = 0; i < ADMIN_HTTP_CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const fine[] = {"127.0.0.1:9464", "[::1]:0",      ":9464",
                                       "0.0.0.0:65535",  "localhost:80", "[::]:9464"};
    static const char *const wrong[] = {
        "",        "9464",   "127.0.0.1", "127.0.0.1:",    "127.0.0.1:65536", "127.0.0.1:-1",
        "host:80", "::1:80", "[::1:80",   "127.0.0.1:80x", "[127.0.0.1]:80"};
    struct error error;
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        assert_int_equal(admin_http_check_listen(fine[i], &error), STATUS_OK);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(admin_http_check_listen(wrong[i], &error), STATUS_INVALID);
    }
}

static void a_taken_port_is_an_error_with_its_reason(void **state)
{
    (void)state;
    char listen_text[64];
    (void)snprintf(listen_text, sizeof(listen_text), "127.0.0.1:%u", admin_http_port(admin));
    const struct admin_http_health health = {.is_live = ask_live, .is_ready = ask_ready};
    struct admin_http *second;
    struct error error;
    assert_int_equal(admin_http_start(listen_text, metrics, &health, &second, &error), STATUS_IO);
    assert_null(second);
    assert_non_null(strstr(error.text, "Address already in use"));
    assert_int_equal(admin_http_start("[::1]:0", metrics, &health, &second, &error), STATUS_OK);
    assert_true(admin_http_port(second) != 0);
    admin_http_stop(second);
    admin_http_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(health_is_a_status_and_a_line),
        cmocka_unit_test(other_paths_and_methods_are_refused),
        cmocka_unit_test(rubbish_harms_nobody),
        cmocka_unit_test(a_slow_sender_is_cut_at_the_deadline),
        cmocka_unit_test(the_silent_do_not_keep_their_places),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(a_taken_port_is_an_error_with_its_reason),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
