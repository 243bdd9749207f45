/* The one key of a store of the first format (laneward.db), for as long as it is being moved. */
#ifndef LANEWARD_STORAGE_LEGACY_H
#define LANEWARD_STORAGE_LEGACY_H

#include "storage/keyring.h"

/* 32 bytes, valid until legacy_end or keyring_close; NULL: this folder has no such store. */
const uint8_t *legacy_key(const struct keyring *keyring);

/* After laneward.db was moved and removed: the key is wiped, and with a TPM what it was sealed as
 * is taken out of tpm.blob. Without such a key nothing is done. In software the old key can be made
 * again from host.key: it is worth as much as the copies of laneward.db that somebody kept. ERR_IO:
 * try again. */
enum err legacy_end(struct keyring *keyring, struct fault *why) MUST_USE;

#endif
