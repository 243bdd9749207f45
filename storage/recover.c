/* Finding the epoch in force. In software it is the newest file that is whole. With a TPM it is the
 * file of the number at which its counter stands, and no other: a newer one was prepared and never
 * came in force, an older one was forgotten. */
#include "storage/recover.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/oldkey.h"
#include "storage/safefile.h"
#include "storage/secret.h"
#include "storage/signer.h"

static bool has_file(const struct keyring *k, const char *name)
{
    char path[RING_DIR_SIZE + EPOCH_NAME_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", k->dir, name);
    return access(path, F_OK) == 0;
}

/* The scalar is below the curve's order but for once in 2^32 draws. */
static enum err draw_scalar(uint8_t out[EPOCH_KEY_SIZE], struct fault *why)
{
    for (int i = 0; i < 4; i++) {
        struct signature_key *key = NULL;
        enum err result = secret_draw(out, EPOCH_KEY_SIZE, why);
        if (result != ERR_OK)
            return result;
        result = signature_key_from_scalar(&key, out, why);
        if (result == ERR_OK)
            signature_key_free(&key);
        if (result != ERR_INPUT)
            return result;
    }
    return fault_set(why, ERR_IO, "no key for signing can be drawn");
}

/* The keys that live as long as the store. */
static enum err draw_lasting(struct keyring *k, struct fault *why)
{
    uint8_t key[EPOCH_KEY_SIZE];
    enum err result = ERR_OK;
    k->now.n = 0;
    for (uint8_t class = KEYRING_PERIODIC; class < KEYRING_CLASSES && result == ERR_OK; class ++) {
        if (class == KEYRING_SIGN && k->tpm != NULL)
            continue; /* it is in the TPM */
        result = class == KEYRING_SIGN ? draw_scalar(key, why) : secret_draw(key, sizeof key, why);
        if (result == ERR_OK)
            epoch_add(&k->now, class, 0, key);
    }
    OPENSSL_cleanse(key, sizeof key);
    return result;
}

/* The counter says which epoch is the first, and the TPM makes the key that signs. */
static enum err enrol_in_tpm(struct keyring *k, const struct binding_options *options,
                             struct fault *why)
{
    struct counter counter;
    uint8_t auth[TPM_SECRET_SIZE];
    struct epoch_head *head = &k->now.head;
    uint32_t index = options->nv_index != 0 ? options->nv_index : BINDING_DEFAULT_NV;
    enum err result = ring_counter(k, index, &counter, why);
    if (result == ERR_OK)
        result = counter_define(k->tpm, &counter, &head->number, why);
    if (result == ERR_OK)
        result = ring_signer_auth(k, auth, why);
    if (result == ERR_OK)
        result = signer_make(k->tpm, auth, &head->signer, why);
    OPENSSL_cleanse(&counter, sizeof counter);
    OPENSSL_cleanse(auth, sizeof auth);
    head->with_tpm = true;
    head->nv_index = index;
    head->pcr_mask = k->binding.file.pcr_mask;
    return result;
}

/* The TPM where there is one, or software, as the options say. */
static enum err bind_folder(struct keyring *k, const struct binding_options *options,
                            struct fault *why)
{
    bool automatic = strcmp(options->tpm, "auto") == 0;
    bool wanted =
        automatic ? access("/dev/tpmrm0", R_OK | W_OK) == 0 : strcmp(options->tpm, "none") != 0;
    uint32_t mask = options->pcr_mask != 0 ? options->pcr_mask : TPM_DEFAULT_PCRS;
    enum err result = wanted ? tpm_open(&k->tpm, binding_tcti(options), why) : ERR_OK;
    if (result != ERR_OK && !automatic) /* else: there, and not usable */
        return result;
    result = binding_draw(&k->binding, k->tpm != NULL ? BINDING_TPM : BINDING_SOFTWARE, mask, why);
    return result == ERR_OK ? binding_write(&k->binding, k->dir, false, why) : result;
}

/* The first epoch. A power cut on the way leaves a binding without keys, which the next call goes
 * on with. */
static enum err enrol(struct keyring *k, const struct binding_options *options, bool is_bound,
                      struct fault *why)
{
    enum err result = is_bound ? ERR_OK : bind_folder(k, options, why);
    if (result != ERR_OK)
        return result;
    k->now.head = (struct epoch_head){.number = 1, .with_credential = ring_takes_credential(k)};
    result = k->tpm != NULL ? enrol_in_tpm(k, options, why) : ERR_OK;
    if (result == ERR_IDENTITY && !is_bound) /* the counter is taken: the options may be changed */
        result = safefile_remove(k->dir, "tpm.blob", NULL) == ERR_OK ? result : ERR_IO;
    k->now.head.first = k->now.head.number;
    if (result == ERR_OK)
        result = draw_lasting(k, why);
    if (result == ERR_OK)
        result = ring_seal(k, &k->now, why);
    if (result == ERR_OK)
        result = ring_store(k, &k->now, why);
    if (result == ERR_OK) /* what was made just now is opened like what was made long ago */
        result = ring_load(k, k->now.head.number, &k->now, why);
    k->state.is_new = result == ERR_OK;
    return result;
}

static enum err load_newest(struct keyring *k, const uint64_t *numbers, uint32_t n,
                            struct fault *why)
{
    enum err result = ERR_CORRUPT;
    while (n > 0 && result == ERR_CORRUPT)
        result = ring_load(k, numbers[--n], &k->now, why);
    if (result == ERR_CORRUPT && why != NULL)
        return fault_context(why, "no file of keys is whole: bring the state folder back from "
                                  "where it was kept, or move it away to begin anew");
    return result;
}

/* Where the counter stands. Any whole file says which counter it is. */
static enum err read_counter(struct keyring *k, const uint64_t *numbers, uint32_t n,
                             uint64_t *value, struct fault *why)
{
    struct counter counter;
    struct epoch_head *head = &k->now.head;
    enum err result = ERR_CORRUPT;
    while (n > 0 && result == ERR_CORRUPT)
        result = ring_peek(k, numbers[--n], head, why);
    if (result == ERR_OK && !head->with_tpm)
        result = fault_set(why, ERR_IDENTITY, "the keys were made with software binding");
    if (result == ERR_OK)
        result = ring_counter(k, head->nv_index, &counter, why);
    if (result != ERR_OK)
        return result;
    result = counter_read(k->tpm, &counter, value, why);
    OPENSSL_cleanse(&counter, sizeof counter);
    if (result == ERR_NOT_FOUND)
        return fault_set(why, ERR_IDENTITY,
                         "the TPM does not have the counter 0x%08x of this store: it is another "
                         "TPM, this one was cleared, or the counter was removed; without it the "
                         "stored passages are lost: move the state folder away to begin anew",
                         head->nv_index);
    if (result == ERR_IDENTITY && why != NULL)
        return fault_context(why, "another TPM than the store was bound to, or");
    return result;
}

/* The one file that the counter names. */
static enum err load_counted(struct keyring *k, const uint64_t *numbers, uint32_t n,
                             struct fault *why)
{
    uint64_t value = 0;
    enum err result = read_counter(k, numbers, n, &value, why);
    if (result != ERR_OK)
        return result;
    for (uint32_t i = 0; i < n; i++)
        if (numbers[i] == value)
            return ring_load(k, value, &k->now, why);
    uint64_t newest = numbers[n - 1];
    if (newest < value)
        return fault_set(why, ERR_IDENTITY,
                         "the state folder is older than its TPM: the keys on the disk are of "
                         "epoch %llu, the counter stands at %llu. An old disk or backup was put "
                         "back, and its keys were forgotten since: put the newer state folder "
                         "back, or move this one away to begin anew",
                         (unsigned long long)newest, (unsigned long long)value);
    return fault_set(why, ERR_IDENTITY,
                     "the keys on the disk are of epoch %llu, the TPM's counter stands at %llu: "
                     "they are of another store or another TPM; move the state folder away to "
                     "begin anew",
                     (unsigned long long)numbers[0], (unsigned long long)value);
}

static enum err find_epoch(struct keyring *k, const struct binding_options *options, bool is_bound,
                           struct fault *why)
{
    uint64_t numbers[RING_MAX_FILES];
    uint32_t n = 0;
    enum err result = epoch_list(k->dir, numbers, RING_MAX_FILES, &n, why);
    if (result != ERR_OK)
        return result;
    if (n > 0 && is_bound)
        return k->tpm != NULL ? load_counted(k, numbers, n, why) : load_newest(k, numbers, n, why);
    if (n > 0)
        return fault_set(why, ERR_IDENTITY,
                         "%s has lost its host.key or tpm.blob: bring it back, or move the state "
                         "folder away to begin anew",
                         k->dir);
    if (has_file(k, "ledger.db") || has_file(k, "segments"))
        return fault_set(why, ERR_IDENTITY,
                         "%s has lost its keys (keyring.N): bring the file back, or move the "
                         "state folder away to begin anew",
                         k->dir);
    return enrol(k, options, is_bound, why);
}

/* A store of the first format lies there, or lay there until just now. */
static enum err find_legacy(struct keyring *k, struct fault *why)
{
    if (k->tpm != NULL ? k->binding.file.sealed_size == 0 : !has_file(k, "laneward.db"))
        return ERR_OK;
    enum err result = oldkey_make(&k->binding, k->tpm, k->legacy, why);
    k->has_legacy = result == ERR_OK;
    return result;
}

static enum err describe(struct keyring *k, struct fault *why)
{
    struct signature_key *key = NULL;
    uint8_t host[BINDING_KEY_SIZE];
    enum err result = binding_derive(&k->binding, NULL, "laneward host 2", host, why);
    if (result != ERR_OK)
        return result;
    memcpy(k->state.host, host, sizeof k->state.host);
    k->state.binding = k->binding.kind;
    if (k->tpm != NULL)
        return signer_point(&k->now.head.signer, k->state.public_point, why);
    const uint8_t *scalar = epoch_find(&k->now, KEYRING_SIGN, 0);
    if (scalar == NULL)
        return fault_set(why, ERR_CORRUPT, "the keys lack the one that signs");
    result = signature_key_from_scalar(&key, scalar, why);
    if (result == ERR_OK)
        signature_key_point(key, k->state.public_point);
    signature_key_free(&key);
    return result;
}

enum err recover_epoch(struct keyring *k, const struct binding_options *options, struct fault *why)
{
    bool is_bound = false;
    enum err result = binding_read(&k->binding, options, &is_bound, why);
    if (result == ERR_OK && is_bound && k->binding.kind == BINDING_TPM) {
        result = tpm_open(&k->tpm, binding_tcti(options), why);
        if (result != ERR_OK && why != NULL) /* an enrolled folder lies there: say so */
            return fault_context(why, "the store is bound to this host's TPM");
    }
    /* Before a new epoch is made: what cannot be opened is not left behind. */
    if (result == ERR_OK && is_bound)
        result = find_legacy(k, why);
    if (result == ERR_OK)
        result = find_epoch(k, options, is_bound, why);
    return result == ERR_OK ? describe(k, why) : result;
}
