/* The motion gate: mean absolute difference on a coarse grid. */
#include "ocr/motion.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS = MOTION_COLUMNS * MOTION_ROWS,
    SAMPLES = 8 /* a cell's side at most, spread evenly */
};

struct motion {
    unsigned step, cells;
    uint32_t width, height; /* of the picture that `grid` was made from; 0 = none yet */
    int grid[CELLS], fresh[CELLS];
};

enum err motion_new(struct motion **out, unsigned step, unsigned cells, struct fault *why)
{
    assert(step >= 1 && step <= 255 && cells >= 1 && cells <= CELLS);
    struct motion *motion = calloc(1, sizeof *motion);
    if (motion == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a motion gate");
    motion->step = step;
    motion->cells = cells;
    *out = motion;
    return ERR_OK;
}

void motion_free(struct motion **motion)
{
    free(*motion);
    *motion = NULL;
}

/* Mean grey of pixels from..to, at most SAMPLES^2 of them. */
static int cell_mean(const struct image *image, const uint32_t from[2], const uint32_t to[2])
{
    uint32_t step_x = (to[0] - from[0] + SAMPLES - 1) / SAMPLES,
             step_y = (to[1] - from[1] + SAMPLES - 1) / SAMPLES;
    unsigned sum = 0, n = 0;
    for (uint32_t y = from[1]; y < to[1]; y += step_y)
        for (uint32_t x = from[0]; x < to[0]; x += step_x, n++)
            sum += image->pixels[(size_t)y * image->stride + x];
    return n ? (int)(sum / n) : 0;
}

/* Returns the picture's own mean. */
static int make_grid(const struct image *image, int *grid)
{
    int sum = 0;
    for (uint32_t row = 0; row < MOTION_ROWS; row++)
        for (uint32_t column = 0; column < MOTION_COLUMNS; column++) {
            uint64_t w = image->width, h = image->height;
            const uint32_t from[2] = {(uint32_t)(w * column / MOTION_COLUMNS),
                                      (uint32_t)(h * row / MOTION_ROWS)};
            const uint32_t to[2] = {(uint32_t)(w * (column + 1) / MOTION_COLUMNS),
                                    (uint32_t)(h * (row + 1) / MOTION_ROWS)};
            int mean = cell_mean(image, from, to);
            grid[row * MOTION_COLUMNS + column] = mean;
            sum += mean;
        }
    return sum / CELLS;
}

bool motion_changed(struct motion *motion, const struct image *image)
{
    int mean = make_grid(image, motion->fresh);
    for (int i = 0; i < CELLS; i++)
        motion->fresh[i] -= mean;
    unsigned moved = 0;
    for (int i = 0; i < CELLS; i++)
        moved += (unsigned)abs(motion->fresh[i] - motion->grid[i]) >= motion->step;
    bool same_size = motion->width == image->width && motion->height == image->height;
    if (same_size && moved < motion->cells)
        return false;
    memcpy(motion->grid, motion->fresh, sizeof motion->grid);
    motion->width = image->width;
    motion->height = image->height;
    return true;
}
