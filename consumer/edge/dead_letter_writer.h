/* dead_letter_writer.h: what becomes of an event that is given up.
 *
 * A dead letter is the record as it was (key, value, timestamp and headers untouched) with `dl_` headers that say why.
 * Written by an idempotent producer of its own, acknowledged by all in-sync replicas; the answer to every write is one
 * call of the listener, from the loop's thread, never from inside dead_letter_writer_write. Each shard has its own
 * writer: dead letters are rare, and nothing is shared then. */
#ifndef RELAY_DEAD_LETTER_WRITER_H
#define RELAY_DEAD_LETTER_WRITER_H

#include "bytes.h"
#include "event_loop.h"
#include "kafka_client.h"
#include "record_decode.h"
#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct dead_letter {
    const struct record_in *record; /* borrowed until the write is answered */
    const char *reason;             /* dl_reason: refused, exhausted, undecodable.RULE … */
    const char *subscription;       /* dl_subscription; NULL where nobody could decode the record */
    uint32_t attempts;              /* dl_attempts; 0: no attempt was made, and no header says so */
    int64_t first_attempt_at_ms;    /* dl_first_attempt_at, Unix milliseconds; with attempts > 0 */
    const char *last_error;         /* dl_last_error; empty: none */
    const char *origin_topic;
    int32_t origin_partition;
    int64_t origin_offset;
};

/* Says that the write with these two numbers is durable (ok) or was refused (logged with the reason). */
typedef void dead_letter_listener(void *context, uint32_t delivery, uint64_t token, bool ok);

struct dead_letter_writer;

/* What is pointed to is borrowed for the writer's life. A client that fails for good is replaced; what it had not
 * written is answered as refused, which has it written again.
 * Errors: STATUS_INVALID when librdkafka refuses the settings. */
WARN_UNUSED enum status dead_letter_writer_create(struct event_loop *loop, const struct kafka_properties *properties,
                                                  const char *topic, const char *group, dead_letter_listener *listener,
                                                  void *context, struct dead_letter_writer **ret_writer,
                                                  struct error *ret_error);

/* Starts a write; a broker that is away is waited for without end. */
void dead_letter_writer_write(struct dead_letter_writer *writer, const struct dead_letter *letter, uint32_t delivery,
                              uint64_t token);

/* Drops what is not acknowledged (its events are delivered again later) and closes within `wait_ms`. The loop is not
 * running. */
void dead_letter_writer_stop(struct dead_letter_writer *writer, int64_t wait_ms);
void dead_letter_writer_destroy(struct dead_letter_writer *writer);

#endif
