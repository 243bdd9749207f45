/* Unsealing under PCRs and an authorization value, without a counter. */
#include "storage/oldkey.h"

#include <openssl/crypto.h>
#include <string.h>

enum err oldkey_terms(const struct binding *binding, struct tpm_terms *terms, struct fault *why)
{
    *terms = (struct tpm_terms){.pcr_mask = binding->file.pcr_mask};
    return binding_derive(binding, NULL, "laneward tpm auth 1", terms->auth, why);
}

static enum err unseal_old(const struct binding *binding, struct tpm *tpm,
                           uint8_t secret[TPM_SECRET_SIZE], struct fault *why)
{
    struct tpm_terms terms;
    struct tpm_blob blob = {.size = binding->file.sealed_size};
    memcpy(blob.bytes, binding->file.sealed, blob.size);
    enum err result = oldkey_terms(binding, &terms, why);
    if (result == ERR_OK)
        result = tpm_unseal(tpm, &terms, &blob, secret, why);
    OPENSSL_cleanse(&terms, sizeof terms);
    return result;
}

enum err oldkey_make(const struct binding *binding, struct tpm *tpm, uint8_t out[BINDING_KEY_SIZE],
                     struct fault *why)
{
    static const char label[] = "laneward key 1";
    if (binding->kind == BINDING_SOFTWARE)
        return binding_derive(binding, NULL, label, out, why);
    uint8_t secret[TPM_SECRET_SIZE];
    enum err result = unseal_old(binding, tpm, secret, why);
    if (result == ERR_OK)
        result = binding_derive(binding, secret, label, out, why);
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}
