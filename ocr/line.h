/* The text line of a plate: the band of its characters, or, of a plate of two rows, both bands side
 * by side. */
#ifndef LANEWARD_OCR_LINE_H
#define LANEWARD_OCR_LINE_H

#include "base/err.h"
#include "ocr/image.h"

enum {
    LINE_HEIGHT = 30,
    LINE_WIDTH = 132,     /* of a plate of one row */
    LINE_HALF_WIDTH = 90, /* of each of two rows */
    LINE_MAX_WIDTH = 2 * LINE_HALF_WIDTH,
    LINE_PLATE_WIDTH = 128,
    LINE_PLATE_HEIGHT = 64, /* of the straightened plate that it is cut from */
};

/* Packed grey pixels. */
struct line {
    uint32_t width; /* LINE_WIDTH or LINE_MAX_WIDTH */
    uint8_t pixels[LINE_HEIGHT * LINE_MAX_WIDTH];
};

/* `plate` is the reader's input: the plate with its margins. Method:
 * ocr/training/tesseract_line.py, the same steps in whole numbers. ERR_MEMORY. */
enum err line_cut(const uint8_t plate[LINE_PLATE_WIDTH * LINE_PLATE_HEIGHT], struct line *out,
                  struct fault *why) MUST_USE;

#endif
