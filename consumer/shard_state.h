/* shard_state.h: the struct of a shard, for its own files only.
 *
 * shard.c has its life and its turn, shard_events what the edges say, shard_intake the records that it takes,
 * shard_actions what the core wants done, shard_replacement another set of subscriptions, shard_reports its log lines.
 */
#ifndef RELAY_SHARD_STATE_H
#define RELAY_SHARD_STATE_H

#include "address_gate.h"
#include "bytes.h"
#include "dead_letter_writer.h"
#include "delivery_core.h"
#include "event_loop.h"
#include "inbox.h"
#include "kafka_record.h"
#include "kafka_subscription.h"
#include "log_budget.h"
#include "payload_store.h"
#include "record_decode.h"
#include "route_table.h"
#include "shard.h"
#include "sink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shard {
    struct shard_parts parts;
    const struct consumer_settings *settings;
    struct event_loop *loop;
    struct delivery_core *core;
    struct payload_store *payloads;
    struct record_decoder *decoder;
    struct route_table *routes;
    struct kafka_subscription *subscription;
    struct dead_letter_writer *dead_letters;
    struct address_gate *gate;
    struct sink sinks[SINK_KIND_COUNT];
    struct inbox inbox;
    uint32_t first_slot; /* whose turn it is to be read first */
    bool has_more_to_take;
    bool is_closing;
    struct bytes body;                   /* scratch: the body being rendered */
    struct kafka_record_headers headers; /* scratch: of the record being taken */
    struct log_budget dead_letter_lines;
    uint64_t unknown_schema; /* the last one that was said; 0: none */

    pthread_t thread;
    bool is_started;
    _Atomic int64_t stop_wait_ms; /* NOT_STOPPING: no stop was asked for */
    _Atomic bool may_leave;
    const struct subscription_set *next_set; /* of a reload that is not taken over yet */
    const struct subscription_changes *next_changes;
    bool has_next;
    pthread_mutex_t next_lock; /* over these three: two reloads may come closer together than two turns */
    _Atomic bool has_joined;
    _Atomic bool has_failed;
    int64_t drain_wait_ms; /* what the core was told; NOT_STOPPING: nothing yet */
};

/* The id of a subscription of the set in force. */
static inline const char *shard_subscription_id(const struct shard *shard, uint32_t subscription)
{
    return shard->parts.subscriptions->items[subscription].id;
}

#endif
