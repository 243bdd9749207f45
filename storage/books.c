/* Counts of commits, moves and notes in the ledger. */
#include "storage/books.h"

#include <string.h>

#include "storage/audit.h"
#include "storage/place.h"
#include "storage/statement.h"

/* A segment as the ledger has it. */
struct counted {
    enum keyring_class class;
    uint32_t day;
    uint64_t commits;
};

static bool read_period(sqlite3_stmt *statement, int column, enum keyring_class *class,
                        uint32_t *day)
{
    int64_t kind = sqlite3_column_int64(statement, column),
            number = sqlite3_column_int64(statement, column + 1);
    *class = kind == KEYRING_HIT ? KEYRING_HIT : KEYRING_OTHER;
    *day = (uint32_t)number;
    return (kind == KEYRING_HIT || kind == KEYRING_OTHER) && number >= 0 && number <= UINT32_MAX;
}

/* Up to `room` of them; more cannot be live. */
static enum err read_counted(struct database *ledger, struct counted *out, size_t room, size_t *n,
                             struct fault *why)
{
    sqlite3_stmt *statement = ledger->statement[SQL_COMMITS];
    enum err result = ERR_OK;
    int status;
    *n = 0;
    while (result == ERR_OK && (status = sqlite3_step(statement)) != SQLITE_DONE) {
        if (status != SQLITE_ROW)
            result = database_fault(ledger, status, why);
        else if (*n == room || !read_period(statement, 0, &out[*n].class, &out[*n].day))
            result =
                fault_set(why, ERR_CORRUPT, "the ledger's list of segments is not well formed");
        else
            out[(*n)++].commits = (uint64_t)sqlite3_column_int64(statement, 2);
    }
    statement_reset(statement);
    return result;
}

static enum err drop_count(struct database *ledger, const struct counted *counted,
                           struct fault *why)
{
    sqlite3_stmt *statement = ledger->statement[SQL_DROP_COMMITS];
    int bound = statement_bind_int(statement, ":class", counted->class);
    bound |= statement_bind_int(statement, ":day", counted->day);
    return database_run(ledger, SQL_DROP_COMMITS, bound, why);
}

/* The alarm first: a crash after it repeats it, one before would lose it. */
static enum err tell_rollback(struct store *store, const struct counted *counted, uint64_t found,
                              struct fault *why)
{
    struct entry entry = {.kind = ENTRY_ALARM,
                          .uid = UINT32_MAX,
                          .name = "roll"
                                  "back", /* a word of SQL's, too, which stands elsewhere */
                          .n = counted->day,
                          .number = counted->commits - found};
    store->n_rolled_back++;
    return audit_append(store, &entry, NULL, NULL, why);
}

enum err books_check(struct store *store, struct fault *why)
{
    struct counted counted[2 * SHELF_ROOM];
    size_t n = 0;
    enum err result = read_counted(store->ledger, counted, 2 * SHELF_ROOM, &n, why);
    for (size_t i = 0; i < n && result == ERR_OK; i++) {
        struct segment *segment = NULL;
        const struct counted *c = &counted[i];
        if (keyring_key(store->keyring, c->class, c->day) == NULL) { /* forgotten */
            result = drop_count(store->ledger, c, why);
            continue;
        }
        result = shelf_get(&store->shelf, c->class, c->day, &segment, why);
        uint64_t found = segment != NULL ? segment->commits : 0;
        if (result == ERR_OK && found < c->commits) {
            result = tell_rollback(store, c, found, why);
            if (result == ERR_OK)
                result = drop_count(store->ledger, c, why);
        }
        if (result == ERR_OK && segment == NULL)
            result = shelf_sweep(&store->shelf, c->class, c->day, why);
    }
    /* And those of which nothing was written down yet: do they open? */
    for (size_t i = 0; i < store->shelf.n && result == ERR_OK; i++) {
        struct segment *segment = &store->shelf.segment[i];
        result = shelf_get(&store->shelf, segment->class, segment->day, &segment, why);
    }
    return result;
}

enum err books_count(struct store *store, struct fault *why)
{
    struct database *ledger = store->ledger;
    enum err result = database_begin(ledger, why);
    if (result != ERR_OK)
        return result;
    for (size_t i = 0; i < store->shelf.n && result == ERR_OK; i++) {
        const struct segment *segment = &store->shelf.segment[i];
        sqlite3_stmt *statement = ledger->statement[SQL_SET_COMMITS];
        int bound = statement_bind_int(statement, ":class", segment->class);
        bound |= statement_bind_int(statement, ":day", segment->day);
        bound |= statement_bind_int(statement, ":commits", (int64_t)segment->commits);
        result = database_run(ledger, SQL_SET_COMMITS, bound, why);
    }
    result = database_end(ledger, result, why);
    if (result == ERR_OK)
        store->counted_ms = store->clock();
    return result;
}

enum err books_announce(struct store *store, struct fault *why)
{
    struct database *ledger = store->ledger;
    enum err result = database_begin(ledger, why);
    if (result != ERR_OK)
        return result;
    for (uint32_t i = 0; i < store->n_moves && result == ERR_OK; i++) {
        const struct shelf_move *move = &store->moves[i];
        sqlite3_stmt *statement = ledger->statement[SQL_ADD_MOVE];
        int bound = statement_bind_blob(statement, ":id", move->id, ROW_ID_SIZE);
        bound |= statement_bind_int(statement, ":class", move->class);
        bound |= statement_bind_int(statement, ":day", move->day);
        result = database_run(ledger, SQL_ADD_MOVE, bound, why);
    }
    result = database_end(ledger, result, why);
    store->is_unsettled = store->is_unsettled || result == ERR_OK;
    return result;
}

/* Of a passage that stands in several segments, the newest stays; of equal ones, not the one in the
 * segment that it was leaving. */
static enum err settle_one(struct store *store, const struct shelf_move *move, struct fault *why)
{
    struct place places[PLACE_MAX];
    size_t n = 0, keep = 0;
    enum err result = place_find(&store->shelf, move->id, move->day, places, &n, why);
    if (result == ERR_OK && n > 1 && places[0].segment->class == move->class &&
        places[0].segment->day == move->day && places[0].state == places[1].state &&
        places[0].last_ms == places[1].last_ms)
        keep = 1;
    for (size_t i = 0; i < n && result == ERR_OK; i++) {
        struct segment *segment = places[i].segment;
        if (i == keep)
            continue;
        result = shelf_write(&store->shelf, segment->class, segment->day, &segment, why);
        if (result == ERR_OK)
            result = place_drop(&places[i], why);
    }
    return result;
}

enum err books_settle(struct store *store, struct fault *why)
{
    struct database *ledger = store->ledger;
    struct shelf_move moves[2 * STORE_MAX_BATCH];
    size_t n = 0;
    enum err result = database_ready(ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = ledger->statement[SQL_MOVES];
    int status = SQLITE_ROW;
    while (result == ERR_OK && n < 2 * STORE_MAX_BATCH &&
           (status = sqlite3_step(statement)) == SQLITE_ROW) {
        const void *id = sqlite3_column_blob(statement, 0);
        if (id == NULL || sqlite3_column_bytes(statement, 0) != ROW_ID_SIZE ||
            !read_period(statement, 1, &moves[n].class, &moves[n].day))
            result = fault_set(why, ERR_CORRUPT, "the ledger's list of moves is not well formed");
        else
            memcpy(moves[n++].id, id, ROW_ID_SIZE);
    }
    if (result == ERR_OK && status != SQLITE_DONE && status != SQLITE_ROW)
        result = database_fault(ledger, status, why);
    statement_reset(statement);
    for (size_t i = 0; i < n && result == ERR_OK; i++)
        result = settle_one(store, &moves[i], why);
    result = shelf_end(&store->shelf, result, why);
    if (result == ERR_OK && n > 0)
        result = database_run(ledger, SQL_DROP_MOVES, SQLITE_OK, why);
    store->is_unsettled = result != ERR_OK;
    return result;
}

enum err books_note(struct store *store, const char *name, int64_t fallback, int64_t *out,
                    struct fault *why)
{
    enum err result = database_ready(store->ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->ledger->statement[SQL_NOTE];
    int status = statement_bind_text(statement, ":name", name);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    if (status == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else if (status == SQLITE_DONE)
        *out = fallback;
    else
        result = database_fault(store->ledger, status, why);
    statement_reset(statement);
    return result;
}

enum err books_set_note(struct store *store, const char *name, int64_t value, struct fault *why)
{
    sqlite3_stmt *statement = store->ledger->statement[SQL_SET_NOTE];
    int bound = statement_bind_text(statement, ":name", name);
    bound |= statement_bind_int(statement, ":value", value);
    return database_run(store->ledger, SQL_SET_NOTE, bound, why);
}
