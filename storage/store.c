/* The store's door: opening, putting in batches, finding, pictures, totals, forgetting. */
#include "storage/store.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/audit.h"
#include "storage/books.h"
#include "storage/crop.h"
#include "storage/inside.h"
#include "storage/late.h"
#include "storage/migrate.h"
#include "storage/place.h"
#include "storage/record.h"
#include "storage/search.h"
#include "storage/statement.h"
#include "storage/stray.h"

enum {
    COUNT_MS = 60000, /* how long the segments' counts may be behind */
    DAYS_AHEAD = 2,   /* keys that are made before they are needed, today's or this hour's too */
    HOURS_AHEAD = 3,
    AHEAD_MS = KEYRING_DAY_MS + 2 * KEYRING_HOUR_MS, /* how far a passage may be in the future */
};

static int64_t host_clock(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    assert(failed == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum err check_terms(const struct store_terms *terms, struct fault *why)
{
    const int64_t all[] = {terms->hit, terms->other, terms->hit_crop, terms->other_crop};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] < 0 || all[i] > STORE_MAX_TERM_MS)
            return fault_set(why, ERR_INPUT, "nothing is kept for longer than 7 days");
    return ERR_OK;
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
    int length = snprintf(path, DATABASE_PATH_SIZE, "%s", real);
    if (length < 0 || length >= DATABASE_PATH_SIZE - 64)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    return ERR_OK;
}

static enum err copy_key(const struct signature_key *from, struct signature_key **out,
                         struct fault *why)
{
    uint8_t point[SIGNATURE_PUBLIC_SIZE];
    if (from == NULL)
        return ERR_OK;
    signature_key_point(from, point);
    return signature_key_from_point(out, point, why);
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

/* A ledger is made with the store, and never again. */
static enum err open_ledger(struct store *store, struct fault *why)
{
    char path[DATABASE_PATH_SIZE], segments[DATABASE_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%.*s/ledger.db", DATABASE_PATH_SIZE - 64, store->dir);
    (void)snprintf(segments, sizeof segments, "%.*s/segments", DATABASE_PATH_SIZE - 64, store->dir);
    const struct keyring_state keys = keyring_state(store->keyring);
    if (!exists(path) && (exists(segments) || keys.epoch != keys.first_epoch))
        return fault_set(why, ERR_CORRUPT,
                         "the log of looks is gone: %s; bring it back, or move the whole state "
                         "folder away to begin anew",
                         path);
    const uint8_t *key = keyring_key(store->keyring, KEYRING_LEDGER, 0);
    assert(key != NULL);
    return database_open(&store->ledger, path, SQL_LEDGER, key, why);
}

static enum err open_all(struct store *store, const struct store_options *options,
                         struct fault *why)
{
    enum err result = check_folder(options->binding.dir, store->dir, why);
    if (result == ERR_OK)
        result = copy_key(options->port_key, &store->port_key, why);
    if (result == ERR_OK)
        result = copy_key(options->auditor_key, &store->auditor_key, why);
    if (result == ERR_OK)
        result = keyring_open(&store->keyring, &options->binding, why);
    if (result == ERR_OK && options->without_tpm != NULL &&
        keyring_state(store->keyring).binding == BINDING_SOFTWARE)
        store->terms = *options->without_tpm;
    if (result == ERR_OK)
        result = open_ledger(store, why);
    if (result == ERR_OK)
        result = shelf_open(&store->shelf, store->dir, store->keyring, why);
    if (result == ERR_OK)
        result = audit_load(store, why);
    if (result == ERR_OK)
        result = late_record(store, why);
    if (result == ERR_OK)
        result = books_check(store, why);
    if (result == ERR_OK)
        result = migrate_run(store, why);
    return result == ERR_OK ? books_settle(store, why) : result;
}

static void free_all(struct store *store)
{
    shelf_close(&store->shelf);
    database_close(&store->ledger);
    keyring_close(&store->keyring);
    tree_free(&store->audit.tree);
    signature_key_free(&store->port_key);
    signature_key_free(&store->auditor_key);
    free(store);
}

enum err store_open(struct store **out, const struct store_options *options, struct fault *why)
{
    enum err result = check_terms(&options->terms, why);
    if (result == ERR_OK && options->without_tpm != NULL)
        result = check_terms(options->without_tpm, why);
    if (result != ERR_OK)
        return result;
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a store");
    store->terms = options->terms;
    store->clock = options->clock != NULL ? options->clock : host_clock;
    store->counted_ms = store->clock();
    result = open_all(store, options, why);
    if (result != ERR_OK)
        free_all(store);
    else
        *out = store;
    return result;
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    struct fault why;
    (void)!shelf_end(&(*store)->shelf, ERR_CLOSED, &why);
    (void)!books_count(*store, &why); /* when it fails, they are behind: no alarm comes of that */
    free_all(*store);
    *store = NULL;
}

/* The picture that stands beside a passage in the segment that it leaves. ERR_NOT_FOUND: none, or
 * it cannot be opened any more. */
static enum err crop_at(struct store *store, const struct place *place,
                        const uint8_t id[ROW_ID_SIZE], struct crop *out, struct fault *why)
{
    struct database *database = place->segment->database;
    sqlite3_stmt *statement = database->statement[SQL_CROP];
    enum keyring_class class =
        place->segment->class == KEYRING_HIT ? KEYRING_HIT_CROPS : KEYRING_OTHER_CROPS;
    enum err result = ERR_NOT_FOUND;
    int status = statement_bind_blob(statement, ":id", id, ROW_ID_SIZE);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    if (status == SQLITE_ROW && sqlite3_column_type(statement, 2) == SQLITE_BLOB) {
        uint32_t hour = (uint32_t)sqlite3_column_int64(statement, 1);
        const uint8_t *key = keyring_key(store->keyring, class, hour);
        if (key != NULL)
            result = crop_unlock(key, id, sqlite3_column_blob(statement, 2),
                                 (size_t)sqlite3_column_bytes(statement, 2), out, why);
        if (result == ERR_CORRUPT)
            result = database_fault(database, SQLITE_CORRUPT, why);
    } else if (status != SQLITE_ROW && status != SQLITE_DONE) {
        result = database_fault(database, status, why);
    }
    statement_reset(statement);
    return result;
}

static enum err put_crop(struct store *store, struct segment *segment, const struct row *row,
                         const struct crop *crop, struct fault *why)
{
    uint8_t locked[CROP_MAX_BYTES];
    size_t size = 0;
    enum keyring_class class =
        segment->class == KEYRING_HIT ? KEYRING_HIT_CROPS : KEYRING_OTHER_CROPS;
    uint32_t hour = (uint32_t)(row->first_ms / KEYRING_HOUR_MS);
    enum err result = ERR_OK;
    if (keyring_key(store->keyring, class, hour) == NULL)
        result = keyring_make(store->keyring, class, hour, 1, why);
    if (result == ERR_OK)
        result =
            crop_lock(keyring_key(store->keyring, class, hour), row->id, crop, locked, &size, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = segment->database->statement[SQL_PUT_CROP];
    int bound = statement_bind_blob(statement, ":id", row->id, ROW_ID_SIZE);
    bound |= statement_bind_int(statement, ":hour", hour);
    bound |= statement_bind_blob(statement, ":sealed", locked, size);
    return database_run(segment->database, SQL_PUT_CROP, bound, why);
}

static void note_move(struct store *store, const struct segment *from, const uint8_t *id)
{
    assert(store->n_moves < STORE_MAX_BATCH);
    struct shelf_move *move = &store->moves[store->n_moves++];
    *move = (struct shelf_move){.class = from->class, .day = from->day};
    memcpy(move->id, id, ROW_ID_SIZE);
}

/* Into the segment where it belongs now; `old`: where it stands. */
static enum err put_at(struct store *store, const struct row *row, const uint8_t *jpeg,
                       struct segment *segment, const struct place *old, struct fault *why)
{
    static struct crop crop; /* too large for a stack; one thread */
    struct row filled = *row;
    bool has_crop = false, moves = old->segment != NULL && old->segment != segment;
    enum err result = ERR_OK;
    filled.crop_size = 0;
    if (row->first_ms < search_crop_horizon(store, segment->class, store->clock())) {
        has_crop = false;
    } else if (jpeg != NULL) {
        result = crop_make(store->port_key, row->id, jpeg, row->crop_size, &crop, why);
        filled.crop_size = row->crop_size;
        has_crop = true;
    } else if (moves) {
        result = crop_at(store, old, row->id, &crop, why);
        has_crop = result == ERR_OK;
        filled.crop_size = has_crop ? old->crop_size : 0;
        result = result == ERR_NOT_FOUND ? ERR_OK : result;
    }
    struct database *database = segment->database;
    if (result == ERR_OK)
        result = database_run(database, SQL_PUT, record_bind(database->statement[SQL_PUT], &filled),
                              why);
    if (result == ERR_OK && has_crop)
        result = put_crop(store, segment, row, &crop, why);
    OPENSSL_cleanse(&crop, has_crop ? crop.size : 0);
    if (result == ERR_OK && moves)
        note_move(store, old->segment, row->id);
    if (row->last_ms - row->first_ms > segment->batch_longest_ms)
        segment->batch_longest_ms = row->last_ms - row->first_ms;
    return result;
}

static enum err put(struct store *store, const struct row *row, const uint8_t *jpeg,
                    struct fault *why)
{
    struct place places[PLACE_MAX] = {{0}};
    size_t n = 0;
    uint32_t day = (uint32_t)(row->first_ms / KEYRING_DAY_MS);
    enum err result = place_find(&store->shelf, row->id, day, places, &n, why);
    if (result != ERR_OK)
        return result;
    const struct place *old = &places[0];
    if (n > 0 &&
        (old->state > row->state || (old->state == row->state && old->last_ms > row->last_ms)))
        return ERR_OK; /* what is stored is newer, and so is its crop */
    bool is_hit = row->is_hit || (n > 0 && old->segment->class == KEYRING_HIT);
    enum keyring_class class = is_hit ? KEYRING_HIT : KEYRING_OTHER;
    if (row->first_ms < search_horizon(store, class, store->clock()))
        return ERR_OK;
    struct segment *segment;
    result = shelf_write(&store->shelf, class, day, &segment, why);
    return result == ERR_OK ? put_at(store, row, jpeg, segment, old, why) : result;
}

/* All of the batch is taken back; whatever comes until the next commit fails, too. */
static enum err spoil(struct store *store, const struct fault *because, struct fault *why)
{
    struct fault ignored;
    if (store->spoiled.code == ERR_OK)
        store->spoiled = *because;
    (void)!shelf_end(&store->shelf, ERR_CLOSED, &ignored);
    return fault_set(why, store->spoiled.code, "%s", store->spoiled.text);
}

enum err store_put(struct store *store, const struct row *row, const uint8_t *crop,
                   struct fault *why)
{
    enum err result = record_check(row, why);
    if (result != ERR_OK)
        return result;
    if ((crop == NULL) != (row->crop_size == 0))
        return fault_set(why, ERR_INPUT, "a passage's crop and crop_size disagree");
    if (row->first_ms > store->clock() + AHEAD_MS)
        return fault_set(why, ERR_INPUT, "a passage is more than a day ahead of the clock");
    struct fault because = {.code = ERR_OK};
    if (store->spoiled.code != ERR_OK)
        return spoil(store, &because, why);
    if (store->n_batch == STORE_MAX_BATCH)
        result =
            fault_set(&because, ERR_LIMIT, "a batch holds at most %d passages", STORE_MAX_BATCH);
    else
        result = put(store, row, crop, &because);
    store->n_batch++;
    return result == ERR_OK ? ERR_OK : spoil(store, &because, why);
}

/* What has to follow a batch; that it fails does not take the batch back. */
static void after_batch(struct store *store)
{
    struct fault why;
    int64_t age = store->clock() - store->counted_ms;
    if (store->is_unsettled)
        (void)!books_settle(store, &why);
    if (age >= COUNT_MS || age < 0)
        (void)!books_count(store, &why);
}

enum err store_commit(struct store *store, struct fault *why)
{
    enum err result = ERR_OK;
    if (store->spoiled.code != ERR_OK)
        result = fault_set(why, store->spoiled.code, "%s", store->spoiled.text);
    if (result == ERR_OK && store->n_moves > 0)
        result = books_announce(store, why);
    result = shelf_end(&store->shelf, result, why);
    store->spoiled.code = ERR_OK;
    store->n_batch = store->n_moves = 0;
    if (result == ERR_OK)
        after_batch(store);
    return result;
}

enum err store_find(struct store *store, const struct store_query *query, struct row *rows,
                    size_t *n_rows, struct fault *why)
{
    enum err result = record_check_query(query, why);
    if (result == ERR_OK && store->is_unsettled && store->n_batch == 0)
        result = books_settle(store, why);
    return result == ERR_OK ? search_rows(store, query, rows, n_rows, why) : result;
}

enum err store_crop(struct store *store, const uint8_t id[ROW_ID_SIZE], uint8_t *out, size_t *size,
                    bool *is_sealed, struct fault *why)
{
    static struct crop crop; /* too large for a stack; one thread */
    struct place place = {0};
    enum err result = place_anywhere(&store->shelf, id, &place, why);
    if (result != ERR_OK)
        return result;
    enum keyring_class class = place.segment->class;
    int64_t now = store->clock();
    bool is_past = place.first_ms < search_crop_horizon(store, class, now);
    if (place.first_ms < search_horizon(store, class, now) || place.crop_size == 0)
        return fault_set(why, ERR_NOT_FOUND, "no picture is stored under this id");
    result = is_past ? ERR_NOT_FOUND : crop_at(store, &place, id, &crop, why);
    if (result == ERR_NOT_FOUND)
        return fault_set(why, ERR_NOT_FOUND,
                         "the picture of this passage is past its term and is not answered any "
                         "more; its key is destroyed");
    if (result == ERR_OK) {
        memcpy(out, crop.bytes, crop.size);
        *size = crop.size;
        *is_sealed = crop.is_sealed;
        OPENSSL_cleanse(&crop, sizeof crop);
    }
    return result;
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
    char whole[DATABASE_PATH_SIZE + 8];
    struct stat status;
    (void)snprintf(whole, sizeof whole, "%s%s", path, suffix);
    return stat(whole, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static enum err count_rows(struct store *store, const struct segment *which,
                           struct store_stats *stats, struct fault *why)
{
    struct segment *segment = NULL;
    enum err result = shelf_get(&store->shelf, which->class, which->day, &segment, why);
    if (result != ERR_OK)
        return result == ERR_NOT_FOUND ? ERR_OK : result;
    sqlite3_stmt *statement = segment->database->statement[SQL_COUNT_ROWS];
    int status = statement_bind_int(statement, ":begin",
                                    search_horizon(store, segment->class, store->clock()));
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    if (status == SQLITE_ROW) {
        int64_t oldest = sqlite3_column_int64(statement, 1); /* of an empty table 0 */
        stats->n_rows += (uint64_t)sqlite3_column_int64(statement, 0);
        if (oldest != 0 && (stats->oldest_ms == 0 || oldest < stats->oldest_ms))
            stats->oldest_ms = oldest;
    } else {
        result = database_fault(segment->database, status, why);
    }
    statement_reset(statement);
    return result;
}

enum err store_stats(struct store *store, struct store_stats *out, struct fault *why)
{
    enum err result = database_ready(store->ledger, why);
    const struct keyring_state state = keyring_state(store->keyring);
    struct store_stats stats = {
        .bytes = shelf_bytes(&store->shelf) + file_bytes(store->ledger->path, "") +
                 file_bytes(store->ledger->path, "-wal"),
        .binding = state.binding,
        .terms = store->terms,
        .epoch = state.epoch,
        .log_size = tree_size(store->audit.tree),
        .n_rolled_back = store->n_rolled_back,
        .n_late = store->n_late,
        .was_migrated = store->was_migrated,
    };
    for (size_t i = 0; i < store->shelf.n && result == ERR_OK; i++)
        result = count_rows(store, &store->shelf.segment[i], &stats, why);
    if (result == ERR_OK)
        *out = stats;
    return result;
}

/* The first period of which something is still within the term. */
static uint32_t first_kept(int64_t horizon_ms, int64_t period_ms)
{
    return horizon_ms <= 0 ? 0 : (uint32_t)(horizon_ms / period_ms);
}

/* The last period of which something may be stored that is gone within the longest term there is.
 */
static uint32_t last_kept(int64_t term_ms, int64_t clock_ms, int64_t period_ms)
{
    int64_t ahead_ms = STORE_MAX_TERM_MS - term_ms;
    return (uint32_t)((clock_ms + (ahead_ms > AHEAD_MS ? ahead_ms : AHEAD_MS)) / period_ms);
}

static enum err make_ahead(struct store *store, int64_t now_ms, struct fault *why)
{
    const struct store_terms *terms = &store->terms;
    const int64_t rows[] = {terms->hit, terms->other},
                  crops[] = {terms->hit_crop, terms->other_crop};
    enum err result = ERR_OK;
    for (int i = 0; i < 2 && result == ERR_OK; i++) {
        bool is_kept = rows[i] > 0;
        if (is_kept)
            result = keyring_make(store->keyring, i == 0 ? KEYRING_HIT : KEYRING_OTHER,
                                  (uint32_t)(now_ms / KEYRING_DAY_MS), DAYS_AHEAD, why);
        if (result == ERR_OK && is_kept && crops[i] > 0)
            result = keyring_make(store->keyring, i == 0 ? KEYRING_HIT_CROPS : KEYRING_OTHER_CROPS,
                                  (uint32_t)(now_ms / KEYRING_HOUR_MS), HOURS_AHEAD, why);
    }
    return result;
}

enum err store_forget(struct store *store, int64_t now_ms, uint32_t *n_gone, struct fault *why)
{
    assert(store->n_batch == 0 && now_ms >= 0);
    uint32_t kept[KEYRING_PERIODIC], last[KEYRING_PERIODIC], n = 0;
    const struct store_terms *terms = &store->terms;
    int64_t clock_ms = store->clock();
    if (clock_ms < now_ms)
        clock_ms = now_ms;
    for (int i = 0; i < 2; i++) {
        enum keyring_class class = i == 0 ? KEYRING_HIT : KEYRING_OTHER;
        kept[class] = first_kept(search_horizon(store, class, now_ms), KEYRING_DAY_MS);
        kept[i == 0 ? KEYRING_HIT_CROPS : KEYRING_OTHER_CROPS] =
            first_kept(search_crop_horizon(store, class, now_ms), KEYRING_HOUR_MS);
    }
    last[KEYRING_HIT] = last_kept(terms->hit, clock_ms, KEYRING_DAY_MS);
    last[KEYRING_OTHER] = last_kept(terms->other, clock_ms, KEYRING_DAY_MS);
    last[KEYRING_HIT_CROPS] = last_kept(terms->hit_crop, clock_ms, KEYRING_HOUR_MS);
    last[KEYRING_OTHER_CROPS] = last_kept(terms->other_crop, clock_ms, KEYRING_HOUR_MS);
    stray_bound(store->keyring, last);
    enum err result = keyring_forget(store->keyring, kept, &n, why);
    if (result != ERR_OK)
        return result;
    store->n_unrecorded += n;
    result = shelf_drop(&store->shelf, why);
    if (result == ERR_OK && store->n_unrecorded > 0) {
        struct entry entry = {.kind = ENTRY_FORGET,
                              .at_ms = now_ms,
                              .uid = UINT32_MAX,
                              .n = store->n_unrecorded,
                              .number = keyring_state(store->keyring).epoch};
        result = audit_append(store, &entry, NULL, NULL, why);
        store->n_unrecorded = result == ERR_OK ? 0 : store->n_unrecorded;
    }
    if (result == ERR_OK)
        result = make_ahead(store, now_ms, why);
    if (result == ERR_OK)
        *n_gone = n;
    return result;
}
