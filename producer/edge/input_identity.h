/* input_identity.h: is this the file that was read before?
 *
 * A file is known by its inode and a hash of its first bytes: an inode alone is given to the next file as soon as the
 * old one is deleted. (The device's number is no help: many file systems get another one when they are mounted anew.)
 * The hash (FNV-1a, 64 bits) tells files apart that nobody made to be alike. */
#ifndef RELAY_INPUT_IDENTITY_H
#define RELAY_INPUT_IDENTITY_H

#include "bytes.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { INPUT_HEAD_MAX = 4096 }; /* bytes that are hashed, at most */
enum { INPUT_QUEUE_MAX = 64 };  /* files that wait behind the one that is read */

struct input_identity {
    uint64_t inode;
    uint64_t head_hash;
    int64_t head_size; /* bytes that were hashed */
};

/* The files that come after the one that is read, by their inodes, in their order. */
struct input_queue {
    uint64_t inodes[INPUT_QUEUE_MAX];
    uint32_t count;
};

/* Reads the first `size` bytes of an open file, at most INPUT_HEAD_MAX; moves no offset.
 * Errors: STATUS_INVALID: it is shorter; STATUS_IO; with the reason. */
WARN_UNUSED enum status input_identity_read_head(int fd, int64_t size, uint8_t *ret_head, struct error *ret_error);

/* The identity of an open file whose first bytes are, or were when they were read, `head`.
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status input_identity_make(int fd, struct bytes_view head, struct input_identity *ret_identity,
                                            struct error *ret_error);

/* Is it the same file with the same head?
 * Errors: STATUS_INVALID with what is different; STATUS_IO with the reason. */
WARN_UNUSED enum status input_identity_check(const struct input_identity *identity, int fd, struct error *ret_error);

/* Has the open file this inode? */
bool input_identity_is_inode(int fd, uint64_t inode);

/* Looks through the folder of `path` for the file with this inode, and opens it for reading; -1 when it is not there.
 */
int input_identity_find(uint64_t inode, const char *path);

/* Was `path` renamed while nobody looked? The file `first` had the name, then those of `next`, and the newest of these
 * is open as `fd`. Looks in the folder for a file that has a name as rotation gives it (the input's and a number or
 * date: in.log.1, in.log-20260203.gz, in-1.log), was written later than `fd`, and is none of them, nor the file that
 * has the name now. Returns its name, which is the caller's; NULL: there is none. */
char *input_identity_find_missed(int fd, uint64_t first, const struct input_queue *next, const char *path);

#endif
