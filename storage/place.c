/* Finding a passage by its id. */
#include "storage/place.h"

#include "storage/statement.h"

static enum err look_in(struct segment *segment, const uint8_t *id, struct place *out,
                        struct fault *why)
{
    sqlite3_stmt *statement = segment->database->statement[SQL_LOCATE];
    enum err result = ERR_OK;
    int status = statement_bind_blob(statement, ":id", id, ROW_ID_SIZE);
    status = status == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    *out = (struct place){0};
    if (status == SQLITE_ROW)
        *out = (struct place){.segment = segment,
                              .number = sqlite3_column_int64(statement, 0),
                              .state = (enum row_state)sqlite3_column_int(statement, 1),
                              .first_ms = sqlite3_column_int64(statement, 2),
                              .last_ms = sqlite3_column_int64(statement, 3),
                              .crop_size = (uint32_t)sqlite3_column_int64(statement, 4)};
    else if (status != SQLITE_DONE)
        result = database_fault(segment->database, status, why);
    statement_reset(statement);
    return result;
}

static bool is_newer(const struct place *a, const struct place *b)
{
    return a->state != b->state ? a->state > b->state : a->last_ms > b->last_ms;
}

enum err place_find(struct shelf *shelf, const uint8_t id[ROW_ID_SIZE], uint32_t day,
                    struct place out[PLACE_MAX], size_t *n, struct fault *why)
{
    static const struct {
        enum keyring_class class;
        int step;
    } order[PLACE_MAX] = {{KEYRING_HIT, 0},    {KEYRING_OTHER, 0}, {KEYRING_HIT, -1},
                          {KEYRING_OTHER, -1}, {KEYRING_HIT, 1},   {KEYRING_OTHER, 1}};
    *n = 0;
    for (size_t i = 0; i < PLACE_MAX; i++) {
        struct segment *segment = NULL;
        struct place place = {0};
        enum err result =
            shelf_get(shelf, order[i].class, day + (uint32_t)order[i].step, &segment, why);
        if (result == ERR_OK && segment != NULL)
            result = look_in(segment, id, &place, why);
        if (result != ERR_OK)
            return result;
        if (place.segment == NULL)
            continue;
        size_t at = (*n)++;
        for (; at > 0 && is_newer(&place, &out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = place;
    }
    return ERR_OK;
}

enum err place_anywhere(struct shelf *shelf, const uint8_t id[ROW_ID_SIZE], struct place *out,
                        struct fault *why)
{
    enum err result = ERR_OK;
    bool seen[SHELF_ROOM] = {false};
    for (size_t round = 0; round < shelf->n; round++) {
        size_t at = SHELF_ROOM;
        for (size_t i = 0; i < shelf->n; i++)
            if (!seen[i] &&
                (at == SHELF_ROOM || shelf->segment[i].day > shelf->segment[at].day))
                at = i;
        struct place places[PLACE_MAX];
        size_t n = 0;
        seen[at] = true;
        result = place_find(shelf, id, shelf->segment[at].day, places, &n, why);
        if (result != ERR_OK)
            return result;
        if (n > 0) {
            *out = places[0];
            return ERR_OK;
        }
    }
    return fault_set(why, ERR_NOT_FOUND, "nothing is stored under this id");
}

enum err place_drop(const struct place *place, struct fault *why)
{
    static const enum sql statements[] = {SQL_DROP_CROP, SQL_DROP};
    struct database *database = place->segment->database;
    enum err result = ERR_OK;
    for (int i = 0; i < 2 && result == ERR_OK; i++)
        result = database_run(
            database, statements[i],
            statement_bind_int(database->statement[statements[i]], ":number", place->number), why);
    return result;
}
