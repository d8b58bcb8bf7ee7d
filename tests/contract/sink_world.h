/* sink_world.h: a sink in a loop, its target on the other side, and what was answered. */
#ifndef RELAY_TEST_SINK_WORLD_H
#define RELAY_TEST_SINK_WORLD_H

#include "event_loop.h"
#include "sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WORLD_ANSWERS_MAX = 512, WORLD_TENANT = 2050 };

struct sink_world;

/* One kind of sink and the real part that it delivers to. `side` is the part's own. */
struct sink_part {
    enum sink_kind kind;
    bool keeps_order; /* of deliveries that are started at once */
    void (*open)(struct sink_world *world);
    void (*close)(struct sink_world *world);
    struct sink (*make_sink)(struct sink_world *world);
    void (*fill_target)(struct sink_world *world, struct subscription *subscription);
    void (*break_down)(struct sink_world *world);                          /* from now on nothing can be delivered */
    void (*mend)(struct sink_world *world);                                /* it can again */
    void (*hold)(struct sink_world *world);                                /* from now on nothing is answered */
    void (*let_go)(struct sink_world *world);                              /* what was held is answered */
    size_t (*arrived)(struct sink_world *world, struct bytes *ret_bodies); /* each with a newline, in order */
};

extern const struct sink_part http_part, kafka_part, file_part;

struct world_answer {
    uint64_t number;
    enum delivery_verdict verdict;
    int64_t retry_after_ms;
    int32_t error;
    char detail[160];
};

struct sink_world {
    const struct sink_part *part;
    void *side;
    struct event_loop *loop;
    struct sink sink;
    struct subscription subscription;
    struct world_answer answers[WORLD_ANSWERS_MAX]; /* in their order */
    unsigned answer_count;
    unsigned wanted;
    int64_t give_up_ms;
    bool is_in_op;                               /* no answer may come now */
    void (*on_answer)(struct sink_world *world); /* called inside the listener; may be NULL */
};

/* What a part hands to its sink, with the world as the context. */
void sink_world_listen(void *context, uint64_t number, const struct sink_answer *answer);

void sink_world_open(struct sink_world *world, const struct sink_part *part);
void sink_world_close(struct sink_world *world); /* destroys the sink and asserts that the loop then ends */

/* Starts the delivery of a body that names `number` and asserts that it starts. What is lent for the call alone is
 * spoilt and freed after it. The body is the caller's, to be freed after the answer or the cancel. */
char *sink_world_start(struct sink_world *world, uint64_t number);

void sink_world_cancel(struct sink_world *world, uint64_t number);

/* Runs the loop until there are so many answers in all, and asserts that there are not more. */
void sink_world_await(struct sink_world *world, unsigned answers);

/* Runs the loop for so long. */
void sink_world_rest(struct sink_world *world, int64_t time_ms);

/* One delivery from start to its answer, which must be the only one. */
const struct world_answer *sink_world_once(struct sink_world *world, uint64_t number);

/* The body of a number, with a newline. */
void sink_world_append_body(struct bytes *bodies, uint64_t number);

/* Asserts that these bodies arrived; in this order where the sink keeps one. */
void sink_world_assert_arrived(struct sink_world *world, const uint64_t *numbers, size_t count);

#endif
