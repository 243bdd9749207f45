/* Shrinking a grey picture by area, straight into a network's input. */
#ifndef LANEWARD_OCR_SCALE_H
#define LANEWARD_OCR_SCALE_H

#include <stdbool.h>

#include "base/err.h"
#include "ocr/image.h"

/* Work space for targets and pictures up to a width. */
struct scale;

/* Pictures of at most `most_from` pixels width, targets of at most `most_to`. */
enum err scale_new(struct scale **out, uint32_t most_from, uint32_t most_to,
                   struct fault *why) MUST_USE;
void scale_free(struct scale **scale);

/* Where it goes: `stride` floats from a row to the next. */
struct scale_target {
    float *values;
    uint32_t width, height, stride;
};

/* Each value is the mean grey, 0..1, of the part of the picture that it covers. The target may not
 * be larger than the picture in either direction, nor more than 200 times smaller. */
bool scale_can(const struct scale *scale, const struct image *from, uint32_t width,
               uint32_t height);
void scale_shrink(struct scale *scale, const struct image *from, const struct scale_target *to);

#endif
