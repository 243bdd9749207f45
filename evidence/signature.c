/* P-256 keys and ECDSA through OpenSSL's EVP. Whatever form a key comes in, it is made anew from
 * its point or scalar, so that one check covers all of them. */
#include "evidence/signature.h"

#include <assert.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/inside.h"

enum { SCALAR_SIZE = 32 };
static const char group_name[] = "prime256v1";

/* OpenSSL keeps its complaints a thread; ours stand in the fault. */
static enum err refuse(struct fault *why, const char *text)
{
    ERR_clear_error();
    return fault_set(why, ERR_INPUT, "%s", text);
}

/* A key of the point and, unless NULL, the scalar. NULL: OpenSSL refuses it. */
static EVP_PKEY *make_pkey(const uint8_t point[SIGNATURE_PUBLIC_SIZE], const BIGNUM *scalar)
{
    char group[sizeof group_name];
    uint8_t native[SCALAR_SIZE], public[SIGNATURE_PUBLIC_SIZE]; /* OSSL_PARAM takes no const */
    memcpy(group, group_name, sizeof group);
    memcpy(public, point, sizeof public);
    OSSL_PARAM parameters[4] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public, sizeof public),
        OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    if (scalar != NULL) {
        int length = BN_bn2nativepad(scalar, native, sizeof native);
        assert(length == SCALAR_SIZE);
        parameters[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof native);
    }
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    int good =
        context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, scalar != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          parameters) == 1;
    EVP_PKEY_CTX_free(context);
    OPENSSL_cleanse(native, sizeof native);
    return good ? pkey : NULL;
}

/* On the curve, and not the point at infinity. */
static bool is_sound(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    int good = context != NULL && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

static enum err keep(struct signature_key **out, EVP_PKEY *pkey, const uint8_t *point,
                     bool has_private, struct fault *why)
{
    if (pkey == NULL || !is_sound(pkey)) {
        EVP_PKEY_free(pkey);
        return refuse(why, "not a point of the curve P-256");
    }
    struct signature_key *key = malloc(sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return fault_set(why, ERR_MEMORY, "no memory for a key");
    }
    *key = (struct signature_key){.pkey = pkey, .has_private = has_private};
    memcpy(key->point, point, sizeof key->point);
    *out = key;
    return ERR_OK;
}

enum err signature_key_from_point(struct signature_key **out,
                                  const uint8_t point[SIGNATURE_PUBLIC_SIZE], struct fault *why)
{
    if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return refuse(why, "not an uncompressed point");
    return keep(out, make_pkey(point, NULL), point, false, why);
}

/* The public point of a scalar; false: the scalar is out of range. */
static bool point_of(const BIGNUM *scalar, uint8_t out[SIGNATURE_PUBLIC_SIZE])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    bool good = point != NULL && !BN_is_zero(scalar) &&
                BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
                EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out,
                                   SIGNATURE_PUBLIC_SIZE, NULL) == SIGNATURE_PUBLIC_SIZE;
    EC_POINT_clear_free(point);
    EC_GROUP_free(group);
    return good;
}

enum err signature_key_from_scalar(struct signature_key **out, const uint8_t scalar[32],
                                   struct fault *why)
{
    uint8_t point[SIGNATURE_PUBLIC_SIZE];
    BIGNUM *number = BN_bin2bn(scalar, SCALAR_SIZE, NULL);
    if (number == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a key");
    BN_set_flags(number, BN_FLG_CONSTTIME);
    enum err err = point_of(number, point) ? keep(out, make_pkey(point, number), point, true, why)
                                           : refuse(why, "not a private key of the curve P-256");
    BN_clear_free(number);
    return err;
}

/* The point of what OpenSSL has read; false: it is another kind of key. */
static bool read_point(const EVP_PKEY *pkey, uint8_t out[SIGNATURE_PUBLIC_SIZE])
{
    char group[64] = "";
    BIGNUM *x = NULL, *y = NULL;
    bool good = EVP_PKEY_is_a(pkey, "EC") &&
                EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                               sizeof group, NULL) == 1 &&
                strcmp(group, group_name) == 0 &&
                EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                BN_bn2binpad(x, out + 1, SCALAR_SIZE) == SCALAR_SIZE &&
                BN_bn2binpad(y, out + 1 + SCALAR_SIZE, SCALAR_SIZE) == SCALAR_SIZE;
    out[0] = POINT_CONVERSION_UNCOMPRESSED;
    BN_free(x);
    BN_free(y);
    return good;
}

static enum err adopt_public(struct signature_key **out, EVP_PKEY *pkey, struct fault *why)
{
    uint8_t point[SIGNATURE_PUBLIC_SIZE];
    if (pkey == NULL || !read_point(pkey, point))
        return refuse(why, "not a key of the curve P-256");
    return signature_key_from_point(out, point, why);
}

static enum err adopt_private(struct signature_key **out, EVP_PKEY *pkey, struct fault *why)
{
    uint8_t point[SIGNATURE_PUBLIC_SIZE], scalar[SCALAR_SIZE];
    BIGNUM *number = NULL;
    if (pkey == NULL || !read_point(pkey, point) ||
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
        return refuse(why, "not a key of the curve P-256");
    struct signature_key *key = NULL;
    enum err err = BN_bn2binpad(number, scalar, sizeof scalar) == SCALAR_SIZE
                       ? signature_key_from_scalar(&key, scalar, why)
                       : refuse(why, "not a private key of the curve P-256");
    OPENSSL_cleanse(scalar, sizeof scalar);
    BN_clear_free(number);
    if (err == ERR_OK && memcmp(key->point, point, sizeof point) != 0) {
        signature_key_free(&key);
        return refuse(why, "the private key's public half is another's");
    }
    if (err == ERR_OK)
        *out = key;
    return err;
}

static enum err parse_der(struct signature_key **out, const char *name, const uint8_t *der,
                          long size, struct fault *why)
{
    const uint8_t *at = der;
    EVP_PKEY *pkey = NULL;
    enum err err;
    if (strcmp(name, PEM_STRING_PKCS8INF) == 0) {
        PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, size);
        pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
        PKCS8_PRIV_KEY_INFO_free(info);
        err = adopt_private(out, pkey, why);
    } else if (strcmp(name, PEM_STRING_X509) == 0) {
        X509 *certificate = d2i_X509(NULL, &at, size);
        err = adopt_public(out, certificate != NULL ? X509_get0_pubkey(certificate) : NULL, why);
        X509_free(certificate);
    } else if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
        pkey = d2i_PUBKEY(NULL, &at, size);
        err = adopt_public(out, pkey, why);
    } else {
        err = refuse(why, "neither PUBLIC KEY, CERTIFICATE nor an open PRIVATE KEY");
    }
    EVP_PKEY_free(pkey);
    return err;
}

enum err signature_key_parse(struct signature_key **out, const char *pem, size_t size,
                             struct fault *why)
{
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long der_size = 0;
    BIO *bio = size <= INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
    enum err err;
    if (bio == NULL || PEM_read_bio(bio, &name, &header, &der, &der_size) != 1)
        err = refuse(why, "not a key in PEM form");
    else if (header[0] != '\0')
        err = refuse(why, "a key with a passphrase");
    else
        err = parse_der(out, name, der, der_size, why);
    OPENSSL_clear_free(der, der_size > 0 ? (size_t)der_size : 0);
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    return err;
}

void signature_key_free(struct signature_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->pkey); /* wipes the scalar */
    OPENSSL_cleanse(*key, sizeof **key);
    free(*key);
    *key = NULL;
}

void signature_key_point(const struct signature_key *key, uint8_t out[SIGNATURE_PUBLIC_SIZE])
{
    memcpy(out, key->point, SIGNATURE_PUBLIC_SIZE);
}

enum err signature_make(const struct signature_key *key, const void *message, size_t size,
                        struct signature *out, struct fault *why)
{
    if (!key->has_private)
        return fault_set(why, ERR_INPUT, "a public key cannot sign");
    struct signature made = {0};
    size_t length = sizeof made.der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context != NULL &&
               EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key->pkey, NULL) == 1 &&
               EVP_DigestSign(context, made.der, &length, message, size) == 1;
    EVP_MD_CTX_free(context);
    if (!good) {
        ERR_clear_error();
        return fault_set(why, ERR_MEMORY, "OpenSSL cannot sign");
    }
    made.size = (uint8_t)length;
    *out = made;
    return ERR_OK;
}

bool signature_holds(const struct signature_key *key, const void *message, size_t size,
                     const struct signature *signature)
{
    if (signature->size == 0 || signature->size > SIGNATURE_MAX)
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context != NULL &&
               EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key->pkey, NULL) == 1 &&
               EVP_DigestVerify(context, signature->der, signature->size, message, size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}
