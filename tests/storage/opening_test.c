/* What the store refuses to open, and what lies in its folder. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/audit.h"
#include "storage/inside.h"

static void path_in(const struct fixture *f, const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", f->dir, name);
}

static void replace(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(close(fd), 0);
}

static size_t contents(const char *path, uint8_t *out, size_t room)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t size = read(fd, out, room);
    assert_true(size >= 0 && (size_t)size < room);
    assert_int_equal(close(fd), 0);
    return (size_t)size;
}

enum { LEDGER, SEGMENT, FILES };

/* The ledger, or the segment of passage 0's day. */
static void path_of(const struct fixture *f, int which, char out[160])
{
    if (which == LEDGER)
        path_in(f, "ledger.db", out);
    else
        fixture_segment(f, fixture_row(0).first_ms, false, out);
}

/* A store of one passage, closed. */
static void begin(struct fixture *f)
{
    assert_int_equal(fixture_put(f->store, 0, 3000, &f->why), ERR_OK);
    assert_int_equal(fixture_look(f->store, &f->why), ERR_OK);
    store_close(&f->store);
}

/* Opening fails with `code`, and `out` is untouched. */
static void refuses(struct fixture *f, enum err code, const char *word)
{
    f->why = (struct fault){0};
    struct store *store = NULL;
    assert_int_equal(store_open(&store, &f->store_options, &f->why), code);
    assert_null(store);
    if (strstr(f->why.text, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, f->why.text);
}

static void store_refuses_a_plaintext_file_and_leaves_it_alone(void **state)
{
    struct fixture *f = *state;
    uint8_t plain[8192] = "SQLite format 3", after[16384];
    plain[5000] = 42;
    begin(f);
    for (int which = FILES - 1; which >= 0; which--) {
        char path[160];
        path_of(f, which, path);
        replace(path, plain, sizeof plain);
        refuses(f, ERR_IDENTITY, "unencrypted");
        assert_int_equal(contents(path, after, sizeof after), sizeof plain);
        assert_memory_equal(after, plain, sizeof plain);
    }
}

static void store_refuses_garbage_and_leaves_it_alone(void **state)
{
    struct fixture *f = *state;
    uint8_t garbage[8192], after[16384];
    begin(f);
    fixture_crop(1, garbage, sizeof garbage);
    for (int which = FILES - 1; which >= 0; which--) {
        static const size_t sizes[] = {8192, 4096, 100, 16};
        char path[160];
        path_of(f, which, path);
        for (int i = 0; i < 4; i++) {
            replace(path, garbage, sizes[i]);
            refuses(f, ERR_IDENTITY, "does not open with this host's key");
            assert_int_equal(contents(path, after, sizeof after), sizes[i]);
            assert_memory_equal(after, garbage, sizes[i]);
        }
        replace(path, garbage, 15);
        refuses(f, ERR_CORRUPT, "too short");
        replace(path, garbage, 0);
        refuses(f, ERR_CORRUPT, "too short");
    }
}

static void store_refuses_a_truncated_file(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(fixture_put(f->store, i, 8000, &f->why), ERR_OK);
    store_close(&f->store);
    for (int which = FILES - 1; which >= 0; which--) {
        char path[160];
        path_of(f, which, path);
        assert_int_equal(truncate(path, 4000), 0);
        refuses(f, ERR_CORRUPT, "");
        assert_int_equal(truncate(path, 100), 0);
        refuses(f, ERR_CORRUPT, "");
    }
}

static void store_does_not_open_with_the_keys_of_another(void **state)
{
    static const char *const names[] = {"host.key", "keyring.1"};
    struct fixture *f = *state;
    char dir[160];
    begin(f);
    (void)snprintf(dir, sizeof dir, "%s/other", f->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    struct store_options options = f->store_options;
    options.binding.dir = dir;
    assert_int_equal(store_open(&f->store, &options, &f->why), ERR_OK);
    store_close(&f->store);
    for (int i = 0; i < 2; i++) {
        char from[320], to[320], kept[320];
        (void)snprintf(from, sizeof from, "%s/%s", dir, names[i]);
        (void)snprintf(to, sizeof to, "%s/%s", f->dir, names[i]);
        (void)snprintf(kept, sizeof kept, "%s/%s", f->root, names[i]);
        assert_int_equal(rename(to, kept), 0);
        assert_int_equal(rename(from, to), 0);
    }
    refuses(f, ERR_IDENTITY, "does not open with this host's key");
    for (int i = 0; i < 2; i++) {
        char to[320], kept[320];
        (void)snprintf(to, sizeof to, "%s/%s", f->dir, names[i]);
        (void)snprintf(kept, sizeof kept, "%s/%s", f->root, names[i]);
        assert_int_equal(rename(kept, to), 0);
    }
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_true(fixture_has(f->store, 0, 3000));
}

static void store_refuses_a_folder_that_others_may_enter(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(chmod(f->dir, 0750), 0);
    refuses(f, ERR_DENIED, "0700");
    assert_int_equal(chmod(f->dir, 0700), 0);
    char path[160];
    for (int which = 0; which < FILES; which++) {
        path_of(f, which, path);
        assert_int_equal(chmod(path, 0640), 0);
        refuses(f, ERR_DENIED, "chmod 600");
        assert_int_equal(chmod(path, 0600), 0);
    }
    path_in(f, "segments", path);
    assert_int_equal(chmod(path, 0750), 0);
    refuses(f, ERR_DENIED, "0700");
    assert_int_equal(chmod(path, 0700), 0);
    f->store_options.binding.dir = "/nonexistent/state";
    refuses(f, ERR_IO, "");
}

static void store_refuses_a_link_in_its_place(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (int which = 0; which < FILES; which++) {
        char path[160], elsewhere[160];
        path_of(f, which, path);
        (void)snprintf(elsewhere, sizeof elsewhere, "%s/moved.db", f->root);
        assert_int_equal(rename(path, elsewhere), 0);
        assert_int_equal(symlink(elsewhere, path), 0);
        refuses(f, ERR_IO, "");
        assert_int_equal(rename(elsewhere, path), 0);
    }
    assert_int_equal(fixture_open(f), ERR_OK);
}

static void store_refuses_to_begin_a_new_log_in_the_place_of_a_lost_one(void **state)
{
    struct fixture *f = *state;
    begin(f);
    char path[160];
    path_in(f, "ledger.db", path);
    assert_int_equal(unlink(path), 0);
    refuses(f, ERR_CORRUPT, "the log of looks is gone");
    assert_int_equal(access(path, F_OK), -1);
}

static void store_begins_anew_after_a_creation_that_was_cut_short(void **state)
{
    struct fixture *f = *state;
    char path[200];
    fixture_segment(f, fixture_row(0).first_ms, false, path);
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), ".new");
    replace(path, "half", 4);
    assert_int_equal(fixture_put(f->store, 0, 3000, &f->why), ERR_OK);
    assert_int_equal(access(path, F_OK), -1);
    store_close(&f->store);

    char dir[160];
    (void)snprintf(dir, sizeof dir, "%s/other", f->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/ledger.db.new", dir);
    replace(path, "half", 4);
    f->store_options.binding.dir = dir;
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_int_equal(access(path, F_OK), -1);
}

static void store_is_open_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f->store, 1, 100, &f->why), ERR_OK);
    refuses(f, ERR_IO, "another process");
    assert_true(fixture_has(f->store, 1, 100));
}

static void every_file_is_for_this_user_alone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f->store, 0, 9000, &f->why), ERR_OK);
    char segment[160], path[170];
    struct stat status;
    fixture_segment(f, fixture_row(0).first_ms, false, segment);
    static const char *const names[] = {"ledger.db", "ledger.db-wal", "host.key", "keyring.1"};
    for (int i = 0; i < 6; i++) {
        if (i < 4)
            path_in(f, names[i], path);
        else
            (void)snprintf(path, sizeof path, "%s%s", segment, i == 4 ? "" : "-wal");
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
    path_in(f, "segments", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

static void no_file_holds_a_plate_or_a_picture_in_the_clear(void **state)
{
    struct fixture *f = *state;
    static const char machine[] = "3d1219c7c4c5404aaa1f6d2a48adfda4";
    static const uint8_t jfif[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0};
    uint8_t key[KEYRING_KEY_SIZE];
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(fixture_put(f->store, i, 6000, &f->why), ERR_OK);
    memcpy(key, keyring_key(f->store->keyring, KEYRING_LEDGER, 0), sizeof key);
    assert_int_equal(fixture_look(f->store, &f->why), ERR_OK);
    for (int opened = 1; opened >= 0; opened--) {
        assert_false(fixture_folder_holds(f->dir, "PLT000", 6));
        assert_false(fixture_folder_holds(f->dir, "north-", 6));
        assert_false(fixture_folder_holds(f->dir, jfif, sizeof jfif));
        assert_false(fixture_folder_holds(f->dir, "stolen vehicle", 14));
        assert_false(fixture_folder_holds(f->dir, "CREATE TABLE", 12));
        assert_false(fixture_folder_holds(f->dir, "SQLite format", 13));
        assert_false(fixture_folder_holds(f->dir, key, sizeof key));
        store_close(&f->store); /* once with its log, once without */
    }
    /* The search itself finds what is there. */
    assert_true(fixture_folder_holds(f->root, machine, sizeof machine - 1));
}

/* A database that was altered at one place gives an error, or what was put, unaltered; and its
 * check finds it. */
static void flip_and_read(struct fixture *f, uint32_t n, uint32_t size, unsigned *noticed,
                          unsigned *in_reading)
{
    if (fixture_open(f) != ERR_OK) {
        assert_true(f->why.code == ERR_CORRUPT || f->why.code == ERR_IDENTITY);
        ++*noticed;
        ++*in_reading;
        return;
    }
    bool all = true;
    for (uint32_t i = 0; i < n; i++) {
        static uint8_t got[STORE_MAX_CROP], want[ROW_MAX_CROP];
        size_t crop_size;
        bool is_sealed;
        enum err result =
            store_crop(f->store, fixture_row(i).id, got, &crop_size, &is_sealed, &f->why);
        fixture_crop(i, want, size);
        /* Altered bytes never pass for the picture. */
        assert_true(result == ERR_CORRUPT || (result == ERR_OK && memcmp(got, want, size) == 0));
    }
    for (uint32_t i = 0; i < n; i++)
        all = all && fixture_has(f->store, i, size);
    /* What reading did not come across, the check does. */
    bool found = fixture_check_all(f) == ERR_CORRUPT;
    assert_true(all || found);
    *noticed += found;
    *in_reading += !all;
    store_close(&f->store);
}

/* Of the ledger's pages, those that hold records are all read at each opening. */
static void a_flipped_bit_is_noticed_and_never_read_as_data(void **state)
{
    struct fixture *f = *state;
    enum { N = 12, SIZE = 5000, LOOKS = 20 };
    static const int steps[FILES] = {409, 409};
    static uint8_t bytes[1 << 20];
    struct head head;
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(fixture_put(f->store, i, SIZE, &f->why), ERR_OK);
    for (uint32_t i = 0; i < LOOKS; i++)
        assert_int_equal(fixture_look(f->store, &f->why), ERR_OK);
    assert_int_equal(audit_sign(f->store, fixture_now_ms, NULL, &head, &f->why), ERR_OK);
    store_close(&f->store);
    for (int which = 0; which < FILES; which++) {
        char path[160];
        unsigned noticed = 0, in_reading = 0, flips = 0;
        path_of(f, which, path);
        size_t size = contents(path, bytes, sizeof bytes);
        for (size_t at = 0; at < size; at += at < 32 ? 1 : (size_t)steps[which]) {
            bytes[at] ^= (uint8_t)(1 << at % 8);
            replace(path, bytes, size);
            flip_and_read(f, N, SIZE, &noticed, &in_reading);
            bytes[at] ^= (uint8_t)(1 << at % 8);
            flips++;
        }
        print_message("%s: %u of %u flipped bits were noticed, %u of them by reading\n",
                      which == LEDGER ? "ledger" : "segment", noticed, flips, in_reading);
        assert_int_equal(noticed, flips);
        replace(path, bytes, size);
    }
    assert_int_equal(fixture_open(f), ERR_OK);
    for (uint32_t i = 0; i < N; i++)
        assert_true(fixture_has(f->store, i, SIZE));
}

static void a_flipped_bit_of_the_keys_is_noticed(void **state)
{
    static const char *const names[] = {"keyring.1", "host.key"};
    struct fixture *f = *state;
    static uint8_t bytes[1 << 20];
    begin(f);
    for (int i = 0; i < 2; i++) {
        char path[160];
        path_in(f, names[i], path);
        size_t size = contents(path, bytes, sizeof bytes);
        for (size_t at = 0; at < size; at += at < 64 ? 1 : 3) {
            bytes[at] ^= (uint8_t)(1 << at % 8);
            replace(path, bytes, size);
            enum err result = fixture_open(f);
            if (result != ERR_CORRUPT && result != ERR_IDENTITY)
                fail_msg("%s, byte %zu: %s", names[i], at, err_name(result));
            bytes[at] ^= (uint8_t)(1 << at % 8);
        }
        replace(path, bytes, size);
    }
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_true(fixture_has(f->store, 0, 3000));
}

static void swapped_pages_are_noticed(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(fixture_put(f->store, i, 5000, &f->why), ERR_OK);
    store_close(&f->store);
    char path[160];
    path_of(f, SEGMENT, path);
    static uint8_t bytes[1 << 20], page[4096];
    size_t size = contents(path, bytes, sizeof bytes);
    assert_true(size > 8 * sizeof page);
    memcpy(page, bytes + 4096, sizeof page);
    memcpy(bytes + 4096, bytes + 2 * 4096, sizeof page);
    memcpy(bytes + 2 * 4096, page, sizeof page);
    replace(path, bytes, size);
    unsigned noticed = 0, in_reading = 0;
    flip_and_read(f, 12, 5000, &noticed, &in_reading);
    assert_int_equal(noticed, 1);
}

static struct database *database_of(struct fixture *f, int which)
{
    return which == LEDGER ? f->store->ledger : f->store->shelf.segment[0].database;
}

static void other_tables_are_not_taken_for_ours(void **state)
{
    struct fixture *f = *state;
    for (int which = FILES - 1; which >= 0; which--) {
        assert_int_equal(fixture_put(f->store, 0, 3000, &f->why), ERR_OK);
        struct database *database = database_of(f, which);
        char path[160];
        path_of(f, which, path);
        /* From inside: the authorizer would not let even us do this in an open store. */
        database->building = true;
        assert_int_equal(
            sqlite3_exec(database->db, "CREATE TABLE more(x INTEGER)", NULL, NULL, NULL),
            SQLITE_OK);
        store_close(&f->store);
        refuses(f, ERR_CORRUPT, "tables");
        if (which == SEGMENT) { /* it goes, which is noticed, and the day begins anew */
            assert_int_equal(unlink(path), 0);
            assert_int_equal(fixture_open(f), ERR_OK);
        }
    }
}

static void an_open_store_runs_only_its_own_statements(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {
        "CREATE TABLE t(x INTEGER)",
        "DROP TABLE passage",
        "DELETE FROM passage",
        "DROP TABLE record",
        "DELETE FROM record",
        "UPDATE record SET bytes=x'00'",
        "DELETE FROM head",
        "UPDATE head SET bytes=x'00'",
        "UPDATE honey SET id=x'00'",
        "DELETE FROM honey",
        "ATTACH '/tmp/x.db' AS x",
        "PRAGMA key='x'",
        "PRAGMA journal_mode=OFF",
        "PRAGMA rekey='x'",
        "SELECT sql FROM sqlite_schema",
        "SELECT hex(sealed) FROM crop",
        "SELECT hex(bytes) FROM record",
        "VACUUM INTO '/tmp/x.db'",
        "SELECT sqlcipher_export('main')",
        "PRAGMA synchronous=OFF",
        "CREATE VIEW v AS SELECT 1",
        "SELECT load_extension('x')",
        "CREATE TRIGGER t AFTER INSERT ON record BEGIN SELECT 1; END",
        "CREATE TRIGGER t AFTER INSERT ON passage BEGIN SELECT 1; END",
    };
    assert_int_equal(fixture_put(f->store, 0, 3000, &f->why), ERR_OK);
    for (int which = 0; which < FILES; which++)
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            int status = sqlite3_exec(database_of(f, which)->db, others[i], NULL, NULL, NULL);
            if (status == SQLITE_OK)
                fail_msg("this ran: %s", others[i]);
        }
    assert_int_equal(
        sqlite3_exec(database_of(f, SEGMENT)->db, "SELECT count(*) FROM passage", NULL, NULL, NULL),
        SQLITE_OK);
}

static void a_whole_store_passes_its_integrity_check(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(fixture_put(f->store, i, 5000, &f->why), ERR_OK);
    fixture_check(f);
    fixture_reopen(f);
    fixture_check(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(store_refuses_a_plaintext_file_and_leaves_it_alone),
        T(store_refuses_garbage_and_leaves_it_alone),
        T(store_refuses_a_truncated_file),
        T(store_does_not_open_with_the_keys_of_another),
        T(store_refuses_a_folder_that_others_may_enter),
        T(store_refuses_a_link_in_its_place),
        T(store_refuses_to_begin_a_new_log_in_the_place_of_a_lost_one),
        T(store_begins_anew_after_a_creation_that_was_cut_short),
        T(store_is_open_once),
        T(every_file_is_for_this_user_alone),
        T(no_file_holds_a_plate_or_a_picture_in_the_clear),
        T(a_flipped_bit_is_noticed_and_never_read_as_data),
        T(a_flipped_bit_of_the_keys_is_noticed),
        T(swapped_pages_are_noticed),
        T(other_tables_are_not_taken_for_ours),
        T(an_open_store_runs_only_its_own_statements),
        T(a_whole_store_passes_its_integrity_check),
    };
    return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
