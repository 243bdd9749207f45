/* The part of the ONNX format that the project's networks use: bytes in, a list of operations out.
 */
#ifndef LANEWARD_OCR_ONNX_H
#define LANEWARD_OCR_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    ONNX_MAX_NODES = 128,
    ONNX_MAX_TENSORS = 256,
    ONNX_MAX_INPUTS = 3,
    ONNX_MAX_DIMS = 4,
};

/* Bytes of the file. */
struct onnx_text {
    const char *at;
    size_t size;
};

/* Constant numbers; `bytes` are little-endian and belong to the file, n_values of them. */
struct onnx_tensor {
    struct onnx_text name;
    enum onnx_type { ONNX_FLOAT = 1, ONNX_INT64 = 7 } type;
    int64_t dims[ONNX_MAX_DIMS];
    uint32_t n_dims;
    const uint8_t *bytes;
    size_t n_values;
};

/* A list of whole numbers, as attributes have them; n 0: the node has no such attribute. */
struct onnx_list {
    int64_t at[2 * ONNX_MAX_DIMS];
    uint32_t n;
};

struct onnx_node {
    struct onnx_text op;
    struct onnx_text input[ONNX_MAX_INPUTS], output;
    uint32_t n_inputs;
    struct onnx_list kernel, strides, dilations, pads, perm, group;
};

/* In the file's order, in which what is used comes after what makes it. A Constant is one of the
 * tensors. */
struct onnx {
    struct onnx_node node[ONNX_MAX_NODES];
    struct onnx_tensor tensor[ONNX_MAX_TENSORS];
    uint32_t n_nodes, n_tensors;
    struct onnx_text input, output;
};

/* `out` points into `bytes`. ERR_INPUT: no ONNX, or one with what is not known here. */
enum err onnx_parse(const uint8_t *bytes, size_t size, struct onnx *out,
                    struct fault *why) MUST_USE;

bool onnx_same(struct onnx_text a, struct onnx_text b);
bool onnx_is(struct onnx_text text, const char *word);

/* NULL: no tensor has the name. */
const struct onnx_tensor *onnx_find(const struct onnx *onnx, struct onnx_text name);

/* Its i-th number; ONNX_FLOAT. */
float onnx_float(const struct onnx_tensor *tensor, size_t i);

#endif
