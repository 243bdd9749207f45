/* Chooses the kind of convolution for the processor, and lays weights for it. */
#include "ocr/conv.h"

#include "ocr/conv_kinds.h"

const struct conv_kind *const conv_kinds[] = {
#ifdef __x86_64__
    &conv_avx512, &conv_avx2,
#endif
    &conv_plain, NULL};

const struct conv_kind *conv_best(void)
{
    const struct conv_kind *const *kind = conv_kinds;
    while (!(*kind)->is_here())
        kind++;
    return *kind;
}

/* Four are two and two: three and one would be less even. */
uint32_t conv_block(const struct conv_kind *kind, uint32_t left)
{
    if (left <= kind->most)
        return left;
    return left == kind->most + 1 ? (left + 1) / 2 : kind->most;
}

void conv_pack(const struct conv_kind *kind, const struct conv_weights *from, float *to)
{
    uint32_t n_vectors = (from->n_out + kind->lanes - 1) / kind->lanes;
    for (uint32_t done = 0, n; done < n_vectors; done += n) {
        n = conv_block(kind, n_vectors - done);
        for (uint32_t t = 0; t < from->n_taps; t++)
            for (uint32_t c = 0; c < from->n_in; c++)
                for (uint32_t i = 0; i < n * kind->lanes; i++) {
                    uint32_t o = done * kind->lanes + i;
                    *to++ = o < from->n_out
                                ? from->at[o * from->output + c * from->channel + t * from->tap]
                                : 0;
                }
    }
}
