/* A detection mask: the part of a camera's picture where plates are looked for. */
#ifndef LANEWARD_OCR_MASK_H
#define LANEWARD_OCR_MASK_H

#include <stdbool.h>

#include "base/err.h"
#include "ocr/jpeg.h"
#include "ocr/reading.h"

struct mask;

/* Reads a grey picture, JPEG or binary PGM of 8 bits: what is above half of white is looked at. It
 * is stretched over the camera's picture, so it may be smaller. ERR_IO, ERR_INPUT, ERR_LIMIT,
 * ERR_MEMORY. */
enum err mask_open(struct mask **out, const char *path, struct jpeg *jpeg,
                   struct fault *why) MUST_USE;
void mask_close(struct mask **mask);

/* Is the middle of the region, in a picture of width x height pixels, where the mask is white? */
bool mask_has(const struct mask *mask, const struct region *region, uint32_t width,
              uint32_t height);

#endif
