/* checkpoint_file.h: how far an input is dealt with, on the disk.
 *
 * A text file, which names its input and the position:
 *
 *   incident-producer checkpoint 1
 *   input "/var/spool/incidents.ndjson"
 *   inode 131077
 *   head 4096 9e107d9d372bb682
 *   line 1234
 *   offset 567890
 *
 * and has a line `next 131078` for each file that has taken the input's name since and is not begun yet.
 * It is replaced as a whole: after a crash at any moment either the old or the new one is there. */
#ifndef RELAY_CHECKPOINT_FILE_H
#define RELAY_CHECKPOINT_FILE_H

#include "bytes.h"
#include "input_identity.h"
#include "status.h"

#include <stdint.h>

struct checkpoint {
    struct bytes input; /* the absolute path, as a JSON string */
    struct input_identity identity;
    int64_t line;   /* that comes next, from 1 */
    int64_t offset; /* of its first byte, from 0 */
    struct input_queue next;
};

/* Makes `input` of the path as it was given: the folder's real path and the name in it.
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status checkpoint_name_input(const char *path, struct bytes *ret_input, struct error *ret_error);

void checkpoint_free(struct checkpoint *checkpoint);

/* Errors: STATUS_NOT_FOUND: there is none; STATUS_INVALID: it is no checkpoint; STATUS_IO; with the reason. There is
 * nothing to free then. */
WARN_UNUSED enum status checkpoint_file_read(const char *path, struct checkpoint *ret_checkpoint,
                                             struct error *ret_error);

/* Writes FILE.new, gets it to the disk, renames it to FILE, and gets the folder to the disk.
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status checkpoint_file_write(const char *path, const struct checkpoint *checkpoint,
                                              struct error *ret_error);

/* Takes the checkpoint for this program alone, by a lock on FILE.lock, which is made and stays there. It is held until
 * *ret_fd is closed. Where the file system has no locks nobody is kept away.
 * Errors: STATUS_IO: another program has it, or the file cannot be opened; with the reason. */
WARN_UNUSED enum status checkpoint_file_lock(const char *path, int *ret_fd, struct error *ret_error);

/* Would writing work, as far as one can tell without doing it?
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status checkpoint_file_probe(const char *path, struct error *ret_error);

#endif
