/* What the ledger remembers of the segments: how often each was committed, which passages were
 * moving between two; and notes. */
#ifndef LANEWARD_STORAGE_BOOKS_H
#define LANEWARD_STORAGE_BOOKS_H

#include "storage/inside.h"

/* Compares every segment with what was written down: one that is older, or gone although its key is
 * not, is an ENTRY_ALARM "rollback" in the log. The log is loaded. ERR_CORRUPT: a segment does not
 * open. */
enum err books_check(struct store *store, struct fault *why) MUST_USE;

/* Writes down how often every segment was committed. */
enum err books_count(struct store *store, struct fault *why) MUST_USE;

/* Before a batch is committed: what store->moves holds. After it, and after a restart: each of them
 * stands in one segment alone. */
enum err books_announce(struct store *store, struct fault *why) MUST_USE;
enum err books_settle(struct store *store, struct fault *why) MUST_USE;

/* A named number; `fallback` when it was never set. */
enum err books_note(struct store *store, const char *name, int64_t fallback, int64_t *out,
                    struct fault *why) MUST_USE;
enum err books_set_note(struct store *store, const char *name, int64_t value,
                        struct fault *why) MUST_USE;

#endif
