#include "producer_checkpoint.h"

#include "checkpoint_file.h"
#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>

enum { INTERVAL_MS = 1000 };

struct producer_checkpoint {
    const char *path;
    struct line_source *source;
    struct checkpoint last; /* as it is on the disk, when is_written */
    bool is_written;
    int64_t due_ms;
};

/* Compares the checkpoint on the disk with the input, and goes to its position. */
static enum status go_to(struct producer_checkpoint *checkpoint, const struct checkpoint *found, bool may_search,
                         struct error *ret_error)
{
    struct error reason = {0};
    enum status status;
    if (!bytes_view_equal(bytes_as_view(&found->input), bytes_as_view(&checkpoint->last.input))) {
        status = error_set(&reason, STATUS_INVALID, "it belongs to %.*s", BYTES_PRINTF(found->input));
    } else {
        status =
            may_search ? line_source_search(checkpoint->source, &found->identity, &found->next, &reason) : STATUS_OK;
        if (status == STATUS_OK) {
            status = line_source_continue(checkpoint->source, &found->identity, found->line, found->offset, &reason);
        }
    }
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    return error_set(ret_error, STATUS_INVALID,
                     "checkpoint %s (line %" PRId64 ", byte %" PRId64 ") does not fit the input: %s; name the right "
                     "file, or move the checkpoint away to begin at the input's start",
                     checkpoint->path, found->line, found->offset, reason.text);
}

static enum status begin(struct producer_checkpoint *checkpoint, const char *input, bool may_search,
                         struct publish_position *ret_start, struct error *ret_error)
{
    struct checkpoint found;
    *ret_start = (struct publish_position){.line = 1, .offset = 0};
    if (!line_source_is_regular(checkpoint->source)) {
        return error_set(ret_error, STATUS_INVALID, "%s is no regular file, so it cannot have a checkpoint", input);
    }
    enum status status = checkpoint_name_input(input, &checkpoint->last.input, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    status = checkpoint_file_probe(checkpoint->path, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    status = checkpoint_file_read(checkpoint->path, &found, ret_error);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    status = go_to(checkpoint, &found, may_search, ret_error);
    if (status == STATUS_OK) {
        ret_start->line = line_source_line(checkpoint->source);
        ret_start->offset = line_source_offset(checkpoint->source);
    }
    checkpoint_free(&found);
    return status;
}

enum status producer_checkpoint_open(const char *path, const char *input, struct line_source *source, bool may_search,
                                     struct producer_checkpoint **ret_checkpoint, struct publish_position *ret_start,
                                     struct error *ret_error)
{
    struct producer_checkpoint *checkpoint = memory_alloc(1, sizeof(*checkpoint));
    checkpoint->path = path;
    checkpoint->source = source;
    enum status status = begin(checkpoint, input, may_search, ret_start, ret_error);
    if (status != STATUS_OK) {
        producer_checkpoint_destroy(checkpoint);
        return status;
    }
    *ret_checkpoint = checkpoint;
    return STATUS_OK;
}

void producer_checkpoint_destroy(struct producer_checkpoint *checkpoint)
{
    if (checkpoint != NULL) {
        checkpoint_free(&checkpoint->last);
        free(checkpoint);
    }
}

bool producer_checkpoint_is_due(const struct producer_checkpoint *checkpoint, int64_t mono_ms)
{
    return mono_ms >= checkpoint->due_ms;
}

enum status producer_checkpoint_write(struct producer_checkpoint *checkpoint, struct publish_position position,
                                      struct rejects_file *rejects, int64_t mono_ms, struct error *ret_error)
{
    struct checkpoint *last = &checkpoint->last;
    uint32_t next_count = last->next.count; /* between two files it only grows */
    checkpoint->due_ms = mono_ms + INTERVAL_MS;
    line_source_queue(checkpoint->source, &last->next);
    if (checkpoint->is_written && last->offset == position.offset && last->line == position.line &&
        last->next.count == next_count) {
        return STATUS_OK;
    }
    /* What counts as dealt with because it is in the rejects must be there as surely as the checkpoint. */
    enum status status = rejects_file_sync(rejects, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Only bytes that were read are part of the head, so it does not change while the file grows. */
    if (!checkpoint->is_written || last->identity.head_size < INPUT_HEAD_MAX) {
        status = line_source_identify(checkpoint->source, position.offset, &last->identity, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    last->line = position.line;
    last->offset = position.offset;
    status = checkpoint_file_write(checkpoint->path, last, ret_error);
    checkpoint->is_written = status == STATUS_OK;
    return status;
}

void producer_checkpoint_forget(struct producer_checkpoint *checkpoint)
{
    checkpoint->is_written = false;
}
