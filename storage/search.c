/* Looking through the segments from the newest day back. */
#include "storage/search.h"

#include <assert.h>
#include <string.h>

#include "storage/record.h"
#include "storage/statement.h"

static int64_t horizon(int64_t term, int64_t now_ms)
{
    return now_ms - term + 1; /* first_ms + term > now */
}

int64_t search_horizon(const struct store *store, enum keyring_class class, int64_t now_ms)
{
    return horizon(class == KEYRING_HIT ? store->terms.hit : store->terms.other, now_ms);
}

int64_t search_crop_horizon(const struct store *store, enum keyring_class class, int64_t now_ms)
{
    const struct store_terms *terms = &store->terms;
    int64_t rows = class == KEYRING_HIT ? terms->hit : terms->other,
            crops = class == KEYRING_HIT ? terms->hit_crop : terms->other_crop;
    return horizon(crops < rows ? crops : rows, now_ms);
}

/* A query with what holds for one segment. */
struct span {
    const struct store_query *query;
    int64_t begin_ms, to_ms;
};

/* The statement of a query, its parameters bound. `low` and `high` enclose all that a pattern can
 * match. */
static int bind_query(struct database *database, const struct span *span, enum sql *out)
{
    const struct store_query *query = span->query;
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
    status |= statement_bind_int(statement, ":begin", span->begin_ms);
    status |= statement_bind_int(statement, ":from", query->from_ms);
    status |= statement_bind_int(statement, ":to", span->to_ms);
    return status | statement_bind_int(statement, ":limit", query->limit);
}

/* What one segment answers. */
struct part {
    size_t n;
    struct row rows[STORE_MAX_ROWS];
};

static enum err find_in(struct segment *segment, const struct span *span, struct part *out,
                        struct fault *why)
{
    enum err result = ERR_OK;
    enum sql number;
    int status = bind_query(segment->database, span, &number);
    sqlite3_stmt *statement = segment->database->statement[number];
    status = status == SQLITE_OK ? SQLITE_ROW : SQLITE_NOMEM;
    while (result == ERR_OK && status == SQLITE_ROW) {
        status = sqlite3_step(statement);
        if (status == SQLITE_ROW) {
            assert(out->n < span->query->limit);
            result = record_read(statement, &out->rows[out->n++], why);
        }
    }
    if (result == ERR_OK && status != SQLITE_DONE)
        result = database_fault(segment->database, status, why);
    statement_reset(statement);
    return result;
}

/* One segment's part of the answer. */
static enum err find_class(struct store *store, enum keyring_class class, uint32_t day,
                           const struct span *whole, struct part *out, struct fault *why)
{
    struct segment *segment = NULL;
    enum err result = shelf_get(&store->shelf, class, day, &segment, why);
    out->n = 0;
    if (result != ERR_OK || segment == NULL)
        return result == ERR_NOT_FOUND ? ERR_OK : result;
    int64_t now = store->clock(), longest = segment->longest_ms;
    if (segment->in_batch && segment->batch_longest_ms > longest)
        longest = segment->batch_longest_ms;
    struct span span = *whole;
    if (span.query->from_ms != 0)
        span.begin_ms = span.query->from_ms - longest;
    if (span.begin_ms < search_horizon(store, class, now))
        span.begin_ms = search_horizon(store, class, now);
    if (span.begin_ms / KEYRING_DAY_MS > day)
        return ERR_OK;
    result = find_in(segment, &span, out, why);
    for (size_t i = 0; i < out->n; i++) {
        struct row *row = &out->rows[i];
        row->is_hit = class == KEYRING_HIT;
        if (row->first_ms < search_crop_horizon(store, class, now))
            row->crop_size = 0;
    }
    return result;
}

static bool is_newer(const struct row *a, const struct row *b)
{
    return a->first_ms != b->first_ms ? a->first_ms > b->first_ms : a->last_ms >= b->last_ms;
}

static bool has_id(const struct row *rows, size_t n, const uint8_t *id)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(rows[i].id, id, ROW_ID_SIZE) == 0)
            return true;
    return false;
}

/* Two sorted lists into one, up to the limit; of a passage that is between two segments, only the
 * first is taken. */
static void merge(const struct part *a, const struct part *b, struct part *out, size_t limit)
{
    for (size_t i = 0, j = 0; out->n < limit && (i < a->n || j < b->n);) {
        bool first = j == b->n || (i < a->n && is_newer(&a->rows[i], &b->rows[j]));
        const struct row *row = first ? &a->rows[i++] : &b->rows[j++];
        if (!has_id(out->rows, out->n, row->id))
            out->rows[out->n++] = *row;
    }
}

enum err search_rows(struct store *store, const struct store_query *query, struct row *rows,
                     size_t *n_rows, struct fault *why)
{
    struct part found = {.n = 0}, hits, others;
    const struct span whole = {.query = query,
                               .to_ms = query->to_ms != 0 ? query->to_ms : INT64_MAX};
    uint32_t newest = 0, oldest = UINT32_MAX;
    for (size_t i = 0; i < store->shelf.n; i++) {
        uint32_t day = store->shelf.segment[i].day;
        newest = day > newest ? day : newest;
        oldest = day < oldest ? day : oldest;
    }
    if ((int64_t)newest > whole.to_ms / KEYRING_DAY_MS)
        newest = (uint32_t)(whole.to_ms / KEYRING_DAY_MS);
    enum err result = ERR_OK;
    for (uint32_t day = newest; result == ERR_OK && day >= oldest && found.n < query->limit;
         day--) {
        result = find_class(store, KEYRING_HIT, day, &whole, &hits, why);
        if (result == ERR_OK)
            result = find_class(store, KEYRING_OTHER, day, &whole, &others, why);
        if (result == ERR_OK)
            merge(&hits, &others, &found, query->limit);
        if (day == 0)
            break;
    }
    if (result != ERR_OK)
        return result;
    memcpy(rows, found.rows, found.n * sizeof *rows);
    *n_rows = found.n;
    return ERR_OK;
}
