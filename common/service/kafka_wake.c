#include "kafka_wake.h"

#include "check.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* An eventfd takes eight bytes, a number above 0, and adds it. */
static const uint64_t one = 1;

void kafka_wake_init(struct kafka_wake *wake)
{
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(wake->fd >= 0);
}

int kafka_wake_fd(const struct kafka_wake *wake)
{
    return wake->fd;
}

void kafka_wake_attach(const struct kafka_wake *wake, rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, wake->fd, &one, sizeof(one));
    kafka_wake_up(wake); /* what stands in the queue already, a refused connection, would wake nobody */
}

void kafka_wake_detach(rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
}

void kafka_wake_clear(const struct kafka_wake *wake)
{
    uint64_t count;
    ssize_t got = read(wake->fd, &count, sizeof(count));
    CHECK(got == (ssize_t)sizeof(count) || errno == EAGAIN || errno == EINTR);
}

void kafka_wake_up(const struct kafka_wake *wake)
{
    ssize_t put = write(wake->fd, &one, sizeof(one));
    CHECK(put == (ssize_t)sizeof(one) || errno == EAGAIN);
}

void kafka_wake_destroy(struct kafka_wake *wake)
{
    close(wake->fd);
    wake->fd = -1;
}
