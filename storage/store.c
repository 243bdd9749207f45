/* Passages: putting, finding, the plate's picture, totals. */
#include "storage/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/inside.h"
#include "storage/record.h"
#include "storage/statement.h"

enum { DIGEST_SIZE = 32 };

static void digest_of(const void *bytes, size_t size, uint8_t out[DIGEST_SIZE])
{
    int good = EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL);
    assert(good == 1);
}

/* The folder is ours alone; its path comes back without links, as SQLite is told to follow none. */
static enum err check_folder(const char *dir, char path[DATABASE_PATH_SIZE], struct fault *why)
{
    struct stat status;
    if (stat(dir, &status) != 0)
        return fault_errno(why, ERR_IO, errno, "the state folder %s", dir);
    if (!S_ISDIR(status.st_mode))
        return fault_set(why, ERR_IO, "the state folder %s is not a folder", dir);
    if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED, "the state folder %s must be this user's, of mode 0700",
                         dir);
    char real[PATH_MAX];
    if (realpath(dir, real) == NULL)
        return fault_errno(why, ERR_IO, errno, "the state folder %s", dir);
    int length = snprintf(path, DATABASE_PATH_SIZE, "%s/laneward.db", real);
    if (length < 0 || length >= DATABASE_PATH_SIZE)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    return ERR_OK;
}

enum err store_open(struct store **out, const char *dir, const struct binding_key *key,
                    struct fault *why)
{
    _Static_assert((int)BINDING_KEY_SIZE == (int)DATABASE_KEY_SIZE, "one key for both");
    char path[DATABASE_PATH_SIZE];
    enum err result = check_folder(dir, path, why);
    if (result != ERR_OK)
        return result;
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a store");
    store->binding = key->kind;
    result = database_open(&store->database, path, key->key, why);
    if (result != ERR_OK) {
        free(store);
        return result;
    }
    *out = store;
    return ERR_OK;
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    database_close(&(*store)->database);
    free(*store);
    *store = NULL;
}

enum err store_put(struct store *store, const struct row *row, const uint8_t *crop,
                   struct fault *why)
{
    enum err result = record_check(row, why);
    if (result != ERR_OK)
        return result;
    if ((crop == NULL) != (row->crop_size == 0))
        return fault_set(why, ERR_INPUT, "a passage's crop and crop_size disagree");
    struct database *database = store->database;
    result = database_ready(database, why);
    if (result == ERR_OK)
        result = database_run(database, SQL_BEGIN, SQLITE_OK, why);
    if (result != ERR_OK)
        return result;
    result = database_run(database, SQL_PUT, record_bind(database->statement[SQL_PUT], row), why);
    /* Nothing changed: what is stored is newer, and so is its crop. */
    if (result == ERR_OK && crop != NULL && sqlite3_changes(database->db) > 0) {
        sqlite3_stmt *statement = database->statement[SQL_PUT_CROP];
        uint8_t digest[DIGEST_SIZE];
        digest_of(crop, row->crop_size, digest);
        int bound = statement_bind_blob(statement, ":id", row->id, ROW_ID_SIZE);
        bound |= statement_bind_blob(statement, ":digest", digest, sizeof digest);
        bound |= statement_bind_blob(statement, ":jpeg", crop, row->crop_size);
        result = database_run(database, SQL_PUT_CROP, bound, why);
    }
    return database_end(database, result, why);
}

/* The statement of a query, its parameters bound. `low` and `high` enclose all that a pattern can
 * match. */
static int bind_query(struct database *database, const struct store_query *query, enum sql *out)
{
    char plate[ROW_PLATE_SIZE], low[ROW_PLATE_SIZE],
        high[ROW_PLATE_SIZE] = "~"; /* after all of A-Z, 0-9 */
    memcpy(plate, query->plate, sizeof plate);
    if (query->look_alike)
        record_fold(query->plate, plate);
    size_t fixed = strcspn(plate, "?");
    bool pattern = plate[fixed] != '\0';
    memcpy(low, plate, sizeof low);
    low[fixed] = '\0';
    if (fixed > 0) {
        memcpy(high, low, sizeof high);
        high[fixed - 1]++;
    }
    enum sql number = query->lane[0] != '\0' ? SQL_FIND_LANE : SQL_FIND_ANY;
    if (plate[0] != '\0' && query->look_alike)
        number = pattern ? SQL_FIND_FOLDED_PATTERN : SQL_FIND_FOLDED;
    else if (plate[0] != '\0')
        number = pattern ? SQL_FIND_PATTERN : SQL_FIND_PLATE;
    *out = number;

    sqlite3_stmt *statement = database->statement[number];
    int status = statement_copy_text(statement, ":plate", plate);
    status |= statement_copy_text(statement, ":low", low);
    status |= statement_copy_text(statement, ":high", high);
    status |= statement_bind_text(statement, ":lane", query->lane);
    status |= statement_bind_int(statement, ":from", query->from_ms);
    status |= statement_bind_int(statement, ":to", query->to_ms != 0 ? query->to_ms : INT64_MAX);
    return status | statement_bind_int(statement, ":limit", query->limit);
}

enum err store_find(struct store *store, const struct store_query *query, struct row *rows,
                    size_t *n_rows, struct fault *why)
{
    enum err result = record_check_query(query, why);
    if (result == ERR_OK)
        result = database_ready(store->database, why);
    if (result != ERR_OK)
        return result;
    struct row found[STORE_MAX_ROWS];
    size_t n = 0;
    enum sql number;
    int status = bind_query(store->database, query, &number);
    sqlite3_stmt *statement = store->database->statement[number];
    status = status == SQLITE_OK ? SQLITE_ROW : SQLITE_NOMEM;
    while (result == ERR_OK && status == SQLITE_ROW) {
        status = sqlite3_step(statement);
        if (status == SQLITE_ROW) {
            assert(n < query->limit);
            result = record_read(statement, &found[n++], why);
        }
    }
    if (result == ERR_OK && status != SQLITE_DONE)
        result = database_fault(store->database, status, why);
    statement_reset(statement);
    if (result != ERR_OK)
        return result;
    memcpy(rows, found, n * sizeof *rows);
    *n_rows = n;
    return ERR_OK;
}

/* Copies the picture out when its digest is right. */
static enum err take_crop(struct database *database, sqlite3_stmt *statement, uint8_t *out,
                          size_t *size, struct fault *why)
{
    uint8_t digest[DIGEST_SIZE];
    const void *bytes = sqlite3_column_blob(statement, 1);
    int n = sqlite3_column_bytes(statement, 1);
    if (bytes == NULL || n <= 0 || n > ROW_MAX_CROP ||
        sqlite3_column_bytes(statement, 0) != DIGEST_SIZE)
        return database_fault(database, SQLITE_CORRUPT, why);
    digest_of(bytes, (size_t)n, digest);
    if (memcmp(digest, sqlite3_column_blob(statement, 0), DIGEST_SIZE) != 0)
        return database_fault(database, SQLITE_CORRUPT, why);
    memcpy(out, bytes, (size_t)n);
    *size = (size_t)n;
    return ERR_OK;
}

enum err store_crop(struct store *store, const uint8_t id[ROW_ID_SIZE], uint8_t *out, size_t *size,
                    struct fault *why)
{
    enum err result = database_ready(store->database, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->database->statement[SQL_CROP];
    int status = statement_bind_blob(statement, ":id", id, ROW_ID_SIZE);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    if (status == SQLITE_ROW)
        result = take_crop(store->database, statement, out, size, why);
    else if (status == SQLITE_DONE)
        result = fault_set(why, ERR_NOT_FOUND, "no picture is stored under this id");
    else
        result = database_fault(store->database, status, why);
    statement_reset(statement);
    return result;
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
    char whole[DATABASE_PATH_SIZE + 8];
    struct stat status;
    (void)snprintf(whole, sizeof whole, "%s%s", path, suffix);
    return stat(whole, &status) == 0 ? (uint64_t)status.st_size : 0;
}

enum err store_stats(struct store *store, struct store_stats *out, struct fault *why)
{
    enum err result = database_ready(store->database, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->database->statement[SQL_STATS];
    int status = sqlite3_step(statement);
    if (status != SQLITE_ROW) {
        result = database_fault(store->database, status, why);
        statement_reset(statement);
        return result;
    }
    *out = (struct store_stats){
        .n_rows = (uint64_t)sqlite3_column_int64(statement, 0),
        .oldest_ms = sqlite3_column_int64(statement, 1), /* NULL, of an empty table, reads as 0 */
        .bytes = file_bytes(store->database->path, "") + file_bytes(store->database->path, "-wal"),
        .binding = store->binding,
    };
    statement_reset(statement);
    return ERR_OK;
}
