/* Deriving one key from another with HKDF-SHA256. */
#include "storage/derive.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

enum err derive_key(const uint8_t *secret, size_t secret_size, const char *label, uint8_t *out,
                    size_t size, struct fault *why)
{
    assert(secret_size > 0 && size > 0 && size <= 255 * 32);
    char digest[] = "SHA256", info[64];
    size_t info_size = strlen(label);
    assert(info_size < sizeof info);
    memcpy(info, label, info_size);
    uint8_t key[256];
    assert(secret_size <= sizeof key);
    memcpy(key, secret, secret_size); /* OSSL_PARAM takes no const */
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, secret_size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, info_size),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = hkdf != NULL ? EVP_KDF_CTX_new(hkdf) : NULL;
    int good = context != NULL && EVP_KDF_derive(context, out, size, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(hkdf);
    OPENSSL_cleanse(key, sizeof key);
    return good ? ERR_OK : fault_set(why, ERR_MEMORY, "OpenSSL has no HKDF-SHA256");
}
