/* What the store remembers beside passages and looks: when the lane was blind, how far a folder is
 * read, which passages are bait. */
#ifndef LANEWARD_STORAGE_LEDGER_H
#define LANEWARD_STORAGE_LEDGER_H

#include "storage/store.h"

enum { LEDGER_TEXT_SIZE = 128 };

/* A time when frames were not stored, and why, in the words of a gap report: "store unwritable". */
struct ledger_gap {
    int64_t from_ms, to_ms;
    char lane[ROW_NAME_SIZE];
    char why[64];
};

/* Durable on return. ERR_IO. ERR_INPUT. */
enum err ledger_gap(struct store *store, const struct ledger_gap *gap, struct fault *why) MUST_USE;

/* Gaps that overlap the query's time and lane, oldest first, at most `room`. */
enum err ledger_gaps(struct store *store, const struct store_query *query, struct ledger_gap *out,
                     size_t room, size_t *n_gaps, struct fault *why) MUST_USE;

/* How far a watched folder has been read: an opaque text of the capture's own, at most 300 bytes, a
 * camera. Reading one that was never set gives "". */
enum err ledger_set_cursor(struct store *store, const char *camera, const char *cursor,
                           struct fault *why) MUST_USE;
enum err ledger_cursor(struct store *store, const char *camera, char *out, size_t size,
                       struct fault *why) MUST_USE;

/* Honey: passages that no vehicle has made. Whoever touches one has no honest reason. Durable on
 * return; an id that is known already is no error. */
enum err ledger_add_honey(struct store *store, const uint8_t (*ids)[ROW_ID_SIZE], size_t n,
                          struct fault *why) MUST_USE;
enum err ledger_is_honey(struct store *store, const uint8_t id[ROW_ID_SIZE], bool *out,
                         struct fault *why) MUST_USE;

#endif
