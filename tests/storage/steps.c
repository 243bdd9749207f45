/* open, write, fsync, renameat2, unlink with a counter, and a journal of what is not durable yet.
 */
#include "steps.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t size);
int __real_fsync(int fd);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlink(const char *path);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
int __wrap_fsync(int fd);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_unlink(const char *path);

enum { MAX_UNDO = 64, PATH = 512 };

/* A change of the folder that is not durable: `now` goes away, then `kept` comes back as `old`. */
struct undo {
    char now[PATH], old[PATH], kept[PATH];
};

static struct {
    bool on, has_failed;
    enum steps_mode mode;
    uint32_t nth, n;
    char trash[PATH - 32];
    struct undo undo[MAX_UNDO];
    uint32_t n_undo, n_kept;
    char unsynced[PATH]; /* a file whose bytes are not durable */
} steps;

void steps_begin(enum steps_mode mode, uint32_t nth, const char *trash)
{
    memset(&steps, 0, sizeof steps);
    steps.on = true;
    steps.mode = mode;
    steps.nth = nth;
    (void)snprintf(steps.trash, sizeof steps.trash, "%s", trash);
}

uint32_t steps_end(void)
{
    steps.on = false;
    return steps.n;
}

bool steps_has_failed(void)
{
    return steps.has_failed;
}

static void cut_power(void)
{
    for (uint32_t i = steps.n_undo; i-- > 0;) {
        struct undo *u = &steps.undo[i];
        if (u->now[0] != '\0' && u->old[0] != '\0' && u->kept[0] == '\0')
            (void)__real_renameat2(AT_FDCWD, u->now, AT_FDCWD, u->old, 0);
        else if (u->now[0] != '\0' && u->old[0] == '\0')
            (void)__real_unlink(u->now);
        if (u->kept[0] != '\0')
            (void)__real_renameat2(AT_FDCWD, u->kept, AT_FDCWD, u->old[0] != '\0' ? u->old : u->now,
                                   0);
    }
    if (steps.unsynced[0] != '\0') {
        struct stat status;
        if (stat(steps.unsynced, &status) == 0)
            (void)!truncate(steps.unsynced, status.st_size / 2);
    }
}

bool steps_may(void)
{
    if (!steps.on || ++steps.n != steps.nth || steps.mode == STEPS_COUNT)
        return true;
    if (steps.mode == STEPS_FAIL) {
        steps.has_failed = true;
        errno = EIO;
        return false;
    }
    if (steps.mode == STEPS_POWER)
        cut_power();
    _exit(STEPS_STATUS);
}

static struct undo *note(void)
{
    assert(steps.n_undo < MAX_UNDO);
    return &steps.undo[steps.n_undo++];
}

/* A second name for what is about to go. */
static void keep(const char *path, char kept[PATH])
{
    (void)snprintf(kept, PATH, "%s/%u-%d", steps.trash, (unsigned)steps.n_kept++, (int)getpid());
    if (link(path, kept) != 0)
        kept[0] = '\0';
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if ((flags & O_CREAT) == 0 || !steps.on)
        return __real_open(path, flags, mode);
    if (!steps_may())
        return -1;
    int fd = __real_open(path, flags, mode);
    if (fd >= 0) {
        (void)snprintf(note()->now, PATH, "%s", path);
        (void)snprintf(steps.unsynced, PATH, "%s", path);
    }
    return fd;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    return steps_may() ? __real_write(fd, bytes, size) : -1;
}

int __wrap_fsync(int fd)
{
    struct stat status;
    if (!steps_may())
        return -1;
    int result = __real_fsync(fd);
    if (steps.on && result == 0 && fstat(fd, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            steps.n_undo = 0;
        else
            steps.unsynced[0] = '\0';
    }
    return result;
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    if (!steps_may())
        return -1;
    if (steps.on) {
        struct undo *u = note();
        *u = (struct undo){0};
        keep(to, u->kept);
        if (u->kept[0] != '\0') { /* the old file comes back; the new one is lost */
            (void)snprintf(u->old, PATH, "%s", to);
        } else {
            (void)snprintf(u->now, PATH, "%s", to);
            (void)snprintf(u->old, PATH, "%s", from);
        }
    }
    return __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_unlink(const char *path)
{
    if (!steps_may())
        return -1;
    if (steps.on && access(path, F_OK) == 0) {
        struct undo *u = note();
        *u = (struct undo){0};
        (void)snprintf(u->old, PATH, "%s", path);
        keep(path, u->kept);
    }
    return __real_unlink(path);
}
