#include "producer_files.h"

#include "bytes.h"
#include "checkpoint_file.h"
#include "intake.h"

#include <sys/stat.h>
#include <unistd.h>

static enum exit_status open_checkpoint(const struct producer_settings *settings, struct producer_files *files,
                                        struct error *ret_error)
{
    switch (producer_checkpoint_open(settings->checkpoint, settings->input, files->source, settings->is_followed,
                                     &files->checkpoint, &files->start, ret_error)) {
    case STATUS_OK:
        return EXIT_STATUS_OK;
    case STATUS_IO:
        return EXIT_STATUS_CANT_WRITE;
    default:
        return EXIT_STATUS_SETTINGS;
    }
}

/* Do both paths name one file? One that is not there yet is known by its folder and name. */
static bool is_one_file(const char *one, const char *other)
{
    struct stat facts[2];
    struct bytes names[2] = {{0}, {0}};
    if (stat(one, &facts[0]) == 0 && stat(other, &facts[1]) == 0) {
        return facts[0].st_ino == facts[1].st_ino && facts[0].st_dev == facts[1].st_dev;
    }
    bool is_one = checkpoint_name_input(one, &names[0], NULL) == STATUS_OK &&
                  checkpoint_name_input(other, &names[1], NULL) == STATUS_OK &&
                  bytes_view_equal(bytes_as_view(&names[0]), bytes_as_view(&names[1]));
    bytes_free(&names[0]);
    bytes_free(&names[1]);
    return is_one;
}

/* A reject written into the input would be read and rejected without end, and a checkpoint would replace the rejects.
 */
static enum status check_apart(const struct producer_settings *settings, const struct line_source *source,
                               struct error *ret_error)
{
    struct stat rejects;
    struct stat input;
    if (line_source_is_regular(source) && fstat(line_source_fd(source), &input) == 0 &&
        stat(settings->rejects, &rejects) == 0 && input.st_ino == rejects.st_ino && input.st_dev == rejects.st_dev) {
        return error_set(ret_error, STATUS_INVALID, "rejects: %s is the input itself; name another file",
                         settings->rejects);
    }
    if (settings->checkpoint != NULL && is_one_file(settings->rejects, settings->checkpoint)) {
        return error_set(ret_error, STATUS_INVALID, "checkpoint: %s is the rejects file; name another file",
                         settings->checkpoint);
    }
    return STATUS_OK;
}

static enum exit_status open_all(const struct producer_settings *settings, bool is_run,
                                 struct producer_files *ret_files, struct error *ret_error)
{
    *ret_files = (struct producer_files){.lock_fd = -1, .start = {.line = 1, .offset = 0}};
    if (line_source_open(settings->input, INTAKE_LINE_MAX, &ret_files->source, ret_error) != STATUS_OK) {
        return EXIT_STATUS_NO_INPUT;
    }
    if (settings->is_followed && !line_source_is_regular(ret_files->source)) {
        error_set(ret_error, STATUS_INVALID, "%s: only a file can be followed; a pipe needs no --follow",
                  settings->input);
        return EXIT_STATUS_NO_INPUT;
    }
    if (check_apart(settings, ret_files->source, ret_error) != STATUS_OK) {
        return EXIT_STATUS_SETTINGS;
    }
    ret_files->rejects = rejects_file_create(settings->rejects);
    if (rejects_file_probe(ret_files->rejects, ret_error) != STATUS_OK) {
        return EXIT_STATUS_CANT_WRITE;
    }
    if (settings->checkpoint == NULL) {
        return EXIT_STATUS_OK;
    }
    /* Before it is read: another run may be about to end. */
    if (is_run && checkpoint_file_lock(settings->checkpoint, &ret_files->lock_fd, ret_error) != STATUS_OK) {
        return EXIT_STATUS_CANT_WRITE;
    }
    return open_checkpoint(settings, ret_files, ret_error);
}

enum exit_status producer_files_open(const struct producer_settings *settings, struct producer_files *ret_files,
                                     struct error *ret_error)
{
    return open_all(settings, true, ret_files, ret_error);
}

void producer_files_close(struct producer_files *files)
{
    producer_checkpoint_destroy(files->checkpoint);
    rejects_file_destroy(files->rejects);
    line_source_destroy(files->source);
    if (files->lock_fd >= 0) {
        close(files->lock_fd);
    }
}

enum exit_status producer_files_check(const struct producer_settings *settings, struct error *ret_error)
{
    struct producer_files files;
    enum exit_status exit_status = open_all(settings, false, &files, ret_error);
    producer_files_close(&files);
    return exit_status;
}
