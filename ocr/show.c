/* Draws what was found on the picture it was found in. */
#include "ocr/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/cv.h"

static enum err draw_mark(const struct cv_canvas *canvas, const struct show_mark *mark, float scale,
                          struct fault *why)
{
    float unit = fmaxf(1, (float)canvas->height / 500), low = 0, left = (float)canvas->width;
    enum err err = ERR_OK;
    for (int i = 0; i < 4 && !err; i++) {
        const struct point a = mark->corner[i], b = mark->corner[(i + 1) % 4];
        const float from[2] = {a.x * scale - 0.5f, a.y * scale - 0.5f};
        const float to[2] = {b.x * scale - 0.5f, b.y * scale - 0.5f};
        err = cv_draw_line(canvas, from, to, (struct cv_pen){mark->rgb, unit}, why);
        low = fmaxf(low, from[1]);
        left = fminf(left, from[0]);
    }
    if (err || mark->text == NULL)
        return err;
    const float at[2] = {fmaxf(0, left), low + 18 * unit};
    return cv_draw_text(canvas, at, mark->text, (struct cv_pen){mark->rgb, 14 * unit}, why);
}

enum err show_picture(const struct ocr *ocr, const struct show_mark *marks, size_t n,
                      uint8_t **bytes, size_t *size, struct fault *why)
{
    const struct jpeg_picture *picture = ocr_picture(ocr);
    const struct image *grey = &picture->grey;
    struct jpeg *jpeg = NULL;
    if (picture->width == 0)
        return fault_set(why, ERR_NOT_FOUND, "no picture to show");
    size_t pixels = (size_t)grey->width * grey->height;
    uint8_t *rgb = malloc(pixels * 3);
    if (rgb == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a picture of %ux%u", grey->width,
                         grey->height);
    for (size_t i = 0; i < pixels; i++)
        memset(rgb + 3 * i, grey->pixels[i], 3);
    const struct cv_canvas canvas = {rgb, grey->width, grey->height};
    enum err err = ERR_OK;
    for (size_t i = 0; i < n && !err; i++)
        err = draw_mark(&canvas, &marks[i], (float)grey->width / (float)picture->width, why);
    const struct jpeg_colour colour = {rgb, grey->width, grey->height};
    if (!err)
        err = jpeg_new(&jpeg, why);
    if (!err)
        err = jpeg_encode_colour(jpeg, &colour, bytes, size, why);
    jpeg_free(&jpeg);
    free(rgb);
    return err;
}
