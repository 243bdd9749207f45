/* The keys of the store: one a day and kind, under an epoch key that this host alone can make;
 * forgetting is the step to the next epoch. */
#ifndef LANEWARD_STORAGE_KEYRING_H
#define LANEWARD_STORAGE_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/signature.h"
#include "storage/binding.h"

enum { KEYRING_KEY_SIZE = 32, KEYRING_DAY_MS = 86400000, KEYRING_HOUR_MS = 3600000 };

/* What a key is for. The first four belong to a period and are forgotten with it; the others stay
 * as long as the store. */
enum keyring_class {
    KEYRING_HIT,         /* passages of a UTC day that a hotlist names: a segment's file */
    KEYRING_OTHER,       /* all other passages of that day */
    KEYRING_HIT_CROPS,   /* plate pictures of a UTC hour */
    KEYRING_OTHER_CROPS, /* of all others */
    KEYRING_PERIODIC,    /* number of the classes above */
    KEYRING_LEDGER = KEYRING_PERIODIC, /* the file of the log, gaps and cursors */
    KEYRING_PLATE_MAC,                 /* HMAC of plates in the log */
    KEYRING_SIGN,                      /* the scalar that signs heads, where there is no TPM */
    KEYRING_CLASSES
};

/* Keys lie in locked memory that is left out of core files; closing wipes them. One thread. */
struct keyring;

/* Finds the keys of options->dir, or enrols the host at the first call for this folder. What an
 * interrupted step to the next epoch has left is put right: the TPM's counter (in software: the
 * newest complete file) says which epoch is real. A folder enrolled with a TPM never falls back to
 * software. ERR_IDENTITY: not the host that it was bound to, another boot state (the sentence says
 * what to do), or files older than the TPM's counter, or a file or the credential that is lost.
 * ERR_INPUT: a credential of a wrong size. ERR_DENIED: the folder or a file may be read by others.
 * ERR_CORRUPT: it is damaged. ERR_IO: no TPM answers, no machine-id, the disk, or another process
 * has it open. ERR_LIMIT: memory cannot be locked. */
enum err keyring_open(struct keyring **out, const struct binding_options *options,
                      struct fault *why) MUST_USE;
void keyring_close(struct keyring **keyring);

/* The key of a period (days or hours since 1970, UTC; of a lasting class: 0), or NULL: forgotten,
 * or never made. Valid until the next call of keyring_make, keyring_forget or keyring_close. */
const uint8_t *keyring_key(const struct keyring *keyring, enum keyring_class class,
                           uint32_t period);

/* Makes what is missing for the periods first..first+n-1, durable on return. ERR_IO, ERR_LIMIT. */
enum err keyring_make(struct keyring *keyring, enum keyring_class class, uint32_t first, uint32_t n,
                      struct fault *why) MUST_USE;

/* Destroys every key of class c with a period below first_kept[c]: writes the next epoch's file,
 * steps the TPM's counter - the one moment at which it happens; in software that is the new file's
 * name - and removes the old one. Nothing to destroy: no step, *n_gone = 0. ERR_IO: not finished,
 * and *n_gone is told by a later call or the next open finishes it; what keyring_key answers is
 * what holds, and keys can be made meanwhile. */
enum err keyring_forget(struct keyring *keyring, const uint32_t first_kept[KEYRING_PERIODIC],
                        uint32_t *n_gone, struct fault *why) MUST_USE;

struct keyring_state {
    uint64_t epoch, first_epoch; /* now, and at enrolment: a TPM's counter begins where it likes */
    enum binding_kind binding;
    uint32_t pcr_mask;                           /* 0 in software */
    uint8_t host[16];                            /* drawn at enrolment */
    uint8_t public_point[SIGNATURE_PUBLIC_SIZE]; /* of the key that signs heads */
    uint8_t is_new;          /* this call of keyring_open has enrolled the host */
    uint8_t is_suspended;    /* sealed without PCRs until the next keyring_open, which seals to the
                                PCRs of then */
    uint8_t with_credential; /* the host's credential has a part in the keys */
    uint8_t was_resealed;    /* this keyring_open has ended a suspension */
    uint8_t took_credential; /* this keyring_open has given it its part */
};
struct keyring_state keyring_state(const struct keyring *keyring);

/* Signs with the TPM's resident key, or in software with KEYRING_SIGN. ERR_IO. */
enum err keyring_sign(struct keyring *keyring, const void *message, size_t size,
                      struct signature *out, struct fault *why) MUST_USE;

/* Before a planned boot change: seals the next epoch without PCRs (still under this TPM, its
 * counter and the host's identity), once. ERR_INPUT: the binding is software, which has no boot
 * state. ERR_IO. */
enum err keyring_suspend(struct keyring *keyring, struct fault *why) MUST_USE;

#endif
