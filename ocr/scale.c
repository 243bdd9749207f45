/* Shrinking by area in whole numbers: rows are summed with weights of 1/256, then columns through a
 * running sum, of which each target pixel is a difference.
 *
 * OpenCV's own takes three times as long for ratios that are not whole (docs/recognition.md). */
#include "ocr/scale.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ONE = 256, MOST_RATIO = 200 };

struct scale {
    uint32_t most_from, most_to;
    uint16_t *row; /* weighted sum of a target row's picture rows; the weights sum to ONE */
};

enum err scale_new(struct scale **out, uint32_t most_from, uint32_t most_to, struct fault *why)
{
    struct scale *scale = calloc(1, sizeof *scale);
    uint16_t *row = malloc((size_t)most_from * sizeof *row);
    if (scale == NULL || row == NULL) {
        free(scale);
        free(row);
        return fault_set(why, ERR_MEMORY, "no memory to scale pictures in");
    }
    *scale = (struct scale){most_from, most_to, row};
    *out = scale;
    return ERR_OK;
}

void scale_free(struct scale **scale)
{
    if (*scale != NULL)
        free((*scale)->row);
    free(*scale);
    *scale = NULL;
}

bool scale_can(const struct scale *scale, const struct image *from, uint32_t width, uint32_t height)
{
    return width >= 1 && height >= 1 && width <= from->width && height <= from->height &&
           from->width <= scale->most_from && width <= scale->most_to &&
           from->width / width < MOST_RATIO && from->height / height < MOST_RATIO;
}

static void add_row(uint16_t *restrict sum, const uint8_t *restrict row, uint32_t width,
                    uint16_t weight)
{
    for (uint32_t x = 0; x < width; x++)
        sum[x] = (uint16_t)(sum[x] + weight * row[x]);
}

/* The picture's rows under target row `y`, each with the share of it, in 1/256 and ONE in all. */
static void sum_rows(struct scale *scale, const struct image *from, uint32_t y, uint32_t height)
{
    /* Places in 1/height of a picture row, so that all are whole. */
    uint64_t begin = (uint64_t)y * from->height, end = begin + from->height;
    uint32_t given = 0;
    memset(scale->row, 0, from->width * sizeof *scale->row);
    for (uint64_t at = begin; at < end;) {
        uint64_t row = at / height, next = (row + 1) * height;
        next = next < end ? next : end;
        uint32_t until = (uint32_t)((next - begin) * ONE / from->height);
        const uint8_t *pixels = from->pixels + (size_t)row * from->stride;
        if (until > given)
            add_row(scale->row, pixels, from->width, (uint16_t)(until - given));
        given = until;
        at = next;
    }
}

/* Differences of the running sum at places in 1/ONE of a pixel; the sum may wrap, they do not. */
static void sum_columns(const uint16_t *row, uint32_t from, float *to, uint32_t width)
{
    uint32_t sum = 0, x = 0, before = 0, place_before = 0;
    for (uint32_t i = 0; i < width; i++) {
        uint32_t place = (uint32_t)((uint64_t)(i + 1) * from * ONE / width);
        uint32_t whole = place / ONE, part = place % ONE;
        for (; x < whole; x++)
            sum += (uint32_t)row[x] * ONE;
        uint32_t here = sum + (part > 0 ? row[x] * part : 0);
        to[i] = (float)(here - before) / ((float)(place - place_before) * (float)(ONE * 255));
        before = here;
        place_before = place;
    }
}

void scale_shrink(struct scale *scale, const struct image *from, const struct scale_target *to)
{
    assert(scale_can(scale, from, to->width, to->height) && to->stride >= to->width);
    for (uint32_t y = 0; y < to->height; y++) {
        sum_rows(scale, from, y, to->height);
        sum_columns(scale->row, from->width, to->values + (size_t)y * to->stride, to->width);
    }
}
