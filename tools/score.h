/* How well readings agree with labels, and what their confidence is worth. */
#ifndef LANEWARD_TOOLS_SCORE_H
#define LANEWARD_TOOLS_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ocr/ocr.h"
#include "tools/labels.h"

/* One text that was given out. */
struct score_text {
    float confidence;
    bool right, stray; /* stray: there is no plate at all */
};

/* Sums over pictures; all zero to begin with. A reading belongs to the label with the best IoU of
 * 0.3 and more. */
struct score {
    unsigned pictures, plates, reported;
    unsigned found;         /* plates met at IoU 0.5, one to one */
    unsigned near;          /* at IoU 0.3 */
    unsigned texts;         /* plates whose text is known */
    unsigned exact, listed; /* of them: first candidate right; any of ten right */
    double characters;      /* sum of 1 - edit distance / length */
    struct score_text *given;
    size_t n_given, room;
};

/* What one picture came to, for its picture in --show. */
enum score_verdict { SCORE_RIGHT, SCORE_STRAY, SCORE_WRONG, SCORE_MISSED };

/* Adds a picture. ERR_MEMORY. */
enum err score_add(struct score *score, const struct labelled *truth,
                   const struct ocr_result *result, enum score_verdict *verdict,
                   struct fault *why) MUST_USE;
void score_release(struct score *score);

/* One point of error against yield: all texts of at least this confidence are given out. */
struct score_point {
    float confidence;
    unsigned accepted, wrong; /* stray ones are wrong */
    double yield;             /* right or wrong ones on a labelled plate, of all such plates */
};

/* The share of wrong texts at which a site's reject point is told. */
#define SCORE_REJECT_ERROR 0.005

/* The largest set of readings with at most `error` wrong among them. False: there is none. */
bool score_reject_point(struct score *score, double error, struct score_point *out);

/* At a confidence: what is given out. Sorts score->given. */
struct score_point score_at(struct score *score, float confidence);

/* 95 % interval of k out of n (Wilson 1927). */
void score_interval(double k, double n, double out[2]);

#endif
