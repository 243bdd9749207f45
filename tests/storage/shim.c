/* The failing layer: a SQLite VFS in front of the system's own. */
#include "shim.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_vfs layer, *below;
static bool fail_reads, failed;
static uint32_t fail_nth, fail_more;
static int fail_status;

void shim_fail(uint32_t nth, uint32_t more, int status, bool reads)
{
    fail_nth = nth;
    fail_more = more;
    fail_status = status;
    fail_reads = reads;
    failed = false;
}

bool shim_has_failed(void)
{
    return failed;
}

/* The turn of one call: its failure, or SQLITE_OK. */
static int turn(bool reads)
{
    if (fail_nth == 0 || reads != fail_reads)
        return SQLITE_OK;
    if (fail_nth > 1) {
        fail_nth--;
        return SQLITE_OK;
    }
    if (fail_more > 0)
        fail_more--;
    else
        fail_nth = 0;
    failed = true;
    return fail_status;
}

static struct shim_file *of(sqlite3_file *file)
{
    return (struct shim_file *)(void *)file;
}

static int file_close(sqlite3_file *file)
{
    return of(file)->real->pMethods->xClose(of(file)->real);
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    int status = turn(true);
    return status != SQLITE_OK
               ? status
               : of(file)->real->pMethods->xRead(of(file)->real, bytes, size, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    int status = turn(false);
    if (status != SQLITE_OK)
        return status;
    return of(file)->real->pMethods->xWrite(of(file)->real, bytes, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int status = turn(false);
    if (status != SQLITE_OK)
        return status;
    return of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    int status = turn(false);
    if (status != SQLITE_OK)
        return status;
    return of(file)->real->pMethods->xSync(of(file)->real, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return of(file)->real->pMethods->xFileSize(of(file)->real, size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xLock(of(file)->real, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xUnlock(of(file)->real, level);
}

static int file_reserved(sqlite3_file *file, int *out)
{
    return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, out);
}

static int file_control(sqlite3_file *file, int number, void *argument)
{
    return of(file)->real->pMethods->xFileControl(of(file)->real, number, argument);
}

static int file_sector(sqlite3_file *file)
{
    return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

/* None of the promises of the file system below (atomic writes, no reordering). */
static int file_character(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* no shared memory: the store does without */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_character,
};

static int layer_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                      int *out_flags)
{
    (void)vfs;
    struct shim_file *shim = of(file);
    shim->real = (sqlite3_file *)(void *)(shim + 1);
    int status = below->xOpen(below, name, shim->real, flags, out_flags);
    file->pMethods = status == SQLITE_OK ? &methods : NULL;
    return status;
}

void shim_install(void)
{
    below = sqlite3_vfs_find("unix");
    assert(below != NULL);
    layer = *below;
    layer.zName = "shim";
    layer.szOsFile = (int)sizeof(struct shim_file) + below->szOsFile;
    layer.pNext = NULL;
    layer.xOpen = layer_open;
    shim_fail(0, 0, SQLITE_OK, false);
    int status = sqlite3_vfs_register(&layer, 1);
    assert(status == SQLITE_OK);
}

void shim_remove(void)
{
    (void)sqlite3_vfs_unregister(&layer);
    (void)sqlite3_vfs_register(below, 1);
}
