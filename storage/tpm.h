/* The TPM 2.0 of this host: one conversation that is held open, and sealing a secret under its boot
 * state (PCRs), a counter of its own, and an authorization value. */
#ifndef LANEWARD_STORAGE_TPM_H
#define LANEWARD_STORAGE_TPM_H

#include <stdint.h>

#include "base/err.h"

enum {
    TPM_DEFAULT_PCRS = 1 << 7, /* PCR 7: Secure Boot's state and keys */
    TPM_SECRET_SIZE = 32,
    TPM_MAX_BLOB = 1024,
};

/* One conversation. It is begun anew by itself when it has broken off. */
struct tpm;

/* What the TPM has made, in its own form. */
struct tpm_blob {
    uint16_t size; /* 0: none */
    uint8_t bytes[TPM_MAX_BLOB];
};

/* Under which terms a secret is given back: all of them. */
struct tpm_terms {
    uint32_t pcr_mask; /* these PCRs of the SHA-256 bank are as now; 0: any */
    uint32_t nv_index; /* this counter stands at `count`; 0: without one */
    uint64_t count;
    uint8_t auth[TPM_SECRET_SIZE];         /* of the sealed object */
    uint8_t counter_auth[TPM_SECRET_SIZE]; /* of the counter */
};

/* ERR_IO: no TPM answers. */
enum err tpm_open(struct tpm **out, const char *tcti, struct fault *why) MUST_USE;
void tpm_close(struct tpm **tpm);

/* The counter must be there. Wrong guesses do not count towards the TPM's lockout. ERR_IO. */
enum err tpm_seal(struct tpm *tpm, const struct tpm_terms *terms,
                  const uint8_t secret[TPM_SECRET_SIZE], struct tpm_blob *out,
                  struct fault *why) MUST_USE;

/* ERR_IO: the TPM fails. ERR_IDENTITY: another TPM, another boot state, another count; the fault
 * says which and what to do. ERR_CORRUPT. */
enum err tpm_unseal(struct tpm *tpm, const struct tpm_terms *terms, const struct tpm_blob *blob,
                    uint8_t secret[TPM_SECRET_SIZE], struct fault *why) MUST_USE;

#endif
