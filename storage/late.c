/* The keyring's epoch against the log's. */
#include "storage/late.h"

#include <stdio.h>

#include "storage/audit.h"
#include "storage/inside.h"

/* Epochs up to `last` began without a record, and the keys were found suspended, or not: by that
 * the log lacks a suspension, its end, or a forgetting. */
static enum err record_lost(struct store *store, uint64_t n, uint64_t last, bool was_suspended,
                            struct fault *why)
{
    bool was_turned = was_suspended != store->audit.tells_suspended;
    struct entry entry = {.kind = was_turned ? ENTRY_KEY : ENTRY_FORGET,
                          .uid = UINT32_MAX,
                          .n = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX,
                          .number = last};
    (void)snprintf(entry.name, sizeof entry.name, "%s",
                   !was_turned     ? "late"
                   : was_suspended ? "suspended"
                                   : "resealed");
    enum err result = audit_append(store, &entry, NULL, NULL, why);
    if (result == ERR_OK)
        store->n_late = entry.n;
    return result;
}

enum err late_record(struct store *store, struct fault *why)
{
    const struct keyring_state keys = keyring_state(store->keyring);
    uint64_t told = store->audit.told_epoch, found = keys.epoch;
    bool has_stepped = keys.was_resealed || keys.took_credential;
    enum err result = ERR_OK;
    if (told < keys.first_epoch)
        told = keys.first_epoch;
    if (has_stepped)
        found--;
    if (found > told)
        result = record_lost(store, found - told, found, keys.was_resealed, why);
    if (result != ERR_OK || !has_stepped)
        return result;
    struct entry entry = {.kind = ENTRY_KEY, .uid = UINT32_MAX, .number = keys.epoch};
    (void)snprintf(entry.name, sizeof entry.name, "%s",
                   keys.was_resealed ? "resealed" : "credential");
    return audit_append(store, &entry, NULL, NULL, why);
}
