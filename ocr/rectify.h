/* Straightening: the plate inside four corners becomes an upright rectangle of pixels. */
#ifndef LANEWARD_OCR_RECTIFY_H
#define LANEWARD_OCR_RECTIFY_H

#include "base/err.h"
#include "ocr/image.h"
#include "ocr/reading.h"

enum { RECTIFY_MAX_SIDE = 320, RECTIFY_MAX_OVERSAMPLE = 4 };

/* Work space of RECTIFY_MAX_SIDE^2 * RECTIFY_MAX_OVERSAMPLE^2 bytes, in pixels oversampled before
 * they are averaged. */
struct rectify;

enum err rectify_new(struct rectify **out, struct fault *why) MUST_USE;
void rectify_free(struct rectify **rectify);

/* The quad grown about its own middle, in its own perspective: by margin_x of its width on the left
 * and on the right, by margin_y of its height above and below. False: no proper quad (a crossed or
 * flat one); `out` is untouched. */
bool rectify_enlarge(const struct point quad[4], float margin_x, float margin_y,
                     struct point out[4]) MUST_USE;

/* Fills target->width x target->height packed pixels with what lies in `quad` of `from`
 * (coordinates of `from`). Where the picture has several pixels to one of the target they are
 * averaged. ERR_INPUT: no proper quad. */
struct rectify_target {
    uint8_t *pixels;
    uint32_t width, height; /* at most RECTIFY_MAX_SIDE */
};
enum err rectify_cut(struct rectify *rectify, const struct image *from, const struct point quad[4],
                     const struct rectify_target *target, struct fault *why) MUST_USE;

#endif
