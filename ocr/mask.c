/* A detection mask from a JPEG or PGM file. */
#include "ocr/mask.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/file.h"

struct mask {
    uint32_t width, height;
    uint8_t *pixels;
};

enum { MASK_MAX_BYTES = 64 * 1024 * 1024, MASK_MAX_SIDE = 8192 };

/* The next number of a PGM header, with white space and comments before it; 0: there is none, or it
 * is too large. */
static uint32_t pgm_number(const struct file *file, size_t *at)
{
    while (*at < file->size && (isspace(file->bytes[*at]) || file->bytes[*at] == '#')) {
        if (file->bytes[*at] == '#')
            while (*at < file->size && file->bytes[*at] != '\n')
                ++*at;
        else
            ++*at;
    }
    uint32_t value = 0;
    while (*at < file->size && isdigit(file->bytes[*at]) && value <= MASK_MAX_SIDE)
        value = value * 10 + (uint32_t)(file->bytes[(*at)++] - '0');
    return value <= MASK_MAX_SIDE ? value : 0;
}

static enum err parse_pgm(const struct file *file, const char *path, struct image *out,
                          struct fault *why)
{
    size_t at = 2;
    uint32_t width = pgm_number(file, &at), height = pgm_number(file, &at),
             most = pgm_number(file, &at);
    at++; /* one white space */
    if (width == 0 || height == 0 || most != 255 || at > file->size ||
        file->size - at < (size_t)width * height)
        return fault_set(why, ERR_INPUT,
                         "%s: not a whole PGM (P5) of 8 bits and at most %d pixels a side", path,
                         MASK_MAX_SIDE);
    *out = (struct image){file->bytes + at, width, height, width};
    return ERR_OK;
}

static enum err copy_image(const struct image *image, struct mask **out, struct fault *why)
{
    struct mask *mask = calloc(1, sizeof *mask);
    uint8_t *pixels = malloc((size_t)image->width * image->height);
    if (mask == NULL || pixels == NULL) {
        free(mask);
        free(pixels);
        return fault_set(why, ERR_MEMORY, "no memory for a detection mask");
    }
    for (uint32_t y = 0; y < image->height; y++)
        memcpy(pixels + (size_t)y * image->width, image->pixels + (size_t)y * image->stride,
               image->width);
    *mask = (struct mask){image->width, image->height, pixels};
    *out = mask;
    return ERR_OK;
}

enum err mask_open(struct mask **out, const char *path, struct jpeg *jpeg, struct fault *why)
{
    struct file file;
    struct image image = {0};
    enum err err = file_read(path, MASK_MAX_BYTES, &file, why);
    if (err)
        return err;
    if (file.size >= 2 && memcmp(file.bytes, "P5", 2) == 0) {
        err = parse_pgm(&file, path, &image, why);
    } else {
        struct jpeg_picture picture;
        err = jpeg_decode(jpeg, file.bytes, file.size, &picture, why);
        if (err)
            fault_context(why, "%s", path);
        else
            image = picture.grey;
    }
    if (!err)
        err = copy_image(&image, out, why);
    file_release(&file);
    return err;
}

void mask_close(struct mask **mask)
{
    if (*mask != NULL)
        free((*mask)->pixels);
    free(*mask);
    *mask = NULL;
}

/* Which of `n` mask pixels lies under `at` of `whole`. */
static uint32_t index_of(float at, uint32_t whole, uint32_t n)
{
    if (!(at > 0))
        return 0;
    double index = (double)at / whole * n;
    return index < n ? (uint32_t)index : n - 1;
}

bool mask_has(const struct mask *mask, const struct region *region, uint32_t width, uint32_t height)
{
    struct point middle = {0, 0};
    for (int i = 0; i < 4; i++) {
        middle.x += region->corner[i].x / 4;
        middle.y += region->corner[i].y / 4;
    }
    uint32_t x = index_of(middle.x, width, mask->width),
             y = index_of(middle.y, height, mask->height);
    return mask->pixels[(size_t)y * mask->width + x] > 127;
}
