/* timer_queue.h: what is due when. Two timers with the same time come out in the order in which they were set. */
#ifndef RELAY_TIMER_QUEUE_H
#define RELAY_TIMER_QUEUE_H

#include "heap.h"

#include <stdbool.h>
#include <stdint.h>

#define TIMER_QUEUE_EMPTY INT64_MAX

/* Whose timer it is; the owner is found from the address of the timer. */
enum timer_kind { TIMER_DELIVERY, TIMER_LANE, TIMER_PARTITION, TIMER_DRAIN };

/* Zeroed is not set. */
struct timer {
    struct heap_node node;
    int64_t due_ms;
    uint64_t sequence;
    enum timer_kind kind;
    bool is_set;
};

struct timer_queue {
    struct heap heap;
    uint64_t sequence;
};

void timer_queue_init(struct timer_queue *queue);

/* Sets it, or sets it anew. */
void timer_queue_set(struct timer_queue *queue, struct timer *timer, enum timer_kind kind, int64_t due_ms);
void timer_queue_cancel(struct timer_queue *queue, struct timer *timer); /* one that is not set is fine */

/* When the first is due, TIMER_QUEUE_EMPTY for never. */
int64_t timer_queue_next(const struct timer_queue *queue);

/* The first that is due at `now_ms`, no longer set; NULL when there is none. */
struct timer *timer_queue_take_due(struct timer_queue *queue, int64_t now_ms);

#endif
