/* A store of version 1 is taken over: made here by the statements of that version. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "steps.h"
#include "storage/audit.h"
#include "storage/derive.h"
#include "storage/inside.h"
#include "storage/ledger.h"
#include "storage/oldkey.h"

enum { PASSAGES = 40, LOOKS = 6, CROP = 3000 };

/* As version 1 made its file. */
static const char *const made[] = {
    "PRAGMA journal_mode=WAL",
    "CREATE TABLE passage(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " state INTEGER NOT NULL,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, clock_synchronised INTEGER NOT NULL,"
    " needs_review INTEGER NOT NULL, lane TEXT NOT NULL, camera TEXT NOT NULL, plate TEXT NOT NULL,"
    " folded TEXT NOT NULL, region TEXT NOT NULL, confidence REAL NOT NULL,"
    " n_frames INTEGER NOT NULL,"
    " frame_width INTEGER NOT NULL, frame_height INTEGER NOT NULL, corners BLOB NOT NULL,"
    " candidates BLOB NOT NULL, crop_size INTEGER NOT NULL) STRICT",
    "CREATE TABLE crop(number INTEGER PRIMARY KEY REFERENCES passage(number) ON DELETE CASCADE,"
    " digest BLOB NOT NULL, jpeg BLOB NOT NULL) STRICT",
    "CREATE TABLE look(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " user TEXT NOT NULL, reason TEXT NOT NULL, case_number TEXT NOT NULL, kind TEXT NOT NULL,"
    " plate TEXT NOT NULL, look_alike INTEGER NOT NULL, lane TEXT NOT NULL,"
    " from_ms INTEGER NOT NULL,"
    " to_ms INTEGER NOT NULL, most INTEGER NOT NULL, id BLOB NOT NULL, n_answered INTEGER NOT NULL)"
    " STRICT",
    "CREATE TABLE gap(number INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,"
    " lane TEXT NOT NULL, why TEXT NOT NULL) STRICT",
    "CREATE TABLE cursor(camera TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX passage_time ON passage(first_ms, last_ms)",
    "CREATE INDEX passage_lane ON passage(lane, first_ms, last_ms)",
    "CREATE INDEX passage_plate ON passage(plate, first_ms, last_ms)",
    "CREATE INDEX passage_folded ON passage(folded, first_ms, last_ms)",
    "CREATE INDEX gap_time ON gap(from_ms, to_ms)",
    "PRAGMA application_id=1280202564",
    "PRAGMA user_version=1",
    "INSERT INTO gap(from_ms, to_ms, lane, why) VALUES(1000, 2000, 'north', 'store unwritable')",
    "INSERT INTO cursor(camera, position) VALUES('north', 'img-0002.jpg')",
    "INSERT INTO look(at_ms, uid, user, reason, case_number, kind, plate, look_alike, lane,"
    " from_ms, to_ms, most, id, n_answered) VALUES(1700000000001, 1000, 'officer',"
    " 'stolen vehicle', '2026-17', 'query', 'AB?123', 1, 'north', 5, 6, 50,"
    " x'00000000000000000000000000000000', 3), (1700000000002, 1000, 'officer', 'stolen vehicle',"
    " '2026-17', 'image', '', 0, '', 0, 0, 0, x'010203040506070809000102030405A5', 1),"
    " (1700000000003, 1001, 'other', '', '', 'refused', '', 0, '', 0, 0, 0,"
    " x'00000000000000000000000000000000', 0)",
    "INSERT INTO look(at_ms, uid, user, reason, case_number, kind, plate, look_alike, lane, "
    "from_ms,"
    " to_ms, most, id, n_answered) SELECT at_ms + 10, uid, user, reason, case_number, kind, plate,"
    " look_alike, lane, from_ms, to_ms, most, id, n_answered FROM look",
    NULL,
};
static const char put_passage[] =
    "INSERT INTO passage(id, state, first_ms, last_ms, clock_synchronised, needs_review, lane,"
    " camera, plate, folded, region, confidence, n_frames, frame_width, frame_height, corners,"
    " candidates, crop_size) VALUES(?1, 2, ?2, ?3, 1, ?4, 'north-1', 'north-front', ?5, ?5,"
    " 'us-tx', 0.875, ?6, 1280, 720, ?7, ?8, ?9)";
static const char put_crop[] =
    "INSERT INTO crop(number, digest, jpeg) SELECT max(number), ?1, ?2 FROM passage";

static void run(sqlite3 *db, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", why, text);
}

static void put_old(sqlite3 *db, uint32_t n, int64_t later_ms)
{
    static uint8_t crop[CROP];
    uint8_t corners[32], candidates[64] = {2, 9}, digest[32];
    struct row row = fixture_row(n);
    sqlite3_stmt *statement = NULL;
    memcpy(corners, row.corner, sizeof corners);
    memcpy(candidates + 2, row.plate, 9);
    const float first = 0.875F, second = 0.5F;
    memcpy(candidates + 11, &first, 4);
    candidates[15] = 1;
    candidates[16] = 9;
    memcpy(candidates + 17, "PLT0000OO", 9);
    memcpy(candidates + 26, &second, 4);
    assert_int_equal(sqlite3_prepare_v2(db, put_passage, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_blob(statement, 1, row.id, ROW_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, row.first_ms + later_ms);
    sqlite3_bind_int64(statement, 3, row.last_ms + later_ms);
    sqlite3_bind_int(statement, 4, row.needs_review);
    sqlite3_bind_text(statement, 5, row.plate, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 6, row.n_frames);
    sqlite3_bind_blob(statement, 7, corners, sizeof corners, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 8, candidates, 31, SQLITE_STATIC);
    sqlite3_bind_int(statement, 9, n % 2 * CROP);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    if (n % 2 == 0)
        return;
    fixture_crop(n, crop, CROP);
    assert_int_equal(EVP_Digest(crop, CROP, digest, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(sqlite3_prepare_v2(db, put_crop, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_blob(statement, 1, digest, sizeof digest, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, crop, CROP, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

/* The fixture's folder becomes one of version 1: host.key and laneward.db alone. */
static int setup(void **state)
{
    (void)fixture_setup(state);
    struct fixture *f = *state;
    char path[160], text[3 + 96 + 1] = "x'";
    uint8_t raw[48];
    sqlite3 *db = NULL;
    store_close(&f->store);
    (void)snprintf(f->dir, sizeof f->dir, "%s/old", f->root);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    struct binding old;
    bool is_there = true;
    uint8_t key[BINDING_KEY_SIZE];
    assert_int_equal(binding_read(&old, &f->options, &is_there, &f->why), ERR_OK);
    assert_false(is_there);
    assert_int_equal(binding_draw(&old, BINDING_SOFTWARE, 0, &f->why), ERR_OK);
    assert_int_equal(binding_write(&old, f->dir, false, &f->why), ERR_OK);
    assert_int_equal(oldkey_make(&old, NULL, key, &f->why), ERR_OK);
    assert_int_equal(
        derive_key(key, BINDING_KEY_SIZE, "laneward database 1", raw, sizeof raw, &f->why), ERR_OK);
    for (size_t i = 0; i < sizeof raw; i++)
        (void)snprintf(text + 2 + 2 * i, 3, "%02x", raw[i]);
    text[98] = '\'';
    (void)snprintf(path, sizeof path, "%s/laneward.db", f->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && close(fd) == 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_key_v2(db, "main", text, 99), SQLITE_OK);
    for (int i = 0; made[i] != NULL; i++)
        run(db, made[i]);
    for (uint32_t n = 0; n < PASSAGES; n++)
        put_old(db, n, 0);
    put_old(db, 1000, -80 * 3600000LL); /* past its term */
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return 0;
}

static void all_is_there(struct fixture *f)
{
    static uint8_t bytes[ENTRY_MAX_BYTES + 2];
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, PASSAGES);
    for (uint32_t n = 0; n < PASSAGES; n++)
        if (!fixture_has(f->store, n, n % 2 * CROP))
            fail_msg("passage %u is lost", n);
    struct ledger_gap gap;
    size_t n_gaps = 0;
    struct store_query query = {.lane = "north"};
    assert_int_equal(ledger_gaps(f->store, &query, &gap, 1, &n_gaps, &f->why), ERR_OK);
    assert_int_equal(n_gaps, 1);
    assert_int_equal(gap.to_ms, 2000);
    char cursor[304];
    assert_int_equal(ledger_cursor(f->store, "north", cursor, sizeof cursor, &f->why), ERR_OK);
    assert_string_equal(cursor, "img-0002.jpg");

    assert_int_equal(stats.log_size, LOOKS + 1);
    static const enum entry_kind kinds[] = {ENTRY_QUERY, ENTRY_IMAGE,   ENTRY_REFUSED, ENTRY_QUERY,
                                            ENTRY_IMAGE, ENTRY_REFUSED, ENTRY_KEY};
    for (uint64_t i = 0; i <= LOOKS; i++) {
        struct audit_page page = {.first = i, .room = 1, .out = bytes, .out_size = sizeof bytes};
        struct entry entry;
        struct entry_detail detail;
        const uint8_t *sealed;
        size_t size;
        assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
        assert_int_equal(entry_parse(bytes + 2, page.size - 2, &entry, &sealed, &size, &f->why),
                         ERR_OK);
        assert_int_equal(entry.kind, kinds[i]);
        if (i == 0) {
            assert_int_equal(entry_open(&entry, sealed, size, NULL, &detail, &f->why), ERR_OK);
            assert_int_equal(entry.at_ms, 1700000000001);
            assert_string_equal(entry.user, "officer");
            assert_int_equal(entry.n, 3);
            assert_string_equal(detail.reason, "stolen vehicle");
            assert_string_equal(detail.what,
                                "query --plate AB?123 --look-alike --lane north --from 5 --to 6");
        }
        if (i == LOOKS)
            assert_string_equal(entry.name, "migrated");
    }
    char path[160];
    (void)snprintf(path, sizeof path, "%s/laneward.db", f->dir);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_store_of_version_1_is_taken_over(void **state)
{
    struct fixture *f = *state;
    if (fixture_open(f) != ERR_OK)
        fail_msg("%s", f->why.text);
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.was_migrated, 1);
    all_is_there(f);
    fixture_reopen(f);
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.was_migrated, 0);
    all_is_there(f);
}

/* The next opening is killed at its n-th call that changes the disk outside of the databases, or
 * between two transactions; then all is there, once. */
static void a_takeover_that_is_killed_anywhere_is_finished_by_the_next(void **state)
{
    struct fixture *f = *state;
    char original[160];
    unsigned killed = 0;
    (void)snprintf(original, sizeof original, "%s", f->dir);
    for (uint32_t nth = 1; nth < 400; nth += nth < 40 ? 1 : 7) {
        (void)snprintf(f->dir, sizeof f->dir, "%.40s/try-%u", f->root, nth);
        fixture_copy_folder(original, f->dir);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            steps_begin(STEPS_KILL, nth, f->root);
            _exit(fixture_open(f) == ERR_OK ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == STEPS_STATUS);
        if (fixture_open(f) != ERR_OK)
            fail_msg("after call %u: %s", nth, f->why.text);
        all_is_there(f);
        store_close(&f->store);
        killed += WEXITSTATUS(status) == STEPS_STATUS;
        if (WEXITSTATUS(status) == 0)
            break;
    }
    print_message("%u openings were killed on the way, all was there afterwards\n", killed);
    assert_true(killed > 20);
}

static void a_file_that_comes_back_after_the_takeover_is_removed(void **state)
{
    struct fixture *f = *state;
    char copy[160], file[200], path[160];
    (void)snprintf(copy, sizeof copy, "%s/kept", f->root);
    fixture_copy_folder(f->dir, copy);
    assert_int_equal(fixture_open(f), ERR_OK);
    store_close(&f->store);
    (void)snprintf(file, sizeof file, "%s/laneward.db", copy);
    (void)snprintf(path, sizeof path, "%s/laneward.db", f->dir);
    assert_int_equal(rename(file, path), 0);
    if (fixture_open(f) != ERR_OK)
        fail_msg("%s", f->why.text);
    all_is_there(f);
}

static void a_damaged_file_is_told_and_left_alone(void **state)
{
    struct fixture *f = *state;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/laneward.db", f->dir);
    int fd = open(path, O_WRONLY);
    uint8_t garbage[4096];
    fixture_crop(7, garbage, sizeof garbage);
    for (off_t page = 2; page < 40; page += 3)
        assert_int_equal(pwrite(fd, garbage, sizeof garbage, page * 4096), sizeof garbage);
    assert_int_equal(close(fd), 0);
    assert_int_equal(fixture_open(f), ERR_CORRUPT);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(truncate(path, 100), 0);
    enum err result = fixture_open(f);
    assert_true(result == ERR_CORRUPT || result == ERR_IDENTITY);
    assert_int_equal(unlink(path), 0); /* moved away: begun anew */
    assert_int_equal(fixture_open(f), ERR_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_store_of_version_1_is_taken_over),
        T(a_takeover_that_is_killed_anywhere_is_finished_by_the_next),
        T(a_file_that_comes_back_after_the_takeover_is_removed),
        T(a_damaged_file_is_told_and_left_alone),
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
