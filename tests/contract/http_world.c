/* http: a receiver of raw sockets. */
#include "http_delivery.h"
#include "memory.h"
#include "raw_receiver.h"
#include "sink_world.h"

#include <stdio.h>
#include <stdlib.h>

enum { MODE_TAKE, MODE_FAIL, MODE_HOLD };

struct http_side {
    struct raw_receiver *receiver;
    struct address_gate *gate;
};

static void serve(struct raw_peer *peer)
{
    while (raw_read_request(peer)) {
        while (raw_receiver_mode(peer->receiver) == MODE_HOLD) {
            if (!raw_pause(peer, 2)) {
                return;
            }
        }
        bool is_taken = raw_receiver_mode(peer->receiver) == MODE_TAKE;

        if (!raw_send(peer, is_taken ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                                     : "HTTP/1.1 503 Not Now\r\ncontent-length: 0\r\n\r\n")) {
            return;
        }
    }
}

static void open_side(struct sink_world *world)
{
    static const char *const loopback[] = {"127.0.0.0/8"};
    const struct address_gate_settings settings = {.is_http_allowed = true, .allow = loopback, .allow_count = 1};
    struct http_side *side = memory_alloc(1, sizeof(*side));

    side->receiver = raw_receiver_start(serve, NULL);
    assert_int_equal(address_gate_create(&settings, &side->gate, NULL), STATUS_OK);
    world->side = side;
}

static void close_side(struct sink_world *world)
{
    struct http_side *side = world->side;

    raw_receiver_stop(side->receiver);
    address_gate_destroy(side->gate);
    free(world->subscription.http.url);
    free(world->subscription.http.method);
    free(side);
}

static struct sink make_sink(struct sink_world *world)
{
    const struct http_sink_limits limits = {.connections_max = 128};

    return http_delivery_create(world->loop, &limits, ((struct http_side *)world->side)->gate, sink_world_listen,
                                world);
}

static void fill_target(struct sink_world *world, struct subscription *subscription)
{
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook",
             raw_receiver_port(((struct http_side *)world->side)->receiver));
    subscription->http = (struct http_target){.url = memory_copy_text(url),
                                              .method = memory_copy_text("POST"),
                                              .is_unsigned = true,
                                              .timeout_ms = 30000,
                                              .max_in_flight = 128};
}

static void set_mode(struct sink_world *world, int mode)
{
    raw_receiver_set_mode(((struct http_side *)world->side)->receiver, mode);
}

static void break_down(struct sink_world *world)
{
    set_mode(world, MODE_FAIL);
}

static void take(struct sink_world *world)
{
    set_mode(world, MODE_TAKE);
}

static void hold(struct sink_world *world)
{
    set_mode(world, MODE_HOLD);
}

static size_t arrived(struct sink_world *world, struct bytes *ret_bodies)
{
    struct raw_receiver *receiver = ((struct http_side *)world->side)->receiver;
    unsigned count = raw_receiver_requests(receiver);

    for (unsigned i = 0; i < count; i++) {
        bytes_append_view(ret_bodies, raw_receiver_body(receiver, i));
        bytes_append_byte(ret_bodies, '\n');
    }
    return count;
}

const struct sink_part http_part = {
    .kind = SINK_HTTP,
    .open = open_side,
    .close = close_side,
    .make_sink = make_sink,
    .fill_target = fill_target,
    .break_down = break_down,
    .mend = take,
    .hold = hold,
    .let_go = take,
    .arrived = arrived,
};
