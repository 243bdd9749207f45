/* Power cuts at random points of writing: nothing acknowledged is lost, and nothing is corrupt. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "shim.h"
#include "storage/audit.h"
#include <sqlite3.h>

enum { PASSAGES = 90, CROP = 6000, SECTOR = 512, FILE_ROOM = 4 << 20, CHECKPOINT_PAGES = 60 };

/* A file on the simulated disk. */
struct image {
    uint8_t *bytes;
    size_t size;
    bool exists;
};

enum { FILES = 4 };
struct disk {
    struct image file[FILES];
};

/* Operations done when passage n was acknowledged, and when the look after it was recorded. */
static size_t acknowledged_at[PASSAGES], recorded_at[PASSAGES];
static uint32_t noise = 1;

static uint32_t dice(uint32_t sides)
{
    noise = noise * 1664525U + 1013904223U;
    return (noise >> 8) % sides;
}

/* Part of a write that reached the disk. */
static void put_bytes(struct image *image, size_t offset, const uint8_t *bytes, size_t size)
{
    assert_true(offset + size <= FILE_ROOM);
    if (offset > image->size)
        memset(image->bytes + image->size, 0, offset - image->size);
    memcpy(image->bytes + offset, bytes, size);
    if (offset + size > image->size)
        image->size = offset + size;
    image->exists = true;
}

static void apply(struct disk *disk, const struct shim_op *op)
{
    struct image *image = &disk->file[op->file];
    if (op->kind == SHIM_WRITE)
        put_bytes(image, op->offset, op->bytes, op->size);
    else if (op->kind == SHIM_TRUNCATE && op->size < image->size)
        image->size = op->size;
    else if (op->kind == SHIM_DELETE)
        *image = (struct image){.bytes = image->bytes};
}

/* An operation that no sync has followed: `mood` 0 all kept, 1 all lost, 2 each sector kept, lost
 * or torn. */
static void apply_unsynced(struct disk *disk, const struct shim_op *op, uint32_t mood)
{
    if (mood == 0 || (mood == 2 && op->kind != SHIM_WRITE && dice(2) == 0)) {
        apply(disk, op);
        return;
    }
    if (mood == 1 || op->kind != SHIM_WRITE)
        return;
    for (size_t at = 0; at < op->size;) {
        size_t end = at + SECTOR - (op->offset + at) % SECTOR;
        size_t size = (end < op->size ? end : op->size) - at;
        uint32_t fate = dice(3);
        if (fate == 1)
            size = size > 1 ? size / 2 : size; /* torn: the front half */
        if (fate != 0)
            put_bytes(&disk->file[op->file], op->offset + at, op->bytes + at, size);
        at = end;
    }
}

/* A change is durable at the next sync of its file, a deletion at the next sync of any. */
static bool is_synced(const struct shim_op *ops, size_t i, size_t cut)
{
    for (size_t later = i + 1; later < cut; later++)
        if (ops[later].kind == SHIM_SYNC &&
            (ops[later].file == ops[i].file || ops[i].kind == SHIM_DELETE))
            return true;
    return false;
}

/* The disk after a power cut before operation `cut`; `durable` is moved along by what is synced
 * from `from` on. */
static size_t cut_power(const struct shim_op *ops, size_t from, size_t cut, struct disk *durable,
                        struct disk *out)
{
    while (from < cut && (ops[from].kind == SHIM_SYNC || is_synced(ops, from, cut)))
        apply(durable, &ops[from++]);
    for (int i = 0; i < FILES; i++) {
        out->file[i].size = durable->file[i].size;
        out->file[i].exists = durable->file[i].exists;
        memcpy(out->file[i].bytes, durable->file[i].bytes, durable->file[i].size);
    }
    uint32_t mood = dice(4) < 2 ? 2 : dice(2);
    for (size_t i = from; i < cut; i++) {
        if (ops[i].kind == SHIM_SYNC)
            continue;
        if (is_synced(ops, i, cut))
            apply(out, &ops[i]);
        else
            apply_unsynced(out, &ops[i], mood);
    }
    return from;
}

static void write_disk(struct fixture *f, const struct disk *disk)
{
    for (int i = 0; i < FILES; i++) {
        char path[200];
        if (i < 2)
            fixture_segment(f, fixture_row(0).first_ms, false, path);
        else
            (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
        if (i % 2 == 1)
            (void)snprintf(path + strlen(path), sizeof path - strlen(path), "-wal");
        (void)unlink(path);
        if (!disk->file[i].exists)
            continue;
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, disk->file[i].bytes, disk->file[i].size),
                         (ssize_t)disk->file[i].size);
        assert_int_equal(close(fd), 0);
    }
}

/* Writes passages through the layer, with checkpoints and one restart on the way. */
static void write_all(struct fixture *f)
{
    size_t n_ops;
    for (uint32_t n = 0; n < PASSAGES; n++) {
        if (n == PASSAGES / 2)
            fixture_reopen(f);
        fixture_checkpoint_every(f, CHECKPOINT_PAGES);
        assert_int_equal(fixture_put(f->store, n, CROP, &f->why), ERR_OK);
        (void)shim_ops(&n_ops);
        acknowledged_at[n] = n_ops;
        assert_int_equal(fixture_look(f->store, &f->why), ERR_OK);
        (void)shim_ops(&n_ops);
        recorded_at[n] = n_ops;
        struct head head;
        if (n % 7 == 3)
            assert_int_equal(audit_sign(f->store, fixture_now_ms, NULL, &head, &f->why), ERR_OK);
    }
}

/* All that was acknowledged before the cut is there; what was under way is there whole or not at
 * all. */
static void check_recovered(struct fixture *f, size_t cut)
{
    if (fixture_open(f) != ERR_OK)
        fail_msg("cut %zu: %s: %s", cut, err_name(f->why.code), f->why.text);
    uint32_t acknowledged = 0;
    while (acknowledged < PASSAGES && acknowledged_at[acknowledged] <= cut)
        acknowledged++;
    uint32_t recorded = 0;
    while (recorded < PASSAGES && recorded_at[recorded] <= cut)
        recorded++;
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    if (stats.log_size != recorded && stats.log_size != recorded + 1)
        fail_msg("cut %zu: %u looks recorded, %lu in the log", cut, recorded,
                 (unsigned long)stats.log_size);
    if (stats.n_rolled_back != 0)
        fail_msg("cut %zu: a segment counts as rolled back", cut);
    if (stats.n_rows != acknowledged && stats.n_rows != acknowledged + 1)
        fail_msg("cut %zu: %u acknowledged, %lu stored", cut, acknowledged,
                 (unsigned long)stats.n_rows);
    for (uint32_t n = 0; n < stats.n_rows; n++)
        if ((n % 8 == cut % 8 || n + 10 > stats.n_rows) && !fixture_has(f->store, n, CROP))
            fail_msg("cut %zu: passage %u of %u is lost", cut, n, acknowledged);
    if (fixture_check_all(f) != ERR_OK)
        fail_msg("cut %zu: %s", cut, f->why.text);
    /* And it can be written. */
    assert_int_equal(fixture_put(f->store, PASSAGES + 1, 100, &f->why), ERR_OK);
    store_close(&f->store);
}

static struct disk new_disk(void)
{
    struct disk disk = {0};
    for (int i = 0; i < FILES; i++) {
        disk.file[i].bytes = calloc(1, FILE_ROOM);
        assert_non_null(disk.file[i].bytes);
    }
    return disk;
}

static void free_disk(struct disk *disk)
{
    for (int i = 0; i < FILES; i++)
        free(disk->file[i].bytes);
}

static void load_start(struct fixture *f, struct disk *disk)
{
    for (int i = 0; i < FILES; i += 2) {
        char path[160];
        if (i == 0)
            fixture_segment(f, fixture_row(0).first_ms, false, path);
        else
            (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
        int fd = open(path, O_RDONLY);
        assert_true(fd >= 0);
        ssize_t size = read(fd, disk->file[i].bytes, FILE_ROOM);
        assert_true(size > 0 && size < FILE_ROOM);
        assert_int_equal(close(fd), 0);
        disk->file[i].size = (size_t)size;
        disk->file[i].exists = true;
    }
}

static void a_power_cut_loses_nothing_acknowledged_and_corrupts_nothing(void **state)
{
    struct fixture *f = *state;
    const char *wanted = getenv("LANEWARD_CUTS");
    size_t cuts = wanted != NULL ? strtoul(wanted, NULL, 10) : 500;
    assert_int_equal(fixture_put(f->store, 0, CROP, &f->why), ERR_OK);
    store_close(&f->store);
    struct disk durable = new_disk(), after = new_disk();
    load_start(f, &durable);
    shim_install(true);
    assert_int_equal(fixture_open(f), ERR_OK);
    write_all(f);
    store_close(&f->store);
    size_t n_ops, syncs = 0;
    const struct shim_op *ops = shim_ops(&n_ops);
    for (size_t i = 0; i < n_ops; i++)
        syncs += ops[i].kind == SHIM_SYNC;
    sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1); /* recovery is the plain library's */
    size_t from = 0, at = 0;
    for (size_t i = 0; i < cuts; i++) {
        /* Ever later, so that the durable part only grows; each stretch at a random point. */
        size_t next = n_ops * i / cuts + dice((uint32_t)(n_ops / cuts + 1));
        at = next > at ? next : at;
        from = cut_power(ops, from, at, &durable, &after);
        write_disk(f, &after);
        check_recovered(f, at);
    }
    print_message("%zu cuts in %zu operations (%zu syncs): 0 acknowledged lost, 0 corrupt\n", cuts,
                  n_ops, syncs);
    shim_remove();
    free_disk(&durable);
    free_disk(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_power_cut_loses_nothing_acknowledged_and_corrupts_nothing,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
