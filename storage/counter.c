/* An NV index of the counter type. */
#include "storage/counter.h"

#include <openssl/crypto.h>
#include <string.h>

#include "storage/chip.h"

enum { COUNT_SIZE = 8 };

/* NO_DA: wrong guesses at it do not count towards the TPM's lockout, and it serves while the TPM is
 * locked. */
static const TPMA_NV ours =
    TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA;

struct reading {
    const struct counter *counter;
    uint64_t value;
};

static TSS2_RC read_count(struct tpm *tpm, ESYS_TR handle, ESYS_TR session, uint64_t *value)
{
    TPM2B_MAX_NV_BUFFER *data = NULL;
    TSS2_RC status = Esys_NV_Read(tpm->esys, handle, handle, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                  COUNT_SIZE, 0, &data);
    if (status == TSS2_RC_SUCCESS && data->size != COUNT_SIZE)
        status = TSS2_ESYS_RC_MALFORMED_RESPONSE;
    if (status == TSS2_RC_SUCCESS) {
        *value = 0;
        for (unsigned i = 0; i < COUNT_SIZE; i++)
            *value = *value << 8 | data->buffer[i];
    }
    Esys_Free(data);
    return status;
}

/* Before our value is tried: at what another program keeps there it would be a wrong guess, and a
 * few of those lock the TPM for all. */
static TSS2_RC check_attributes(struct tpm *tpm, ESYS_TR handle)
{
    TPM2B_NV_PUBLIC *public = NULL;
    TSS2_RC status = Esys_NV_ReadPublic(tpm->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        &public, NULL);
    if (status == TSS2_RC_SUCCESS &&
        (public->nvPublic.attributes & ~(TPMA_NV)TPMA_NV_WRITTEN) != ours)
        status = TPM2_RC_ATTRIBUTES;
    Esys_Free(public);
    return status;
}

static TSS2_RC with_counter(struct tpm *tpm, struct reading *r, bool is_step)
{
    ESYS_TR handle = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TSS2_RC status = chip_counter(tpm, r->counter->index, r->counter->auth, &handle);
    if (status == TSS2_RC_SUCCESS)
        status = check_attributes(tpm, handle);
    if (status == TSS2_RC_SUCCESS)
        status = chip_session(tpm, TPM2_SE_HMAC, 0, &session);
    if (status == TSS2_RC_SUCCESS)
        status = is_step ? Esys_NV_Increment(tpm->esys, handle, handle, session, ESYS_TR_NONE,
                                             ESYS_TR_NONE)
                         : read_count(tpm, handle, session, &r->value);
    chip_flush(tpm, session);
    if (handle != ESYS_TR_NONE)
        (void)Esys_TR_Close(tpm->esys, &handle);
    return status;
}

static TSS2_RC read_it(struct tpm *tpm, void *argument)
{
    return with_counter(tpm, argument, false);
}

/* Called again after the line has failed: a look before the step, or it would be done twice. */
static TSS2_RC step_it(struct tpm *tpm, void *argument)
{
    struct reading *r = argument, now = {.counter = r->counter};
    TSS2_RC status = with_counter(tpm, &now, false);
    if (chip_number(status) == TPM2_RC_NV_UNINITIALIZED)
        now.value = r->value;
    else if (status != TSS2_RC_SUCCESS)
        return status;
    return now.value == r->value ? with_counter(tpm, r, true) : TSS2_RC_SUCCESS;
}

static enum err counter_fault(const struct counter *counter, enum err result, TSS2_RC verdict,
                              struct fault *why)
{
    switch (verdict) {
    case TPM2_RC_HANDLE:
        return fault_set(why, ERR_NOT_FOUND, "the TPM has no counter 0x%08x", counter->index);
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_NV_AUTHORIZATION:
    case TPM2_RC_ATTRIBUTES:
        return fault_set(why, ERR_IDENTITY,
                         "the counter 0x%08x in the TPM is another store's: name another "
                         "tpm_nv_index, or if that store is gone for good, remove it "
                         "(tpm2_nvundefine 0x%08x)",
                         counter->index, counter->index);
    case TPM2_RC_NV_SPACE:
        return fault_set(why, ERR_LIMIT,
                         "the TPM has no room for a counter: remove one that nobody needs "
                         "(tpm2_getcap handles-nv-index, tpm2_nvundefine)");
    default:
        return result;
    }
}

enum err counter_read(struct tpm *tpm, const struct counter *counter, uint64_t *value,
                      struct fault *why)
{
    struct reading r = {.counter = counter};
    TSS2_RC verdict = TSS2_RC_SUCCESS;
    enum err result = chip_do(tpm, read_it, &r, "read the store's counter", &verdict, why);
    if (result != ERR_OK)
        return counter_fault(counter, result, verdict, why);
    *value = r.value;
    return ERR_OK;
}

enum err counter_step(struct tpm *tpm, const struct counter *counter, uint64_t from,
                      struct fault *why)
{
    struct reading r = {.counter = counter, .value = from};
    TSS2_RC verdict = TSS2_RC_SUCCESS;
    enum err result = chip_do(tpm, step_it, &r, "step the store's counter", &verdict, why);
    if (result != ERR_OK)
        return counter_fault(counter, result, verdict, why);
    uint64_t now = 0;
    result = counter_read(tpm, counter, &now, why);
    if (result == ERR_OK && now != from + 1)
        result = fault_set(why, ERR_IDENTITY,
                           "the TPM's counter 0x%08x stands at %llu in the place of %llu: "
                           "somebody else has stepped it",
                           counter->index, (unsigned long long)now, (unsigned long long)from + 1);
    return result;
}

static TSS2_RC define_it(struct tpm *tpm, void *argument)
{
    const struct counter *counter = argument;
    TPM2B_AUTH auth = {.size = TPM_SECRET_SIZE};
    const TPM2B_NV_PUBLIC public = {.nvPublic = {.nvIndex = counter->index,
                                                 .nameAlg = TPM2_ALG_SHA256,
                                                 .attributes = ours,
                                                 .dataSize = COUNT_SIZE}};
    ESYS_TR session = ESYS_TR_NONE, handle = ESYS_TR_NONE;
    memcpy(auth.buffer, counter->auth, TPM_SECRET_SIZE);
    TSS2_RC status = chip_session(tpm, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session);
    if (status == TSS2_RC_SUCCESS)
        status = Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, session, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &auth, &public, &handle);
    OPENSSL_cleanse(&auth, sizeof auth);
    chip_flush(tpm, session);
    if (handle != ESYS_TR_NONE)
        (void)Esys_TR_Close(tpm->esys, &handle);
    return status;
}

static TSS2_RC begin_it(struct tpm *tpm, void *argument)
{
    struct reading *r = argument;
    TSS2_RC status = with_counter(tpm, r, false);
    if (chip_number(status) == TPM2_RC_NV_UNINITIALIZED)
        status = with_counter(tpm, r, true);
    return status;
}

enum err counter_define(struct tpm *tpm, const struct counter *counter, uint64_t *value,
                        struct fault *why)
{
    struct counter copy = *counter;
    struct reading r = {.counter = counter};
    TSS2_RC verdict = TSS2_RC_SUCCESS;
    enum err result = chip_do(tpm, begin_it, &r, "read the store's counter", &verdict, why);
    if (result != ERR_OK && verdict == TPM2_RC_HANDLE) {
        verdict = TSS2_RC_SUCCESS;
        result = chip_do(tpm, define_it, &copy, "define the store's counter", &verdict, why);
        if (result == ERR_OK || verdict == TPM2_RC_NV_DEFINED)
            result = chip_do(tpm, begin_it, &r, "begin the store's counter", &verdict, why);
    }
    OPENSSL_cleanse(&copy, sizeof copy);
    if (result != ERR_OK)
        return counter_fault(counter, result, verdict, why);
    return counter_read(tpm, counter, value, why);
}
