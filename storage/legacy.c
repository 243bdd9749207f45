/* Leaving the first format. */
#include "storage/legacy.h"

#include <openssl/crypto.h>

#include "storage/ring.h"

const uint8_t *legacy_key(const struct keyring *keyring)
{
    return keyring->has_legacy ? keyring->legacy : NULL;
}

enum err legacy_end(struct keyring *keyring, struct fault *why)
{
    if (!keyring->has_legacy)
        return ERR_OK;
    struct binding bare = keyring->binding;
    bare.file.sealed_size = 0;
    enum err result = ERR_OK;
    if (keyring->binding.file.sealed_size > 0)
        result = binding_write(&bare, keyring->dir, true, why);
    if (result == ERR_OK) {
        keyring->binding.file.sealed_size = 0;
        OPENSSL_cleanse(keyring->binding.file.sealed, sizeof keyring->binding.file.sealed);
        OPENSSL_cleanse(keyring->legacy, sizeof keyring->legacy);
        keyring->has_legacy = false;
    }
    OPENSSL_cleanse(&bare, sizeof bare);
    return result;
}
