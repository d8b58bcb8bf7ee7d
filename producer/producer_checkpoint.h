/* producer_checkpoint.h: where a run begins, and how far the next one need not go back.
 *
 * What is written is true whenever it is written: everything before the position is acknowledged by the broker, or in
 * the rejects and on the disk there. So a run that was killed at any moment goes on from its checkpoint without losing
 * a line; what it sends again has the same ids. */
#ifndef RELAY_PRODUCER_CHECKPOINT_H
#define RELAY_PRODUCER_CHECKPOINT_H

#include "line_source.h"
#include "publish_ledger.h"
#include "rejects_file.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct producer_checkpoint;

/* Reads the checkpoint at `path`, if there is one, and has the source begin there; *ret_start is where it begins.
 * `may_search`: the input may have been renamed since, in its folder. Changes nothing on the disk. Both are borrowed.
 * Errors: STATUS_INVALID: the checkpoint is of another input, or the input cannot have one; STATUS_IO; with what to do
 * about it. */
WARN_UNUSED enum status producer_checkpoint_open(const char *path, const char *input, struct line_source *source,
                                                 bool may_search, struct producer_checkpoint **ret_checkpoint,
                                                 struct publish_position *ret_start, struct error *ret_error);
void producer_checkpoint_destroy(struct producer_checkpoint *checkpoint); /* NULL is fine */

/* Is it time for the next? Times are monotonic. */
bool producer_checkpoint_is_due(const struct producer_checkpoint *checkpoint, int64_t mono_ms);

/* Writes the position, unless it is the one that was written last. Call it before the source goes on with another file,
 * and after that.
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status producer_checkpoint_write(struct producer_checkpoint *checkpoint,
                                                  struct publish_position position, struct rejects_file *rejects,
                                                  int64_t mono_ms, struct error *ret_error);

/* The source has gone on with another file: the next write names that one. */
void producer_checkpoint_forget(struct producer_checkpoint *checkpoint);

#endif
