/* OpenCV behind plain types: scaling, perspective, and drawing. No exception leaves it. */
#ifndef LANEWARD_OCR_CV_H
#define LANEWARD_OCR_CV_H

#include <stdint.h>

#include "base/err.h"
#include "ocr/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One thread, no OpenCL. Call it once before anything else here. */
void cv_begin(void);

/* Scales `from` into width x height packed pixels: by area when it shrinks, bilinear when it grows.
 */
enum err cv_resize(const struct image *from, uint8_t *to, uint32_t width, uint32_t height,
                   struct fault *why) MUST_USE;

/* Fills width x height packed pixels; `map` is the row-major 3x3 from a target pixel's index to a
 * source pixel's index (the centre of the first pixel is 0, 0). Bilinear; beyond the border the
 * border repeats. */
enum err cv_warp(const struct image *from, const double map[9], uint8_t *to, uint32_t width,
                 uint32_t height, struct fault *why) MUST_USE;

/* Packed RGB pixels to draw on. */
struct cv_canvas {
    uint8_t *pixels;
    uint32_t width, height;
};

/* A line between two places in pixels, or a text whose baseline begins at `from`; `rgb` as
 * 0xRRGGBB; letters have a black edge. `size`: the line's width or the letters' height, in pixels.
 * What lies outside is cut off. */
struct cv_pen {
    uint32_t rgb;
    float size;
};
enum err cv_draw_line(const struct cv_canvas *canvas, const float from[2], const float to[2],
                      struct cv_pen pen, struct fault *why) MUST_USE;
enum err cv_draw_text(const struct cv_canvas *canvas, const float from[2], const char *text,
                      struct cv_pen pen, struct fault *why) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
