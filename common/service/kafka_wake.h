/* kafka_wake.h: a descriptor that becomes readable when something arrives in a queue of librdkafka.
 *
 * librdkafka writes to it only when the queue goes from empty to non-empty, not for what joins, nor for what is in
 * the queue already when it is attached: take until the queue gives NULL, and keep a note of your own of queues that
 * may hold more. One wake may serve several queues. */
#ifndef RELAY_KAFKA_WAKE_H
#define RELAY_KAFKA_WAKE_H

#include <librdkafka/rdkafka.h>

struct kafka_wake {
    int fd;
};

void kafka_wake_init(struct kafka_wake *wake); /* aborts when there is no descriptor left */
int kafka_wake_fd(const struct kafka_wake *wake);

/* From now on the queue wakes it; and it is readable once, for what stands in the queue already. */
void kafka_wake_attach(const struct kafka_wake *wake, rd_kafka_queue_t *queue);

/* Before a queue is destroyed while the wake lives on. */
void kafka_wake_detach(rd_kafka_queue_t *queue);

/* Makes it unreadable again; call it before taking from the queues, so that no wake-up is lost. */
void kafka_wake_clear(const struct kafka_wake *wake);

/* Makes it readable, from any thread. */
void kafka_wake_up(const struct kafka_wake *wake);

void kafka_wake_destroy(struct kafka_wake *wake); /* no queue is attached any more */

#endif
