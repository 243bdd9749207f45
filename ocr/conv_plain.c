/* Convolutions for any processor. */
#include "ocr/conv_kernel.inc"

#include "ocr/conv_kinds.h"

static bool is_here(void)
{
    return true;
}

static void run(const struct conv_job *job)
{
    run_all(job, &conv_plain);
}

const struct conv_kind conv_plain = {"plain", CONV_LANES, MOST, is_here, run};
