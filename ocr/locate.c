/* Localization: scale, pad, run the network, decode its map into plates. */
#include "ocr/locate.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/cv.h"
#include "ocr/jpeg.h"
#include "ocr/model.h"
#include "ocr/scale.h"

enum { LOCATE_MAX_PEAKS = 64 };

/* A plate's surroundings: so many of its widths, and their height as a share of that; and how much
 * a plate found there must share with the one that is looked for. */
static const float AROUND_WIDTHS = 2.5f, AROUND_HEIGHT = 0.57f, AROUND_IOU = 0.3f;

struct locate {
    struct model model;
    struct locate_card card;
    struct scale *scale;
    uint8_t *scaled; /* a small picture grown to its working size */
    float *input;    /* the picture at its working size, 0..1, padded */
    size_t room;     /* pixels in each */
};

static enum err read_whole(const struct model *model, const char *key, double high, uint32_t *value,
                           struct fault *why)
{
    double number = *value ? *value : NAN;
    enum err err = model_number(model, key, 1, high, &number, why);
    if (!err)
        *value = (uint32_t)number;
    return err;
}

static enum err read_part(const struct model *model, const char *key, double high, float *value,
                          struct fault *why)
{
    double number = *value;
    enum err err = model_number(model, key, 0, high, &number, why);
    if (!err)
        *value = (float)number;
    return err;
}

static enum err read_card(const struct model *model, struct locate_card *out, struct fault *why)
{
    struct locate_card card = {
        .max_side = 1280, .corner_unit = NAN, .pad = NAN, .threshold = NAN, .nms_iou = 0.3f};
    enum err err;
    if ((err = read_whole(model, "area", 4096 * 4096, &card.area, why)) ||
        (err = read_whole(model, "max_side", 4096, &card.max_side, why)) ||
        (err = read_whole(model, "multiple", 256, &card.multiple, why)) ||
        (err = read_whole(model, "stride", 64, &card.stride, why)) ||
        (err = read_part(model, "corner_unit", 4096, &card.corner_unit, why)) ||
        (err = read_part(model, "pad", 1, &card.pad, why)) ||
        (err = read_part(model, "threshold", 1, &card.threshold, why)) ||
        (err = read_part(model, "nms_iou", 1, &card.nms_iou, why)))
        return err;
    if (card.multiple % card.stride != 0)
        return fault_set(why, ERR_INPUT, "model card: \"multiple\" is no multiple of \"stride\"");
    *out = card;
    return ERR_OK;
}

/* The largest padded input: sides grow by rounding (1) and by padding (multiple - 1). */
static size_t input_room(const struct locate_card *card)
{
    size_t grown = card->multiple;
    return card->area + 2 * grown * card->max_side + grown * grown;
}

enum err locate_open(struct locate **out, const char *dir, const struct locate_options *options,
                     struct fault *why)
{
    struct locate *locate = calloc(1, sizeof *locate);
    if (locate == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the locator");
    enum err err = model_open(&locate->model, dir, "locate", why);
    if (!err)
        err = read_card(&locate->model, &locate->card, why);
    if (!err) {
        if (options->threshold > 0)
            locate->card.threshold = options->threshold;
        if (options->zoom > 0) {
            locate->card.area = (uint32_t)(locate->card.area * options->zoom * options->zoom);
            locate->card.max_side = (uint32_t)(locate->card.max_side * options->zoom);
        }
        locate->room = input_room(&locate->card);
        locate->scaled = malloc(locate->room);
        locate->input = malloc(locate->room * sizeof *locate->input);
        if (locate->scaled == NULL || locate->input == NULL)
            err = fault_set(why, ERR_MEMORY, "no memory for the locator");
        else
            err = scale_new(&locate->scale, JPEG_MAX_SIDE, locate->card.max_side, why);
    }
    if (err)
        locate_close(&locate);
    else
        *out = locate;
    return err;
}

void locate_close(struct locate **locate)
{
    struct locate *gone = *locate;
    *locate = NULL;
    if (gone == NULL)
        return;
    model_close(&gone->model);
    scale_free(&gone->scale);
    free(gone->scaled);
    free(gone->input);
    free(gone);
}

void locate_scaled_size(const struct locate_card *card, const struct image *image, uint32_t *width,
                        uint32_t *height)
{
    double w = image->width, h = image->height;
    double scale = fmin(sqrt(card->area / (w * h)), card->max_side / fmax(w, h));
    *width = (uint32_t)fmax(1, rint(w * scale));
    *height = (uint32_t)fmax(1, rint(h * scale));
}

static uint32_t padded(uint32_t side, uint32_t multiple)
{
    return (side + multiple - 1) / multiple * multiple;
}

/* The picture at `width` x `height` pixels, 0..1, in the top left of the input. */
static enum err fill_picture(struct locate *locate, const struct image *image,
                             const struct scale_target *to, struct fault *why)
{
    if (scale_can(locate->scale, image, to->width, to->height)) {
        scale_shrink(locate->scale, image, to);
        return ERR_OK;
    }
    enum err err = cv_resize(image, locate->scaled, to->width, to->height, why);
    for (uint32_t y = 0; y < to->height && !err; y++)
        for (uint32_t x = 0; x < to->width; x++)
            to->values[(size_t)y * to->stride + x] =
                (float)locate->scaled[(size_t)y * to->width + x] * (1.0f / 255.0f);
    return err;
}

/* Grey to the right of the picture and below it. */
static void fill_padding(float pad, const struct scale_target *picture, uint32_t rows)
{
    for (uint32_t y = 0; y < rows; y++) {
        float *row = picture->values + (size_t)y * picture->stride;
        for (uint32_t x = y < picture->height ? picture->width : 0; x < picture->stride; x++)
            row[x] = pad;
    }
}

static float area_of(const float box[4])
{
    return fmaxf(0, box[2] - box[0]) * fmaxf(0, box[3] - box[1]);
}

static void box_of(const struct region *region, float box[4])
{
    const struct point *c = region->corner;
    box[0] = fminf(fminf(c[0].x, c[1].x), fminf(c[2].x, c[3].x));
    box[1] = fminf(fminf(c[0].y, c[1].y), fminf(c[2].y, c[3].y));
    box[2] = fmaxf(fmaxf(c[0].x, c[1].x), fmaxf(c[2].x, c[3].x));
    box[3] = fmaxf(fmaxf(c[0].y, c[1].y), fmaxf(c[2].y, c[3].y));
}

static float iou_of(const struct region *a, const struct region *b)
{
    float p[4], q[4];
    box_of(a, p);
    box_of(b, q);
    const float both[4] = {fmaxf(p[0], q[0]), fmaxf(p[1], q[1]), fminf(p[2], q[2]),
                           fminf(p[3], q[3])};
    float shared = area_of(both);
    return shared / fmaxf(1e-6f, area_of(p) + area_of(q) - shared);
}

float locate_cover(const struct region *a, const struct region *b)
{
    float p[4], q[4];
    box_of(a, p);
    box_of(b, q);
    const float both[4] = {fmaxf(p[0], q[0]), fmaxf(p[1], q[1]), fminf(p[2], q[2]),
                           fminf(p[3], q[3])};
    return area_of(both) / fmaxf(1e-6f, fminf(area_of(p), area_of(q)));
}

static bool is_peak(const struct locate_map *map, uint32_t x, uint32_t y)
{
    float here = map->data[(size_t)y * map->columns + x];
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            uint32_t nx = x + (uint32_t)dx, ny = y + (uint32_t)dy;
            if (nx >= map->columns || ny >= map->rows)
                continue;
            float there = map->data[(size_t)ny * map->columns + nx];
            /* Of equal neighbours the first in reading order is the peak. */
            if (there > here || (there == here && (dy < 0 || (dy == 0 && dx < 0))))
                return false;
        }
    return true;
}

static float sigmoid(float logit)
{
    return 1.0f / (1.0f + expf(-logit));
}

/* The peak's corners, averaged with those of neighbouring cells at least half as sure, by their
 * scores. */
static struct region corners_at(const struct locate_card *card, const struct locate_map *map,
                                uint32_t x, uint32_t y)
{
    size_t plane = (size_t)map->columns * map->rows;
    struct region region = {.score = sigmoid(map->data[(size_t)y * map->columns + x])};
    double sum[8] = {0}, weights = 0;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            uint32_t nx = x + (uint32_t)dx, ny = y + (uint32_t)dy;
            if (nx >= map->columns || ny >= map->rows)
                continue;
            const float *cell = map->data + (size_t)ny * map->columns + nx;
            float weight = sigmoid(*cell);
            if (weight < 0.5f * region.score)
                continue;
            const double centre[2] = {((double)nx + 0.5) * card->stride,
                                      ((double)ny + 0.5) * card->stride};
            for (int i = 0; i < 8; i++)
                sum[i] += weight * (centre[i % 2] +
                                    (double)cell[plane * (size_t)(i + 1)] * card->corner_unit);
            weights += weight;
        }
    for (int i = 0; i < 4; i++)
        region.corner[i] =
            (struct point){(float)(sum[2 * i] / weights), (float)(sum[2 * i + 1] / weights)};
    return region;
}

static bool is_finite(const struct region *region)
{
    float sum = region->score;
    for (int i = 0; i < 4; i++)
        sum += region->corner[i].x + region->corner[i].y;
    return isfinite(sum);
}

/* Insert by falling score; equal scores keep reading order; the worst falls off the end. */
static uint32_t insert(struct region *sorted, uint32_t n, const struct region *region)
{
    uint32_t at = n;
    while (at > 0 && sorted[at - 1].score < region->score)
        at--;
    if (at >= LOCATE_MAX_PEAKS)
        return n;
    uint32_t kept = n < LOCATE_MAX_PEAKS ? n : LOCATE_MAX_PEAKS - 1;
    memmove(sorted + at + 1, sorted + at, (kept - at) * sizeof *sorted);
    sorted[at] = *region;
    return kept + 1;
}

uint8_t locate_decode(const struct locate_card *card, const struct locate_map *map,
                      struct region out[READING_MAX_PLATES])
{
    struct region found[LOCATE_MAX_PEAKS];
    uint32_t n = 0;
    for (uint32_t y = 0; y < map->rows; y++)
        for (uint32_t x = 0; x < map->columns; x++) {
            float logit = map->data[(size_t)y * map->columns + x];
            if (!(sigmoid(logit) > card->threshold) || !is_peak(map, x, y))
                continue;
            struct region region = corners_at(card, map, x, y);
            if (is_finite(&region))
                n = insert(found, n, &region);
        }
    uint8_t kept = 0;
    for (uint32_t i = 0; i < n && kept < READING_MAX_PLATES; i++) {
        bool hidden = false;
        for (uint8_t j = 0; j < kept && !hidden; j++)
            hidden = iou_of(&found[i], &out[j]) > card->nms_iou;
        if (!hidden)
            out[kept++] = found[i];
    }
    return kept;
}

static enum err map_of(const struct locate *locate, const struct net_tensor *output,
                       uint32_t columns, uint32_t rows, struct locate_map *out)
{
    *out = (struct locate_map){output->data, columns / locate->card.stride,
                               rows / locate->card.stride};
    bool fits = output->size[0] == 1 && output->size[1] == 9 && output->size[2] == (int)out->rows &&
                output->size[3] == (int)out->columns;
    return fits ? ERR_OK : ERR_INPUT;
}

static float highest_score(const struct locate_map *map)
{
    float highest = -INFINITY;
    for (size_t i = 0; i < (size_t)map->columns * map->rows; i++)
        highest = fmaxf(highest, map->data[i]);
    return sigmoid(highest);
}

enum err locate_run(struct locate *locate, const struct image *image, struct locate_found *out,
                    struct fault *why)
{
    uint32_t width, height;
    locate_scaled_size(&locate->card, image, &width, &height);
    uint32_t columns = padded(width, locate->card.multiple),
             rows = padded(height, locate->card.multiple);
    assert((size_t)columns * rows <= locate->room);
    const struct scale_target picture = {locate->input, width, height, columns};
    enum err err = fill_picture(locate, image, &picture, why);
    if (err)
        return err;
    fill_padding(locate->card.pad, &picture, rows);
    const struct net_tensor input = {locate->input, {1, 1, (int)rows, (int)columns}};
    struct net_tensor output;
    struct locate_map map;
    if ((err = net_run(locate->model.net, &input, &output, why)))
        return err;
    if ((err = map_of(locate, &output, columns, rows, &map)))
        return fault_set(why, err, "the locator's map has another shape than its card says");
    out->n = locate_decode(&locate->card, &map, out->plates);
    out->highest = highest_score(&map);
    float back_x = (float)image->width / (float)width,
          back_y = (float)image->height / (float)height;
    for (uint8_t i = 0; i < out->n; i++)
        for (int c = 0; c < 4; c++) {
            out->plates[i].corner[c].x *= back_x;
            out->plates[i].corner[c].y *= back_y;
        }
    return ERR_OK;
}

/* The part of the picture around a plate, moved inwards at the border, so that it nearly always has
 * the same shape; false where there is too little. */
static bool surroundings(const struct image *image, const struct region *where, struct image *part,
                         struct point *origin)
{
    float box[4];
    box_of(where, box);
    float wide = fmaxf(box[2] - box[0], 1.6f * (box[3] - box[1])) * AROUND_WIDTHS;
    float high = wide * AROUND_HEIGHT, w = (float)image->width, h = (float)image->height;
    float x = fminf((box[0] + box[2] - wide) / 2, w - wide);
    float y = fminf((box[1] + box[3] - high) / 2, h - high);
    x = fmaxf(0, rintf(x));
    y = fmaxf(0, rintf(y));
    wide = fminf(rintf(wide), w - x);
    high = fminf(rintf(high), h - y);
    if (!(wide >= 16 && high >= 8)) /* NAN, too */
        return false;
    *origin = (struct point){x, y};
    *part = (struct image){image->pixels + (size_t)y * image->stride + (size_t)x, (uint32_t)wide,
                           (uint32_t)high, image->stride};
    return true;
}

enum err locate_again(struct locate *locate, const struct image *image, const struct region *where,
                      struct region *out, uint8_t *n, struct fault *why)
{
    struct locate_found found = {.n = 0};
    struct image part;
    struct point origin = {0, 0};
    float most = AROUND_IOU;
    if (surroundings(image, where, &part, &origin)) {
        enum err err = locate_run(locate, &part, &found, why);
        if (err)
            return err;
    }
    *n = 0;
    for (uint8_t i = 0; i < found.n; i++) {
        struct region *here = &found.plates[i];
        for (int c = 0; c < 4; c++) {
            here->corner[c].x += origin.x;
            here->corner[c].y += origin.y;
        }
        float iou = iou_of(here, where);
        if (iou <= most)
            continue;
        most = iou;
        *out = *here;
        out->score = where->score;
        *n = 1;
    }
    return ERR_OK;
}
