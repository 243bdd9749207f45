/* What the readings of one vehicle say together: evidence for texts, gathered over frames. Pure; no
 * allocation. */
#ifndef LANEWARD_DAEMON_FUSE_H
#define LANEWARD_DAEMON_FUSE_H

#include "ocr/reading.h"
#include "storage/row.h"

enum { FUSE_MAX_TEXTS = 32, FUSE_CLASSES = 37 };

/* One text that some frame has proposed. "Evidence" is weight * ln(confidence / floor) of a frame,
 * in nats. */
struct fuse_text {
    char text[READING_MAX_CHARS + 1];
    char region[READING_REGION_SIZE];
    bool matches_pattern;
    uint32_t frames;         /* that list it at any place */
    uint32_t top_frames;     /* whose first choice it was */
    uint32_t clear_frames;   /* of those, the ones that the reader did not mark for review */
    float best_confidence;   /* 0..1, of one frame */
    float best, sum;         /* evidence: of the strongest frame, of all */
    float top_best, top_sum; /* the same over frames whose first choice it was */
    float shared;            /* weighted sum of confidences */
};

/* All that is remembered of the readings of one vehicle. Zero bytes are the empty state. */
struct fuse {
    uint32_t n_texts;
    struct fuse_text texts[FUSE_MAX_TEXTS];
    float weight; /* of all frames that had a text */
    /* Frames by the length of their first choice: how many, their weight, and the weighted sum of
     * their distributions. */
    uint32_t length_frames[READING_MAX_CHARS + 1];
    float length_weight[READING_MAX_CHARS + 1];
    float votes[READING_MAX_CHARS + 1][READING_MAX_CHARS][FUSE_CLASSES];
};

/* Add one frame's reading; `width` is the plate's width in pixels. A reading without candidates
 * adds nothing. */
void fuse_add(struct fuse *fuse, const struct reading *reading, float width);

/* Fill the row's plate, region, confidence, candidates (best first) and needs_review. Confidence of
 * the best: agreement of further frames takes away at most nine tenths of the doubt that the best
 * single frame left, because frames of one vehicle share their errors (dirt, glare, angle); frames
 * that clearly say another text take their share away. Belief of less than 2 % is no reading: the
 * row then has no text. */
void fuse_result(const struct fuse *fuse, struct row *out);

/* The best supported text that a frame has listed, or NULL. Good until the next fuse_add. */
const struct fuse_text *fuse_best(const struct fuse *fuse);

#endif
