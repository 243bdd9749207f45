/* An epoch: all keys of the store at one time, and its file, in which they are wrapped under a key
 * that is made from the epoch's secret and the host. */
#ifndef LANEWARD_STORAGE_EPOCH_H
#define LANEWARD_STORAGE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/tpm.h"

enum {
    EPOCH_KEY_SIZE = 32,
    EPOCH_MAX_KEYS = 1024,
    EPOCH_MAX_BYTES = 48 << 10, /* of a file */
    EPOCH_NAME_SIZE = 32,
};

/* What stands in the file in the clear. */
struct epoch_head {
    uint64_t number, first; /* of this epoch, and of the enrolment's */
    bool with_tpm;
    bool is_suspended;
    bool with_credential;           /* in software: it has a part in the wrapping key */
    uint32_t pcr_mask, nv_index;    /* 0 in software */
    uint8_t random[EPOCH_KEY_SIZE]; /* in software: the epoch's secret; else zero */
    struct tpm_blob sealed;         /* with a TPM: the secret, sealed */
    struct tpm_blob signer;         /* and the key that signs */
};

struct epoch_key {
    uint8_t class; /* enum keyring_class */
    uint32_t period;
    uint8_t key[EPOCH_KEY_SIZE];
};

/* For locked memory. */
struct epoch {
    struct epoch_head head;
    uint8_t wrap[EPOCH_KEY_SIZE]; /* AES-256-GCM */
    uint32_t n;
    struct epoch_key keys[EPOCH_MAX_KEYS];
};

/* The file's bytes; `out` is locked memory with room for EPOCH_MAX_BYTES. ERR_IO: no random bytes.
 */
enum err epoch_pack(const struct epoch *epoch, uint8_t *out, size_t *size,
                    struct fault *why) MUST_USE;

/* Pure. ERR_CORRUPT: not whole, not one of these. */
enum err epoch_parse(const uint8_t *bytes, size_t size, struct epoch_head *out,
                     struct fault *why) MUST_USE;

/* The keys of what epoch_parse has taken, under epoch->wrap; `bytes` is used up (locked memory).
 * ERR_IDENTITY: wrapped under another key. ERR_CORRUPT. */
enum err epoch_unwrap(struct epoch *epoch, uint8_t *bytes, size_t size, struct fault *why) MUST_USE;

/* There must be room. */
void epoch_add(struct epoch *epoch, uint8_t class, uint32_t period,
               const uint8_t key[EPOCH_KEY_SIZE]);
/* The key's place, or NULL. */
const uint8_t *epoch_find(const struct epoch *epoch, uint8_t class, uint32_t period);

/* keyring.<number>; and the numbers of the files that are in a folder, lowest first, at most
 * `room`. ERR_LIMIT: there are more. ERR_IO. */
void epoch_name(uint64_t number, char out[EPOCH_NAME_SIZE]);
enum err epoch_list(const char *dir, uint64_t *out, uint32_t room, uint32_t *n,
                    struct fault *why) MUST_USE;

#endif
