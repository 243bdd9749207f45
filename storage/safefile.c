/* Reading and writing with care: no links, the right owner, nothing half written. */
#include "storage/safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static enum err path_of(char out[PATH_SIZE], const char *dir, const char *name, const char *suffix,
                        struct fault *why)
{
    int length = snprintf(out, PATH_SIZE, "%s/%s%s", dir, name, suffix);
    if (length < 0 || length >= PATH_SIZE)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    return ERR_OK;
}

/* Whose it is, and who else may read it. */
static enum err check_owner(int fd, const char *path, struct fault *why)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    if (!S_ISREG(status.st_mode))
        return fault_set(why, ERR_DENIED, "%s is not a plain file", path);
    if (status.st_uid != geteuid())
        return fault_set(why, ERR_DENIED, "%s belongs to another user", path);
    if ((status.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED,
                         "others may read %s: whoever did has the store's key; "
                         "if nobody did, chmod 600 it",
                         path);
    return ERR_OK;
}

/* All of the file, and not a byte more than there is room for. */
static enum err read_whole(int fd, const char *path, uint8_t *out, size_t room, size_t *size,
                           struct fault *why)
{
    size_t have = 0;
    uint8_t beyond;
    for (;;) {
        ssize_t got = have < room ? read(fd, out + have, room - have) : read(fd, &beyond, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fault_errno(why, ERR_IO, errno, "%s", path);
        if (got == 0)
            break;
        if (have == room)
            return fault_set(why, ERR_CORRUPT, "%s is too long", path);
        have += (size_t)got;
    }
    *size = have;
    return ERR_OK;
}

enum err safefile_read(const char *dir, const char *name, uint8_t *out, size_t room, size_t *size,
                       struct fault *why)
{
    char path[PATH_SIZE];
    enum err result = path_of(path, dir, name, "", why);
    if (result != ERR_OK)
        return result;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", path);
    result = check_owner(fd, path, why);
    if (result == ERR_OK)
        result = read_whole(fd, path, out, room, size, why);
    (void)close(fd);
    return result;
}

static enum err write_durably(const char *path, const uint8_t *bytes, size_t size,
                              struct fault *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    enum err result = ERR_OK;
    errno = ENOSPC; /* what a short write means */
    if (write(fd, bytes, size) != (ssize_t)size || fsync(fd) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    if (close(fd) != 0 && result == ERR_OK)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    return result;
}

enum err safefile_sync(const char *dir, struct fault *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", dir);
    enum err result = fsync(fd) == 0 ? ERR_OK : fault_errno(why, ERR_IO, errno, "%s", dir);
    (void)close(fd);
    return result;
}

enum err safefile_remove(const char *dir, const char *name, struct fault *why)
{
    char path[PATH_SIZE];
    enum err result = path_of(path, dir, name, "", why);
    if (result == ERR_OK && unlink(path) != 0 && errno != ENOENT)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    return result;
}

static enum err put(const char *dir, const char *name, const uint8_t *bytes, size_t size,
                    unsigned rename_flags, struct fault *why)
{
    char path[PATH_SIZE], fresh[PATH_SIZE];
    enum err result = path_of(path, dir, name, "", why);
    if (result == ERR_OK)
        result = path_of(fresh, dir, name, ".new", why);
    if (result != ERR_OK)
        return result;
    if (unlink(fresh) != 0 && errno != ENOENT) /* of an attempt that was cut short */
        return fault_errno(why, ERR_IO, errno, "%s", fresh);
    result = write_durably(fresh, bytes, size, why);
    if (result == ERR_OK && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, rename_flags) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    if (result != ERR_OK)
        (void)unlink(fresh);
    return result == ERR_OK ? safefile_sync(dir, why) : result;
}

enum err safefile_write(const char *dir, const char *name, const uint8_t *bytes, size_t size,
                        struct fault *why)
{
    return put(dir, name, bytes, size, RENAME_NOREPLACE, why);
}

enum err safefile_replace(const char *dir, const char *name, const uint8_t *bytes, size_t size,
                          struct fault *why)
{
    return put(dir, name, bytes, size, 0, why);
}
