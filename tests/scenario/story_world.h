/* story_world.h: the world around a delivery core in a story: names for its numbers, and a clock that is moved by hand.
 */
#ifndef RELAY_STORY_WORLD_H
#define RELAY_STORY_WORLD_H

#include "bytes.h"
#include "delivery_core.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORY_SUBSCRIPTIONS_MAX = 16,
    STORY_PARTITIONS_MAX = 8,
    STORY_RECORDS_MAX = 256,
    STORY_RUNS_MAX = 1024,
    STORY_NAME_MAX = 32,
};

#define STORY_START_MS INT64_C(1000000000)

/* A record that the story fetched; its index is its ticket. */
struct story_record {
    uint32_t partition;
    int64_t offset;
    bool is_released;
};

/* An attempt, or a write of a dead letter, that the core asked for. */
struct story_run {
    bool is_write;
    uint32_t ticket;
    char name[STORY_NAME_MAX]; /* of the subscription: its index may change */
    uint32_t delivery;
    uint64_t attempt;
};

struct story_partition {
    uint64_t assignment;
    int64_t commit_asked;
    uint32_t credit; /* as last printed */
};

struct story_set {
    struct delivery_subscription subscriptions[STORY_SUBSCRIPTIONS_MAX];
    char names[STORY_SUBSCRIPTIONS_MAX][STORY_NAME_MAX];
    bool restarts[STORY_SUBSCRIPTIONS_MAX];
    uint32_t count;
};

struct story_world {
    struct delivery_limits limits;
    struct delivery_policy policy;
    uint64_t seed;
    struct story_set set;       /* in force */
    struct story_set next;      /* what the story has said of the set that comes next */
    struct delivery_core *core; /* made by the first event */
    int64_t now_ms;
    uint64_t last_assignment;
    struct story_partition partitions[STORY_PARTITIONS_MAX];
    struct story_record records[STORY_RECORDS_MAX];
    uint32_t record_count;
    struct story_run runs[STORY_RUNS_MAX];
    uint32_t run_count;
    struct bytes *trace;
};

void story_world_init(struct story_world *world, struct bytes *trace);
void story_world_destroy(struct story_world *world);

/* One line of a story that is no comment and not indented. False, with a word in `trace`, when it means nothing. */
bool story_world_take_line(struct story_world *world, const char *line);

#endif
