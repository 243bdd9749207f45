/* Before a planned change of the host's boot state. */
#ifndef LANEWARD_STORAGE_SUSPEND_H
#define LANEWARD_STORAGE_SUSPEND_H

#include "storage/store.h"

/* As keyring_suspend, for an open store, with an ENTRY_KEY "suspended" in its log. ERR_INPUT: the
 * binding is software. ERR_IO: also when it could not be recorded; it is in force then, the next
 * opening records it, and it may be asked for again. */
enum err suspend_store(struct store *store, struct fault *why) MUST_USE;

#endif
