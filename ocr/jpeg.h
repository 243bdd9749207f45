/* JPEG bytes to a grey picture and back, through TurboJPEG. */
#ifndef LANEWARD_OCR_JPEG_H
#define LANEWARD_OCR_JPEG_H

#include <stddef.h>

#include "base/err.h"
#include "ocr/image.h"

enum {
    JPEG_MAX_SIDE = 65500,        /* pixels, as libjpeg */
    JPEG_MAX_PIXELS = 64000000,   /* of a picture that is accepted at all */
    JPEG_WHOLE_PIXELS = 16000000, /* larger ones are decoded at half size */
    JPEG_CROP_SIDE = 320,         /* of a picture that is encoded */
};

/* A decoder with its frame buffer; one a thread. */
struct jpeg;

/* A decoded picture; the pixels belong to the decoder and live until its next use. */
struct jpeg_picture {
    struct image grey;
    uint32_t width, height; /* of the whole picture; grey may be half of it */
};

enum err jpeg_new(struct jpeg **out, struct fault *why) MUST_USE;
void jpeg_free(struct jpeg **jpeg);

/* ERR_INPUT: not a JPEG, damaged or cut short, or in four colours. ERR_LIMIT: too large, by its
 * header. */
enum err jpeg_decode(struct jpeg *jpeg, const uint8_t *bytes, size_t size, struct jpeg_picture *out,
                     struct fault *why) MUST_USE;

/* Grey JPEG of at most JPEG_CROP_SIDE a side, quality 1..100. `*bytes` belongs to `jpeg`, until its
 * next use. */
enum err jpeg_encode(struct jpeg *jpeg, const struct image *grey, int quality,
                     const uint8_t **bytes, size_t *size, struct fault *why) MUST_USE;

/* Colour JPEG of packed RGB pixels, for looking at; `*bytes` is malloc'ed. */
struct jpeg_colour {
    const uint8_t *pixels;
    uint32_t width, height;
};
enum err jpeg_encode_colour(struct jpeg *jpeg, const struct jpeg_colour *picture, uint8_t **bytes,
                            size_t *size, struct fault *why) MUST_USE;

#endif
