/* Annotated pictures, to look at what recognition did; for the bench, never in the daemon. */
#ifndef LANEWARD_OCR_SHOW_H
#define LANEWARD_OCR_SHOW_H

#include "ocr/jpeg.h"
#include "ocr/ocr.h"

/* A quad in full-picture pixels with a text under it. */
struct show_mark {
    struct point corner[4];
    const char *text; /* NULL: none */
    uint32_t rgb;     /* 0xRRGGBB */
};

/* The last picture that the engine decoded; width 0: none. */
const struct jpeg_picture *ocr_picture(const struct ocr *ocr);

/* The last picture with marks on it, as a colour JPEG; `*bytes` is malloc'ed. */
enum err show_picture(const struct ocr *ocr, const struct show_mark *marks, size_t n,
                      uint8_t **bytes, size_t *size, struct fault *why) MUST_USE;

#endif
