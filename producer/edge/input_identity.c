#include "input_identity.h"

#include "check.h"
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status input_identity_read_head(int fd, int64_t size, uint8_t *ret_head, struct error *ret_error)
{
    int64_t have = 0;
    CHECK(size >= 0 && size <= INPUT_HEAD_MAX);
    while (have < size) {
        ssize_t count = pread(fd, ret_head + have, (size_t)(size - have), (off_t)have);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set(ret_error, STATUS_IO, "cannot be read: %s", strerror(errno));
        }
        if (count == 0) {
            return error_set(ret_error, STATUS_INVALID, "it has become shorter");
        }
        have += count;
    }
    return STATUS_OK;
}

static uint64_t hash_of(struct bytes_view head)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < head.size; i++) {
        hash = (hash ^ head.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

enum status input_identity_make(int fd, struct bytes_view head, struct input_identity *ret_identity,
                                struct error *ret_error)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return error_set(ret_error, STATUS_IO, "cannot be looked at: %s", strerror(errno));
    }
    *ret_identity =
        (struct input_identity){.inode = facts.st_ino, .head_hash = hash_of(head), .head_size = (int64_t)head.size};
    return STATUS_OK;
}

bool input_identity_is_inode(int fd, uint64_t inode)
{
    struct stat facts;
    return fstat(fd, &facts) == 0 && facts.st_ino == inode;
}

enum status input_identity_check(const struct input_identity *identity, int fd, struct error *ret_error)
{
    uint8_t head[INPUT_HEAD_MAX];
    if (!input_identity_is_inode(fd, identity->inode)) {
        return error_set(ret_error, STATUS_INVALID, "it is another file (the inode differs)");
    }
    enum status status = input_identity_read_head(fd, identity->head_size, head, ret_error);
    if (status == STATUS_OK && hash_of(bytes_view_of(head, (size_t)identity->head_size)) != identity->head_hash) {
        return error_set(ret_error, STATUS_INVALID, "its beginning is not what it was");
    }
    return status;
}

/* ---- the folder ---- */

/* NULL: it cannot be read. */
static DIR *open_folder_of(const char *path)
{
    char *folder = memory_copy_text(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    DIR *entries = opendir(slash == NULL ? "." : folder);
    free(folder);
    return entries;
}

int input_identity_find(uint64_t inode, const char *path)
{
    DIR *entries = open_folder_of(path);
    int found = -1;
    struct dirent *entry;
    while (entries != NULL && found < 0 && (entry = readdir(entries)) != NULL) {
        if (entry->d_ino != inode) {
            continue;
        }
        int fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd >= 0 && input_identity_is_inode(fd, inode)) {
            found = fd;
        } else if (fd >= 0) {
            close(fd);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return found;
}

/* Has `name` the input's name with a number or a date, behind it or before its extension? */
static bool is_rotated_name(const char *name, const char *input_name)
{
    const char *extension = strrchr(input_name, '.');
    size_t size = strlen(input_name);
    size_t stem_size = extension == NULL || extension == input_name ? size : (size_t)(extension - input_name);
    if (strncmp(name, input_name, stem_size) != 0) {
        return false;
    }
    const char *rest = name + (strncmp(name, input_name, size) == 0 ? size : stem_size);
    return rest[0] != '\0' && strchr(".-_", rest[0]) != NULL && rest[1] >= '0' && rest[1] <= '9';
}

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static bool is_waiting(const struct input_queue *queue, uint64_t inode)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        if (queue->inodes[i] == inode) {
            return true;
        }
    }
    return false;
}

char *input_identity_find_missed(int fd, uint64_t first, const struct input_queue *next, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat newest;
    struct stat at_path;
    if (fstat(fd, &newest) != 0 || stat(path, &at_path) != 0 || newest.st_ino == at_path.st_ino) {
        return NULL;
    }
    DIR *entries = open_folder_of(path);
    char *found = NULL;
    struct dirent *entry;
    while (entries != NULL && found == NULL && (entry = readdir(entries)) != NULL) {
        struct stat facts;
        if (is_rotated_name(entry->d_name, slash == NULL ? path : slash + 1) &&
            fstatat(dirfd(entries), entry->d_name, &facts, 0) == 0 && S_ISREG(facts.st_mode) &&
            facts.st_ino != at_path.st_ino && facts.st_ino != first && !is_waiting(next, facts.st_ino) &&
            is_later(facts.st_mtim, newest.st_mtim)) {
            found = memory_copy_text(entry->d_name);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return found;
}
