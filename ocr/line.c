/* Finds the rows of characters of a straightened plate by how much changes along each row of
 * pixels. */
#include "ocr/line.h"

#include <stdlib.h>
#include <string.h>

#include "ocr/cv.h"

/* The same numbers as in ocr/training/tesseract_line.py; rows of pixels unless said otherwise. */
enum {
    HEIGHT = LINE_PLATE_HEIGHT,
    WIDTH = LINE_PLATE_WIDTH,
    SIDE = 5, /* columns left away on each side */
    VALLEY_FROM = 27,
    VALLEY_TO = 40,
    TOP = 4,
    BOTTOM = 60,
    MIDDLE_FROM = 24,
    MIDDLE_TO = 44,
    GAP_PERCENT = 55,  /* of the weaker row's peak: a valley below it parts two rows */
    EDGE_PERCENT = 40, /* of its peak: a band ends where there is less */
    PAD = 2,
    LEAST = 16,
};

/* Rows from..to of pixels, `to` not included. */
struct band {
    int from, to;
};

static void profile(const uint8_t *plate, int rows[HEIGHT])
{
    int sharp[HEIGHT] = {0};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 8; x < WIDTH - 10; x++)
            sharp[y] += abs(plate[y * WIDTH + x + 2] - plate[y * WIDTH + x]);
    for (int y = 0; y < HEIGHT; y++) {
        rows[y] = 0;
        for (int k = -2; k <= 2; k++)
            rows[y] += y + k >= 0 && y + k < HEIGHT ? sharp[y + k] : 0;
    }
}

/* The first of the extreme rows in from..to: of the largest (`sign` 1) or of the smallest (-1). */
static int extreme(const int rows[HEIGHT], struct band in, int sign)
{
    int at = in.from;
    for (int y = in.from; y < in.to; y++)
        at = sign * rows[y] > sign * rows[at] ? y : at;
    return at;
}

/* The rows round `peak` that hold characters. */
static struct band around(const int rows[HEIGHT], struct band in, int peak)
{
    int first = peak, last = peak;
    while (first > in.from && 100 * rows[first - 1] >= EDGE_PERCENT * rows[peak])
        first--;
    while (last + 1 < in.to && 100 * rows[last + 1] >= EDGE_PERCENT * rows[peak])
        last++;
    first = first > PAD ? first - PAD : 0;
    last = last + PAD < HEIGHT ? last + PAD : HEIGHT - 1;
    int lack = LEAST - (last + 1 - first);
    if (lack > 0) {
        first = first > (lack + 1) / 2 ? first - (lack + 1) / 2 : 0;
        last = first + LEAST - 1 < HEIGHT ? first + LEAST - 1 : HEIGHT - 1;
    }
    return (struct band){first, last + 1};
}

/* How many bands, upper one first. */
static int find_bands(const uint8_t *plate, struct band out[2])
{
    int rows[HEIGHT];
    profile(plate, rows);
    int valley = extreme(rows, (struct band){VALLEY_FROM, VALLEY_TO}, -1);
    const struct band above = {TOP, valley}, below = {valley + 1, BOTTOM};
    int upper = extreme(rows, above, 1), lower = extreme(rows, below, 1);
    int weaker = rows[upper] < rows[lower] ? rows[upper] : rows[lower];
    if (100 * rows[valley] < GAP_PERCENT * weaker) {
        out[0] = around(rows, above, upper);
        out[1] = around(rows, below, lower);
        return 2;
    }
    int peak = extreme(rows, (struct band){MIDDLE_FROM, MIDDLE_TO}, 1);
    out[0] = around(rows, (struct band){TOP, BOTTOM}, peak);
    return 1;
}

enum err line_cut(const uint8_t plate[LINE_PLATE_WIDTH * LINE_PLATE_HEIGHT], struct line *out,
                  struct fault *why)
{
    struct band bands[2];
    int n = find_bands(plate, bands);
    uint32_t wide = n == 1 ? LINE_WIDTH : LINE_HALF_WIDTH;
    uint8_t piece[LINE_HEIGHT * LINE_WIDTH];
    struct line line = {.width = wide * (uint32_t)n};
    for (int i = 0; i < n; i++) {
        const struct image from = {plate + bands[i].from * WIDTH + SIDE, WIDTH - 2 * SIDE,
                                   (uint32_t)(bands[i].to - bands[i].from), WIDTH};
        enum err err = cv_resize(&from, piece, wide, LINE_HEIGHT, why);
        if (err)
            return err;
        for (uint32_t y = 0; y < LINE_HEIGHT; y++)
            memcpy(line.pixels + y * line.width + wide * (uint32_t)i, piece + y * wide, wide);
    }
    *out = line;
    return ERR_OK;
}
