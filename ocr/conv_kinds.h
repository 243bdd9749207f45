/* The kinds of convolution, a file each. */
#ifndef LANEWARD_OCR_CONV_KINDS_H
#define LANEWARD_OCR_CONV_KINDS_H

#include "ocr/conv.h"

#ifdef __x86_64__
extern const struct conv_kind conv_avx512, conv_avx2;
#endif
extern const struct conv_kind conv_plain;

#endif
