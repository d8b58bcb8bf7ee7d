/* file: a folder of its own; its disk is full when the process may write no larger file. */
#include "file_sink.h"
#include "memory.h"
#include "sink_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_side {
    char folder[32];
    char path[64];
    int lock; /* -1: nobody holds the file */
};

static void open_side(struct sink_world *world)
{
    struct file_side *side = memory_alloc(1, sizeof(*side));

    snprintf(side->folder, sizeof(side->folder), "/tmp/file-sink-XXXXXX");
    assert_non_null(mkdtemp(side->folder));
    snprintf(side->path, sizeof(side->path), "%s/lines", side->folder);
    side->lock = -1;
    signal(SIGXFSZ, SIG_IGN);
    world->side = side;
}

static void close_side(struct sink_world *world)
{
    struct file_side *side = world->side;

    unlink(side->path);
    assert_int_equal(rmdir(side->folder), 0);
    free(world->subscription.file.path);
    free(side);
}

static struct sink make_sink(struct sink_world *world)
{
    return file_sink_create(world->loop, sink_world_listen, world);
}

static void fill_target(struct sink_world *world, struct subscription *subscription)
{
    subscription->file = (struct file_target){.path = memory_copy_text(((struct file_side *)world->side)->path),
                                              .fsync = FILE_FSYNC_ALWAYS};
}

static void limit_size(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Room for a few bytes more: a part of a line is taken, and must not stay. */
static void break_down(struct sink_world *world)
{
    struct stat facts = {0};

    stat(((struct file_side *)world->side)->path, &facts);
    limit_size((rlim_t)facts.st_size + 5);
}

static void mend(struct sink_world *world)
{
    (void)world;
    limit_size(RLIM_INFINITY);
}

static void hold(struct sink_world *world)
{
    struct file_side *side = world->side;

    side->lock = open(side->path, O_RDWR | O_CREAT, 0600);
    assert_true(side->lock >= 0);
    assert_int_equal(flock(side->lock, LOCK_EX), 0);
}

static void let_go(struct sink_world *world)
{
    struct file_side *side = world->side;

    close(side->lock);
    side->lock = -1;
}

static size_t arrived(struct sink_world *world, struct bytes *ret_bodies)
{
    FILE *file = fopen(((struct file_side *)world->side)->path, "r");
    size_t count = 0;
    int c;

    if (file == NULL) {
        return 0;
    }
    while ((c = fgetc(file)) != EOF) {
        bytes_append_byte(ret_bodies, (uint8_t)c);
        count += c == '\n';
    }
    fclose(file);
    return count;
}

const struct sink_part file_part = {
    .kind = SINK_FILE,
    .keeps_order = true,
    .open = open_side,
    .close = close_side,
    .make_sink = make_sink,
    .fill_target = fill_target,
    .break_down = break_down,
    .mend = mend,
    .hold = hold,
    .let_go = let_go,
    .arrived = arrived,
};
