/* The second reader: Tesseract with a plate model of the project's own. One thread at a time. */
#ifndef LANEWARD_OCR_SECOND_H
#define LANEWARD_OCR_SECOND_H

#include "base/err.h"
#include "ocr/agree.h"
#include "ocr/reading.h"

struct second;

/* Opens DIR/plate.json and the traineddata it names; errors as model_open. After it no file is
 * opened. Tesseract ends the process where its own assertions fail or memory runs out: neither
 * crosses this border as a code. */
enum err second_open(struct second **out, const char *dir, struct fault *why) MUST_USE;
void second_close(struct second **second);

/* How far the readers are to be believed, from the model's card. */
const struct agree_rules *second_rules(const struct second *second);

/* What Tesseract reads on a straightened plate (see line_cut); an empty text where it finds none,
 * or one that is longer than a plate's. The same pixels give the same text and confidence.
 * ERR_MEMORY. */
enum err second_run(struct second *second, const uint8_t *plate, struct candidate *out,
                    struct fault *why) MUST_USE;

#endif
