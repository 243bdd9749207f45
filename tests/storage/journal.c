/* The calls that change files, written down. */
#include "journal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __real_ftruncate64(int fd, off_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlink(const char *path);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_unlink(const char *path);
int __wrap_mkdir(const char *path, mode_t mode);

enum { MAX_FD = 256, MAX_NAMES = 64, NO_NODE = -1 };

static struct {
    bool on;
    char folder[128];
    struct {
        char path[JOURNAL_PATH];
        int node;
    } names[MAX_NAMES];
    size_t n_names;
    int n_nodes, of_fd[MAX_FD];
    struct journal_op *ops;
    size_t n, room;
} journal;

void journal_begin(const char *folder)
{
    int length = snprintf(journal.folder, sizeof journal.folder, "%s", folder);
    assert(length > 0 && length < (int)sizeof journal.folder);
    journal.n_nodes = JOURNAL_ROOT + 1;
    for (int i = 0; i < MAX_FD; i++)
        journal.of_fd[i] = NO_NODE;
    journal.on = true;
}

size_t journal_size(void)
{
    return journal.n;
}

const struct journal_op *journal_ops(size_t *n)
{
    *n = journal.n;
    return journal.ops;
}

void journal_free(void)
{
    for (size_t i = 0; i < journal.n; i++)
        free(journal.ops[i].bytes);
    free(journal.ops);
    memset(&journal, 0, sizeof journal);
}

/* The path from the folder on, "" for itself; NULL: it is elsewhere, or nothing is written down. */
static const char *inside(const char *path)
{
    size_t length = strlen(journal.folder);
    if (!journal.on || strncmp(path, journal.folder, length) != 0)
        return NULL;
    if (path[length] == '\0')
        return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

static int find(const char *path)
{
    if (path[0] == '\0')
        return JOURNAL_ROOT;
    for (size_t i = 0; i < journal.n_names; i++)
        if (strcmp(journal.names[i].path, path) == 0)
            return journal.names[i].node;
    return NO_NODE;
}

static int parent_of(const char *path)
{
    char folder[JOURNAL_PATH];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
    return find(folder);
}

static void forget(const char *path)
{
    for (size_t i = 0; i < journal.n_names; i++)
        if (strcmp(journal.names[i].path, path) == 0)
            journal.names[i--] = journal.names[--journal.n_names];
}

static void name(const char *path, int node)
{
    forget(path);
    assert(journal.n_names < MAX_NAMES && strlen(path) < JOURNAL_PATH);
    (void)snprintf(journal.names[journal.n_names].path, JOURNAL_PATH, "%s", path);
    journal.names[journal.n_names++].node = node;
}

static struct journal_op *note(enum journal_kind kind, int node)
{
    if (journal.n == journal.room) {
        journal.room = journal.room == 0 ? 4096 : 2 * journal.room;
        journal.ops = realloc(journal.ops, journal.room * sizeof *journal.ops);
        assert(journal.ops != NULL);
    }
    struct journal_op *op = &journal.ops[journal.n++];
    *op = (struct journal_op){.kind = kind, .node = node};
    return op;
}

static void note_name(enum journal_kind kind, int node, const char *path)
{
    struct journal_op *op = note(kind, node);
    op->parent = parent_of(path);
    assert(op->parent != NO_NODE);
    (void)snprintf(op->path, sizeof op->path, "%s", path);
}

static void note_write(int fd, const void *bytes, size_t size, off_t offset)
{
    if (!journal.on || fd < 0 || fd >= MAX_FD || journal.of_fd[fd] == NO_NODE)
        return;
    struct journal_op *op = note(JOURNAL_WRITE, journal.of_fd[fd]);
    op->offset = (size_t)offset;
    op->size = size;
    op->bytes = malloc(size + 1);
    assert(op->bytes != NULL);
    memcpy(op->bytes, bytes, size);
}

static int note_open(int fd, const char *path, int flags)
{
    assert(!journal.on || fd < MAX_FD);
    if (fd < 0 || fd >= MAX_FD)
        return fd;
    const char *own = inside(path);
    journal.of_fd[fd] = own != NULL ? find(own) : NO_NODE;
    if (own == NULL)
        return fd;
    assert((flags & O_TRUNC) == 0 && ((flags & O_CREAT) != 0 || journal.of_fd[fd] != NO_NODE));
    if (journal.of_fd[fd] == NO_NODE) {
        journal.of_fd[fd] = journal.n_nodes++;
        name(own, journal.of_fd[fd]);
        note_name(JOURNAL_MAKE, journal.of_fd[fd], own);
    }
    return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return note_open(__real_open(path, flags, mode), path, flags);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return note_open(__real_open64(path, flags, mode), path, flags);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (journal.on && fd >= 0 && fd < MAX_FD && journal.of_fd[fd] != NO_NODE)
        note_write(fd, bytes, size, lseek(fd, 0, SEEK_CUR));
    return __real_write(fd, bytes, size);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    note_write(fd, bytes, size, offset);
    return __real_pwrite64(fd, bytes, size, offset);
}

int __wrap_ftruncate64(int fd, off_t size)
{
    if (journal.on && fd >= 0 && fd < MAX_FD && journal.of_fd[fd] != NO_NODE)
        note(JOURNAL_TRUNCATE, journal.of_fd[fd])->size = (size_t)size;
    return __real_ftruncate64(fd, size);
}

static void note_sync(int fd)
{
    if (journal.on && fd >= 0 && fd < MAX_FD && journal.of_fd[fd] != NO_NODE)
        (void)note(JOURNAL_SYNC, journal.of_fd[fd]);
}

int __wrap_fsync(int fd)
{
    note_sync(fd);
    return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    note_sync(fd);
    return __real_fdatasync(fd);
}

static int note_rename(int result, const char *from, const char *to)
{
    const char *own = inside(from), *other = inside(to);
    if (result != 0 || own == NULL)
        return result;
    assert(other != NULL && find(own) != NO_NODE && parent_of(own) == parent_of(other));
    int node = find(own);
    note_name(JOURNAL_RENAME, node, own);
    (void)snprintf(journal.ops[journal.n - 1].to, JOURNAL_PATH, "%s", other);
    forget(own);
    name(other, node);
    return result;
}

int __wrap_rename(const char *from, const char *to)
{
    return note_rename(__real_rename(from, to), from, to);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return note_rename(__real_renameat2(from_fd, from, to_fd, to, flags), from, to);
}

int __wrap_unlink(const char *path)
{
    const char *own = inside(path);
    int result = __real_unlink(path);
    if (result == 0 && own != NULL) {
        note_name(JOURNAL_UNLINK, find(own), own);
        forget(own);
    }
    return result;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    const char *own = inside(path);
    int result = __real_mkdir(path, mode);
    if (result == 0 && own != NULL) {
        name(own, journal.n_nodes++);
        note_name(JOURNAL_MAKE, find(own), own);
        journal.ops[journal.n - 1].is_folder = true;
    }
    return result;
}

void journal_end(void)
{
    journal.on = false;
    /* By file or folder: its next sync; when its name is gone for good, and with it what it held.
     */
    size_t *synced = malloc((size_t)journal.n_nodes * sizeof *synced),
           *gone = malloc((size_t)journal.n_nodes * sizeof *gone);
    assert(synced != NULL && gone != NULL);
    for (int i = 0; i < journal.n_nodes; i++)
        synced[i] = gone[i] = SIZE_MAX;
    for (size_t i = journal.n; i-- > 0;) {
        struct journal_op *op = &journal.ops[i];
        if (op->kind == JOURNAL_SYNC)
            synced[op->node] = i;
        bool is_content = op->kind >= JOURNAL_WRITE;
        op->durable_at = synced[is_content ? op->node : op->parent];
        if (op->kind == JOURNAL_UNLINK)
            gone[op->node] = op->durable_at;
        if (is_content && gone[op->node] < op->durable_at)
            op->durable_at = gone[op->node];
    }
    free(synced);
    free(gone);
}
