/* Hosts, folders and rows for the storage tests. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/audit.h"
#include "storage/inside.h"

int64_t fixture_now_ms = 1700000000000 + 3600000;

int64_t fixture_clock(void)
{
    return fixture_now_ms;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->root, sizeof f->root, "%s/laneward-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->root));
    (void)snprintf(f->dir, sizeof f->dir, "%s/state", f->root);
    (void)snprintf(f->machine_id, sizeof f->machine_id, "%s/machine-id", f->root);
    (void)snprintf(f->other_id, sizeof f->other_id, "%s/other-id", f->root);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    write_text(f->machine_id, "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
    write_text(f->other_id, "3d1219c7c4c5404aaa1f6d2a48adfda5\n");
    f->options = (struct binding_options){
        .dir = f->dir, .tpm = "none", .machine_id = f->machine_id, .dmi_serial = "/nonexistent"};
    f->store_options = (struct store_options){
        .binding = f->options,
        .terms = {.hit = 72 * 3600000LL,
                  .other = 72 * 3600000LL,
                  .hit_crop = 72 * 3600000LL,
                  .other_crop = 24 * 3600000LL},
        .clock = fixture_clock,
    };
    fixture_now_ms = 1700000000000 + 3600000;
    if (fixture_open(f) != ERR_OK)
        fail_msg("%s: %s", err_name(f->why.code), f->why.text);
    *state = f;
    return 0;
}

enum err fixture_open(struct fixture *f)
{
    f->store = NULL;
    return store_open(&f->store, &f->store_options, &f->why);
}

void fixture_remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char inner[512];
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            fixture_remove_folder(inner);
    }
    closedir(folder);
    (void)rmdir(path);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    store_close(&f->store);
    fixture_remove_folder(f->root);
    free(f);
    return 0;
}

void fixture_reopen(struct fixture *f)
{
    store_close(&f->store);
    if (fixture_open(f) != ERR_OK)
        fail_msg("%s: %s", err_name(f->why.code), f->why.text);
}

enum err fixture_check_all(struct fixture *f)
{
    enum err result = database_check(f->store->ledger, &f->why);
    for (size_t i = 0; i < f->store->shelf.n && result == ERR_OK; i++) {
        struct segment *segment = &f->store->shelf.segment[i];
        result = shelf_get(&f->store->shelf, segment->class, segment->day, &segment, &f->why);
        if (result == ERR_OK)
            result = database_check(segment->database, &f->why);
    }
    return result;
}

void fixture_check(struct fixture *f)
{
    if (fixture_check_all(f) != ERR_OK)
        fail_msg("%s: %s", err_name(f->why.code), f->why.text);
}

void fixture_checkpoint_every(struct fixture *f, int pages)
{
    (void)sqlite3_wal_autocheckpoint(f->store->ledger->db, pages);
    for (size_t i = 0; i < f->store->shelf.n; i++)
        if (f->store->shelf.segment[i].database != NULL)
            (void)sqlite3_wal_autocheckpoint(f->store->shelf.segment[i].database->db, pages);
}

enum err fixture_look(struct store *store, struct fault *why)
{
    struct entry entry = {
        .kind = ENTRY_QUERY, .uid = 1000, .user = "officer", .credential = "uid", .n = 1};
    struct entry_detail detail = {.reason = "stolen vehicle",
                                  .case_number = "2026-17",
                                  .what = "query --plate AB?123",
                                  .n_ids = 1,
                                  .ids = {{1, 2, 3}}};
    return audit_append(store, &entry, &detail, "AB?123", why);
}

void fixture_segment(const struct fixture *f, int64_t at_ms, bool hits, char out[160])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm date;
    char day[16];
    assert_non_null(gmtime_r(&seconds, &date));
    assert_int_equal(strftime(day, sizeof day, "%Y-%m-%d", &date), 10);
    (void)snprintf(out, 160, "%s/segments/%s.%s.db", f->dir, day, hits ? "hit" : "other");
}

struct row fixture_row(uint32_t n)
{
    struct row row = {
        .state = ROW_UPDATE,
        .first_ms = 1700000000000 + (int64_t)n * 1000,
        .last_ms = 1700000000000 + (int64_t)n * 1000 + 700,
        .clock_synchronised = true,
        .needs_review = n % 2 == 0,
        .lane = "north-1",
        .camera = "north-front",
        .region = "us-tx",
        .confidence = 0.875F,
        .n_frames = 7 + n % 5,
        .frame_width = 1280,
        .frame_height = 720,
        .corner = {100.5F, 200.25F, 300, 201, 299, 260, -3.5F, 259},
        .n_candidates = 2,
    };
    memcpy(row.id, &n, sizeof n);
    row.id[15] = 0xA5;
    (void)snprintf(row.plate, sizeof row.plate, "PLT%06u", n % 1000000);
    row.candidates[0] = (struct row_candidate){.confidence = 0.875F, .matches_pattern = true};
    memcpy(row.candidates[0].plate, row.plate, sizeof row.plate);
    row.candidates[1] = (struct row_candidate){.plate = "PLT0000OO", .confidence = 0.5F};
    return row;
}

void fixture_crop(uint32_t n, uint8_t *out, uint32_t size)
{
    static const uint8_t jfif[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0};
    uint32_t noise = n * 2654435761U + 1;
    for (uint32_t i = 0; i < size; i++) {
        noise = noise * 1664525U + 1013904223U;
        out[i] = i < sizeof jfif ? jfif[i] : (uint8_t)(noise >> 24);
    }
}

enum err fixture_put(struct store *store, uint32_t n, uint32_t size, struct fault *why)
{
    static uint8_t crop[ROW_MAX_CROP];
    struct row row = fixture_row(n);
    row.crop_size = size;
    fixture_crop(n, crop, size);
    enum err result = store_put(store, &row, size > 0 ? crop : NULL, why);
    enum err committed = store_commit(store, result == ERR_OK ? why : NULL);
    return result == ERR_OK ? committed : result;
}

bool fixture_has(struct store *store, uint32_t n, uint32_t size)
{
    static uint8_t crop[STORE_MAX_CROP], expected[ROW_MAX_CROP];
    struct row row = fixture_row(n), found[STORE_MAX_ROWS] = {0};
    row.crop_size = size;
    struct store_query query = {.limit = 1};
    memcpy(query.plate, row.plate, sizeof row.plate);
    size_t n_rows = 0, crop_size = 0;
    bool is_sealed = true;
    struct fault why;
    if (store_find(store, &query, found, &n_rows, &why) != ERR_OK || n_rows != 1)
        return false;
    if (memcmp(&found[0].corner, &row.corner, sizeof row.corner) != 0 ||
        found[0].n_frames != row.n_frames || memcmp(found[0].id, row.id, sizeof row.id) != 0 ||
        found[0].first_ms != row.first_ms || found[0].crop_size != size)
        return false;
    if (size == 0)
        return true;
    fixture_crop(n, expected, size);
    return store_crop(store, row.id, crop, &crop_size, &is_sealed, &why) == ERR_OK && !is_sealed &&
           crop_size == size && memcmp(crop, expected, size) == 0;
}

static size_t read_all(const char *path, uint8_t **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    size_t size = (size_t)status.st_size;
    *out = malloc(size + 1);
    assert_non_null(*out);
    assert_int_equal(read(fd, *out, size), (ssize_t)size);
    assert_int_equal(close(fd), 0);
    return size;
}

void fixture_copy_folder(const char *from, const char *to)
{
    assert_int_equal(mkdir(to, 0700), 0);
    DIR *folder = opendir(from);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char source[512], target[512];
        (void)snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        (void)snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        if (entry->d_type == DT_DIR) {
            fixture_copy_folder(source, target);
            continue;
        }
        uint8_t *bytes;
        size_t size = read_all(source, &bytes);
        int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, size), (ssize_t)size);
        assert_int_equal(close(fd), 0);
        free(bytes);
    }
    closedir(folder);
}

bool fixture_folder_holds(const char *dir, const void *wanted, size_t wanted_size)
{
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    bool holds = false;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            holds = holds || fixture_folder_holds(path, wanted, wanted_size);
        if (entry->d_type != DT_REG)
            continue;
        uint8_t *bytes;
        size_t size = read_all(path, &bytes);
        holds = holds || memmem(bytes, size, wanted, wanted_size) != NULL;
        free(bytes);
    }
    closedir(folder);
    return holds;
}
