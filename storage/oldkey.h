/* The one key of a store of the first format, made from its key file. */
#ifndef LANEWARD_STORAGE_OLDKEY_H
#define LANEWARD_STORAGE_OLDKEY_H

#include "storage/binding.h"
#include "storage/tpm.h"

/* `tpm` may be NULL in software. As tpm_unseal. */
enum err oldkey_make(const struct binding *binding, struct tpm *tpm, uint8_t out[BINDING_KEY_SIZE],
                     struct fault *why) MUST_USE;

/* What its secret was sealed under. */
enum err oldkey_terms(const struct binding *binding, struct tpm_terms *out,
                      struct fault *why) MUST_USE;

#endif
