/* Connectionist temporal classification: what a raster of class probabilities says about whole
 * texts. Graves et al., "Connectionist Temporal Classification" (ICML 2006); prefix search as in
 * its section 3.2. */
#ifndef LANEWARD_OCR_CTC_H
#define LANEWARD_OCR_CTC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ocr/reading.h"

enum { CTC_MAX_STEPS = 128, CTC_BEAM = 64 };

/* Probabilities: p[t] sums to 1 over `classes`; class 0 is the blank. */
struct ctc_odds {
    uint16_t steps, classes;
    double p[CTC_MAX_STEPS][READING_MAX_CLASSES];
};

/* A text as classes 1.., and its probability over all its alignments. */
struct ctc_text {
    uint8_t n;
    uint8_t code[READING_MAX_CHARS];
    double p;
};

/* Work space of a beam search. */
struct ctc;

enum err ctc_new(struct ctc **out, struct fault *why) MUST_USE;
void ctc_free(struct ctc **ctc);

/* The most probable texts of at most READING_MAX_CHARS characters, best first; the empty text may
 * be one. Their `p` lacks what the search pruned (but for the six likeliest classes of a step, and
 * prefixes beyond CTC_BEAM): ctc_probability is exact. Returns how many, at most CTC_BEAM. */
size_t ctc_beam(struct ctc *ctc, const struct ctc_odds *odds, struct ctc_text out[CTC_BEAM]);

/* The probability of a text, summed over all its alignments. */
double ctc_probability(const struct ctc_odds *odds, const struct ctc_text *text);

/* For each character the distribution over what could stand in its place, all other characters as
 * they are; class 0 is "nothing". Rows sum to 1; a text of probability 0 gives certainty of its own
 * characters. */
void ctc_positions(const struct ctc_odds *odds, const struct ctc_text *text,
                   float out[READING_MAX_CHARS][READING_MAX_CLASSES]);

#endif
