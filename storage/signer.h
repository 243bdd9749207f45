/* The key that signs heads where there is a TPM: made inside of it, and never outside. */
#ifndef LANEWARD_STORAGE_SIGNER_H
#define LANEWARD_STORAGE_SIGNER_H

#include <stddef.h>

#include "evidence/signature.h"
#include "storage/tpm.h"

/* A fresh P-256 key that this TPM alone can use, with `auth`. ERR_IO. */
enum err signer_make(struct tpm *tpm, const uint8_t auth[TPM_SECRET_SIZE], struct tpm_blob *out,
                     struct fault *why) MUST_USE;

/* Pure: its public half. ERR_CORRUPT. */
enum err signer_point(const struct tpm_blob *blob, uint8_t out[SIGNATURE_PUBLIC_SIZE],
                      struct fault *why) MUST_USE;

/* ERR_IO. ERR_IDENTITY: not this TPM's. */
enum err signer_sign(struct tpm *tpm, const uint8_t auth[TPM_SECRET_SIZE],
                     const struct tpm_blob *blob, const uint8_t digest[32], struct signature *out,
                     struct fault *why) MUST_USE;

#endif
