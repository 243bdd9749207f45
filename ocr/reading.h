/* The nouns that leave this room: a region of a picture, and the reading of the plate in it. */
#ifndef LANEWARD_OCR_READING_H
#define LANEWARD_OCR_READING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    READING_MAX_CHARS = 12,      /* characters of a plate */
    READING_MAX_CANDIDATES = 10, /* texts kept a plate */
    READING_MAX_CLASSES = 40,    /* alphabet of a reader, blank included */
    READING_MAX_PLATES = 8,      /* plates kept a picture */
    READING_REGION_SIZE = 12,    /* name of a jurisdiction with its closing zero: "us-ny", "mx" */
};

/* Pixels of the full picture; x to the right, y down; the centre of the top left pixel is 0.5, 0.5.
 */
struct point {
    float x, y;
};

/* A plate's outer edge, clockwise from the plate's own top left; a tilted plate's first corner
 * tilts with it. */
struct region {
    struct point corner[4];
    float score; /* 0..1, the locator's belief that this is a plate */
};

/* One text that the plate may carry. */
struct candidate {
    char text[READING_MAX_CHARS + 1]; /* A-Z 0-9 */
    /* Jurisdiction whose form it has: "us-ny"; "us" where several of its parts share it; or "". */
    char region[READING_REGION_SIZE];
    float region_share; /* 0..1, of that region among all that have the form */
    float confidence;   /* 0..1, calibrated: the share of such readings that are exact */
    bool matches_pattern;
};

/* What was read at one region. No pointers: it can be copied, compared and sent as it is. */
struct reading {
    struct region where;
    uint8_t n_candidates; /* best first; 0: a plate was seen, and no text could be read */
    struct candidate candidates[READING_MAX_CANDIDATES];
    /* Distribution over the alphabet at each character of candidates[0], blank (index 0) meaning
     * "no such character": rows sum to 1; n_positions is the length of candidates[0].text. Index i
     * >= 1 is alphabet[i - 1] of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ". */
    uint8_t n_positions;
    float position[READING_MAX_CHARS][READING_MAX_CLASSES];
    bool needs_review;           /* two readers disagree, or the text is below the reject point */
    bool was_compared, was_same; /* both readers gave a text; and it was the same */
};

#endif
