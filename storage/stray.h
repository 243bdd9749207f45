/* Keys of a time that a wrong clock has claimed: without an upper end they would stay until that
 * time comes, and longer than any term. */
#ifndef LANEWARD_STORAGE_STRAY_H
#define LANEWARD_STORAGE_STRAY_H

#include "storage/keyring.h"

/* From now on keyring_forget also destroys every key of class c with a period above last_kept[c].
 */
void stray_bound(struct keyring *keyring, const uint32_t last_kept[KEYRING_PERIODIC]);

#endif
