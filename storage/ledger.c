/* Gaps, cursors and honey. */
#include "storage/ledger.h"

#include <assert.h>
#include <string.h>

#include "storage/inside.h"
#include "storage/record.h"
#include "storage/statement.h"

enum { CURSOR_SIZE = 301 }; /* with the closing zero */

enum err ledger_gap(struct store *store, const struct ledger_gap *gap, struct fault *why)
{
    if (gap->from_ms <= 0 || gap->to_ms < gap->from_ms)
        return fault_set(why, ERR_INPUT, "a gap ends before it begins");
    if (!record_is_text(gap->lane, sizeof gap->lane, false) ||
        !record_is_text(gap->why, sizeof gap->why, true))
        return fault_set(why, ERR_INPUT, "a gap's text is not well formed");
    enum err result = database_ready(store->ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->ledger->statement[SQL_GAP];
    int bound = statement_bind_int(statement, ":from", gap->from_ms);
    bound |= statement_bind_int(statement, ":to", gap->to_ms);
    bound |= statement_bind_text(statement, ":lane", gap->lane);
    bound |= statement_bind_text(statement, ":why", gap->why);
    return database_run(store->ledger, SQL_GAP, bound, why);
}

static bool read_gap(sqlite3_stmt *statement, struct ledger_gap *out)
{
    struct ledger_gap gap = {.from_ms = sqlite3_column_int64(statement, 0),
                             .to_ms = sqlite3_column_int64(statement, 1)};
    bool good = statement_text(statement, 2, gap.lane, sizeof gap.lane) &&
                statement_text(statement, 3, gap.why, sizeof gap.why);
    *out = gap;
    return good;
}

enum err ledger_gaps(struct store *store, const struct store_query *query, struct ledger_gap *out,
                     size_t room, size_t *n_gaps, struct fault *why)
{
    if (!record_is_text(query->lane, sizeof query->lane, false) || query->from_ms < 0 ||
        query->to_ms < 0 || (query->to_ms != 0 && query->to_ms < query->from_ms))
        return fault_set(why, ERR_INPUT, "the lane or the time range of the gaps is wrong");
    enum err result = database_ready(store->ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->ledger->statement[SQL_GAPS];
    int bound = statement_bind_text(statement, ":lane", query->lane);
    bound |= statement_bind_int(statement, ":from", query->from_ms);
    bound |= statement_bind_int(statement, ":to", query->to_ms != 0 ? query->to_ms : INT64_MAX);
    bound |= statement_bind_int(statement, ":limit", (int64_t)room);
    size_t n = 0;
    int status = bound == SQLITE_OK ? SQLITE_ROW : SQLITE_NOMEM;
    while (result == ERR_OK && status == SQLITE_ROW) {
        status = sqlite3_step(statement);
        if (status != SQLITE_ROW)
            break;
        assert(n < room);
        if (!read_gap(statement, &out[n++]))
            result = fault_set(why, ERR_CORRUPT, "a stored gap is not well formed");
    }
    if (result == ERR_OK && status != SQLITE_DONE)
        result = database_fault(store->ledger, status, why);
    statement_reset(statement);
    if (result == ERR_OK)
        *n_gaps = n;
    return result;
}

enum err ledger_set_cursor(struct store *store, const char *camera, const char *cursor,
                           struct fault *why)
{
    if (!record_is_text(camera, ROW_NAME_SIZE, true) || strnlen(cursor, CURSOR_SIZE) == CURSOR_SIZE)
        return fault_set(why, ERR_INPUT, "a cursor or its camera is too long");
    enum err result = database_ready(store->ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->ledger->statement[SQL_SET_CURSOR];
    int bound = statement_bind_text(statement, ":camera", camera);
    bound |= statement_bind_text(statement, ":position", cursor);
    return database_run(store->ledger, SQL_SET_CURSOR, bound, why);
}

enum err ledger_cursor(struct store *store, const char *camera, char *out, size_t size,
                       struct fault *why)
{
    assert(size > 0);
    if (!record_is_text(camera, ROW_NAME_SIZE, true))
        return fault_set(why, ERR_INPUT, "the camera's name is not well formed");
    enum err result = database_ready(store->ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->ledger->statement[SQL_CURSOR];
    int status = statement_bind_text(statement, ":camera", camera);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    char position[CURSOR_SIZE] = "";
    if (status == SQLITE_ROW && !statement_text(statement, 0, position, sizeof position))
        result = fault_set(why, ERR_CORRUPT, "a stored cursor is not well formed");
    else if (status != SQLITE_ROW && status != SQLITE_DONE)
        result = database_fault(store->ledger, status, why);
    statement_reset(statement);
    if (result == ERR_OK && strlen(position) >= size)
        result = fault_set(why, ERR_LIMIT, "a stored cursor is longer than the room for it");
    if (result == ERR_OK)
        memcpy(out, position, strlen(position) + 1);
    return result;
}

enum err ledger_add_honey(struct store *store, const uint8_t (*ids)[ROW_ID_SIZE], size_t n,
                          struct fault *why)
{
    struct database *ledger = store->ledger;
    enum err result = database_begin(ledger, why);
    if (result != ERR_OK)
        return result;
    for (size_t i = 0; i < n && result == ERR_OK; i++)
        result = database_run(
            ledger, SQL_ADD_HONEY,
            statement_bind_blob(ledger->statement[SQL_ADD_HONEY], ":id", ids[i], ROW_ID_SIZE), why);
    return database_end(ledger, result, why);
}

enum err ledger_is_honey(struct store *store, const uint8_t id[ROW_ID_SIZE], bool *out,
                         struct fault *why)
{
    enum err result = database_ready(store->ledger, why);
    if (result != ERR_OK)
        return result;
    sqlite3_stmt *statement = store->ledger->statement[SQL_IS_HONEY];
    int status = statement_bind_blob(statement, ":id", id, ROW_ID_SIZE);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        result = database_fault(store->ledger, status, why);
    statement_reset(statement);
    if (result == ERR_OK)
        *out = status == SQLITE_ROW;
    return result;
}
