/* Sealing a secret in the TPM 2.0 of this host, under its boot state (PCRs) and an authorization
 * value. */
#ifndef LANEWARD_STORAGE_TPM_H
#define LANEWARD_STORAGE_TPM_H

#include "base/err.h"
#include "storage/keyfile.h"

enum { TPM_DEFAULT_PCRS = 1 << 7 }; /* PCR 7: Secure Boot's state and keys */

/* `file` in: pcr_mask; out: sealed. The secret can be had again only from this TPM, with the same
 * values in those PCRs of the SHA-256 bank and the same `auth`. Wrong guesses do not count towards
 * the TPM's lockout. ERR_IO. */
enum err tpm_seal(const char *tcti, const uint8_t auth[KEYFILE_SECRET_SIZE],
                  const uint8_t secret[KEYFILE_SECRET_SIZE], struct keyfile *file,
                  struct fault *why) MUST_USE;

/* ERR_IO: no TPM answers. ERR_IDENTITY: another TPM, or another boot state; the fault says which
 * and what to do. ERR_CORRUPT. */
enum err tpm_unseal(const char *tcti, const uint8_t auth[KEYFILE_SECRET_SIZE],
                    const struct keyfile *file, uint8_t secret[KEYFILE_SECRET_SIZE],
                    struct fault *why) MUST_USE;

#endif
