/* From what lies in the state folder to the epoch that is in force, or to a first one. */
#ifndef LANEWARD_STORAGE_RECOVER_H
#define LANEWARD_STORAGE_RECOVER_H

#include "storage/ring.h"

/* Fills the binding, the TPM's conversation, `now`, the old key if there is one, and what
 * keyring_state tells. The folder is locked; nothing in it is removed. As keyring_open. */
enum err recover_epoch(struct keyring *keyring, const struct binding_options *options,
                       struct fault *why) MUST_USE;

#endif
