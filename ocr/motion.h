/* The motion gate: has the picture changed enough to be worth reading? */
#ifndef LANEWARD_OCR_MOTION_H
#define LANEWARD_OCR_MOTION_H

#include <stdbool.h>

#include "base/err.h"
#include "ocr/image.h"

enum { MOTION_COLUMNS = 32, MOTION_ROWS = 18 };

/* Keeps a coarse grid of mean greys of the last picture that counted as changed. */
struct motion;

/* `step`: 1..255, the mean grey of a grid cell must have changed by that much; `cells`: in so many
 * cells at least. */
enum err motion_new(struct motion **out, unsigned step, unsigned cells, struct fault *why) MUST_USE;
void motion_free(struct motion **motion);

/* True for the first picture, for one of another size, and where enough cells differ from the last
 * picture for which it was true. A change of light over the whole picture is taken out first.
 * Allocates nothing. */
bool motion_changed(struct motion *motion, const struct image *image);

#endif
