/* The TPM through tpm2-tss ESAPI; every secret crosses the bus encrypted, in a session salted to
 * the storage root key. */
#include "storage/chip.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_sys.h>
#include <tss2/tss2_tctildr.h>

static const TPMT_SYM_DEF bus_cipher = {
    .algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};

TSS2_RC chip_number(TSS2_RC status)
{
    TSS2_RC layer = status & TSS2_RC_LAYER_MASK;
    if (layer != 0 && layer != TSS2_RESMGR_TPM_RC_LAYER)
        return status;
    status &= ~(TSS2_RC)TSS2_RC_LAYER_MASK;
    return (status & TPM2_RC_FMT1) != 0 ? status & (TPM2_RC_FMT1 | 0x3f) : status;
}

/* The TPM has understood and says no: asking again would not help. */
static bool is_decided(TSS2_RC number)
{
    static const TSS2_RC decided[] = {
        TPM2_RC_POLICY_FAIL, TPM2_RC_POLICY,           TPM2_RC_BAD_AUTH,   TPM2_RC_AUTH_FAIL,
        TPM2_RC_INTEGRITY,   TPM2_RC_LOCKOUT,          TPM2_RC_NV_DEFINED, TPM2_RC_NV_UNINITIALIZED,
        TPM2_RC_NV_SPACE,    TPM2_RC_NV_AUTHORIZATION, TPM2_RC_ATTRIBUTES};
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++)
        if (decided[i] == number)
            return true;
    return false;
}

static enum err tpm_fault(TSS2_RC status, const char *doing, struct fault *why)
{
    if (chip_number(status) == TPM2_RC_LOCKOUT)
        return fault_set(why, ERR_IO,
                         "the TPM is locked after wrong guesses of others: wait, or clear its "
                         "lockout (tpm2_dictionarylockout -c); %s",
                         doing);
    return fault_set(why, ERR_IO, "the TPM refuses to %s: %s (0x%x)", doing, Tss2_RC_Decode(status),
                     status);
}

/* The TCG's template for an ECC storage root key, so that the same key comes out of the same TPM
 * each time. */
static TSS2_RC make_root(struct tpm *tpm)
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
    return Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, &nothing, &template, &outside, &none, &tpm->root, NULL,
                              NULL, NULL, NULL);
}

void chip_flush(struct tpm *tpm, ESYS_TR handle)
{
    if (handle != ESYS_TR_NONE)
        (void)Esys_FlushContext(tpm->esys, handle);
}

void chip_hang_up(struct tpm *tpm)
{
    if (tpm->esys != NULL)
        chip_flush(tpm, tpm->root);
    tpm->root = ESYS_TR_NONE;
    Esys_Finalize(&tpm->esys);
    Tss2_TctiLdr_Finalize(&tpm->transport);
}

/* No room for objects or sessions: without a resource manager those of a process that was killed
 * stay in the TPM. */
static bool is_full(TSS2_RC number)
{
    return number >= TPM2_RC_OBJECT_MEMORY && number <= TPM2_RC_OBJECT_HANDLES;
}

static void flush_all(struct tpm *tpm, uint32_t first)
{
    TPMI_YES_NO more;
    TPMS_CAPABILITY_DATA *data = NULL;
    TSS2_SYS_CONTEXT *sys = NULL;
    if (Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
                           first, 16, &more, &data) == TSS2_RC_SUCCESS &&
        Esys_GetSysContext(tpm->esys, &sys) == TSS2_RC_SUCCESS)
        for (uint32_t i = 0; i < data->data.handles.count; i++)
            (void)Tss2_Sys_FlushContext(sys, data->data.handles.handle[i]);
    Esys_Free(data);
}

static TSS2_RC make_room(struct tpm *tpm)
{
    static const uint32_t sessions = TPM2_LOADED_SESSION_FIRST, objects = TPM2_TRANSIENT_FIRST;
    flush_all(tpm, sessions);
    flush_all(tpm, objects);
    return make_root(tpm);
}

static enum err call(struct tpm *tpm, bool must_make_room, struct fault *why)
{
    TSS2_RC status = Tss2_TctiLdr_Initialize(tpm->tcti, &tpm->transport);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Initialize(&tpm->esys, tpm->transport, NULL);
    if (status != TSS2_RC_SUCCESS) {
        chip_hang_up(tpm);
        return fault_set(why, ERR_IO,
                         "no TPM answers at %s: switch it on in the firmware, load its driver, let "
                         "this user open it, or correct the option tpm (0x%x)",
                         tpm->tcti, status);
    }
    status = must_make_room ? make_room(tpm) : make_root(tpm);
    if (is_full(chip_number(status)) && !must_make_room)
        status = make_room(tpm);
    if (status == TSS2_RC_SUCCESS)
        return ERR_OK;
    chip_hang_up(tpm);
    return tpm_fault(status, "make its storage root key", why);
}

enum err chip_do(struct tpm *tpm, chip_operation *operation, void *argument, const char *doing,
                 TSS2_RC *verdict, struct fault *why)
{
    TSS2_RC status = TSS2_RC_SUCCESS;
    for (int attempt = 0; attempt < 2; attempt++) {
        bool is_new = tpm->esys == NULL, was_full = is_full(chip_number(status));
        enum err result = is_new ? call(tpm, was_full, why) : ERR_OK;
        if (result != ERR_OK)
            return result;
        status = operation != NULL ? operation(tpm, argument) : TSS2_RC_SUCCESS;
        if (status == TSS2_RC_SUCCESS)
            return ERR_OK;
        if (is_decided(chip_number(status)))
            break;
        chip_hang_up(tpm);
        if (is_new && !is_full(chip_number(status)))
            break;
    }
    if (verdict != NULL)
        *verdict = chip_number(status);
    return tpm_fault(status, doing, why);
}

TSS2_RC chip_session(struct tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *session)
{
    TSS2_RC status =
        Esys_StartAuthSession(tpm->esys, tpm->root, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, NULL, type, &bus_cipher, TPM2_ALG_SHA256, session);
    if (status != TSS2_RC_SUCCESS)
        return status;
    return Esys_TRSess_SetAttributes(tpm->esys, *session, attributes | TPMA_SESSION_CONTINUESESSION,
                                     0xff);
}

static TSS2_RC set_auth(struct tpm *tpm, ESYS_TR object, const uint8_t auth[TPM_SECRET_SIZE])
{
    TPM2B_AUTH value = {.size = TPM_SECRET_SIZE};
    memcpy(value.buffer, auth, TPM_SECRET_SIZE);
    TSS2_RC status = Esys_TR_SetAuth(tpm->esys, object, &value);
    OPENSSL_cleanse(&value, sizeof value);
    return status;
}

TSS2_RC chip_counter(struct tpm *tpm, uint32_t index, const uint8_t auth[TPM_SECRET_SIZE],
                     ESYS_TR *out)
{
    TSS2_RC status =
        Esys_TR_FromTPMPublic(tpm->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, out);
    return status == TSS2_RC_SUCCESS ? set_auth(tpm, *out, auth) : status;
}

TSS2_RC chip_pack(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct tpm_blob *out)
{
    size_t size = 0;
    TSS2_RC status = Tss2_MU_TPM2B_PUBLIC_Marshal(public, out->bytes, sizeof out->bytes, &size);
    if (status == TSS2_RC_SUCCESS)
        status = Tss2_MU_TPM2B_PRIVATE_Marshal(private, out->bytes, sizeof out->bytes, &size);
    out->size = (uint16_t)size;
    return status;
}

TSS2_RC chip_load(struct tpm *tpm, const struct tpm_blob *blob, const uint8_t auth[TPM_SECRET_SIZE],
                  ESYS_TR *out)
{
    TPM2B_PUBLIC public = {0};
    TPM2B_PRIVATE private = {0};
    size_t at = 0;
    TSS2_RC status = Tss2_MU_TPM2B_PUBLIC_Unmarshal(blob->bytes, blob->size, &at, &public);
    if (status == TSS2_RC_SUCCESS)
        status = Tss2_MU_TPM2B_PRIVATE_Unmarshal(blob->bytes, blob->size, &at, &private);
    if (status != TSS2_RC_SUCCESS || at != blob->size)
        return TSS2_MU_RC_BAD_VALUE;
    status = Esys_Load(tpm->esys, tpm->root, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private,
                       &public, out);
    return status == TSS2_RC_SUCCESS ? set_auth(tpm, *out, auth) : status;
}
