/* Convolutions for processors with AVX2 and FMA. */
#define CONV_LANES 8
#define CONV_REGISTERS 16
#include "ocr/conv_kernel.inc"

#include "ocr/conv_kinds.h"

static bool is_here(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static void run(const struct conv_job *job)
{
    run_all(job, &conv_avx2);
}

const struct conv_kind conv_avx2 = {"avx2", CONV_LANES, MOST, is_here, run};
