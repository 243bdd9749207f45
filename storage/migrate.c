/* From version 1: passages first, then all of the ledger in one transaction, then the file goes. */
#include "storage/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/audit.h"
#include "storage/books.h"
#include "storage/ledger.h"
#include "storage/legacy.h"
#include "storage/record.h"
#include "storage/statement.h"

enum { DIGEST_SIZE = 32, BATCH = 32, NUMBER_COLUMN = 17, DIGEST_COLUMN, JPEG_COLUMN };
static const char note[] = "migrated";

static enum err damaged(struct fault *why)
{
    return fault_set(why, ERR_CORRUPT,
                     "laneward.db of the former version is damaged: bring it back from where it "
                     "was kept, or move it away to go on without it");
}

/* The picture that stands beside the passage; NULL: none. */
static enum err old_crop(sqlite3_stmt *statement, struct row *row, const uint8_t **out,
                         struct fault *why)
{
    uint8_t digest[DIGEST_SIZE];
    const void *bytes = sqlite3_column_blob(statement, JPEG_COLUMN),
               *expected = sqlite3_column_blob(statement, DIGEST_COLUMN);
    int size = sqlite3_column_bytes(statement, JPEG_COLUMN);
    *out = NULL;
    row->crop_size = 0;
    if (bytes == NULL && expected == NULL)
        return ERR_OK;
    if (bytes == NULL || size <= 0 || size > ROW_MAX_CROP || expected == NULL ||
        sqlite3_column_bytes(statement, DIGEST_COLUMN) != DIGEST_SIZE ||
        EVP_Digest(bytes, (size_t)size, digest, NULL, EVP_sha256(), NULL) != 1 ||
        memcmp(digest, expected, sizeof digest) != 0)
        return damaged(why);
    *out = bytes;
    row->crop_size = (uint32_t)size;
    return ERR_OK;
}

static enum err take_passage(struct store *store, sqlite3_stmt *statement, struct fault *why)
{
    struct row row = {0};
    const uint8_t *crop = NULL;
    enum err result = record_read(statement, &row, why);
    if (result == ERR_OK)
        result = old_crop(statement, &row, &crop, why);
    if (result == ERR_OK)
        result = store_put(store, &row, crop, why);
    return result == ERR_INPUT ? ERR_OK : result; /* of a clock that was far ahead */
}

/* Runs a statement of the old file whose first parameter is the number after which it goes on;
 * `take` gets each row. */
static enum err each(struct store *store, struct database *old, enum sql number, int column,
                     enum err (*take)(struct store *, sqlite3_stmt *, struct fault *),
                     struct fault *why)
{
    sqlite3_stmt *statement = old->statement[number];
    enum err result = ERR_OK;
    int64_t after = 0;
    for (uint64_t n = 1; result == ERR_OK; n++) {
        int status = statement_bind_int(statement, ":after", after);
        status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
        if (status == SQLITE_DONE)
            break;
        if (status == SQLITE_ROW) {
            after = sqlite3_column_int64(statement, column);
            result = take(store, statement, why);
        } else {
            result = database_fault(old, status, why);
        }
        statement_reset(statement);
        if (result == ERR_OK && number == SQL_OLD_PASSAGE && n % BATCH == 0)
            result = store_commit(store, why);
    }
    statement_reset(statement);
    return result;
}

/* A question in the words of the command line. */
static void put_words(sqlite3_stmt *statement, const char *kind, char out[ENTRY_WHAT_SIZE])
{
    char plate[ROW_PLATE_SIZE] = "", lane[ROW_NAME_SIZE] = "";
    (void)statement_text(statement, 7, plate, sizeof plate);
    (void)statement_text(statement, 9, lane, sizeof lane);
    int used = snprintf(out, ENTRY_WHAT_SIZE, "%s", kind);
    if (plate[0] != '\0')
        used += snprintf(out + used, (size_t)(ENTRY_WHAT_SIZE - used), " --plate %s", plate);
    if (sqlite3_column_int64(statement, 8) != 0)
        used += snprintf(out + used, (size_t)(ENTRY_WHAT_SIZE - used), " --look-alike");
    if (lane[0] != '\0')
        used += snprintf(out + used, (size_t)(ENTRY_WHAT_SIZE - used), " --lane %s", lane);
    if (sqlite3_column_int64(statement, 10) != 0)
        used += snprintf(out + used, (size_t)(ENTRY_WHAT_SIZE - used), " --from %lld",
                         (long long)sqlite3_column_int64(statement, 10));
    if (sqlite3_column_int64(statement, 11) != 0)
        (void)snprintf(out + used, (size_t)(ENTRY_WHAT_SIZE - used), " --to %lld",
                       (long long)sqlite3_column_int64(statement, 11));
}

static enum err take_look(struct store *store, sqlite3_stmt *statement, struct fault *why)
{
    char kind[16] = "", plate[ROW_PLATE_SIZE] = "";
    struct entry_detail detail = {0};
    struct entry entry = {.at_ms = sqlite3_column_int64(statement, 1),
                          .uid = (uint32_t)sqlite3_column_int64(statement, 2),
                          .credential = "uid",
                          .n = (uint32_t)sqlite3_column_int64(statement, 14)};
    bool good = statement_text(statement, 3, entry.user, sizeof entry.user) &&
                statement_text(statement, 4, detail.reason, sizeof detail.reason) &&
                statement_text(statement, 5, detail.case_number, sizeof detail.case_number) &&
                statement_text(statement, 6, kind, sizeof kind) &&
                statement_text(statement, 7, plate, sizeof plate);
    if (!good || entry.at_ms <= 0)
        return damaged(why);
    entry.kind = strcmp(kind, "query") == 0   ? ENTRY_QUERY
                 : strcmp(kind, "image") == 0 ? ENTRY_IMAGE
                                              : ENTRY_REFUSED;
    put_words(statement, kind, detail.what);
    const void *id = sqlite3_column_blob(statement, 13);
    if (entry.kind == ENTRY_IMAGE && id != NULL &&
        sqlite3_column_bytes(statement, 13) == ROW_ID_SIZE) {
        detail.n_ids = 1;
        memcpy(detail.ids[0], id, ROW_ID_SIZE);
    }
    return audit_append(store, &entry, &detail, plate, why);
}

static enum err take_gap(struct store *store, sqlite3_stmt *statement, struct fault *why)
{
    struct ledger_gap gap = {.from_ms = sqlite3_column_int64(statement, 1),
                             .to_ms = sqlite3_column_int64(statement, 2)};
    if (!statement_text(statement, 3, gap.lane, sizeof gap.lane) ||
        !statement_text(statement, 4, gap.why, sizeof gap.why))
        return damaged(why);
    return ledger_gap(store, &gap, why);
}

static enum err take_cursors(struct store *store, struct database *old, struct fault *why)
{
    sqlite3_stmt *statement = old->statement[SQL_OLD_CURSOR];
    char camera[ROW_NAME_SIZE] = "", position[304];
    enum err result = ERR_OK;
    while (result == ERR_OK) {
        int status = statement_copy_text(statement, ":camera", camera);
        status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
        if (status == SQLITE_DONE)
            break;
        if (status != SQLITE_ROW)
            result = database_fault(old, status, why);
        else if (!statement_text(statement, 0, camera, sizeof camera) ||
                 !statement_text(statement, 1, position, sizeof position))
            result = damaged(why);
        else
            result = ledger_set_cursor(store, camera, position, why);
        statement_reset(statement);
    }
    statement_reset(statement);
    return result;
}

/* All of it or nothing: a second try must not find half of the looks in the log. */
static enum err take_ledger(struct store *store, struct database *old, struct fault *why)
{
    struct entry entry = {.kind = ENTRY_KEY, .uid = UINT32_MAX, .name = "migrated"};
    enum err result = database_begin(store->ledger, why);
    if (result != ERR_OK)
        return result;
    result = each(store, old, SQL_OLD_LOOK, 0, take_look, why);
    if (result == ERR_OK)
        result = each(store, old, SQL_OLD_GAP, 0, take_gap, why);
    if (result == ERR_OK)
        result = take_cursors(store, old, why);
    if (result == ERR_OK)
        result = audit_append(store, &entry, NULL, NULL, why);
    if (result == ERR_OK)
        result = books_set_note(store, note, 1, why);
    result = database_end(store->ledger, result, why);
    if (result != ERR_OK)
        store->audit.n_starts = 0;
    return result;
}

static enum err copy(struct store *store, const char *path, struct fault *why)
{
    const uint8_t *key = legacy_key(store->keyring);
    if (key == NULL)
        return fault_set(why, ERR_IDENTITY,
                         "%s of the former version is there, and its key is not: move it away",
                         path);
    struct database *old = NULL;
    enum err result = database_open(&old, path, SQL_OLD, key, why);
    if (result != ERR_OK)
        return result;
    result = each(store, old, SQL_OLD_PASSAGE, NUMBER_COLUMN, take_passage, why);
    if (result == ERR_OK)
        result = store_commit(store, why);
    if (result == ERR_OK)
        result = take_ledger(store, old, why);
    database_close(&old);
    return result;
}

static enum err sweep(const struct store *store, struct fault *why)
{
    static const char *const suffixes[] = {"", "-wal", ".new", ".new-wal"};
    enum err result = ERR_OK;
    for (int i = 0; i < 4 && result == ERR_OK; i++) {
        char path[DATABASE_PATH_SIZE + 32];
        (void)snprintf(path, sizeof path, "%s/laneward.db%s", store->dir, suffixes[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            result = fault_errno(why, ERR_IO, errno, "%s", path);
    }
    int fd = result == ERR_OK ? open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0 && fsync(fd) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", store->dir);
    if (fd >= 0)
        (void)close(fd);
    return result;
}

enum err migrate_run(struct store *store, struct fault *why)
{
    char path[DATABASE_PATH_SIZE], wal[DATABASE_PATH_SIZE + 8];
    if (snprintf(path, sizeof path, "%s/laneward.db", store->dir) >= (int)sizeof path)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    bool is_there = access(path, F_OK) == 0;
    if (!is_there && access(wal, F_OK) != 0)
        return legacy_end(store->keyring, why);
    int64_t is_done = 0;
    enum err result = books_note(store, note, 0, &is_done, why);
    if (result == ERR_OK && is_done == 0 && !is_there)
        return fault_set(why, ERR_CORRUPT,
                         "%s is there without its store: bring the store back, or move it away to "
                         "begin anew",
                         wal);
    if (result == ERR_OK && is_done == 0)
        result = copy(store, path, why);
    store->was_migrated = result == ERR_OK && is_done == 0;
    if (result == ERR_OK)
        result = sweep(store, why);
    return result == ERR_OK ? legacy_end(store->keyring, why) : result;
}
