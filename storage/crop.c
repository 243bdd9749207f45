/* Locking pictures away, and getting them back. */
#include "storage/crop.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "storage/derive.h"

enum { NONCE_SIZE = 12, TAG_SIZE = 16, KIND_JPEG = 0, KIND_SEALED = 1 };

/* The key of one picture: HKDF over its hour's key, labelled with the passage. */
static enum err derive_own(const uint8_t *hour_key, const uint8_t id[ROW_ID_SIZE],
                           uint8_t out[KEYRING_KEY_SIZE], struct fault *why)
{
    static const char digits[] = "0123456789abcdef";
    char label[64] = "laneward crop key 1";
    char *at = label + strlen(label);
    for (size_t i = 0; i < ROW_ID_SIZE; i++) {
        *at++ = digits[id[i] >> 4];
        *at++ = digits[id[i] & 15];
    }
    *at = '\0';
    return derive_key(hour_key, KEYRING_KEY_SIZE, label, out, KEYRING_KEY_SIZE, why);
}

enum err crop_make(const struct signature_key *port, const uint8_t id[ROW_ID_SIZE],
                   const uint8_t *jpeg, size_t size, struct crop *out, struct fault *why)
{
    assert(size > 0 && size <= ROW_MAX_CROP);
    const struct envelope_purpose purpose = {
        .label = "laneward crop 1", .bound = id, .bound_size = ROW_ID_SIZE};
    out->is_sealed = port != NULL;
    out->size = size;
    if (port == NULL) {
        memcpy(out->bytes, jpeg, size);
        return ERR_OK;
    }
    out->size += ENVELOPE_OVERHEAD;
    return envelope_seal(port, &purpose, jpeg, size, out->bytes, why);
}

enum err crop_lock(const uint8_t hour_key[KEYRING_KEY_SIZE], const uint8_t id[ROW_ID_SIZE],
                   const struct crop *crop, uint8_t *out, size_t *size, struct fault *why)
{
    assert(crop->size > 0 && crop->size <= CROP_MAX_SIZE);
    uint8_t key[KEYRING_KEY_SIZE], kind = crop->is_sealed ? KIND_SEALED : KIND_JPEG;
    enum err result = derive_own(hour_key, id, key, why);
    if (result != ERR_OK)
        return result;
    uint8_t *at = out + NONCE_SIZE;
    int n = 0, last = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool good =
        context != NULL && RAND_bytes(out, NONCE_SIZE) == 1 &&
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
        EVP_EncryptUpdate(context, NULL, &n, id, ROW_ID_SIZE) == 1 &&
        EVP_EncryptUpdate(context, at, &n, &kind, 1) == 1 &&
        EVP_EncryptUpdate(context, at + 1, &n, crop->bytes, (int)crop->size) == 1 &&
        EVP_EncryptFinal_ex(context, at + 1 + n, &last) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, at + 1 + crop->size) == 1;
    EVP_CIPHER_CTX_free(context);
    OPENSSL_cleanse(key, sizeof key);
    if (!good)
        return fault_set(why, ERR_MEMORY, "OpenSSL does not lock a picture away");
    *size = NONCE_SIZE + 1 + crop->size + TAG_SIZE;
    return ERR_OK;
}

enum err crop_unlock(const uint8_t hour_key[KEYRING_KEY_SIZE], const uint8_t id[ROW_ID_SIZE],
                     const uint8_t *locked, size_t size, struct crop *out, struct fault *why)
{
    if (size <= NONCE_SIZE + 1 + TAG_SIZE || size > CROP_MAX_BYTES)
        return fault_set(why, ERR_CORRUPT, "a stored picture is not well formed");
    uint8_t key[KEYRING_KEY_SIZE], tag[TAG_SIZE], kind = 0xff;
    enum err result = derive_own(hour_key, id, key, why);
    if (result != ERR_OK)
        return result;
    const uint8_t *at = locked + NONCE_SIZE;
    out->size = size - NONCE_SIZE - 1 - TAG_SIZE;
    memcpy(tag, locked + size - TAG_SIZE, TAG_SIZE);
    int n = 0, last = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool good = context != NULL &&
                EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, locked) == 1 &&
                EVP_DecryptUpdate(context, NULL, &n, id, ROW_ID_SIZE) == 1 &&
                EVP_DecryptUpdate(context, &kind, &n, at, 1) == 1 &&
                EVP_DecryptUpdate(context, out->bytes, &n, at + 1, (int)out->size) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
                EVP_DecryptFinal_ex(context, out->bytes + out->size, &last) == 1;
    EVP_CIPHER_CTX_free(context);
    OPENSSL_cleanse(key, sizeof key);
    if (!good || kind > KIND_SEALED) {
        OPENSSL_cleanse(out->bytes, out->size);
        return fault_set(why, ERR_CORRUPT, "a stored picture fails its check");
    }
    out->is_sealed = kind == KIND_SEALED;
    return ERR_OK;
}
