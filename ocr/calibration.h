/* From the share of a text among the candidates to the share of such readings that are right. */
#ifndef LANEWARD_OCR_CALIBRATION_H
#define LANEWARD_OCR_CALIBRATION_H

#include "ocr/reading.h"

enum { CALIBRATION_MAX_POINTS = 32 };

/* Straight lines between points with rising `from` and not falling `to`, all 0..1. No points:
 * nothing is changed. */
struct calibration {
    uint8_t n;
    float from[CALIBRATION_MAX_POINTS], to[CALIBRATION_MAX_POINTS];
};

float calibration_at(const struct calibration *calibration, float from);

/* Changes the confidence of the first candidate; the others share what is left in their old
 * proportion. */
void calibration_apply(const struct calibration *calibration, struct reading *reading);

#endif
