/* A picture's result in the form of OpenALPR v2's `alpr_results`. */
#ifndef LANEWARD_TOOLS_ALPR_JSON_H
#define LANEWARD_TOOLS_ALPR_JSON_H

#include <jansson.h>

#include "ocr/ocr.h"

/* A new object: confidences 0..100, coordinates in whole pixels clockwise from the plate's top
 * left, times in ms. A plate without a text is left out. `file` is added as "file". NULL: no
 * memory. */
json_t *alpr_json(const struct ocr_result *result, const char *file, double milliseconds,
                  unsigned topn);

#endif
