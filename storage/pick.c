/* Finding one passage by its id, for what is handed on whole. */
#include "storage/pick.h"

#include "storage/place.h"
#include "storage/record.h"
#include "storage/search.h"
#include "storage/statement.h"

static enum err read_at(const struct place *place, const uint8_t id[ROW_ID_SIZE], struct row *out,
                        struct fault *why)
{
    struct database *database = place->segment->database;
    sqlite3_stmt *statement = database->statement[SQL_FIND_ID];
    enum err result = ERR_OK;
    int status = statement_bind_blob(statement, ":id", id, ROW_ID_SIZE);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    if (status == SQLITE_ROW)
        result = record_read(statement, out, why);
    else if (status == SQLITE_DONE)
        result = fault_set(why, ERR_NOT_FOUND, "no passage is stored under this id");
    else
        result = database_fault(database, status, why);
    statement_reset(statement);
    return result;
}

enum err pick_row(struct store *store, const uint8_t id[ROW_ID_SIZE], struct row *out,
                  struct fault *why)
{
    struct place place;
    struct row row = {.is_hit = false};
    enum err result = place_anywhere(&store->shelf, id, &place, why);
    if (result == ERR_OK)
        result = read_at(&place, id, &row, why);
    if (result != ERR_OK)
        return result;
    enum keyring_class class = place.segment->class;
    int64_t now = store->clock();
    if (row.first_ms < search_horizon(store, class, now))
        return fault_set(why, ERR_NOT_FOUND, "no passage is stored under this id");
    if (row.first_ms < search_crop_horizon(store, class, now))
        row.crop_size = 0;
    row.is_hit = class == KEYRING_HIT;
    *out = row;
    return ERR_OK;
}
