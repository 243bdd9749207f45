/* The TPM through tpm2-tss ESAPI; every secret crosses the bus encrypted, in a session salted to
 * the storage root key. */
#include "storage/tpm.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

/* One conversation. */
struct link {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR root; /* the storage root key: ECC P-256, made anew each time from the owner's seed */
};

static const TPMT_SYM_DEF bus_cipher = {
    .algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};

/* The number without the layer's and the handle's bits, as the specification's tables have it. */
static TSS2_RC bare(TSS2_RC status)
{
    if ((status & TSS2_RC_LAYER_MASK) != 0)
        return status;
    return (status & TPM2_RC_FMT1) != 0 ? status & (TPM2_RC_FMT1 | 0x3f) : status;
}

static enum err tpm_fault(TSS2_RC status, const char *doing, struct fault *why)
{
    if (bare(status) == TPM2_RC_LOCKOUT)
        return fault_set(why, ERR_IO,
                         "the TPM is locked after wrong guesses of others: wait, or clear its "
                         "lockout (tpm2_dictionarylockout -c); %s",
                         doing);
    return fault_set(why, ERR_IO, "the TPM refuses to %s: %s (0x%x)", doing, Tss2_RC_Decode(status),
                     status);
}

static void link_close(struct link *link)
{
    if (link->esys != NULL && link->root != ESYS_TR_NONE)
        (void)Esys_FlushContext(link->esys, link->root);
    Esys_Finalize(&link->esys);
    Tss2_TctiLdr_Finalize(&link->tcti);
}

/* The TCG's template for an ECC storage root key, so that the same key comes out of the same TPM
 * each time. */
static TSS2_RC make_root(struct link *link)
{
    const TPM2B_PUBLIC template = {
        .publicArea = {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
                                TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                TPMA_OBJECT_NODA,
            .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
                                                   .keyBits = {.aes = 128},
                                                   .mode = {.aes = TPM2_ALG_CFB}},
                                     .scheme = {.scheme = TPM2_ALG_NULL},
                                     .curveID = TPM2_ECC_NIST_P256,
                                     .kdf = {.scheme = TPM2_ALG_NULL}},
            .unique.ecc = {.x = {.size = 32}, .y = {.size = 32}},
        }};
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION none = {0};
    return Esys_CreatePrimary(link->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, &nothing, &template, &outside, &none, &link->root, NULL,
                              NULL, NULL, NULL);
}

static enum err link_open(struct link *link, const char *tcti, struct fault *why)
{
    *link = (struct link){.root = ESYS_TR_NONE};
    (void)setenv("TSS2_LOG", "all+none", 0); /* the library writes to stderr by default */
    TSS2_RC status = Tss2_TctiLdr_Initialize(tcti, &link->tcti);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Initialize(&link->esys, link->tcti, NULL);
    if (status != TSS2_RC_SUCCESS) {
        link_close(link);
        return fault_set(why, ERR_IO,
                         "no TPM answers at %s: switch it on in the firmware, load its driver, let "
                         "this user open it, or correct the option tpm (0x%x)",
                         tcti, status);
    }
    status = make_root(link);
    if (status == TSS2_RC_SUCCESS)
        return ERR_OK;
    link_close(link);
    return tpm_fault(status, "make its storage root key", why);
}

/* A session of `type` whose secrets the root key salts; parameters are encrypted in the directions
 * of `attributes`. */
static TSS2_RC start_session(struct link *link, TPM2_SE type, TPMA_SESSION attributes,
                             ESYS_TR *session)
{
    TSS2_RC status =
        Esys_StartAuthSession(link->esys, link->root, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, NULL, type, &bus_cipher, TPM2_ALG_SHA256, session);
    if (status != TSS2_RC_SUCCESS)
        return status;
    return Esys_TRSess_SetAttributes(link->esys, *session,
                                     attributes | TPMA_SESSION_CONTINUESESSION, 0xff);
}

/* The policy: these PCRs of the SHA-256 bank as they are now, and the object's authorization value.
 */
static TSS2_RC apply_policy(struct link *link, ESYS_TR session, uint32_t pcr_mask)
{
    const TPML_PCR_SELECTION pcrs = {
        .count = 1,
        .pcrSelections = {
            {.hash = TPM2_ALG_SHA256,
             .sizeofSelect = 3,
             .pcrSelect = {(BYTE)pcr_mask, (BYTE)(pcr_mask >> 8), (BYTE)(pcr_mask >> 16)}}}};
    const TPM2B_DIGEST now = {0}; /* empty: the TPM takes its own values */
    TSS2_RC status =
        Esys_PolicyPCR(link->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &now, &pcrs);
    if (status == TSS2_RC_SUCCESS)
        status =
            Esys_PolicyAuthValue(link->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
    return status;
}

static TSS2_RC policy_digest(struct link *link, uint32_t pcr_mask, TPM2B_DIGEST *out)
{
    ESYS_TR trial = ESYS_TR_NONE;
    TPM2B_DIGEST *digest = NULL;
    TSS2_RC status = start_session(link, TPM2_SE_TRIAL, 0, &trial);
    if (status == TSS2_RC_SUCCESS)
        status = apply_policy(link, trial, pcr_mask);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_PolicyGetDigest(link->esys, trial, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &digest);
    if (status == TSS2_RC_SUCCESS)
        *out = *digest;
    if (trial != ESYS_TR_NONE)
        (void)Esys_FlushContext(link->esys, trial);
    Esys_Free(digest);
    return status;
}

/* The sealed object's two halves, one after the other. */
static TSS2_RC pack(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct keyfile *file)
{
    size_t size = 0;
    TSS2_RC status = Tss2_MU_TPM2B_PUBLIC_Marshal(public, file->sealed, sizeof file->sealed, &size);
    if (status == TSS2_RC_SUCCESS)
        status = Tss2_MU_TPM2B_PRIVATE_Marshal(private, file->sealed, sizeof file->sealed, &size);
    file->sealed_size = (uint16_t)size;
    return status;
}

static TSS2_RC seal(struct link *link, const uint8_t *auth, const uint8_t *secret,
                    struct keyfile *file)
{
    TPM2B_SENSITIVE_CREATE inside = {.sensitive = {.userAuth = {.size = KEYFILE_SECRET_SIZE},
                                                   .data = {.size = KEYFILE_SECRET_SIZE}}};
    TPM2B_PUBLIC template = {
        .publicArea = {.type = TPM2_ALG_KEYEDHASH,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes =
                           TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA,
                       .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION none = {0};
    TPM2B_PRIVATE *private = NULL;
    TPM2B_PUBLIC *public = NULL;
    ESYS_TR session = ESYS_TR_NONE;
    memcpy(inside.sensitive.userAuth.buffer, auth, KEYFILE_SECRET_SIZE);
    memcpy(inside.sensitive.data.buffer, secret, KEYFILE_SECRET_SIZE);
    TSS2_RC status = policy_digest(link, file->pcr_mask, &template.publicArea.authPolicy);
    if (status == TSS2_RC_SUCCESS)
        status = start_session(link, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT,
                               &session);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Create(link->esys, link->root, session, ESYS_TR_NONE, ESYS_TR_NONE, &inside,
                             &template, &outside, &none, &private, &public, NULL, NULL, NULL);
    if (status == TSS2_RC_SUCCESS)
        status = pack(public, private, file);
    OPENSSL_cleanse(&inside, sizeof inside);
    if (session != ESYS_TR_NONE)
        (void)Esys_FlushContext(link->esys, session);
    Esys_Free(private);
    Esys_Free(public);
    return status;
}

enum err tpm_seal(const char *tcti, const uint8_t auth[KEYFILE_SECRET_SIZE],
                  const uint8_t secret[KEYFILE_SECRET_SIZE], struct keyfile *file,
                  struct fault *why)
{
    assert(file->pcr_mask != 0);
    struct link link;
    enum err result = link_open(&link, tcti, why);
    if (result != ERR_OK)
        return result;
    TSS2_RC status = seal(&link, auth, secret, file);
    link_close(&link);
    return status == TSS2_RC_SUCCESS ? ERR_OK : tpm_fault(status, "seal the store's key", why);
}

/* Loading tells whether the object was sealed under this TPM's root key. */
static enum err load(struct link *link, const struct keyfile *file, ESYS_TR *object,
                     struct fault *why)
{
    TPM2B_PUBLIC public = {0};
    TPM2B_PRIVATE private = {0};
    size_t at = 0;
    TSS2_RC status = Tss2_MU_TPM2B_PUBLIC_Unmarshal(file->sealed, file->sealed_size, &at, &public);
    if (status == TSS2_RC_SUCCESS)
        status = Tss2_MU_TPM2B_PRIVATE_Unmarshal(file->sealed, file->sealed_size, &at, &private);
    if (status != TSS2_RC_SUCCESS || at != file->sealed_size)
        return fault_set(why, ERR_CORRUPT, "what the TPM has sealed is damaged");
    status = Esys_Load(link->esys, link->root, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                       &private, &public, object);
    if (bare(status) == TPM2_RC_INTEGRITY)
        return fault_set(why, ERR_IDENTITY,
                         "the store was bound to another TPM, or this one was cleared: it "
                         "opens on its own host only; to begin anew here, move the state "
                         "folder away");
    return status == TSS2_RC_SUCCESS ? ERR_OK : tpm_fault(status, "load the store's key", why);
}

static void list_pcrs(uint32_t mask, char out[80])
{
    size_t used = 0;
    for (unsigned i = 0; i < 24; i++) {
        if ((mask >> i & 1) == 0)
            continue;
        if (used > 0)
            out[used++] = '+';
        if (i >= 10)
            out[used++] = (char)('0' + i / 10);
        out[used++] = (char)('0' + i % 10);
    }
    out[used] = '\0';
}

static enum err unseal_fault(TSS2_RC status, const struct keyfile *file, struct fault *why)
{
    char pcrs[80];
    switch (bare(status)) {
    case TPM2_RC_POLICY_FAIL:
        list_pcrs(file->pcr_mask, pcrs);
        return fault_set(why, ERR_IDENTITY,
                         "the boot state of this host (PCR %s) is not the one that the store "
                         "was bound to: undo the change of firmware, Secure Boot or boot "
                         "loader and restart; if it has to stay, the stored passages are "
                         "lost: move the state folder away to begin anew",
                         pcrs);
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_FAIL:
        return fault_set(why, ERR_IDENTITY,
                         "the TPM does not accept this host's identity for the store's key: "
                         "tpm.blob belongs to another state folder");
    default:
        return tpm_fault(status, "unseal the store's key", why);
    }
}

static TSS2_RC unseal(struct link *link, ESYS_TR object, const uint8_t *auth, uint32_t pcr_mask,
                      uint8_t *secret)
{
    TPM2B_AUTH value = {.size = KEYFILE_SECRET_SIZE};
    memcpy(value.buffer, auth, KEYFILE_SECRET_SIZE);
    ESYS_TR session = ESYS_TR_NONE;
    TPM2B_SENSITIVE_DATA *data = NULL;
    TSS2_RC status = Esys_TR_SetAuth(link->esys, object, &value);
    if (status == TSS2_RC_SUCCESS)
        status = start_session(link, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &session);
    if (status == TSS2_RC_SUCCESS)
        status = apply_policy(link, session, pcr_mask);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Unseal(link->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data);
    if (status == TSS2_RC_SUCCESS && data->size != KEYFILE_SECRET_SIZE)
        status = TSS2_ESYS_RC_MALFORMED_RESPONSE;
    if (status == TSS2_RC_SUCCESS)
        memcpy(secret, data->buffer, KEYFILE_SECRET_SIZE);
    if (data != NULL)
        OPENSSL_cleanse(data, sizeof *data);
    Esys_Free(data);
    if (session != ESYS_TR_NONE)
        (void)Esys_FlushContext(link->esys, session);
    OPENSSL_cleanse(&value, sizeof value);
    return status;
}

enum err tpm_unseal(const char *tcti, const uint8_t auth[KEYFILE_SECRET_SIZE],
                    const struct keyfile *file, uint8_t secret[KEYFILE_SECRET_SIZE],
                    struct fault *why)
{
    struct link link;
    enum err result = link_open(&link, tcti, why);
    if (result != ERR_OK) {
        /* The caller has an enrolled folder before it: say so. */
        return why != NULL ? fault_context(why, "the store is bound to this host's TPM") : result;
    }
    ESYS_TR object = ESYS_TR_NONE;
    result = load(&link, file, &object, why);
    if (result == ERR_OK) {
        TSS2_RC status = unseal(&link, object, auth, file->pcr_mask, secret);
        if (status != TSS2_RC_SUCCESS)
            result = unseal_fault(status, file, why);
        (void)Esys_FlushContext(link.esys, object);
    }
    link_close(&link);
    return result;
}
