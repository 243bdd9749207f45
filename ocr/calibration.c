/* A calibration table and its use on a reading. */
#include "ocr/calibration.h"

#include <assert.h>
#include <math.h>

float calibration_at(const struct calibration *calibration, float from)
{
    const struct calibration *c = calibration;
    if (c->n == 0)
        return from;
    if (from <= c->from[0])
        return c->from[0] > 0 ? c->to[0] * from / c->from[0] : c->to[0];
    for (uint8_t i = 1; i < c->n; i++)
        if (from <= c->from[i]) {
            float part = (from - c->from[i - 1]) / (c->from[i] - c->from[i - 1]);
            return c->to[i - 1] + part * (c->to[i] - c->to[i - 1]);
        }
    return c->to[c->n - 1];
}

void calibration_apply(const struct calibration *calibration, struct reading *reading)
{
    if (reading->n_candidates == 0)
        return;
    float before = reading->candidates[0].confidence;
    float after = calibration_at(calibration, before);
    assert(after >= 0 && after <= 1);
    float share = before < 1 ? (1 - after) / (1 - before) : 0;
    reading->candidates[0].confidence = after;
    for (uint8_t i = 1; i < reading->n_candidates; i++)
        reading->candidates[i].confidence = fminf(after, reading->candidates[i].confidence * share);
}
