/* An epoch's secret, and its way to and from its file. */
#include "storage/ring.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/safefile.h"

static const char wrap_label[] = "laneward wrap 2";

enum err ring_seal(struct keyring *k, struct epoch *epoch, struct fault *why)
{
    struct epoch_head *head = &epoch->head;
    if (RAND_priv_bytes(head->random, sizeof head->random) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random bytes");
    return binding_derive(&k->binding, head->random, wrap_label, epoch->wrap, why);
}

static enum err unseal(struct keyring *k, struct epoch *epoch, struct fault *why)
{
    const struct epoch_head *head = &epoch->head;
    if (head->with_tpm != (k->binding.kind == BINDING_TPM))
        return fault_set(why, ERR_IDENTITY, "the keys were not made with %s binding",
                         binding_name(k->binding.kind));
    return binding_derive(&k->binding, head->random, wrap_label, epoch->wrap, why);
}

enum err ring_store(struct keyring *k, const struct epoch *epoch, struct fault *why)
{
    size_t size = 0;
    char name[EPOCH_NAME_SIZE];
    epoch_name(epoch->head.number, name);
    enum err result = epoch_pack(epoch, k->scratch, &size, why);
    return result == ERR_OK ? safefile_replace(k->dir, name, k->scratch, size, why) : result;
}

enum err ring_load(struct keyring *k, uint64_t number, struct epoch *epoch, struct fault *why)
{
    size_t size = 0;
    char name[EPOCH_NAME_SIZE];
    struct epoch_head head;
    epoch_name(number, name);
    enum err result = safefile_read(k->dir, name, k->scratch, sizeof k->scratch, &size, why);
    if (result == ERR_OK)
        result = epoch_parse(k->scratch, size, &head, why);
    if (result == ERR_OK && head.number != number)
        result = fault_set(why, ERR_CORRUPT, "a file of keys is of another epoch than its name");
    if (result == ERR_OK) {
        epoch->head = head;
        result = unseal(k, epoch, why);
    }
    if (result == ERR_OK)
        result = epoch_unwrap(epoch, k->scratch, size, why);
    OPENSSL_cleanse(&head, sizeof head);
    if (result != ERR_OK)
        OPENSSL_cleanse(epoch, sizeof *epoch);
    if (result != ERR_OK && why != NULL)
        (void)fault_context(why, "%s/%s", k->dir, name);
    return result;
}

enum err ring_tidy(struct keyring *k, struct fault *why)
{
    uint64_t numbers[RING_MAX_FILES];
    uint32_t n = 0;
    k->is_untidy = true;
    enum err result = epoch_list(k->dir, numbers, RING_MAX_FILES, &n, why);
    bool is_changed = false;
    for (uint32_t i = 0; i < n && result == ERR_OK; i++) {
        char name[EPOCH_NAME_SIZE];
        if (numbers[i] == k->now.head.number ||
            (k->is_pending && numbers[i] == k->next.head.number))
            continue;
        epoch_name(numbers[i], name);
        result = safefile_remove(k->dir, name, why);
        is_changed = true;
    }
    if (result == ERR_OK && is_changed)
        result = safefile_sync(k->dir, why);
    k->is_untidy = result != ERR_OK;
    return result;
}
