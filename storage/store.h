/* Passages on disk, encrypted page by page under a key that this host alone can make. One thread,
 * one process. */
#ifndef LANEWARD_STORAGE_STORE_H
#define LANEWARD_STORAGE_STORE_H

#include "base/err.h"
#include "storage/binding.h"
#include "storage/row.h"

struct store;

enum { STORE_MAX_ROWS = 50 }; /* rows of one answer */

/* What may be asked. There is no cursor over everything. */
struct store_query {
    char plate[ROW_PLATE_SIZE]; /* exact; '?' stands for one character, at most two of them; "" =
                                   any plate */
    bool look_alike;            /* O/0/D/Q, I/1, B/8, S/5, Z/2, G/6 count as the same */
    char lane[ROW_NAME_SIZE];   /* "" = every lane */
    int64_t from_ms, to_ms;     /* passages that overlap [from, to]; 0 = open */
    uint32_t limit;             /* 1..STORE_MAX_ROWS */
};

struct store_stats {
    uint64_t n_rows;
    int64_t oldest_ms; /* first_ms of the oldest passage, 0 when empty */
    uint64_t bytes;    /* of the database and its write-ahead log */
    enum binding_kind binding;
};

/* Opens or creates the database in `dir` (an existing folder of mode 0700 of this user). Every
 * pragma is read back; a file that begins as plain SQLite is refused and left alone; so is a
 * library without a cipher. ERR_IDENTITY: it does not open with this host's key. ERR_CORRUPT: it
 * opens, and fails its checks. ERR_IO. */
enum err store_open(struct store **out, const char *dir, const struct binding_key *key,
                    struct fault *why) MUST_USE;
void store_close(struct store **store);

/* Inserts or, by id, replaces a passage; `crop` of row->crop_size bytes, or NULL with 0, which
 * keeps the stored crop. Durable when it returns ERR_OK. ERR_IO: not stored (disk full, read-only);
 * the store stays usable. */
enum err store_put(struct store *store, const struct row *row, const uint8_t *crop,
                   struct fault *why) MUST_USE;

/* The newest first. `rows` has room for query->limit. ERR_INPUT: a query outside the bounds above.
 */
enum err store_find(struct store *store, const struct store_query *query, struct row *rows,
                    size_t *n_rows, struct fault *why) MUST_USE;

/* The plate's JPEG of one passage; `out` has room for ROW_MAX_CROP. ERR_NOT_FOUND. */
enum err store_crop(struct store *store, const uint8_t id[ROW_ID_SIZE], uint8_t *out, size_t *size,
                    struct fault *why) MUST_USE;

enum err store_stats(struct store *store, struct store_stats *out, struct fault *why) MUST_USE;

#endif
