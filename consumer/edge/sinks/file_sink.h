/* file_sink.h: deliveries to files: the body and a newline, appended.
 *
 * One line, one write. Lines are written in libuv's worker threads, for one file one group at a time, in the order of
 * the starts; the lines that come meanwhile are the next group, and one fsync is for all of a group that want it. So a
 * disk that hangs holds its own files, and at most as many others as there are worker threads' turns to wait for.
 *
 * A line is in the file as a whole or not at all: what a full disk took of it is cut off again, under the file's lock
 * (flock(2)), which every writer of ours takes, in this process or in another. Where cutting off fails, and where a
 * file is found that does not end with a newline, the next line begins with one.
 *
 * A file is made when it is missing (mode 0640), its folder is not; symbolic links are followed. `reopen` closes each
 * file; the next line opens it by its path. Anything that goes wrong is the target's failure (`file ENOSPC` …). */
#ifndef RELAY_FILE_SINK_H
#define RELAY_FILE_SINK_H

#include "event_loop.h"
#include "sink.h"

enum {
    FILE_SINK_GROUP_MAX = 64, /* lines */
    FILE_SINK_OPEN_MAX = 256, /* files that stay open; beyond, each is closed after each group */
};

/* `context` must outlive the sink. Cancel leaves a line of the group under way to be written. */
struct sink file_sink_create(struct event_loop *loop, sink_listener *listener, void *context);

#endif
