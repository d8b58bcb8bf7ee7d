/* input_identity.h: is this the file that was read before?
 *
 * A file is known by its device, its inode, and a hash of its first bytes: an inode alone is given to the next file as
 * soon as the old one is deleted. The hash (FNV-1a, 64 bits) tells files apart that nobody made to be alike. */
#ifndef RELAY_INPUT_IDENTITY_H
#define RELAY_INPUT_IDENTITY_H

#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { INPUT_HEAD_MAX = 4096 }; /* bytes that are hashed, at most */
enum { INPUT_QUEUE_MAX = 64 };  /* files that wait behind the one that is read */

struct input_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t head_hash;
    int64_t head_size; /* bytes that were hashed */
};

/* The files that come after the one that is read, in their order. Of their heads nothing counts. */
struct input_queue {
    struct input_identity files[INPUT_QUEUE_MAX];
    uint32_t count;
};

/* The identity of an open file; of its head the first `head_size` bytes count, which must have been there.
 * Errors: STATUS_INVALID: it is no regular file, or shorter; STATUS_IO; with the reason. */
WARN_UNUSED enum status input_identity_read(int fd, int64_t head_size, struct input_identity *ret_identity,
                                            struct error *ret_error);

/* Same device and inode? */
bool input_identity_is_same_file(const struct input_identity *identity, int fd);

/* Is it the same file with the same head?
 * Errors: STATUS_INVALID with what is different; STATUS_IO with the reason. */
WARN_UNUSED enum status input_identity_check(const struct input_identity *identity, int fd, struct error *ret_error);

/* Looks through the folder of `path` for the file, and opens it for reading; -1 when it is not there. */
int input_identity_find(const struct input_identity *identity, const char *path);

#endif
