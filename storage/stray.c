/* The last period of each class that may have a key. */
#include "storage/stray.h"

#include <string.h>

#include "storage/ring.h"

void stray_bound(struct keyring *keyring, const uint32_t last_kept[KEYRING_PERIODIC])
{
    keyring->is_bounded = true;
    memcpy(keyring->last_kept, last_kept, sizeof keyring->last_kept);
}
