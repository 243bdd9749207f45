/* The conversation with the TPM from inside: tpm.c, counter.c and signer.c share it. */
#ifndef LANEWARD_STORAGE_CHIP_H
#define LANEWARD_STORAGE_CHIP_H

#include <stdbool.h>
#include <tss2/tss2_esys.h>

#include "storage/tpm.h"

struct tpm {
    char tcti[128];
    TSS2_TCTI_CONTEXT *transport;
    ESYS_CONTEXT *esys; /* NULL: broken off */
    ESYS_TR root; /* the storage root key: ECC P-256, made anew each time from the owner's seed */
};

/* One operation on a conversation that stands. It leaves nothing loaded behind it. */
typedef TSS2_RC chip_operation(struct tpm *tpm, void *argument);

/* Begins the conversation if there is none, and does it; when the line, not the TPM, has failed,
 * begins anew and does it once more. `doing` ("seal the store's key") is for the fault. What the
 * TPM has decided comes back in *verdict, as a bare number of the specification, with ERR_IO. */
enum err chip_do(struct tpm *tpm, chip_operation *operation, void *argument, const char *doing,
                 TSS2_RC *verdict, struct fault *why) MUST_USE;
void chip_hang_up(struct tpm *tpm);

/* The number without the layer's and the handle's bits, as the specification's tables have it. */
TSS2_RC chip_number(TSS2_RC status);

/* A session of `type` whose secrets the root key salts; parameters are encrypted in the directions
 * of `attributes`. */
TSS2_RC chip_session(struct tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *session);
void chip_flush(struct tpm *tpm, ESYS_TR handle);

/* The counter's handle, with its authorization value. */
TSS2_RC chip_counter(struct tpm *tpm, uint32_t index, const uint8_t auth[TPM_SECRET_SIZE],
                     ESYS_TR *out);

/* An object's two halves, one after the other; loading tells whether it is of this TPM. */
TSS2_RC chip_pack(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct tpm_blob *out);
TSS2_RC chip_load(struct tpm *tpm, const struct tpm_blob *blob, const uint8_t auth[TPM_SECRET_SIZE],
                  ESYS_TR *out);

#endif
