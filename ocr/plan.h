/* A network as a list of convolutions, with what comes after each joined to it. */
#ifndef LANEWARD_OCR_PLAN_H
#define LANEWARD_OCR_PLAN_H

#include "ocr/onnx.h"

enum { PLAN_MAX_STEPS = 64, PLAN_MAX_KERNEL = 16, PLAN_MAX_CHANNELS = 1024, PLAN_MAX_PAD = 64 };

/* Values are numbered: 0 is the network's input, i the result of step i - 1. Pairs are y, x. */
struct plan_step {
    const struct onnx_tensor *weights, *bias; /* bias may be NULL */
    bool transposed;                          /* its stride is its kernel, without padding */
    uint32_t n_in, n_out;
    uint32_t kernel[2], stride[2], dilation[2];
    uint32_t pad_before[2], pad_after[2];
    uint32_t from;
    uint32_t sum; /* a value that is added; 0: none */
    bool relu_before_sum, relu_after_sum;
};

struct plan {
    struct plan_step step[PLAN_MAX_STEPS];
    uint32_t n_steps;
    uint32_t n_in;                /* channels of the input */
    float scale, shift;           /* of the input: x * scale + shift */
    bool channels_last;           /* of the output: N, H, W, C instead of N, C, H, W */
    uint32_t dims[ONNX_MAX_DIMS]; /* the output's shape where the file tells one, else 0 */
};

/* `out` points into `onnx`. ERR_INPUT: the network has what does not fit such a list. */
enum err plan_make(const struct onnx *onnx, struct plan *out, struct fault *why) MUST_USE;

#endif
