/* Runs a network: the project's own engine for small convolutional networks, on one thread. */
#ifndef LANEWARD_OCR_NET_H
#define LANEWARD_OCR_NET_H

#include <stddef.h>

#include "base/err.h"
#include "ocr/conv.h"

/* A network loaded from ONNX, with one input and one output. One thread at a time. */
struct net;

/* What a network is given, or gives: `size` as N, C, H, W (fewer dimensions: leading ones are 1).
 */
struct net_tensor {
    const float *data;
    int size[4];
};

/* `onnx` is borrowed until return. `kind`: which convolutions; NULL: the fastest of this processor.
 * ERR_INPUT: it is no ONNX, or a network with operations that are not known here; ERR_MEMORY. */
enum err net_new(struct net **out, const void *onnx, size_t size, const struct conv_kind *kind,
                 struct fault *why) MUST_USE;
void net_free(struct net **net);

/* out->data belongs to the network, until its next run. Memory is only allocated for an input that
 * needs more than those before. ERR_INPUT: the network cannot take such a size; ERR_MEMORY. */
enum err net_run(struct net *net, const struct net_tensor *in, struct net_tensor *out,
                 struct fault *why) MUST_USE;

#endif
