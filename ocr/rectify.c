/* Straightening: a perspective map from the unit square to a quad, and what follows from it. */
#include "ocr/rectify.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "ocr/cv.h"

struct rectify {
    uint8_t *fine;
};

/* Row-major 3x3: unit square (0,0 1,0 1,1 0,1) -> quad, in homogeneous coordinates. */
struct map {
    double m[9];
};

enum err rectify_new(struct rectify **out, struct fault *why)
{
    struct rectify *rectify = calloc(1, sizeof *rectify);
    size_t side = (size_t)RECTIFY_MAX_SIDE * RECTIFY_MAX_OVERSAMPLE;
    if (rectify != NULL)
        rectify->fine = malloc(side * side);
    if (rectify == NULL || rectify->fine == NULL) {
        rectify_free(&rectify);
        return fault_set(why, ERR_MEMORY, "no memory to straighten plates in");
    }
    *out = rectify;
    return ERR_OK;
}

void rectify_free(struct rectify **rectify)
{
    if (*rectify != NULL)
        free((*rectify)->fine);
    free(*rectify);
    *rectify = NULL;
}

/* Heckbert's closed form (Fundamentals of Texture Mapping, 1989, 2.2.3). Corners may lie anywhere,
 * as long as the quad is convex and goes round clockwise (y down). */
static bool map_of(const struct point q[4], struct map *out)
{
    for (int i = 0; i < 4; i++) {
        const struct point a = q[i], b = q[(i + 1) % 4], c = q[(i + 2) % 4];
        double turn = (double)(b.x - a.x) * (c.y - b.y) - (double)(b.y - a.y) * (c.x - b.x);
        if (!(turn > 1e-3) || !isfinite(turn))
            return false;
    }
    double dx1 = q[1].x - q[2].x, dx2 = q[3].x - q[2].x, sx = q[0].x - q[1].x + q[2].x - q[3].x;
    double dy1 = q[1].y - q[2].y, dy2 = q[3].y - q[2].y, sy = q[0].y - q[1].y + q[2].y - q[3].y;
    double det = dx1 * dy2 - dy1 * dx2;
    double g = (sx * dy2 - sy * dx2) / det, h = (dx1 * sy - dy1 * sx) / det;
    *out =
        (struct map){{q[1].x - q[0].x + g * q[1].x, q[3].x - q[0].x + h * q[3].x, q[0].x,
                      q[1].y - q[0].y + g * q[1].y, q[3].y - q[0].y + h * q[3].y, q[0].y, g, h, 1}};
    return true;
}

/* False where the point lies on or behind the horizon. */
static bool map_point(const struct map *map, double u, double v, struct point *out)
{
    const double *m = map->m;
    double w = m[6] * u + m[7] * v + m[8];
    if (!(w > 1e-6))
        return false;
    *out = (struct point){(float)((m[0] * u + m[1] * v + m[2]) / w),
                          (float)((m[3] * u + m[4] * v + m[5]) / w)};
    return true;
}

bool rectify_enlarge(const struct point quad[4], float margin_x, float margin_y,
                     struct point out[4])
{
    struct map map;
    struct point grown[4];
    if (!map_of(quad, &map))
        return false;
    for (int i = 0; i < 4; i++) {
        double u = i == 1 || i == 2 ? 1.0 + margin_x : -margin_x;
        double v = i >= 2 ? 1.0 + margin_y : -margin_y;
        if (!map_point(&map, u, v, &grown[i]))
            return false;
    }
    for (int i = 0; i < 4; i++)
        out[i] = grown[i];
    return true;
}

/* Pixels of the picture to one of the target: the larger of the mean over width and over height. */
static double density(const struct point q[4], uint32_t width, uint32_t height)
{
    double wide = hypot(q[1].x - q[0].x, q[1].y - q[0].y) + hypot(q[2].x - q[3].x, q[2].y - q[3].y);
    double high = hypot(q[3].x - q[0].x, q[3].y - q[0].y) + hypot(q[2].x - q[1].x, q[2].y - q[1].y);
    return fmax(wide / 2 / width, high / 2 / height);
}

enum err rectify_cut(struct rectify *rectify, const struct image *from, const struct point quad[4],
                     const struct rectify_target *target, struct fault *why)
{
    uint32_t width = target->width, height = target->height;
    assert(width >= 1 && width <= RECTIFY_MAX_SIDE && height >= 1 && height <= RECTIFY_MAX_SIDE);
    struct map map;
    if (!map_of(quad, &map))
        return fault_set(why, ERR_INPUT, "four corners that are no plate");
    double spacing = density(quad, width, height);
    uint32_t times =
        spacing > 1.5 ? (uint32_t)fmin(ceil(spacing - 0.5), RECTIFY_MAX_OVERSAMPLE) : 1;
    uint32_t fine_width = width * times, fine_height = height * times;
    /* From a target pixel's index to the unit square: (i + 0.5) / n; from a place in the picture to
     * an index: - 0.5. */
    double map_index[9];
    for (int row = 0; row < 3; row++) {
        const double *m = map.m + 3 * row;
        map_index[3 * row] = m[0] / fine_width;
        map_index[3 * row + 1] = m[1] / fine_height;
        map_index[3 * row + 2] = m[2] + 0.5 * (m[0] / fine_width + m[1] / fine_height);
    }
    for (int i = 0; i < 6; i++)
        map_index[i] -= 0.5 * map_index[6 + i % 3];
    uint8_t *to = times == 1 ? target->pixels : rectify->fine;
    enum err err = cv_warp(from, map_index, to, fine_width, fine_height, why);
    if (err || times == 1)
        return err;
    const struct image fine = {rectify->fine, fine_width, fine_height, fine_width};
    return cv_resize(&fine, target->pixels, width, height, why);
}
