/* An epoch's secret, and its way to and from its file. */
#include "storage/ring.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/derive.h"
#include "storage/safefile.h"
#include "storage/secret.h"

static const char wrap_label[] = "laneward wrap 2", credential_label[] = "laneward credential 2";

enum err ring_counter(const struct keyring *k, uint32_t nv_index, struct counter *out,
                      struct fault *why)
{
    out->index = nv_index;
    return binding_derive(&k->binding, NULL, "laneward counter auth 2", out->auth, why);
}

enum err ring_signer_auth(const struct keyring *k, uint8_t out[TPM_SECRET_SIZE], struct fault *why)
{
    return binding_derive(&k->binding, NULL, "laneward signer auth 2", out, why);
}

static enum err terms_of(const struct keyring *k, const struct epoch_head *head,
                         struct tpm_terms *out, struct fault *why)
{
    struct counter counter;
    *out = (struct tpm_terms){.pcr_mask = head->is_suspended ? 0 : head->pcr_mask,
                              .nv_index = head->nv_index,
                              .count = head->number};
    enum err result = ring_counter(k, head->nv_index, &counter, why);
    if (result == ERR_OK)
        result = binding_derive(&k->binding, NULL, "laneward epoch auth 2", out->auth, why);
    memcpy(out->counter_auth, counter.auth, sizeof counter.auth);
    OPENSSL_cleanse(&counter, sizeof counter);
    return result;
}

bool ring_takes_credential(const struct keyring *k)
{
    return k->tpm == NULL && k->credential_size > 0;
}

/* What wraps the keys of an epoch with this secret: without the credential it is worth nothing
 * where that has a part. */
static enum err wrapping_key(const struct keyring *k, const struct epoch_head *head,
                             const uint8_t secret[EPOCH_KEY_SIZE], uint8_t out[EPOCH_KEY_SIZE],
                             struct fault *why)
{
    uint8_t both[EPOCH_KEY_SIZE + BINDING_MAX_CREDENTIAL], joined[EPOCH_KEY_SIZE];
    if (!head->with_credential)
        return binding_derive(&k->binding, secret, wrap_label, out, why);
    memcpy(both, secret, EPOCH_KEY_SIZE);
    memcpy(both + EPOCH_KEY_SIZE, k->credential, k->credential_size);
    enum err result = derive_key(both, EPOCH_KEY_SIZE + k->credential_size, credential_label,
                                 joined, sizeof joined, why);
    if (result == ERR_OK)
        result = binding_derive(&k->binding, joined, wrap_label, out, why);
    OPENSSL_cleanse(both, sizeof both);
    OPENSSL_cleanse(joined, sizeof joined);
    return result;
}

enum err ring_seal(struct keyring *k, struct epoch *epoch, struct fault *why)
{
    struct epoch_head *head = &epoch->head;
    uint8_t secret[EPOCH_KEY_SIZE];
    struct tpm_terms terms;
    enum err result = secret_draw(secret, sizeof secret, why);
    if (result == ERR_OK)
        result = wrapping_key(k, head, secret, epoch->wrap, why);
    if (head->with_tpm && result == ERR_OK) {
        result = terms_of(k, head, &terms, why);
        if (result == ERR_OK)
            result = tpm_seal(k->tpm, &terms, secret, &head->sealed, why);
        OPENSSL_cleanse(&terms, sizeof terms);
    } else if (result == ERR_OK) {
        memcpy(head->random, secret, sizeof secret);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}

static enum err unseal(struct keyring *k, struct epoch *epoch, struct fault *why)
{
    const struct epoch_head *head = &epoch->head;
    uint8_t secret[EPOCH_KEY_SIZE];
    struct tpm_terms terms;
    if (head->with_tpm != (k->binding.kind == BINDING_TPM))
        return fault_set(why, ERR_IDENTITY, "the keys were not made with %s binding",
                         binding_name(k->binding.kind));
    if (head->with_credential && k->credential_size == 0)
        return fault_set(why, ERR_IDENTITY,
                         "the store is bound to this host's credential " BINDING_CREDENTIAL
                         ", which was not given: bring its file back to /etc/credstore.encrypted "
                         "and start the daemon by its systemd unit (by hand: systemd-run, as "
                         "laneward(1) says), or move the state folder away to begin anew");
    if (!head->with_tpm)
        return wrapping_key(k, head, head->random, epoch->wrap, why);
    enum err result = terms_of(k, head, &terms, why);
    if (result == ERR_OK)
        result = tpm_unseal(k->tpm, &terms, &head->sealed, secret, why);
    if (result == ERR_OK)
        result = wrapping_key(k, head, secret, epoch->wrap, why);
    OPENSSL_cleanse(&terms, sizeof terms);
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}

enum err ring_store(struct keyring *k, const struct epoch *epoch, struct fault *why)
{
    size_t size = 0;
    char name[EPOCH_NAME_SIZE];
    epoch_name(epoch->head.number, name);
    enum err result = epoch_pack(epoch, k->scratch, &size, why);
    return result == ERR_OK ? safefile_replace(k->dir, name, k->scratch, size, why) : result;
}

/* The file's bytes are in k->scratch then. */
static enum err fetch(struct keyring *k, uint64_t number, struct epoch_head *head, size_t *size,
                      struct fault *why)
{
    char name[EPOCH_NAME_SIZE];
    epoch_name(number, name);
    enum err result = safefile_read(k->dir, name, k->scratch, sizeof k->scratch, size, why);
    if (result == ERR_OK)
        result = epoch_parse(k->scratch, *size, head, why);
    if (result == ERR_OK && head->number != number)
        result = fault_set(why, ERR_CORRUPT, "a file of keys is of another epoch than its name");
    return result;
}

enum err ring_peek(struct keyring *k, uint64_t number, struct epoch_head *out, struct fault *why)
{
    size_t size = 0;
    return fetch(k, number, out, &size, why);
}

/* The identity was found right before: what does not fit is the credential, where it has a part. */
static enum err unwrap(struct keyring *k, struct epoch *epoch, size_t size, struct fault *why)
{
    enum err result = epoch_unwrap(epoch, k->scratch, size, why);
    if (result != ERR_IDENTITY || !epoch->head.with_credential)
        return result;
    return fault_set(why, ERR_IDENTITY,
                     "the credential " BINDING_CREDENTIAL
                     " is not the one that the store was bound to (or host.key is of another "
                     "state folder): bring its file back as it was, or move the state folder away "
                     "to begin anew");
}

enum err ring_load(struct keyring *k, uint64_t number, struct epoch *epoch, struct fault *why)
{
    size_t size = 0;
    enum err result = fetch(k, number, &epoch->head, &size, why);
    if (result == ERR_OK)
        result = unseal(k, epoch, why);
    if (result == ERR_OK)
        result = unwrap(k, epoch, size, why);
    if (result != ERR_OK)
        OPENSSL_cleanse(epoch, sizeof *epoch);
    if (result != ERR_OK && why != NULL)
        (void)fault_context(why, "%s/keyring.%llu", k->dir, (unsigned long long)number);
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
