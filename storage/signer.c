/* An unrestricted ECDSA key under the storage root key, used with its authorization value. */
#include "storage/signer.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#include "storage/chip.h"

enum { HALF = 32 };

struct making {
    const uint8_t *auth;
    struct tpm_blob blob;
};

static TSS2_RC make(struct tpm *tpm, void *argument)
{
    struct making *m = argument;
    TPM2B_SENSITIVE_CREATE inside = {.sensitive = {.userAuth = {.size = TPM_SECRET_SIZE}}};
    const TPM2B_PUBLIC template = {
        .publicArea = {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_FIXEDTPM |
                                TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA,
            .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_NULL},
                                     .scheme = {.scheme = TPM2_ALG_ECDSA,
                                                .details.ecdsa.hashAlg = TPM2_ALG_SHA256},
                                     .curveID = TPM2_ECC_NIST_P256,
                                     .kdf = {.scheme = TPM2_ALG_NULL}},
        }};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION none = {0};
    TPM2B_PRIVATE *private = NULL;
    TPM2B_PUBLIC *public = NULL;
    ESYS_TR session = ESYS_TR_NONE;
    memcpy(inside.sensitive.userAuth.buffer, m->auth, TPM_SECRET_SIZE);
    TSS2_RC status =
        chip_session(tpm, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Create(tpm->esys, tpm->root, session, ESYS_TR_NONE, ESYS_TR_NONE, &inside,
                             &template, &outside, &none, &private, &public, NULL, NULL, NULL);
    if (status == TSS2_RC_SUCCESS)
        status = chip_pack(public, private, &m->blob);
    OPENSSL_cleanse(&inside, sizeof inside);
    chip_flush(tpm, session);
    Esys_Free(private);
    Esys_Free(public);
    return status;
}

enum err signer_make(struct tpm *tpm, const uint8_t auth[TPM_SECRET_SIZE], struct tpm_blob *out,
                     struct fault *why)
{
    struct making m = {.auth = auth};
    enum err result = chip_do(tpm, make, &m, "make the key that signs", NULL, why);
    if (result == ERR_OK)
        *out = m.blob;
    return result;
}

/* A number of at most HALF bytes, filled up in front. */
static bool put_half(const TPM2B_ECC_PARAMETER *number, uint8_t out[HALF])
{
    if (number->size > HALF)
        return false;
    memset(out, 0, HALF);
    memcpy(out + HALF - number->size, number->buffer, number->size);
    return true;
}

enum err signer_point(const struct tpm_blob *blob, uint8_t out[SIGNATURE_PUBLIC_SIZE],
                      struct fault *why)
{
    TPM2B_PUBLIC public = {0};
    uint8_t point[SIGNATURE_PUBLIC_SIZE] = {4};
    size_t at = 0;
    bool good =
        Tss2_MU_TPM2B_PUBLIC_Unmarshal(blob->bytes, blob->size, &at, &public) == TSS2_RC_SUCCESS &&
        public.publicArea.type == TPM2_ALG_ECC &&
        put_half(&public.publicArea.unique.ecc.x, point + 1) &&
        put_half(&public.publicArea.unique.ecc.y, point + 1 + HALF);
    if (!good)
        return fault_set(why, ERR_CORRUPT, "the key that signs is damaged");
    memcpy(out, point, sizeof point);
    return ERR_OK;
}

struct signing {
    const uint8_t *auth, *digest;
    const struct tpm_blob *blob;
    uint8_t r[HALF], s[HALF];
};

static TSS2_RC sign(struct tpm *tpm, void *argument)
{
    struct signing *s = argument;
    TPM2B_DIGEST digest = {.size = HALF};
    const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_ECDSA,
                                    .details.ecdsa.hashAlg = TPM2_ALG_SHA256};
    const TPMT_TK_HASHCHECK not_hashed_inside = {.tag = TPM2_ST_HASHCHECK,
                                                 .hierarchy = TPM2_RH_NULL};
    TPMT_SIGNATURE *signature = NULL;
    ESYS_TR key = ESYS_TR_NONE, session = ESYS_TR_NONE;
    memcpy(digest.buffer, s->digest, HALF);
    TSS2_RC status = chip_load(tpm, s->blob, s->auth, &key);
    if (status == TSS2_RC_SUCCESS)
        status = chip_session(tpm, TPM2_SE_HMAC, 0, &session);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Sign(tpm->esys, key, session, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme,
                           &not_hashed_inside, &signature);
    if (status == TSS2_RC_SUCCESS && (signature->sigAlg != TPM2_ALG_ECDSA ||
                                      !put_half(&signature->signature.ecdsa.signatureR, s->r) ||
                                      !put_half(&signature->signature.ecdsa.signatureS, s->s)))
        status = TSS2_ESYS_RC_MALFORMED_RESPONSE;
    chip_flush(tpm, session);
    chip_flush(tpm, key);
    Esys_Free(signature);
    return status;
}

/* r and s as an ECDSA-Sig-Value. */
static bool to_der(const struct signing *s, struct signature *out)
{
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(s->r, HALF, NULL), *t = BN_bin2bn(s->s, HALF, NULL);
    bool good = both != NULL && r != NULL && t != NULL && ECDSA_SIG_set0(both, r, t) == 1;
    if (!good) {
        BN_free(r);
        BN_free(t);
    }
    uint8_t *end = out->der;
    int size = good ? i2d_ECDSA_SIG(both, NULL) : 0;
    good = size > 0 && size <= SIGNATURE_MAX && i2d_ECDSA_SIG(both, &end) == size;
    out->size = (uint8_t)size;
    ECDSA_SIG_free(both);
    return good;
}

enum err signer_sign(struct tpm *tpm, const uint8_t auth[TPM_SECRET_SIZE],
                     const struct tpm_blob *blob, const uint8_t digest[32], struct signature *out,
                     struct fault *why)
{
    struct signing s = {.auth = auth, .digest = digest, .blob = blob};
    struct signature signature = {0};
    TSS2_RC verdict = TSS2_RC_SUCCESS;
    enum err result = chip_do(tpm, sign, &s, "sign", &verdict, why);
    if (result != ERR_OK && verdict == TPM2_RC_INTEGRITY)
        return fault_set(why, ERR_IDENTITY, "the key that signs is of another TPM");
    if (result == ERR_OK && !to_der(&s, &signature))
        result = fault_set(why, ERR_MEMORY, "OpenSSL does not pack a signature");
    if (result == ERR_OK)
        *out = signature;
    return result;
}
