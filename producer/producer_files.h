/* producer_files.h: the files of a run: its input, its rejects, its checkpoint. */
#ifndef RELAY_PRODUCER_FILES_H
#define RELAY_PRODUCER_FILES_H

#include "line_source.h"
#include "producer_checkpoint.h"
#include "producer_settings.h"
#include "publish_ledger.h"
#include "rejects_file.h"
#include "status.h"

struct producer_files {
    struct line_source *source;
    struct rejects_file *rejects;
    struct producer_checkpoint *checkpoint; /* NULL: none */
    int lock_fd;                            /* holds the checkpoint's lock; -1: none */
    struct publish_position start;          /* where the run begins */
};

/* Opens them for a run, with the source at its position. EXIT_STATUS_OK; or what the program ends with, and the reason
 * in *ret_error. Close them after an error too. */
WARN_UNUSED enum exit_status producer_files_open(const struct producer_settings *settings,
                                                 struct producer_files *ret_files, struct error *ret_error);
void producer_files_close(struct producer_files *files);

/* Could they be opened? Changes nothing on the disk. The answer is that of producer_files_open. */
WARN_UNUSED enum exit_status producer_files_check(const struct producer_settings *settings, struct error *ret_error);

#endif
