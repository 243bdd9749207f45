/* Two readers of one plate: what the second one's text does to the first one's reading. */
#ifndef LANEWARD_OCR_AGREE_H
#define LANEWARD_OCR_AGREE_H

#include "ocr/reading.h"

/* Shares measured on validation plates that the first reader was unsure of; all between 0 and 1. */
struct agree_rules {
    float unsure_below; /* the second reader is asked where the first one's confidence is below */
    float same_if_right; /* it gives the first one's text, of plates where that is right */
    float same_if_wrong; /* ... where that is wrong */
    float alone;         /* its text is right, of plates where it is none of the candidates */
};

/* Whether the first reader is unsure. */
bool agree_is_asked(const struct agree_rules *rules, const struct reading *reading);

/* Weighs the candidates again by Bayes' rule: the one that the second reader also gives gains, the others lose; a text
 * that is no candidate is added to them (in place of the last, where there are `topn`). Marks the reading for review where
 * the second reader says something else than the first candidate, or where the confidence is still below `reject`. An
 * empty text changes nothing. Where another text has become the likeliest, agree_spread has filled its positions. */
void agree_apply(const struct agree_rules *rules, const struct candidate *second, unsigned topn, float reject,
                 struct reading *reading);

/* Positions of the first candidate without knowledge of each: its characters by the n-th root of its confidence, and
 * the rest the same for all others. */
void agree_spread(struct reading *reading);

#endif
