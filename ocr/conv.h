/* One convolution over pictures whose pixels hold their channels side by side, for the vectors of
 * several processors. */
#ifndef LANEWARD_OCR_CONV_H
#define LANEWARD_OCR_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONV_MAX_LANES = 16, CONV_MAX_TAPS = 256 };

/* Pixels of a buffer, counted in floats: from row to row, and from pixel to pixel. */
struct conv_pixels {
    float *at;
    size_t row, step;
};

/* out[y][x] = finish(bias + sum over taps t and channels c of in[y][x][tap[t] + c] * weights).
 * Everything must lie in memory that is there: nothing is checked. A pixel of `out` and `sum` has
 * n_vectors whole vectors of lanes. */
struct conv_job {
    struct conv_pixels in; /* of the first tap of output pixel 0, 0; its steps are the output's */
    struct conv_pixels out;
    struct conv_pixels sum; /* `at` NULL: none; else added to the result */
    const size_t *tap;      /* floats from the first tap to each */
    const float *weights;   /* as conv_pack lays them */
    const float *bias;
    uint32_t n_taps, channels, n_vectors;
    uint32_t width, height; /* of the output */
    bool relu_before_sum, relu_after_sum;
};

/* What one kind of processor runs. Sums are fused and in fixed order, so a kind gives the same bits
 * each time; two kinds may differ in the last digits. */
struct conv_kind {
    const char *name;
    uint32_t lanes;        /* floats a vector */
    uint32_t most;         /* vectors that are computed together */
    bool (*is_here)(void); /* whether this processor has it */
    void (*run)(const struct conv_job *job);
};

/* All kinds that were built, the fastest first; NULL ends them. The last runs everywhere. */
extern const struct conv_kind *const conv_kinds[];

/* The fastest kind of this processor. */
const struct conv_kind *conv_best(void);

/* How many of `left` vectors are computed together next. */
uint32_t conv_block(const struct conv_kind *kind, uint32_t left);

/* Lays `n_out` x `n_in` weights of each tap, in[o * of.output + c * of.channel + t * of.tap], into
 * blocks of vectors, the missing outputs 0. `to` has n_taps * n_in * n_vectors * lanes floats. */
struct conv_weights {
    const float *at;
    size_t output, channel, tap;
    uint32_t n_out, n_in, n_taps;
};
void conv_pack(const struct conv_kind *kind, const struct conv_weights *from, float *to);

#endif
