/* curl_loop.h: a libcurl multi handle driven by a libuv loop.
 *
 * It watches libcurl's sockets and its one timer. The sockets that libcurl connects are opened and closed here, so
 * that a connection keeps one watcher for its life and is still watched while it lies idle in the pool: one that
 * becomes readable there was closed by its peer, or speaks unasked, and is shut down, so that no request meets it.
 * For the sinks of this folder only. */
#ifndef RELAY_CURL_LOOP_H
#define RELAY_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;
struct curl_loop;

/* What the owner hears, always from the loop and never from inside libcurl: so it may add and remove handles. */
struct curl_loop_hooks {
    /* Bytes are there for `easy` on `socket`. False: the owner has removed the handle, they are not read. */
    bool (*may_read)(void *context, CURL *easy, curl_socket_t socket);
    /* libcurl has worked: its messages may be read. */
    void (*has_worked)(void *context);
    void *context;
};

struct curl_loop *curl_loop_create(struct uv_loop_s *uv, const struct curl_loop_hooks *hooks);

/* The multi handle; NULL after curl_loop_stop. */
CURLM *curl_loop_multi(const struct curl_loop *loop);

/* For CURLOPT_OPENSOCKETFUNCTION, with its address: a socket that is watched, or CURL_SOCKET_BAD. */
curl_socket_t curl_loop_open_socket(struct curl_loop *loop, const struct curl_sockaddr *address);

/* The CURLOPT_CLOSESOCKETFUNCTION of every handle; its data is the curl_loop. */
int curl_loop_close_socket(void *context, curl_socket_t socket);

/* Closes every connection and the multi handle, which has no handle in it any more. May be called again. */
void curl_loop_stop(struct curl_loop *loop);

/* After curl_loop_stop. The memory is given back, and `freed` called, once the loop has closed the last watcher. */
void curl_loop_destroy(struct curl_loop *loop, void (*freed)(void *context));

#endif
