/* Suspending, and saying so. */
#include "storage/suspend.h"

#include "storage/audit.h"
#include "storage/inside.h"

enum err suspend_store(struct store *store, struct fault *why)
{
    struct entry entry = {.kind = ENTRY_KEY, .uid = UINT32_MAX, .name = "suspended"};
    enum err result = keyring_suspend(store->keyring, why);
    entry.number = keyring_state(store->keyring).epoch;
    return result == ERR_OK ? audit_append(store, &entry, NULL, NULL, why) : result;
}
