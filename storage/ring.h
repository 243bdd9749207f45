/* The keyring from inside: its memory, and an epoch's way to and from its file. */
#ifndef LANEWARD_STORAGE_RING_H
#define LANEWARD_STORAGE_RING_H

#include "storage/binding.h"
#include "storage/counter.h"
#include "storage/epoch.h"
#include "storage/keyring.h"

enum { RING_MAX_FILES = 64, RING_DIR_SIZE = 4096 };

/* All of it is locked memory. */
struct keyring {
    char dir[RING_DIR_SIZE];
    int lock_fd; /* the state folder: one process at a time */
    struct binding binding;
    size_t credential_size; /* 0: none was given */
    uint8_t credential[BINDING_MAX_CREDENTIAL];
    struct tpm *tpm; /* NULL in software */
    struct epoch now;
    struct epoch next; /* while a step is under way */
    bool is_pending; /* the step to `next` was begun and not finished: it may be in force already */
    bool is_untidy;  /* an old file could not be removed */
    bool is_bounded; /* by last_kept, see storage/stray.h */
    uint32_t last_kept[KEYRING_PERIODIC];
    uint32_t n_owed; /* keys gone from memory and not told yet */
    bool has_legacy;
    uint8_t legacy[EPOCH_KEY_SIZE];
    struct keyring_state state;
    uint8_t scratch[EPOCH_MAX_BYTES];
};

/* Whether the host's credential has a part in what is made from now on. */
bool ring_takes_credential(const struct keyring *keyring);

/* A fresh secret for `epoch`, whose head says the number and how to seal; its wrapping key. */
enum err ring_seal(struct keyring *keyring, struct epoch *epoch, struct fault *why) MUST_USE;

/* Writes the epoch's file whole, durable on return. */
enum err ring_store(struct keyring *keyring, const struct epoch *epoch, struct fault *why) MUST_USE;

/* Reads file `number` into `epoch`: head, wrapping key, keys. ERR_NOT_FOUND, ERR_CORRUPT. */
enum err ring_load(struct keyring *keyring, uint64_t number, struct epoch *epoch,
                   struct fault *why) MUST_USE;

/* Only its head, in the clear. */
enum err ring_peek(struct keyring *keyring, uint64_t number, struct epoch_head *out,
                   struct fault *why) MUST_USE;

/* Removes every file of keys but that of `now`, and of `next` while it is pending; notes in
 * is_untidy when it cannot. */
enum err ring_tidy(struct keyring *keyring, struct fault *why) MUST_USE;

/* The store's counter in the TPM; wiped by the caller. */
enum err ring_counter(const struct keyring *keyring, uint32_t nv_index, struct counter *out,
                      struct fault *why) MUST_USE;

/* Of the key that signs in the TPM. */
enum err ring_signer_auth(const struct keyring *keyring, uint8_t out[TPM_SECRET_SIZE],
                          struct fault *why) MUST_USE;

#endif
