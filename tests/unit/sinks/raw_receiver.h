/* raw_receiver.h: a receiver of webhooks made of raw sockets, that behaves as badly as its script says.
 *
 * It listens on a loopback port of its own; each connection is served by a script in a thread of its own. */
#ifndef RELAY_TEST_RAW_RECEIVER_H
#define RELAY_TEST_RAW_RECEIVER_H

#include "bytes.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_receiver;

struct raw_peer {
    struct raw_receiver *receiver;
    int socket;
    SSL *ssl;            /* NULL: plain */
    unsigned connection; /* counted from 0, in the order of the accepts */
    unsigned requests;   /* read on this connection */
    size_t sent;         /* bytes taken by the kernel */
};

/* Serves one connection; it is closed when the script returns. */
typedef void raw_script(struct raw_peer *peer);

/* `tls` is a server's context, or NULL; it must outlive the receiver. */
struct raw_receiver *raw_receiver_start(raw_script *script, SSL_CTX *tls);
void raw_receiver_stop(struct raw_receiver *receiver); /* ends every script, then frees it */

uint16_t raw_receiver_port(const struct raw_receiver *receiver);
unsigned raw_receiver_connections(struct raw_receiver *receiver);      /* accepted so far */
unsigned raw_receiver_open_connections(struct raw_receiver *receiver); /* whose script has not ended */

void raw_receiver_await_closed(struct raw_receiver *receiver); /* until every script has ended */

/* A number that test and script share; 0 at the start. */
void raw_receiver_set_mode(struct raw_receiver *receiver, int mode);
int raw_receiver_mode(struct raw_receiver *receiver);

/* Requests read whole so far; their heads (with the empty line) and bodies live as long as the receiver. */
unsigned raw_receiver_requests(struct raw_receiver *receiver);
struct bytes_view raw_receiver_head(struct raw_receiver *receiver, unsigned index);
struct bytes_view raw_receiver_body(struct raw_receiver *receiver, unsigned index);

/* ---- for scripts; false: the connection is gone ---- */

bool raw_read_request(struct raw_peer *peer); /* head and content-length bytes, and keeps them */
bool raw_read_head(struct raw_peer *peer);    /* the head alone; nothing is kept */
bool raw_send(struct raw_peer *peer, const char *text);
bool raw_send_bytes(struct raw_peer *peer, const void *data, size_t size);
void raw_wait_closed(struct raw_peer *peer);        /* until the other side closes */
bool raw_pause(struct raw_peer *peer, int time_ms); /* the pace of a slow script */
void raw_reset(struct raw_peer *peer);              /* has the connection end with RST */

#endif
