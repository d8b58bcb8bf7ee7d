/* producer_sender.h: the sending half: from the ledger to the publisher, and its reports back.
 *
 * Nothing is sent before the broker has told about the topic. When something comes back that is not the event's fault,
 * the sender says once what to do, lets what is in flight come back, waits, and sends again in order: the oldest
 * alone, as a trial, then the rest. */
#ifndef RELAY_PRODUCER_SENDER_H
#define RELAY_PRODUCER_SENDER_H

#include "kafka_publisher.h"
#include "producer_work.h"

#include <stdbool.h>
#include <stdint.h>

struct producer_sender;

/* All are borrowed. `topic` is for log lines. */
struct producer_sender *producer_sender_create(struct producer_work *work, struct kafka_publisher *publisher,
                                               const char *topic);
void producer_sender_destroy(struct producer_sender *sender); /* NULL is fine */

/* Takes the reports that have come. Times are monotonic here. */
void producer_sender_take_reports(struct producer_sender *sender, int64_t mono_ms);

/* Writes what the broker has refused into the rejects, unless a long line is half way in them.
 * Errors: STATUS_IO with the reason; the event stays in the ledger. */
WARN_UNUSED enum status producer_sender_reject_refused(struct producer_sender *sender, struct error *ret_error);

/* Asks, resumes and sends, whichever is its turn. Asking waits for the broker for at most about `ask_timeout_ms` when
 * it is away; 0: not now.
 * Errors: STATUS_INVALID when the Kafka client cannot be made again. */
WARN_UNUSED enum status producer_sender_send(struct producer_sender *sender, int64_t mono_ms, int ask_timeout_ms,
                                             struct error *ret_error);

/* Why asking has failed last, for people; empty when it has not. */
const char *producer_sender_reason(const struct producer_sender *sender);

/* May events be taken in: the topic is there and nothing is held? */
bool producer_sender_is_open(const struct producer_sender *sender);

/* When producer_sender_send wants to be called next though nothing happens; INT64_MAX: not. */
int64_t producer_sender_deadline(const struct producer_sender *sender);

#endif
