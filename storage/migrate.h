/* Taking over the one file of version 1, laneward.db. */
#ifndef LANEWARD_STORAGE_MIGRATE_H
#define LANEWARD_STORAGE_MIGRATE_H

#include "storage/inside.h"

/* Passages within their term go into segments, looks into the log, gaps and cursors into the
 * ledger; then the file is removed, and an ENTRY_KEY "migrated" is in the log. Cut short anywhere,
 * the next call finishes it. Without such a file nothing is done. ERR_IDENTITY, ERR_CORRUPT: the
 * file does not open. */
enum err migrate_run(struct store *store, struct fault *why) MUST_USE;

#endif
