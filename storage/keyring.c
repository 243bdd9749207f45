/* Opening, making, forgetting, signing. Each epoch's keys are in a file of its own; the step to the
 * next writes a whole new file beside the old one. In software the new file's durable name is the
 * moment at which it happens; with a TPM it is the step of its counter, whatever files there are.
 */
#include "storage/keyring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/recover.h"
#include "storage/ring.h"
#include "storage/secret.h"
#include "storage/signer.h"

/* The folder is ours alone, and no other process has its keys. */
static enum err lock_folder(struct keyring *k, const char *dir, struct fault *why)
{
    struct stat status;
    int length = snprintf(k->dir, sizeof k->dir, "%s", dir);
    if (length < 0 || length >= (int)sizeof k->dir)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    k->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (k->lock_fd < 0 || fstat(k->lock_fd, &status) != 0)
        return fault_errno(why, ERR_IO, errno, "the state folder %s", dir);
    if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED, "the state folder %s must be this user's, of mode 0700",
                         dir);
    if (flock(k->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return fault_errno(why, ERR_IO, errno, "the store is open in another process: %s", dir);
    return ERR_OK;
}

static enum err take_credential(struct keyring *k, const struct binding_options *options,
                                struct fault *why)
{
    size_t size = options->credential_size;
    if (options->credential == NULL)
        return ERR_OK;
    if (size < BINDING_MIN_CREDENTIAL || size > BINDING_MAX_CREDENTIAL)
        return fault_set(why, ERR_INPUT,
                         "the credential " BINDING_CREDENTIAL
                         " must hold %d to %d random bytes, not %zu (head -c 32 /dev/urandom)",
                         BINDING_MIN_CREDENTIAL, BINDING_MAX_CREDENTIAL, size);
    memcpy(k->credential, options->credential, size);
    k->credential_size = size;
    return ERR_OK;
}

static void shorten(struct epoch *epoch, uint32_t n)
{
    OPENSSL_cleanse(&epoch->keys[n], (epoch->n - n) * sizeof epoch->keys[0]);
    epoch->n = n;
}

/* What a step changes. */
struct turn {
    const uint32_t *first_kept; /* of each class with periods; NULL: all keys stay */
    const uint32_t *last_kept;  /* NULL: no end */
    bool is_suspended;
    uint32_t pcr_mask; /* 0 in software */
};

static bool is_kept(const struct epoch_key *key, const struct turn *turn)
{
    return turn->first_kept == NULL || key->class >= KEYRING_PERIODIC ||
           (key->period >= turn->first_kept[key->class] &&
            (turn->last_kept == NULL || key->period <= turn->last_kept[key->class]));
}

/* The step is in force: the old epoch leaves memory, and then the disk. With a TPM a file that
 * stays there opens no more. */
static enum err finish(struct keyring *k, struct fault *why)
{
    k->n_owed += k->now.n - k->next.n;
    k->now = k->next;
    OPENSSL_cleanse(&k->next, sizeof k->next);
    k->is_pending = false;
    enum err result = ring_tidy(k, why);
    return k->tpm != NULL ? ERR_OK : result;
}

/* With a TPM: what has become of a step that was not seen to its end. */
static enum err resolve(struct keyring *k, struct fault *why)
{
    struct counter counter;
    uint64_t value = 0;
    enum err result = ring_counter(k, k->now.head.nv_index, &counter, why);
    if (result == ERR_OK)
        result = counter_read(k->tpm, &counter, &value, why);
    OPENSSL_cleanse(&counter, sizeof counter);
    if (result != ERR_OK)
        return result;
    if (value == k->next.head.number)
        return finish(k, why);
    k->is_pending = false; /* its file is of no epoch that ever was */
    OPENSSL_cleanse(&k->next, sizeof k->next);
    return ERR_OK;
}

/* `next` gets what the turn keeps. A step that is pending in software goes on with the secret that
 * it has: its file may be the one that is found. */
static enum err prepare(struct keyring *k, const struct turn *turn, struct fault *why)
{
    shorten(&k->next, 0);
    for (uint32_t i = 0; i < k->now.n; i++)
        if (is_kept(&k->now.keys[i], turn))
            k->next.keys[k->next.n++] = k->now.keys[i];
    if (k->is_pending)
        return ERR_OK;
    k->next.head = k->now.head;
    k->next.head.number++;
    k->next.head.is_suspended = turn->is_suspended;
    k->next.head.pcr_mask = turn->pcr_mask;
    k->next.head.with_credential = ring_takes_credential(k);
    enum err result = ring_seal(k, &k->next, why);
    if (result != ERR_OK)
        OPENSSL_cleanse(&k->next, sizeof k->next);
    return result;
}

/* The moment at which it happens. */
static enum err commit(struct keyring *k, struct fault *why)
{
    if (k->tpm == NULL)
        return ERR_OK; /* it was the file's name */
    struct counter counter;
    enum err result = ring_counter(k, k->now.head.nv_index, &counter, why);
    if (result == ERR_OK)
        result = counter_step(k->tpm, &counter, k->now.head.number, why);
    OPENSSL_cleanse(&counter, sizeof counter);
    return result;
}

static enum err step(struct keyring *k, const struct turn *turn, struct fault *why)
{
    enum err result = prepare(k, turn, why);
    if (result != ERR_OK)
        return result;
    k->is_pending = true;
    result = ring_store(k, &k->next, why);
    if (result == ERR_OK)
        result = commit(k, why);
    return result == ERR_OK ? finish(k, why) : result;
}

/* A suspension ends with the first opening after it: sealed to the boot state of now. A credential
 * that is given for the first time has its part from now on. */
static enum err reseal(struct keyring *k, const struct binding_options *options, struct fault *why)
{
    const struct epoch_head *head = &k->now.head;
    bool was_suspended = head->is_suspended;
    if (!was_suspended && head->with_credential == ring_takes_credential(k))
        return ERR_OK;
    bool is_other = head->with_tpm && options->pcr_mask != 0;
    struct turn turn = {.pcr_mask = is_other ? options->pcr_mask : head->pcr_mask};
    enum err result = step(k, &turn, why);
    k->state.was_resealed = result == ERR_OK && was_suspended;
    k->state.took_credential = result == ERR_OK && !was_suspended;
    return result;
}

static enum err open_folder(struct keyring *k, const struct binding_options *options,
                            struct fault *why)
{
    enum err result = lock_folder(k, options->dir, why);
    if (result == ERR_OK)
        result = take_credential(k, options, why);
    if (result == ERR_OK)
        result = recover_epoch(k, options, why);
    if (result == ERR_OK)
        result = ring_tidy(k, why);
    return result == ERR_OK ? reseal(k, options, why) : result;
}

enum err keyring_open(struct keyring **out, const struct binding_options *options,
                      struct fault *why)
{
    void *memory = NULL;
    enum err result = secret_new(&memory, sizeof(struct keyring), why);
    if (result != ERR_OK)
        return result;
    struct keyring *keyring = memory;
    keyring->lock_fd = -1;
    result = open_folder(keyring, options, why);
    if (result != ERR_OK)
        keyring_close(&keyring);
    else
        *out = keyring;
    return result;
}

void keyring_close(struct keyring **keyring)
{
    void *memory = *keyring;
    if (memory == NULL)
        return;
    tpm_close(&(*keyring)->tpm);
    if ((*keyring)->lock_fd >= 0)
        (void)close((*keyring)->lock_fd);
    secret_free(&memory, sizeof(struct keyring));
    *keyring = NULL;
}

const uint8_t *keyring_key(const struct keyring *keyring, enum keyring_class class, uint32_t period)
{
    assert(class >= 0 && class < KEYRING_CLASSES);
    return epoch_find(&keyring->now, (uint8_t) class, class < KEYRING_PERIODIC ? period : 0);
}

struct keyring_state keyring_state(const struct keyring *keyring)
{
    struct keyring_state state = keyring->state;
    state.epoch = keyring->now.head.number;
    state.first_epoch = keyring->now.head.first;
    state.pcr_mask = keyring->now.head.pcr_mask;
    state.is_suspended = keyring->now.head.is_suspended;
    state.with_credential = keyring->now.head.with_credential;
    return state;
}

/* Draws what is missing; while a step is pending both epochs get it. */
static enum err draw_missing(struct keyring *k, enum keyring_class class, uint32_t first,
                             uint32_t n, struct fault *why)
{
    uint8_t key[EPOCH_KEY_SIZE];
    enum err result = ERR_OK;
    for (uint32_t i = 0; i < n && result == ERR_OK; i++) {
        if (epoch_find(&k->now, (uint8_t) class, first + i) != NULL)
            continue;
        if (k->now.n == EPOCH_MAX_KEYS || (k->is_pending && k->next.n == EPOCH_MAX_KEYS)) {
            result = fault_set(why, ERR_LIMIT, "more than %d keys at a time", EPOCH_MAX_KEYS);
            break;
        }
        result = secret_draw(key, sizeof key, why);
        if (result != ERR_OK)
            break;
        epoch_add(&k->now, (uint8_t) class, first + i, key);
        if (k->is_pending)
            epoch_add(&k->next, (uint8_t) class, first + i, key);
    }
    OPENSSL_cleanse(key, sizeof key);
    return result;
}

enum err keyring_make(struct keyring *keyring, enum keyring_class class, uint32_t first, uint32_t n,
                      struct fault *why)
{
    assert(class >= 0 && class < KEYRING_PERIODIC && first <= UINT32_MAX - n);
    struct keyring *k = keyring;
    uint32_t had = k->now.n, next_had = k->next.n;
    enum err result = draw_missing(k, class, first, n, why);
    if (result == ERR_OK && k->now.n == had)
        return ERR_OK;
    if (result == ERR_OK && k->is_pending)
        result = ring_store(k, &k->next, why);
    if (result == ERR_OK)
        result = ring_store(k, &k->now, why);
    if (result != ERR_OK) {
        shorten(&k->now, had);
        shorten(&k->next, next_had);
    }
    return result;
}

enum err keyring_forget(struct keyring *keyring, const uint32_t first_kept[KEYRING_PERIODIC],
                        uint32_t *n_gone, struct fault *why)
{
    struct keyring *k = keyring;
    enum err result = k->is_pending && k->tpm != NULL ? resolve(k, why) : ERR_OK;
    if (result != ERR_OK)
        return result;
    struct turn turn = {.first_kept = first_kept,
                        .last_kept = k->is_bounded ? k->last_kept : NULL,
                        .is_suspended = k->now.head.is_suspended,
                        .pcr_mask = k->now.head.pcr_mask};
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->now.n; i++)
        n += !is_kept(&k->now.keys[i], &turn);
    if (n > 0)
        result = step(k, &turn, why);
    else if (k->is_untidy)
        result = ring_tidy(k, why);
    if (result != ERR_OK)
        return result;
    *n_gone = k->n_owed;
    k->n_owed = 0;
    return ERR_OK;
}

enum err keyring_suspend(struct keyring *keyring, struct fault *why)
{
    struct keyring *k = keyring;
    if (k->tpm == NULL)
        return fault_set(why, ERR_INPUT,
                         "the store is bound in software, which does not look at the boot state: "
                         "there is nothing to suspend");
    enum err result = k->is_pending ? resolve(k, why) : ERR_OK;
    struct turn turn = {.is_suspended = true, .pcr_mask = k->now.head.pcr_mask};
    return result == ERR_OK ? step(k, &turn, why) : result;
}

static enum err sign_in_tpm(struct keyring *k, const void *message, size_t size,
                            struct signature *out, struct fault *why)
{
    uint8_t digest[32], auth[TPM_SECRET_SIZE];
    int good = EVP_Digest(message, size, digest, NULL, EVP_sha256(), NULL);
    assert(good == 1);
    enum err result = ring_signer_auth(k, auth, why);
    if (result == ERR_OK)
        result = signer_sign(k->tpm, auth, &k->now.head.signer, digest, out, why);
    OPENSSL_cleanse(auth, sizeof auth);
    return result;
}

enum err keyring_sign(struct keyring *keyring, const void *message, size_t size,
                      struct signature *out, struct fault *why)
{
    struct signature_key *key = NULL;
    if (keyring->tpm != NULL)
        return sign_in_tpm(keyring, message, size, out, why);
    const uint8_t *scalar = epoch_find(&keyring->now, KEYRING_SIGN, 0);
    assert(scalar != NULL); /* recover_epoch has looked */
    enum err result = signature_key_from_scalar(&key, scalar, why);
    if (result != ERR_OK)
        return result;
    result = signature_make(key, message, size, out, why);
    signature_key_free(&key);
    return result;
}
