/* Ranking: from a reader's distributions and the syntax to the texts that a plate may carry. */
#ifndef LANEWARD_OCR_RANK_H
#define LANEWARD_OCR_RANK_H

#include "base/err.h"
#include "ocr/ctc.h"
#include "ocr/reading.h"
#include "ocr/syntax.h"

struct rank;

enum { RANK_MAX_VIEWS = 4 };

struct rank_options {
    unsigned topn;           /* 1..READING_MAX_CANDIDATES */
    bool must_match_pattern; /* only texts that fit a pattern count */
};

enum err rank_new(struct rank **out, struct fault *why) MUST_USE;
void rank_free(struct rank **rank);

/* One plate, read once or several times from slightly different cuts. */
struct rank_views {
    struct ctc_odds odds[RANK_MAX_VIEWS];
    uint8_t n; /* 1.. */
};

/* Fills candidates (confidence: the share of the text among all texts, not yet calibrated) and
 * positions of `out`; leaves the rest of it alone. A text is as probable as it is on average over
 * the views. No candidates: the likeliest is that nothing is written there. */
void rank_run(struct rank *rank, const struct rank_views *views, const struct syntax *syntax,
              const struct rank_options *options, struct reading *out);

/* The region and the pattern of a text from elsewhere; an empty one fits none. */
void rank_judge(const struct syntax *syntax, struct candidate *text);

#endif
