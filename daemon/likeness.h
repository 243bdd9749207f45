/* Is it the same vehicle? What two texts and two places say about that, as log-likelihood ratios in
 * nats. Pure. */
#ifndef LANEWARD_DAEMON_LIKENESS_H
#define LANEWARD_DAEMON_LIKENESS_H

#include <stdbool.h>

#include "ocr/reading.h"

/* A plate's place: centre and edge lengths in pixels. */
struct likeness_place {
    float x, y, width, height;
};

/* Positive: rather the same plate. The texts are aligned character by character; how much a
 * difference weighs depends on how surely each was read (confidences 0..1), and a look-alike (O/0,
 * B/8, ...) weighs little. Identical texts give at most likeness_identical, others at most half of
 * that. */
float likeness_text(const char *a, float confidence_a, const char *b, float confidence_b);
extern const float likeness_identical;

/* Positive: rather the same plate. `spread` is the expected distance from the predicted place in
 * plate widths (1 sigma), `dt` the seconds between. Never below likeness_far. */
float likeness_of_places(const struct likeness_place *predicted, const struct likeness_place *seen,
                         float spread, float dt);
extern const float likeness_far;

/* Centre and edges of a region; and how much two places overlap (intersection over union of upright
 * boxes, 0..1). */
struct likeness_place likeness_place(const struct region *region);
float likeness_overlap(const struct likeness_place *a, const struct likeness_place *b);

/* Characters that readers and officers confuse; a character is alike to itself. */
bool likeness_alike(char a, char b);

#endif
