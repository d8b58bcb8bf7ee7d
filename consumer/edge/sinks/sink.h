/* sink.h: one contract for every kind of target that a subscription can have.
 *
 * A sink takes deliveries, carries each to its target and says in one answer what came of it. What an answer means is
 * the same for all: delivered is delivered for good, refused is the event's fault, failed is the target's, which is
 * tried again. One sink serves one loop and one thread and all subscriptions of its kind; it is made without its
 * targets and meets them in the deliveries. */
#ifndef RELAY_SINK_H
#define RELAY_SINK_H

#include "bytes.h"
#include "delivery_core.h"
#include "record_decode.h"
#include "status.h"
#include "subscription.h"
#include "webhook_verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* One event on its way to one subscription. */
struct sink_delivery {
    uint64_t number;                         /* no delivery in the air has it */
    const struct subscription *subscription; /* of the sink's kind; borrowed for the call */
    const struct record_in *record;          /* as it was read; borrowed for the call */
    int64_t tenant;                          /* the decoded event's */
    struct bytes_view id;                    /* the event's; borrowed for the call */
    struct bytes_view traceparent;           /* the same; empty: none */
    struct bytes_view body;                  /* the JSON; borrowed until the answer or the cancel */
    int64_t now_ms;                          /* Unix time of this attempt */
};

struct sink_answer {
    enum delivery_verdict verdict;
    int64_t retry_after_ms; /* -1: the target named none */
    int32_t error;          /* 0 when delivered; for sink_error_text */
    const char *detail;     /* for a log line, never NULL; valid inside the listener */
    uint32_t requests;      /* 2: the event went out twice within this attempt */
};

/* The one answer to a delivery that was started and not cancelled. Called from the loop, never from inside an op; may
 * call the ops, all but `destroy`. */
typedef void sink_listener(void *context, uint64_t number, const struct sink_answer *answer);

struct sink_ops {
    /* Starts a delivery; does not block. May be repeated for the same event under another number, and then the target
     * has it twice. Deliveries to one target that are started in one order are carried out in that order as far as
     * the target has one (a topic's partition, a file; HTTP has none). Aborts when the tenants of event, subscription
     * and key are not one (sink_delivery_check).
     * Answer: one call of the listener, unless it is cancelled.
     * Errors (then nothing has started and no answer follows): STATUS_FULL no room until something is answered,
     * STATUS_INVALID the delivery or the sink's own settings are not what the target's library takes. */
    enum status (*start_attempt)(void *self, const struct sink_delivery *delivery, struct error *ret_error);

    /* Takes the answer back: none follows, and what was borrowed is free. Does not block. Whether the target gets the
     * event all the same is open. A number that is not in the air is ignored, so it may be repeated. */
    void (*cancel)(void *self, uint64_t number);

    /* Lets go of what was opened by name, to be opened anew by that name; what is under way is finished first. Does not
     * block, has no answer, may be repeated. */
    void (*reopen)(void *self);

    /* Ends everything: no answer follows, nothing may be started. Does not wait for the target. May be repeated. */
    void (*stop)(void *self);

    /* Stops if need be. The memory is given back when the loop has turned, at the latest in event_loop_destroy, which
     * waits for a write to a file that is under way. Once. */
    void (*destroy)(void *self);
};

/* A zeroed one is none. */
struct sink {
    const struct sink_ops *ops;
    void *self;
};

/* The last wall: aborts the program unless the event's tenant, the subscription's and the one that the record's key
 * spells are one number, because anything else shows one tenant's events to another. Every sink calls it right before
 * it hands the bytes on. */
void sink_delivery_check(const struct sink_delivery *delivery, enum sink_kind kind);

/* The tenant that the record's key spells, read anew from its bytes; 0 where it spells none. */
int64_t sink_key_tenant(const struct sink_delivery *delivery);

/* ---- errors: one number, so that the delivery core can carry it from an answer to a dead letter ---- */

int32_t sink_error_of_answer(const struct webhook_answer *answer); /* 0 for a 2xx */
int32_t sink_error_of_failure(enum transport_failure failure);
int32_t sink_error_of_kafka(int code); /* an rd_kafka_resp_err_t that is not 0 */
int32_t sink_error_of_file(int code);  /* an errno */

enum { SINK_ERROR_MAX = 64 };

/* `timeout`, `too-large`, `http 503`, `kafka TOPIC_AUTHORIZATION_FAILED`, `file ENOSPC`; empty for 0. */
void sink_error_text(int32_t error, char ret_text[SINK_ERROR_MAX]);

struct log_budget;

/* Whether one more line about a failure may be written at `now_ms`; says first how many were left out before. */
bool sink_may_log(struct log_budget *budget, int64_t now_ms);

#endif
