/* What the store remembers beside passages: who asked what and why, when the lane was blind, how
 * far a folder is read. */
#ifndef LANEWARD_STORAGE_LEDGER_H
#define LANEWARD_STORAGE_LEDGER_H

#include "storage/store.h"

enum { LEDGER_TEXT_SIZE = 128 };

/* One look at the store, written before its answer leaves. */
struct ledger_look {
    int64_t at_ms;
    uint32_t uid;
    char user[ROW_NAME_SIZE];           /* from the kernel's uid, not from the asker */
    char reason[LEDGER_TEXT_SIZE];      /* mandatory */
    char case_number[LEDGER_TEXT_SIZE]; /* mandatory */
    char kind[16];                      /* "query", "image", "status", "refused" */
    struct store_query query;           /* of kind query */
    uint8_t id[ROW_ID_SIZE];            /* of kind image */
    uint32_t n_answered;
};

/* A time when frames were not stored, and why, in the words of a gap report: "store unwritable". */
struct ledger_gap {
    int64_t from_ms, to_ms;
    char lane[ROW_NAME_SIZE];
    char why[64];
};

/* Durable on return. ERR_IO. ERR_INPUT: reason or case number is empty (a look of kind "refused"
 * may lack them). */
enum err ledger_look(struct store *store, const struct ledger_look *look,
                     struct fault *why) MUST_USE;
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

#endif
