/* A disk that is full, on a real small file system: a clear error, nothing acknowledged lost,
 * usable again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/audit.h"
#include "storage/ledger.h"

enum { CROP = 12000 };
static char disk[80], ballast[128];

/* The store's folder lies on a file system of 3 MiB. */
static int setup(void **state)
{
    (void)fixture_setup(state);
    struct fixture *f = *state;
    store_close(&f->store);
    (void)snprintf(disk, sizeof disk, "%s/disk", f->root);
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", disk);
    (void)snprintf(f->dir, sizeof f->dir, "%s/state", disk);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("tmpfs", disk, "tmpfs", MS_NODEV | MS_NOSUID, "size=3m") != 0) {
        print_message("skipped: no right to mount a file system here (%s)\n", strerror(errno));
        disk[0] = '\0';
        return 0;
    }
    assert_int_equal(mkdir(f->dir, 0700), 0);
    assert_int_equal(fixture_open(f), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(&f->store);
    if (disk[0] != '\0')
        assert_int_equal(umount(disk), 0);
    return fixture_teardown(state);
}

#define NEEDS_DISK()                                                                               \
    do {                                                                                           \
        if (disk[0] == '\0')                                                                       \
            skip();                                                                                \
    } while (0)

/* A file that leaves only `bytes` of the disk. */
static void leave(size_t bytes)
{
    struct statvfs space;
    assert_int_equal(statvfs(disk, &space), 0);
    size_t now = space.f_bavail * space.f_frsize;
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    if (now > bytes)
        assert_int_equal(posix_fallocate(fd, 0, (off_t)(now - bytes)), 0);
    assert_int_equal(close(fd), 0);
}

static void all_are_there(struct fixture *f, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n < to; n++)
        if (!fixture_has(f->store, n, CROP))
            fail_msg("passage %u is lost", n);
}

/* Puts until it fails; returns the number of the first that failed. */
static uint32_t put_until_full(struct fixture *f, uint32_t n)
{
    enum err result;
    while ((result = fixture_put(f->store, n, CROP, &f->why)) == ERR_OK) {
        n++;
        assert_true(n < 10000);
    }
    assert_int_equal(result, ERR_IO);
    assert_non_null(strstr(f->why.text, "full"));
    return n;
}

static void a_full_disk_gives_an_error_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    NEEDS_DISK();
    uint32_t n = put_until_full(f, 0);
    assert_true(n > 20);
    all_are_there(f, 0, n);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(fixture_put(f->store, n, CROP, &f->why), ERR_IO);
        all_are_there(f, n - 5, n);
    }
    /* What needs no room still works, and so does a restart on the full disk. */
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, n);
    fixture_reopen(f);
    all_are_there(f, 0, n);
}

static void a_store_is_usable_again_when_there_is_room(void **state)
{
    struct fixture *f = *state;
    NEEDS_DISK();
    leave(400 * 1024);
    uint32_t n = put_until_full(f, 0);
    for (int round = 0; round < 8; round++) {
        assert_int_equal(unlink(ballast), 0);
        for (int i = 0; i < 4; i++, n++)
            if (fixture_put(f->store, n, CROP, &f->why) != ERR_OK)
                fail_msg("with room again: %s", f->why.text);
        leave(20 * 1024 * (size_t)(round % 4));
        n = put_until_full(f, n);
        if (round % 3 == 0)
            fixture_reopen(f);
    }
    assert_int_equal(unlink(ballast), 0);
    struct ledger_gap gap = {.from_ms = 1, .to_ms = 2, .lane = "north", .why = "store unwritable"};
    assert_int_equal(ledger_gap(f->store, &gap, &f->why), ERR_OK);
    assert_int_equal(fixture_put(f->store, n, CROP, &f->why), ERR_OK);
    all_are_there(f, 0, n + 1);
    fixture_check(f);
    fixture_reopen(f);
    all_are_there(f, 0, n + 1);
}

static void a_look_that_cannot_be_written_is_an_error(void **state)
{
    struct fixture *f = *state;
    NEEDS_DISK();
    (void)put_until_full(f, 0);
    enum err result = ERR_OK;
    for (int i = 0; i < 400 && result == ERR_OK; i++) { /* small records may still fit */
        struct entry entry = {.kind = ENTRY_QUERY, .user = "o"};
        struct entry_detail detail = {.reason = "r", .case_number = "c"};
        result = audit_append(f->store, &entry, &detail, "AB123", &f->why);
    }
    assert_int_equal(result, ERR_IO);
}

static void a_file_system_that_turns_read_only_gives_an_error(void **state)
{
    struct fixture *f = *state;
    NEEDS_DISK();
    uint32_t n;
    for (n = 0; n < 10; n++)
        assert_int_equal(fixture_put(f->store, n, CROP, &f->why), ERR_OK);
    /* Files that are open for writing forbid the change. */
    store_close(&f->store);
    assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, "size=3m"), 0);
    assert_int_equal(fixture_open(f), ERR_IO);
    assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT, "size=3m"), 0);
    assert_int_equal(fixture_open(f), ERR_OK);
    all_are_there(f, 0, n);
}

static void a_store_is_not_made_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    NEEDS_DISK();
    store_close(&f->store);
    char path[160], dir[128];
    (void)snprintf(dir, sizeof dir, "%s/other", disk);
    (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    f->store_options.binding.dir = dir;
    for (size_t room = 0; room <= 32768; room += 4096) {
        leave(room);
        assert_int_equal(fixture_open(f), ERR_IO);
        assert_int_equal(access(path, F_OK), -1);
    }
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(fixture_open(f), ERR_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_full_disk_gives_an_error_and_loses_nothing),
        T(a_store_is_usable_again_when_there_is_room),
        T(a_look_that_cannot_be_written_is_an_error),
        T(a_file_system_that_turns_read_only_gives_an_error),
        T(a_store_is_not_made_on_a_full_disk),
    };
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
