/* A grey picture in memory that somebody else owns. */
#ifndef LANEWARD_OCR_IMAGE_H
#define LANEWARD_OCR_IMAGE_H

#include <stdint.h>

/* `stride` bytes from a row's first pixel to the next row's; 0 is black, 255 white. */
struct image {
    const uint8_t *pixels;
    uint32_t width, height, stride;
};

#endif
