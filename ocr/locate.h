/* Localization: a grey picture in, the plates' corners out. */
#ifndef LANEWARD_OCR_LOCATE_H
#define LANEWARD_OCR_LOCATE_H

#include "base/err.h"
#include "ocr/image.h"
#include "ocr/reading.h"

/* What the model's card says. */
struct locate_card {
    uint32_t area;     /* pixels that a picture is scaled to, about */
    uint32_t max_side; /* and no longer than this */
    uint32_t multiple; /* the network's input sides are multiples of it */
    uint32_t stride;   /* input pixels a cell of the map */
    float corner_unit; /* input pixels to one unit of a corner's offset */
    float pad;         /* grey 0..1 to the right of the picture and below it */
    float threshold;   /* 0..1: lower scores are no plates */
    float nms_iou;     /* of two plates whose boxes overlap more, the better one is kept */
};

/* The network's output: 9 planes of rows x columns: score logit, then x0, y0 .. x3, y3 from the
 * cell's centre. */
struct locate_map {
    const float *data;
    uint32_t columns, rows;
};

struct locate;

/* What is not as the card says: zeros mean the card's. */
struct locate_options {
    float threshold; /* 0..1 */
    float zoom;      /* up to 2: the working frame's sides by so much longer */
};

/* Opens DIR/locate.json and its network; errors as model_open. */
enum err locate_open(struct locate **out, const char *dir, const struct locate_options *options,
                     struct fault *why) MUST_USE;
void locate_close(struct locate **locate);

/* Plates in the coordinates of the picture, best first. */
struct locate_found {
    struct region plates[READING_MAX_PLATES];
    uint8_t n;
    float highest; /* 0..1, score anywhere: without a plate, how near something came to be one */
};
enum err locate_run(struct locate *locate, const struct image *image, struct locate_found *out,
                    struct fault *why) MUST_USE;

/* Looks for a known plate again in its surroundings alone, which are then seen at one size,
 * whatever the plate's; `locate` best has a small frame (a zoom below 1). *n is 0 where nothing is
 * found at that place, else 1; out->score is that of `where`. */
enum err locate_again(struct locate *locate, const struct image *image, const struct region *where,
                      struct region *out, uint8_t *n, struct fault *why) MUST_USE;

/* The size that a picture is scaled to. */
void locate_scaled_size(const struct locate_card *card, const struct image *image, uint32_t *width,
                        uint32_t *height);

/* Pure: the map's plates in input pixels, best first. */
uint8_t locate_decode(const struct locate_card *card, const struct locate_map *map,
                      struct region out[READING_MAX_PLATES]);

/* Pure: how much of the smaller one's box lies in the other's: 0..1. */
float locate_cover(const struct region *a, const struct region *b);

#endif
