/* Two readers of one plate: what the second one's text does to the first one's reading. */
#ifndef LANEWARD_OCR_AGREE_H
#define LANEWARD_OCR_AGREE_H

#include "ocr/reading.h"

/* Limits, and shares measured on validation plates that the first reader was unsure of; all between
 * 0 and 1. */
struct agree_rules {
    float unsure_below;  /* the second reader is asked where the first one's confidence is below */
    float same_if_right; /* it gives the first one's text, of plates where that is right */
    float same_if_wrong; /* ... where that is wrong */
    float alone;         /* its text is right, of plates where it is none of the candidates */
    float heard_from;    /* what the second reader believes less counts as silence */
};

/* Whether the first reader is unsure. */
bool agree_is_asked(const struct agree_rules *rules, const struct reading *reading);

/* Weighs the candidates again by Bayes' rule: the one that the second reader also gives gains, the
 * others lose; a text that is no candidate is added to them (in place of the last, where there are
 * `topn`). Marks the reading for review where the second reader says something else than the first
 * candidate, or where the confidence is still below `reject`. An empty text, or one below
 * heard_from, changes nothing. Where another text has become the likeliest, its positions are as
 * after agree_alone. */
void agree_apply(const struct agree_rules *rules, const struct candidate *second, unsigned topn,
                 float reject, struct reading *reading);

/* The reading of the second reader alone. Each position then has the n-th root of the confidence
 * for its character, and the rest in equal shares for all others. */
void agree_alone(const struct candidate *second, float reject, struct reading *reading);

#endif
