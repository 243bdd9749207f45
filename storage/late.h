/* What a stop between a step of the keys and its record has left out of the log. */
#ifndef LANEWARD_STORAGE_LATE_H
#define LANEWARD_STORAGE_LATE_H

#include "storage/store.h"

/* At the opening, with the log loaded. The epoch that the keyring has found is compared with the
 * newest one that the log tells of; when it is ahead, one record says from where to where: an
 * ENTRY_KEY "suspended" or "resealed" where the keys show that, else an ENTRY_FORGET "late". Then
 * the step that this opening itself has taken is recorded, "resealed" or "credential". ERR_IO. */
enum err late_record(struct store *store, struct fault *why) MUST_USE;

#endif
