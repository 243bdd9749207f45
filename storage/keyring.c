/* Opening, making, forgetting, signing. Each epoch's keys are in a file of its own; the step to the
 * next writes a whole new file beside the old one. In software the new file's durable name is the
 * moment at which it happens; with a TPM it is the step of its counter, whatever files there are.
 */
#include "storage/keyring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/ring.h"
#include "storage/safefile.h"
#include "storage/secret.h"

static enum err random_key(uint8_t out[EPOCH_KEY_SIZE], struct fault *why)
{
    if (RAND_priv_bytes(out, EPOCH_KEY_SIZE) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random bytes");
    return ERR_OK;
}

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

static bool has_file(const struct keyring *k, const char *name)
{
    char path[RING_DIR_SIZE + EPOCH_NAME_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", k->dir, name);
    return access(path, F_OK) == 0;
}

static void add_key(struct epoch *epoch, enum keyring_class class, uint32_t period,
                    const uint8_t key[EPOCH_KEY_SIZE])
{
    assert(epoch->n < EPOCH_MAX_KEYS);
    struct epoch_key *at = &epoch->keys[epoch->n++];
    at->class = (uint8_t) class;
    at->period = period;
    memcpy(at->key, key, EPOCH_KEY_SIZE);
}

/* The scalar is below the curve's order but for once in 2^32 draws. */
static enum err make_scalar(uint8_t out[EPOCH_KEY_SIZE], struct fault *why)
{
    for (int i = 0; i < 4; i++) {
        struct signature_key *key = NULL;
        enum err result = random_key(out, why);
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
static enum err make_lasting(struct keyring *k, struct fault *why)
{
    uint8_t key[EPOCH_KEY_SIZE];
    enum err result = ERR_OK;
    for (int class = KEYRING_PERIODIC; class < KEYRING_CLASSES && result == ERR_OK; class ++) {
        result = class == KEYRING_SIGN ? make_scalar(key, why) : random_key(key, why);
        if (result == ERR_OK)
            add_key(&k->now, (enum keyring_class) class, 0, key);
    }
    OPENSSL_cleanse(key, sizeof key);
    return result;
}

/* The first epoch. A power cut on the way leaves a binding without keys, which the next call goes
 * on with. */
static enum err enrol(struct keyring *k, bool is_bound, struct fault *why)
{
    enum err result = ERR_OK;
    if (!is_bound) {
        result = binding_draw(&k->binding, BINDING_SOFTWARE, 0, why);
        if (result == ERR_OK)
            result = binding_write(&k->binding, k->dir, false, why);
    }
    k->now.head = (struct epoch_head){.number = 1};
    if (result == ERR_OK)
        result = make_lasting(k, why);
    if (result == ERR_OK)
        result = ring_seal(k, &k->now, why);
    if (result == ERR_OK)
        result = ring_store(k, &k->now, why);
    k->state.is_new = result == ERR_OK;
    return result;
}

/* In software: the newest file that is whole. */
static enum err recover(struct keyring *k, const uint64_t *numbers, uint32_t n, struct fault *why)
{
    enum err result = ERR_CORRUPT;
    while (n > 0 && result == ERR_CORRUPT)
        result = ring_load(k, numbers[--n], &k->now, why);
    if (result == ERR_CORRUPT && why != NULL)
        return fault_context(why, "no file of keys is whole: bring the state folder back from "
                                  "where it was kept, or move it away to begin anew");
    return result;
}

static enum err find_epoch(struct keyring *k, bool is_bound, struct fault *why)
{
    uint64_t numbers[RING_MAX_FILES];
    uint32_t n = 0;
    enum err result = epoch_list(k->dir, numbers, RING_MAX_FILES, &n, why);
    if (result != ERR_OK)
        return result;
    if (n > 0 && is_bound)
        return recover(k, numbers, n, why);
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
    return enrol(k, is_bound, why);
}

/* A store of the first format lies there: its key is made as it was then. */
static enum err find_legacy(struct keyring *k, struct fault *why)
{
    if (!has_file(k, "laneward.db"))
        return ERR_OK;
    enum err result = binding_derive(&k->binding, NULL, "laneward key 1", k->legacy, why);
    k->has_legacy = result == ERR_OK;
    return result;
}

static enum err signing_key(const struct keyring *k, struct signature_key **out, struct fault *why)
{
    const uint8_t *scalar = epoch_find(&k->now, KEYRING_SIGN, 0);
    if (scalar == NULL)
        return fault_set(why, ERR_CORRUPT, "the keys lack the one that signs");
    return signature_key_from_scalar(out, scalar, why);
}

static enum err describe(struct keyring *k, struct fault *why)
{
    struct signature_key *key = NULL;
    uint8_t host[BINDING_KEY_SIZE];
    enum err result = binding_derive(&k->binding, NULL, "laneward host 2", host, why);
    if (result == ERR_OK)
        result = signing_key(k, &key, why);
    if (result != ERR_OK)
        return result;
    signature_key_point(key, k->state.public_point);
    signature_key_free(&key);
    memcpy(k->state.host, host, sizeof k->state.host);
    k->state.binding = k->binding.kind;
    return ERR_OK;
}

static enum err open_folder(struct keyring *k, const struct binding_options *options,
                            struct fault *why)
{
    bool is_bound = false;
    enum err result = lock_folder(k, options->dir, why);
    if (result == ERR_OK)
        result = binding_read(&k->binding, options, &is_bound, why);
    if (result == ERR_OK)
        result = find_epoch(k, is_bound, why);
    if (result == ERR_OK)
        result = find_legacy(k, why);
    if (result == ERR_OK)
        result = describe(k, why);
    return result == ERR_OK ? ring_tidy(k, why) : result;
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
        result = random_key(key, why);
        if (result != ERR_OK)
            break;
        add_key(&k->now, class, first + i, key);
        if (k->is_pending)
            add_key(&k->next, class, first + i, key);
    }
    OPENSSL_cleanse(key, sizeof key);
    return result;
}

static void shorten(struct epoch *epoch, uint32_t n)
{
    OPENSSL_cleanse(&epoch->keys[n], (epoch->n - n) * sizeof epoch->keys[0]);
    epoch->n = n;
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

static bool is_kept(const struct epoch_key *key, const uint32_t *first_kept)
{
    return key->class >= KEYRING_PERIODIC || key->period >= first_kept[key->class];
}

/* The step is in force: the old epoch leaves memory, and then the disk. */
static enum err finish(struct keyring *k, struct fault *why)
{
    k->n_owed += k->now.n - k->next.n;
    k->now = k->next;
    OPENSSL_cleanse(&k->next, sizeof k->next);
    k->is_pending = false;
    return ring_tidy(k, why);
}

/* `next` gets what first_kept keeps. A step that is pending goes on with the secret that it has. */
static enum err prepare(struct keyring *k, const uint32_t *first_kept, struct fault *why)
{
    shorten(&k->next, 0);
    for (uint32_t i = 0; i < k->now.n; i++)
        if (is_kept(&k->now.keys[i], first_kept))
            k->next.keys[k->next.n++] = k->now.keys[i];
    if (k->is_pending)
        return ERR_OK;
    k->next.head = k->now.head;
    k->next.head.number++;
    enum err result = ring_seal(k, &k->next, why);
    if (result != ERR_OK)
        OPENSSL_cleanse(&k->next, sizeof k->next);
    return result;
}

static enum err step(struct keyring *k, const uint32_t *first_kept, struct fault *why)
{
    enum err result = prepare(k, first_kept, why);
    if (result != ERR_OK)
        return result;
    k->is_pending = true;
    result = ring_store(k, &k->next, why);
    return result == ERR_OK ? finish(k, why) : result;
}

enum err keyring_forget(struct keyring *keyring, const uint32_t first_kept[KEYRING_PERIODIC],
                        uint32_t *n_gone, struct fault *why)
{
    struct keyring *k = keyring;
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->now.n; i++)
        n += !is_kept(&k->now.keys[i], first_kept);
    enum err result = ERR_OK;
    if (n > 0)
        result = step(k, first_kept, why);
    else if (k->is_untidy)
        result = ring_tidy(k, why);
    if (result != ERR_OK)
        return result;
    *n_gone = k->n_owed;
    k->n_owed = 0;
    return ERR_OK;
}

enum err keyring_sign(struct keyring *keyring, const void *message, size_t size,
                      struct signature *out, struct fault *why)
{
    struct signature_key *key = NULL;
    enum err result = signing_key(keyring, &key, why);
    if (result != ERR_OK)
        return result;
    result = signature_make(key, message, size, out, why);
    signature_key_free(&key);
    return result;
}

enum err keyring_suspend(struct keyring *keyring, struct fault *why)
{
    assert(keyring->binding.kind == BINDING_SOFTWARE);
    return fault_set(why, ERR_INPUT,
                     "the store is bound in software, which does not look at the boot state: "
                     "there is nothing to suspend");
}
