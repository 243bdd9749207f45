/* Sealing and unsealing under a policy. */
#include "storage/tpm.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/chip.h"

enum err tpm_open(struct tpm **out, const char *tcti, struct fault *why)
{
    struct tpm *tpm = calloc(1, sizeof *tpm);
    if (tpm == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a TPM");
    tpm->root = ESYS_TR_NONE;
    int length = snprintf(tpm->tcti, sizeof tpm->tcti, "%s", tcti);
    enum err result = length > 0 && length < (int)sizeof tpm->tcti
                          ? ERR_OK
                          : fault_set(why, ERR_INPUT, "the TPM's address is too long");
    (void)setenv("TSS2_LOG", "all+none", 0); /* the library writes to stderr by default */
    if (result == ERR_OK)
        result = chip_do(tpm, NULL, NULL, "answer", NULL, why);
    if (result != ERR_OK)
        free(tpm);
    else
        *out = tpm;
    return result;
}

void tpm_close(struct tpm **tpm)
{
    if (*tpm == NULL)
        return;
    chip_hang_up(*tpm);
    free(*tpm);
    *tpm = NULL;
}

/* The counter stands at this count. A trial session looks at its name only. */
static TSS2_RC apply_counter(struct tpm *tpm, ESYS_TR session, const struct tpm_terms *terms)
{
    TPM2B_OPERAND count = {.size = 8};
    for (unsigned i = 0; i < 8; i++)
        count.buffer[i] = (BYTE)(terms->count >> (56 - 8 * i));
    ESYS_TR counter = ESYS_TR_NONE, caller = ESYS_TR_NONE;
    TSS2_RC status = chip_counter(tpm, terms->nv_index, terms->counter_auth, &counter);
    if (status == TSS2_RC_SUCCESS)
        status = chip_session(tpm, TPM2_SE_HMAC, 0, &caller);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_PolicyNV(tpm->esys, counter, counter, session, caller, ESYS_TR_NONE,
                               ESYS_TR_NONE, &count, 0, TPM2_EO_EQ);
    chip_flush(tpm, caller);
    if (counter != ESYS_TR_NONE)
        (void)Esys_TR_Close(tpm->esys, &counter);
    return status;
}

static TSS2_RC apply_pcrs(struct tpm *tpm, ESYS_TR session, uint32_t mask)
{
    const TPML_PCR_SELECTION pcrs = {
        .count = 1,
        .pcrSelections = {{.hash = TPM2_ALG_SHA256,
                           .sizeofSelect = 3,
                           .pcrSelect = {(BYTE)mask, (BYTE)(mask >> 8), (BYTE)(mask >> 16)}}}};
    const TPM2B_DIGEST now = {0}; /* empty: the TPM takes its own values */
    return Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &now,
                          &pcrs);
}

static TSS2_RC apply_policy(struct tpm *tpm, ESYS_TR session, const struct tpm_terms *terms)
{
    TSS2_RC status = TSS2_RC_SUCCESS;
    if (terms->nv_index != 0)
        status = apply_counter(tpm, session, terms);
    if (status == TSS2_RC_SUCCESS && terms->pcr_mask != 0)
        status = apply_pcrs(tpm, session, terms->pcr_mask);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_PolicyAuthValue(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
    return status;
}

static TSS2_RC policy_digest(struct tpm *tpm, const struct tpm_terms *terms, TPM2B_DIGEST *out)
{
    ESYS_TR trial = ESYS_TR_NONE;
    TPM2B_DIGEST *digest = NULL;
    TSS2_RC status = chip_session(tpm, TPM2_SE_TRIAL, 0, &trial);
    if (status == TSS2_RC_SUCCESS)
        status = apply_policy(tpm, trial, terms);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_PolicyGetDigest(tpm->esys, trial, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &digest);
    if (status == TSS2_RC_SUCCESS)
        *out = *digest;
    chip_flush(tpm, trial);
    Esys_Free(digest);
    return status;
}

struct sealing {
    const struct tpm_terms *terms;
    const uint8_t *secret;
    struct tpm_blob blob;
};

static TSS2_RC seal(struct tpm *tpm, void *argument)
{
    struct sealing *s = argument;
    TPM2B_SENSITIVE_CREATE inside = {
        .sensitive = {.userAuth = {.size = TPM_SECRET_SIZE}, .data = {.size = TPM_SECRET_SIZE}}};
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
    memcpy(inside.sensitive.userAuth.buffer, s->terms->auth, TPM_SECRET_SIZE);
    memcpy(inside.sensitive.data.buffer, s->secret, TPM_SECRET_SIZE);
    TSS2_RC status = policy_digest(tpm, s->terms, &template.publicArea.authPolicy);
    if (status == TSS2_RC_SUCCESS)
        status =
            chip_session(tpm, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Create(tpm->esys, tpm->root, session, ESYS_TR_NONE, ESYS_TR_NONE, &inside,
                             &template, &outside, &none, &private, &public, NULL, NULL, NULL);
    if (status == TSS2_RC_SUCCESS)
        status = chip_pack(public, private, &s->blob);
    OPENSSL_cleanse(&inside, sizeof inside);
    chip_flush(tpm, session);
    Esys_Free(private);
    Esys_Free(public);
    return status;
}

enum err tpm_seal(struct tpm *tpm, const struct tpm_terms *terms,
                  const uint8_t secret[TPM_SECRET_SIZE], struct tpm_blob *out, struct fault *why)
{
    struct sealing s = {.terms = terms, .secret = secret};
    enum err result = chip_do(tpm, seal, &s, "seal the store's key", NULL, why);
    if (result == ERR_OK)
        *out = s.blob;
    return result;
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

static enum err unseal_fault(TSS2_RC verdict, const struct tpm_terms *terms, struct fault *why)
{
    char pcrs[80];
    switch (verdict) {
    case TSS2_MU_RC_BAD_VALUE:
        return fault_set(why, ERR_CORRUPT, "what the TPM has sealed is damaged");
    case TPM2_RC_INTEGRITY:
        return fault_set(why, ERR_IDENTITY,
                         "the store was bound to another TPM, or this one was cleared: it "
                         "opens on its own host only; to begin anew here, move the state "
                         "folder away");
    case TPM2_RC_POLICY_FAIL:
        list_pcrs(terms->pcr_mask, pcrs);
        return fault_set(why, ERR_IDENTITY,
                         "the boot state of this host (PCR %s) is not the one that the store "
                         "was bound to: undo the change of firmware, Secure Boot or boot "
                         "loader and restart (before a planned change, `laneward reseal`); if it "
                         "has to stay, the stored passages are lost: move the state folder away "
                         "to begin anew",
                         pcrs);
    case TPM2_RC_POLICY:
        return fault_set(why, ERR_IDENTITY,
                         "the keys are of another time than the TPM's counter says: they were "
                         "forgotten, and the TPM does not give them back");
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_FAIL:
        return fault_set(why, ERR_IDENTITY,
                         "the TPM does not accept this host's identity for the store's key: "
                         "tpm.blob belongs to another state folder");
    default:
        return ERR_IO; /* as chip_do has said */
    }
}

struct unsealing {
    const struct tpm_terms *terms;
    const struct tpm_blob *blob;
    uint8_t *secret;
};

/* The library's buffers keep the last answer, and the stack what it was unpacked through. */
static void scrub(struct tpm *tpm)
{
    TPM2B_PUBLIC *public = NULL; /* a longer answer over the last one */
    volatile uint8_t room[32 << 10];
    if (tpm->esys != NULL && tpm->root != ESYS_TR_NONE)
        (void)Esys_ReadPublic(tpm->esys, tpm->root, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              &public, NULL, NULL);
    Esys_Free(public);
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

static TSS2_RC unseal(struct tpm *tpm, void *argument)
{
    struct unsealing *u = argument;
    ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_SENSITIVE_DATA *data = NULL;
    TSS2_RC status = chip_load(tpm, u->blob, u->terms->auth, &object);
    if (status == TSS2_RC_SUCCESS)
        status = chip_session(tpm, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &session);
    if (status == TSS2_RC_SUCCESS)
        status = apply_policy(tpm, session, u->terms);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_Unseal(tpm->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data);
    if (status == TSS2_RC_SUCCESS && data->size != TPM_SECRET_SIZE)
        status = TSS2_ESYS_RC_MALFORMED_RESPONSE;
    if (status == TSS2_RC_SUCCESS)
        memcpy(u->secret, data->buffer, TPM_SECRET_SIZE);
    if (data != NULL)
        OPENSSL_cleanse(data, sizeof *data);
    Esys_Free(data);
    chip_flush(tpm, session);
    chip_flush(tpm, object);
    scrub(tpm);
    return status;
}

enum err tpm_unseal(struct tpm *tpm, const struct tpm_terms *terms, const struct tpm_blob *blob,
                    uint8_t secret[TPM_SECRET_SIZE], struct fault *why)
{
    uint8_t found[TPM_SECRET_SIZE];
    struct unsealing u = {.terms = terms, .blob = blob, .secret = found};
    TSS2_RC verdict = TSS2_RC_SUCCESS;
    enum err result = chip_do(tpm, unseal, &u, "unseal the store's key", &verdict, why);
    if (result == ERR_OK)
        memcpy(secret, found, sizeof found);
    else if (verdict != TSS2_RC_SUCCESS)
        result = unseal_fault(verdict, terms, why);
    OPENSSL_cleanse(found, sizeof found);
    return result;
}
