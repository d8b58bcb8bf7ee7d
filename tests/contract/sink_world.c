#include "sink_world.h"

#include "check.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HANG_MS = 60000 };

void sink_world_listen(void *context, uint64_t number, const struct sink_answer *answer)
{
    struct sink_world *world = context;
    struct world_answer *kept = &world->answers[world->answer_count];
    char text[SINK_ERROR_MAX];

    CHECK(!world->is_in_op);
    CHECK(world->answer_count < WORLD_ANSWERS_MAX);
    world->answer_count++;
    *kept = (struct world_answer){
        .number = number, .verdict = answer->verdict, .retry_after_ms = answer->retry_after_ms, .error = answer->error};
    snprintf(kept->detail, sizeof(kept->detail), "%s", answer->detail);
    /* What holds for every answer of every sink. */
    sink_error_text(answer->error, text);
    CHECK((answer->verdict == VERDICT_DELIVERED) == (answer->error == 0));
    CHECK((answer->error == 0) == (text[0] == '\0'));
    if (world->on_answer != NULL) {
        world->on_answer(world);
    }
}

static void on_turn(void *context, int64_t now_ms)
{
    struct sink_world *world = context;

    if (world->answer_count >= world->wanted || now_ms > world->give_up_ms) {
        event_loop_stop(world->loop);
    }
}

void sink_world_open(struct sink_world *world, const struct sink_part *part)
{
    memset(world, 0, sizeof(*world));
    world->part = part;
    world->loop = event_loop_create(&(struct event_loop_hooks){.on_turn = on_turn, .context = world});
    part->open(world);
    world->subscription.id = memory_copy_text("contract");
    world->subscription.tenant = WORLD_TENANT;
    world->subscription.enabled = true;
    world->subscription.sink = part->kind;
    part->fill_target(world, &world->subscription);
    world->sink = part->make_sink(world);
}

void sink_world_close(struct sink_world *world)
{
    unsigned before = world->answer_count;

    world->sink.ops->destroy(world->sink.self);
    event_loop_destroy(world->loop);
    assert_int_equal(world->answer_count, before);
    world->part->close(world);
    free(world->subscription.id);
}

static void render_body(char *text, size_t size, uint64_t number)
{
    snprintf(text, size, "{\"number\":%" PRIu64 "}", number);
}

void sink_world_append_body(struct bytes *bodies, uint64_t number)
{
    char text[64];

    render_body(text, sizeof(text), number);
    bytes_append_text(bodies, text);
    bytes_append_byte(bodies, '\n');
}

/* Gives the bytes back in a way that shows who still looks at them. */
static void spoil(char *text)
{
    memset(text, '#', strlen(text));
    free(text);
}

char *sink_world_start(struct sink_world *world, uint64_t number)
{
    char *body = memory_alloc(1, 64);
    char *key = memory_copy_text("2050");
    char *id = memory_copy_text("0d2f3c1e-0000-8000-8000-000000000001");
    char *trace = memory_copy_text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    char *value = memory_copy_text("record");
    const struct record_header header = {.name = "ce_id", .value = bytes_view_of_text(id)};
    const struct record_in record = {.key = bytes_view_of_text(key),
                                     .value = bytes_view_of_text(value),
                                     .headers = &header,
                                     .header_count = 1,
                                     .timestamp_ms = 1770112682077};
    struct error error = {0};

    render_body(body, 64, number);
    const struct sink_delivery delivery = {.number = number,
                                           .subscription = &world->subscription,
                                           .record = &record,
                                           .tenant = WORLD_TENANT,
                                           .id = bytes_view_of_text(id),
                                           .traceparent = bytes_view_of_text(trace),
                                           .body = bytes_view_of_text(body),
                                           .now_ms = (int64_t)time(NULL) * 1000};
    world->is_in_op = true;
    if (world->sink.ops->start_attempt(world->sink.self, &delivery, &error) != STATUS_OK) {
        fail_msg("could not be started: %s", error.text);
    }
    world->is_in_op = false;
    spoil(key);
    spoil(id);
    spoil(trace);
    spoil(value);
    return body;
}

void sink_world_cancel(struct sink_world *world, uint64_t number)
{
    world->is_in_op = true;
    world->sink.ops->cancel(world->sink.self, number);
    world->is_in_op = false;
}

void sink_world_await(struct sink_world *world, unsigned answers)
{
    world->wanted = answers;
    world->give_up_ms = event_loop_now_ms(world->loop) + HANG_MS;
    event_loop_run(world->loop);
    assert_int_equal(world->answer_count, answers);
}

void sink_world_rest(struct sink_world *world, int64_t time_ms)
{
    world->wanted = UINT32_MAX;
    world->give_up_ms = event_loop_now_ms(world->loop) + time_ms;
    event_loop_set_deadline(world->loop, world->give_up_ms + 1);
    event_loop_run(world->loop);
    event_loop_set_deadline(world->loop, INT64_MAX);
}

const struct world_answer *sink_world_once(struct sink_world *world, uint64_t number)
{
    unsigned before = world->answer_count;
    char *body = sink_world_start(world, number);

    sink_world_await(world, before + 1);
    spoil(body);
    assert_int_equal(world->answers[before].number, number);
    return &world->answers[before];
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void sort_lines(struct bytes *bodies, size_t count)
{
    uint64_t *numbers = memory_alloc(count + 1, sizeof(*numbers));
    const char *at;
    size_t found = 0;

    bytes_append_byte(bodies, '\0');
    at = (const char *)bodies->data;
    while (found < count && sscanf(at, "{\"number\":%" SCNu64 "}", &numbers[found]) == 1) {
        at = strchr(at, '\n') + 1;
        found++;
    }
    assert_int_equal(found, count);
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    bytes_clear(bodies);
    for (size_t i = 0; i < count; i++) {
        sink_world_append_body(bodies, numbers[i]);
    }
    free(numbers);
}

void sink_world_assert_arrived(struct sink_world *world, const uint64_t *numbers, size_t count)
{
    struct bytes arrived = {0};
    struct bytes expected = {0};
    size_t arrived_count = world->part->arrived(world, &arrived);

    for (size_t i = 0; i < count; i++) {
        sink_world_append_body(&expected, numbers[i]);
    }
    assert_int_equal(arrived_count, count);
    if (!world->part->keeps_order) {
        sort_lines(&arrived, count);
        sort_lines(&expected, count);
    }
    assert_true(bytes_view_equal(bytes_as_view(&arrived), bytes_as_view(&expected)));
    bytes_free(&arrived);
    bytes_free(&expected);
}
