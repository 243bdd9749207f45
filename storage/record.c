/* Checking rows and queries, and moving a row into and out of a statement. */
#include "storage/record.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/wire.h"
#include "storage/statement.h"

enum {
    CORNERS_SIZE = 8 * 4,
    CANDIDATES_SIZE = 1 + ROW_MAX_CANDIDATES * (1 + (ROW_PLATE_SIZE - 1) + 4 + 1),
    MAX_FRAME_SIDE = 65535,
};

static const int64_t max_ms = INT64_C(253402300799999); /* the end of the year 9999 */
static const float max_corner = 1e6F;                   /* corners may lie outside of the picture */

static bool is_plate(const char *text, const char *also)
{
    size_t length = strnlen(text, ROW_PLATE_SIZE);
    if (length == ROW_PLATE_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool letter = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= '0' && text[i] <= '9');
        if (!letter && strchr(also, text[i]) == NULL)
            return false;
    }
    return true;
}

bool record_is_text(const char *text, size_t size, bool needed)
{
    size_t length = strnlen(text, size);
    if (length == size || (needed && length == 0))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static bool is_share(float value)
{
    return value >= 0.0F && value <= 1.0F; /* false for a NaN */
}

static bool candidates_good(const struct row *row)
{
    if (row->n_candidates > ROW_MAX_CANDIDATES)
        return false;
    for (unsigned i = 0; i < row->n_candidates; i++)
        if (!is_plate(row->candidates[i].plate, "") || !is_share(row->candidates[i].confidence))
            return false;
    return true;
}

static bool corners_good(const struct row *row)
{
    for (unsigned i = 0; i < 8; i++)
        if (!(fabsf(row->corner[i]) <= max_corner))
            return false;
    return true;
}

/* The first field that is wrong, or NULL. */
static const char *wrong_field(const struct row *row)
{
    if (row->state < ROW_NEW || row->state > ROW_LOST)
        return "state";
    if (row->first_ms <= 0 || row->first_ms > max_ms)
        return "first_ms";
    if (row->last_ms < row->first_ms || row->last_ms > max_ms)
        return "last_ms";
    if (!record_is_text(row->lane, sizeof row->lane, true))
        return "lane";
    if (!record_is_text(row->camera, sizeof row->camera, true))
        return "camera";
    if (!is_plate(row->plate, ""))
        return "plate";
    if (!record_is_text(row->region, sizeof row->region, false))
        return "region";
    if (!is_share(row->confidence))
        return "confidence";
    if (row->frame_width > MAX_FRAME_SIDE || row->frame_height > MAX_FRAME_SIDE)
        return "frame size";
    if (!corners_good(row))
        return "corner";
    if (!candidates_good(row))
        return "candidates";
    if (row->crop_size > ROW_MAX_CROP)
        return "crop_size";
    return NULL;
}

enum err record_check(const struct row *row, struct fault *why)
{
    const char *field = wrong_field(row);
    if (field != NULL)
        return fault_set(why, ERR_INPUT, "a passage's %s is out of bounds", field);
    return ERR_OK;
}

enum err record_check_query(const struct store_query *query, struct fault *why)
{
    if (!is_plate(query->plate, "?"))
        return fault_set(why, ERR_INPUT, "a plate holds A-Z, 0-9 and ?, at most %d characters",
                         ROW_PLATE_SIZE - 1);
    unsigned wildcards = 0;
    for (const char *at = query->plate; *at != '\0'; at++)
        wildcards += *at == '?';
    if (wildcards > 2)
        return fault_set(why, ERR_INPUT, "at most two characters of a plate may be left open");
    if (!record_is_text(query->lane, sizeof query->lane, false))
        return fault_set(why, ERR_INPUT, "the lane is not a text");
    if (query->from_ms < 0 || query->from_ms > max_ms || query->to_ms < 0 || query->to_ms > max_ms)
        return fault_set(why, ERR_INPUT, "a time is out of bounds");
    if (query->to_ms != 0 && query->to_ms < query->from_ms)
        return fault_set(why, ERR_INPUT, "the time range ends before it begins");
    if (query->limit < 1 || query->limit > STORE_MAX_ROWS)
        return fault_set(why, ERR_INPUT, "the number of rows is 1 to %d", STORE_MAX_ROWS);
    return ERR_OK;
}

void record_fold(const char *plate, char out[ROW_PLATE_SIZE])
{
    static const char from[] = "ODQIBSZG", to[] = "00018526";
    _Static_assert(sizeof from == sizeof to, "each letter has its digit");
    char folded[ROW_PLATE_SIZE] = "";
    size_t length = strlen(plate);
    assert(length < ROW_PLATE_SIZE);
    for (size_t i = 0; i < length; i++) {
        const char *class = strchr(from, plate[i]);
        folded[i] = class != NULL ? to[class - from] : plate[i];
    }
    memcpy(out, folded, sizeof folded);
}

/* Bound with a copy: the packed forms live on record_bind's stack. */
static int bind_packed(sqlite3_stmt *statement, const struct row *row)
{
    uint8_t corners[CORNERS_SIZE], candidates[CANDIDATES_SIZE];
    struct wire w = {.at = corners, .end = corners + sizeof corners};
    for (unsigned i = 0; i < 8; i++)
        wire_put_float(&w, row->corner[i]);
    assert(!w.bad);
    int status = statement_copy_blob(statement, ":corners", corners, sizeof corners);

    w = (struct wire){.at = candidates, .end = candidates + sizeof candidates};
    wire_put(&w, row->n_candidates, 1);
    for (unsigned i = 0; i < row->n_candidates; i++) {
        wire_put_text(&w, row->candidates[i].plate);
        wire_put_float(&w, row->candidates[i].confidence);
        wire_put(&w, row->candidates[i].matches_pattern, 1);
    }
    assert(!w.bad);
    status |=
        statement_copy_blob(statement, ":candidates", candidates, (size_t)(w.at - candidates));
    char folded[ROW_PLATE_SIZE];
    record_fold(row->plate, folded);
    return status | statement_copy_text(statement, ":folded", folded);
}

int record_bind(sqlite3_stmt *statement, const struct row *row)
{
    int status = statement_bind_blob(statement, ":id", row->id, sizeof row->id);
    status |= statement_bind_int(statement, ":state", row->state);
    status |= statement_bind_int(statement, ":first_ms", row->first_ms);
    status |= statement_bind_int(statement, ":last_ms", row->last_ms);
    status |= statement_bind_int(statement, ":clock_synchronised", row->clock_synchronised);
    status |= statement_bind_int(statement, ":needs_review", row->needs_review);
    status |= statement_bind_text(statement, ":lane", row->lane);
    status |= statement_bind_text(statement, ":camera", row->camera);
    status |= statement_bind_text(statement, ":plate", row->plate);
    status |= statement_bind_text(statement, ":region", row->region);
    status |= sqlite3_bind_double(statement, sqlite3_bind_parameter_index(statement, ":confidence"),
                                  (double)row->confidence);
    status |= statement_bind_int(statement, ":n_frames", row->n_frames);
    status |= statement_bind_int(statement, ":frame_width", row->frame_width);
    status |= statement_bind_int(statement, ":frame_height", row->frame_height);
    status |= statement_bind_int(statement, ":crop_size", row->crop_size);
    return status | bind_packed(statement, row);
}

/* A cursor over a BLOB column; wire reads only, although its pointer is not const. */
static struct wire wire_over(const void *bytes, size_t size, uint8_t *copy, size_t room)
{
    if (bytes == NULL || size > room)
        return (struct wire){.at = copy, .end = copy, .bad = true};
    memcpy(copy, bytes, size);
    return (struct wire){.at = copy, .end = copy + size};
}

static bool unpack(sqlite3_stmt *statement, int corners, int candidates, struct row *row)
{
    uint8_t copy[CANDIDATES_SIZE];
    struct wire w = wire_over(sqlite3_column_blob(statement, corners),
                              (size_t)sqlite3_column_bytes(statement, corners), copy, CORNERS_SIZE);
    for (unsigned i = 0; i < 8; i++)
        row->corner[i] = wire_get_float(&w);
    if (w.bad || w.at != w.end)
        return false;
    w = wire_over(sqlite3_column_blob(statement, candidates),
                  (size_t)sqlite3_column_bytes(statement, candidates), copy, sizeof copy);
    row->n_candidates = (uint8_t)wire_get(&w, 1);
    for (unsigned i = 0; i < row->n_candidates && i < ROW_MAX_CANDIDATES; i++) {
        wire_get_text(&w, row->candidates[i].plate, sizeof row->candidates[i].plate);
        row->candidates[i].confidence = wire_get_float(&w);
        row->candidates[i].matches_pattern = wire_get(&w, 1) != 0;
    }
    return !w.bad && w.at == w.end;
}

/* Integers that came back, before they are narrowed. */
static bool counts_good(const int64_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (counts[i] < 0 || counts[i] > UINT32_MAX)
            return false;
    return true;
}

enum err record_read(sqlite3_stmt *statement, struct row *out, struct fault *why)
{
    struct row row = {.state = (enum row_state)sqlite3_column_int(statement, 1),
                      .first_ms = sqlite3_column_int64(statement, 2),
                      .last_ms = sqlite3_column_int64(statement, 3),
                      .clock_synchronised = sqlite3_column_int(statement, 4) != 0,
                      .needs_review = sqlite3_column_int(statement, 5) != 0,
                      .confidence = (float)sqlite3_column_double(statement, 10)};
    const int64_t counts[] = {
        sqlite3_column_int64(statement, 11), sqlite3_column_int64(statement, 12),
        sqlite3_column_int64(statement, 13), sqlite3_column_int64(statement, 16)};
    const void *id = sqlite3_column_blob(statement, 0);
    bool good =
        id != NULL && sqlite3_column_bytes(statement, 0) == ROW_ID_SIZE && counts_good(counts, 4);
    good = good && statement_text(statement, 6, row.lane, sizeof row.lane) &&
           statement_text(statement, 7, row.camera, sizeof row.camera) &&
           statement_text(statement, 8, row.plate, sizeof row.plate) &&
           statement_text(statement, 9, row.region, sizeof row.region) &&
           unpack(statement, 14, 15, &row);
    if (good) {
        memcpy(row.id, id, ROW_ID_SIZE);
        row.n_frames = (uint32_t)counts[0];
        row.frame_width = (uint32_t)counts[1];
        row.frame_height = (uint32_t)counts[2];
        row.crop_size = (uint32_t)counts[3];
    }
    if (!good || record_check(&row, NULL) != ERR_OK)
        return fault_set(why, ERR_CORRUPT, "a stored passage is not well formed");
    *out = row;
    return ERR_OK;
}
