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

/* The hash of the file's first bytes. */
static enum status hash_head(int fd, int64_t size, uint64_t *ret_hash, struct error *ret_error)
{
    uint8_t head[INPUT_HEAD_MAX];
    int64_t have = 0;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    CHECK(size >= 0 && size <= INPUT_HEAD_MAX);
    while (have < size) {
        ssize_t count = pread(fd, head + have, (size_t)(size - have), (off_t)have);
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
    for (int64_t i = 0; i < size; i++) {
        hash = (hash ^ head[i]) * UINT64_C(0x100000001b3);
    }
    *ret_hash = hash;
    return STATUS_OK;
}

enum status input_identity_read(int fd, int64_t head_size, struct input_identity *ret_identity, struct error *ret_error)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return error_set(ret_error, STATUS_IO, "cannot be looked at: %s", strerror(errno));
    }
    if (!S_ISREG(facts.st_mode)) {
        return error_set(ret_error, STATUS_INVALID, "it is no regular file");
    }
    head_size = head_size < INPUT_HEAD_MAX ? head_size : INPUT_HEAD_MAX;
    *ret_identity = (struct input_identity){.device = facts.st_dev, .inode = facts.st_ino, .head_size = head_size};
    return hash_head(fd, head_size, &ret_identity->head_hash, ret_error);
}

bool input_identity_is_same_file(const struct input_identity *identity, int fd)
{
    struct stat facts;
    return fstat(fd, &facts) == 0 && facts.st_dev == identity->device && facts.st_ino == identity->inode;
}

enum status input_identity_check(const struct input_identity *identity, int fd, struct error *ret_error)
{
    uint64_t hash;
    if (!input_identity_is_same_file(identity, fd)) {
        return error_set(ret_error, STATUS_INVALID, "it is another file (device and inode differ)");
    }
    enum status status = hash_head(fd, identity->head_size, &hash, ret_error);
    if (status == STATUS_OK && hash != identity->head_hash) {
        return error_set(ret_error, STATUS_INVALID, "its beginning is not what it was");
    }
    return status;
}

int input_identity_find(const struct input_identity *identity, const char *path)
{
    char *folder = memory_copy_text(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    DIR *entries = opendir(slash == NULL ? "." : folder);
    free(folder);
    int found = -1;
    struct dirent *entry;
    while (entries != NULL && found < 0 && (entry = readdir(entries)) != NULL) {
        if (entry->d_ino != identity->inode) {
            continue;
        }
        int fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd >= 0 && input_identity_is_same_file(identity, fd)) {
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
