/* The TPM's counter as two steps more: before it has gone up, and after it. */
#include <tss2/tss2_esys.h>

#include "steps.h"

TSS2_RC __real_Esys_NV_Increment(ESYS_CONTEXT *esys, ESYS_TR auth, ESYS_TR index, ESYS_TR first,
                                 ESYS_TR second, ESYS_TR third);
TSS2_RC __wrap_Esys_NV_Increment(ESYS_CONTEXT *esys, ESYS_TR auth, ESYS_TR index, ESYS_TR first,
                                 ESYS_TR second, ESYS_TR third);

void (*steps_after_increment)(void);

TSS2_RC __wrap_Esys_NV_Increment(ESYS_CONTEXT *esys, ESYS_TR auth, ESYS_TR index, ESYS_TR first,
                                 ESYS_TR second, ESYS_TR third)
{
    if (!steps_may())
        return TSS2_TCTI_RC_IO_ERROR;
    TSS2_RC status = __real_Esys_NV_Increment(esys, auth, index, first, second, third);
    if (steps_after_increment != NULL) {
        steps_after_increment();
        return TSS2_TCTI_RC_IO_ERROR;
    }
    return steps_may() ? status : TSS2_TCTI_RC_IO_ERROR;
}
