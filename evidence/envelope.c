/* Sealing to a public key. The file: version 1, the ephemeral point, the nonce, the ciphertext, the
 * tag; the AES key is HKDF of the shared secret, salted with both points. */
#include "evidence/envelope.h"

#include <assert.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/inside.h"

enum {
    VERSION = 1,
    KEY_SIZE = 32,
    NONCE_SIZE = 12,
    TAG_SIZE = 16,
    HEADER_SIZE = 1 + SIGNATURE_PUBLIC_SIZE + NONCE_SIZE, /* what stands before the ciphertext */
    MAX_LABEL = 64,
};
static const char context_label[] = "laneward envelope 1"; /* its closing zero is part of it */

static enum err openssl_failed(struct fault *why)
{
    ERR_clear_error();
    return fault_set(why, ERR_MEMORY, "OpenSSL cannot seal or open");
}

static bool derive_key(const uint8_t secret[KEY_SIZE], const char *label, const uint8_t *ephemeral,
                       const uint8_t *recipient, uint8_t out[KEY_SIZE])
{
    char digest[] = "SHA256";
    uint8_t salt[2 * SIGNATURE_PUBLIC_SIZE], info[sizeof context_label + MAX_LABEL];
    uint8_t key[KEY_SIZE]; /* OSSL_PARAM takes no const */
    size_t label_size = strlen(label);
    assert(label_size > 0 && label_size <= MAX_LABEL);
    memcpy(salt, ephemeral, SIGNATURE_PUBLIC_SIZE);
    memcpy(salt + SIGNATURE_PUBLIC_SIZE, recipient, SIGNATURE_PUBLIC_SIZE);
    memcpy(info, context_label, sizeof context_label);
    memcpy(info + sizeof context_label, label, label_size);
    memcpy(key, secret, sizeof key);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, sizeof key),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
                                          sizeof context_label + label_size),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = hkdf != NULL ? EVP_KDF_CTX_new(hkdf) : NULL;
    bool good = context != NULL && EVP_KDF_derive(context, out, KEY_SIZE, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(hkdf);
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

/* ECDH, then the AES key. `ephemeral` and `recipient` are the points of both sides; both are
 * known to be on the curve, so OpenSSL need not check again. */
static bool agree(EVP_PKEY *ours, EVP_PKEY *theirs, const char *label, const uint8_t *ephemeral,
                  const uint8_t *recipient, uint8_t out[KEY_SIZE])
{
    uint8_t secret[KEY_SIZE];
    size_t size = sizeof secret;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
    bool good = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                EVP_PKEY_derive_set_peer_ex(context, theirs, 0) == 1 &&
                EVP_PKEY_derive(context, secret, &size) == 1 && size == sizeof secret &&
                derive_key(secret, label, ephemeral, recipient, out);
    EVP_PKEY_CTX_free(context);
    OPENSSL_cleanse(secret, sizeof secret);
    return good;
}

/* What is authenticated beside the ciphertext: version and ephemeral point, then what the caller
 * binds. */
static bool add_bound(EVP_CIPHER_CTX *context, const uint8_t *header,
                      const struct envelope_purpose *purpose)
{
    int n;
    assert(purpose->bound_size <= INT_MAX);
    return EVP_CipherUpdate(context, NULL, &n, header, 1 + SIGNATURE_PUBLIC_SIZE) == 1 &&
           (purpose->bound_size == 0 ||
            EVP_CipherUpdate(context, NULL, &n, purpose->bound, (int)purpose->bound_size) == 1);
}

static bool encrypt(const uint8_t key[KEY_SIZE], const struct envelope_purpose *purpose,
                    const void *plain, size_t size, uint8_t *out)
{
    int n, end = 0;
    uint8_t none[16];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool good =
        context != NULL &&
        EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, out + HEADER_SIZE - NONCE_SIZE,
                            NULL) == 1 &&
        add_bound(context, out, purpose) &&
        (size == 0 || EVP_EncryptUpdate(context, out + HEADER_SIZE, &n, plain, (int)size) == 1) &&
        EVP_EncryptFinal_ex(context, none, &end) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + HEADER_SIZE + size) ==
            1;
    EVP_CIPHER_CTX_free(context);
    return good;
}

/* `out` holds the plain bytes on true, nothing of worth on false. */
static bool decrypt(const uint8_t key[KEY_SIZE], const struct envelope_purpose *purpose,
                    const uint8_t *sealed, size_t size, uint8_t *out)
{
    int n, end = 0;
    uint8_t tag[TAG_SIZE], none[16];
    memcpy(tag, sealed + HEADER_SIZE + size, sizeof tag);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool good =
        context != NULL &&
        EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key, sealed + HEADER_SIZE - NONCE_SIZE,
                            NULL) == 1 &&
        add_bound(context, sealed, purpose) &&
        (size == 0 || EVP_DecryptUpdate(context, out, &n, sealed + HEADER_SIZE, (int)size) == 1) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
        EVP_DecryptFinal_ex(context, none, &end) == 1;
    EVP_CIPHER_CTX_free(context);
    return good;
}

/* A key for this envelope alone, and its point. On the curve of `to`, whose parameters need not be
 * made anew then. */
static EVP_PKEY *ephemeral_key(EVP_PKEY *to, uint8_t point[SIGNATURE_PUBLIC_SIZE])
{
    size_t size = 0;
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, to, NULL);
    bool good = context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_generate(context, &pkey) == 1;
    EVP_PKEY_CTX_free(context);
    if (good &&
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, SIGNATURE_PUBLIC_SIZE,
                                        &size) == 1 &&
        size == SIGNATURE_PUBLIC_SIZE && point[0] == POINT_CONVERSION_UNCOMPRESSED)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

enum err envelope_seal(const struct signature_key *to, const struct envelope_purpose *purpose,
                       const void *plain, size_t size, uint8_t *out, struct fault *why)
{
    assert(size <= INT_MAX - ENVELOPE_OVERHEAD);
    uint8_t key[KEY_SIZE], point[SIGNATURE_PUBLIC_SIZE], nonce[NONCE_SIZE];
    EVP_PKEY *ephemeral = ephemeral_key(to->pkey, point);
    bool good = ephemeral != NULL && RAND_bytes(nonce, sizeof nonce) == 1 &&
                agree(ephemeral, to->pkey, purpose->label, point, to->point, key);
    EVP_PKEY_free(ephemeral);
    if (good) {
        out[0] = VERSION;
        memcpy(out + 1, point, sizeof point);
        memcpy(out + 1 + sizeof point, nonce, sizeof nonce);
        good = encrypt(key, purpose, plain, size, out);
    }
    OPENSSL_cleanse(key, sizeof key);
    return good ? ERR_OK : openssl_failed(why);
}

enum err envelope_open(const struct signature_key *key, const struct envelope_purpose *purpose,
                       const uint8_t *sealed, size_t size, uint8_t *out, struct fault *why)
{
    uint8_t secret[KEY_SIZE];
    struct signature_key *ephemeral = NULL;
    if (!key->has_private)
        return fault_set(why, ERR_IDENTITY, "a public key opens nothing");
    if (size < ENVELOPE_OVERHEAD || size > INT_MAX || sealed[0] != VERSION)
        return fault_set(why, ERR_INPUT, "not an envelope");
    enum err err = signature_key_from_point(&ephemeral, sealed + 1, why);
    if (err != ERR_OK)
        return err;
    size_t plain_size = size - ENVELOPE_OVERHEAD;
    uint8_t *plain = malloc(plain_size + 1); /* `out` sees nothing before the tag is checked */
    if (plain == NULL ||
        !agree(key->pkey, ephemeral->pkey, purpose->label, sealed + 1, key->point, secret)) {
        err = openssl_failed(why);
    } else if (decrypt(secret, purpose, sealed, plain_size, plain)) {
        memcpy(out, plain, plain_size);
    } else {
        ERR_clear_error();
        err = fault_set(why, ERR_IDENTITY,
                        "sealed to another key or for something else, or changed since");
    }
    if (plain != NULL)
        OPENSSL_cleanse(plain, plain_size);
    free(plain);
    OPENSSL_cleanse(secret, sizeof secret);
    signature_key_free(&ephemeral);
    return err;
}
