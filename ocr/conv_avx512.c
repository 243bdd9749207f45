/* Convolutions for processors with AVX-512. */
#define CONV_LANES 16
#define CONV_REGISTERS 32
#include "ocr/conv_kernel.inc"

#include "ocr/conv_kinds.h"

static bool is_here(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("fma");
}

static void run(const struct conv_job *job)
{
    run_all(job, &conv_avx512);
}

const struct conv_kind conv_avx512 = {"avx512", CONV_LANES, MOST, is_here, run};
