/* webhook_receiver.h: an HTTP receiver on loopback that takes nothing on trust.
 *
 * A POST, PUT or PATCH is a delivery; the last part of its path names the subscriber. It is answered
 *   204  signed rightly, of the right shape, and ordered by this subscriber;
 *   401  not signed, or not rightly;         404  no such subscriber;
 *   413  a body above RECEIVER_BODY_MAX;     422  wrong shape, another tenant's event, or one that nobody ordered;
 *   500  the journal could not be written.
 * All but 204 count as refused. Two more requests are for the person at the keyboard:
 *   GET /counts                 the counts below as JSON
 *   PUT /answer/ID/STATUS       answer ID's deliveries with this status from now on, unread; STATUS `judge` ends it
 * Requests are judged one at a time, on threads of its own; the calls below are for the thread that created it. */
#ifndef RELAY_WEBHOOK_RECEIVER_H
#define RELAY_WEBHOOK_RECEIVER_H

#include "expected_deliveries.h"
#include "receiver_journal.h"
#include "subscriber_list.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RECEIVER_BODY_MAX = 1024 * 1024,
    RECEIVER_CONNECTIONS_MAX = 900,
    RECEIVER_REQUEST_S_MAX = 30,      /* from the request's first byte to its last */
    RECEIVER_IDS_REMEMBERED = 100000, /* a repeat of an older id counts as a new delivery */
};

struct webhook_receiver;

struct receiver_settings {
    uint16_t port;                        /* 0: a free one */
    const char *secrets_folder;           /* NULL: signatures are not checked, and each line says so */
    struct subscriber_list *subscribers;  /* NULL: any path is taken, for any tenant */
    struct expected_deliveries *expected; /* NULL: nothing in particular */
    struct receiver_journal *journal;     /* NULL: none */
    int64_t print_whole;                  /* this many deliveries are printed whole, the others as a line */
    bool is_quiet;                        /* print refusals only */
    int fail_status;                      /* the answer to the first fail_count deliveries, unread */
    int64_t fail_count;                   /* 0: none */
    int64_t delay_ms;                     /* each delivery is answered so much later, each on a thread of its own */
    void (*complete)(void *context);      /* called once, when all that is expected has arrived; may be NULL */
    void *context;
};

struct receiver_counts {
    int64_t requests;      /* everything but GET and /answer */
    int64_t delivered;     /* taken, each webhook-id of a subscriber once; of the expected ones, where there are any */
    int64_t others;        /* taken, but not expected */
    int64_t signatures_ok; /* of `delivered`, those whose signature was checked */
    int64_t duplicates;    /* taken again */
    int64_t refused;
    int64_t told;    /* answered as PUT /answer or fail_status say */
    int64_t missing; /* expected and not there yet */
};

/* Starts to listen on 127.0.0.1. What the settings point to must outlive the receiver.
 * Errors: STATUS_UNAVAILABLE when the port is taken or there is no thread. */
WARN_UNUSED enum status webhook_receiver_create(const struct receiver_settings *settings,
                                                struct webhook_receiver **ret_receiver, struct error *ret_error);

uint16_t webhook_receiver_port(const struct webhook_receiver *receiver);

/* Stops listening and waits for the request in hand; the counts stay. */
void webhook_receiver_stop(struct webhook_receiver *receiver);

struct receiver_counts webhook_receiver_counts(struct webhook_receiver *receiver);

void webhook_receiver_destroy(struct webhook_receiver *receiver);

#endif
