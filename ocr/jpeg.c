/* JPEG bytes to a grey picture and back: the only file that sees TurboJPEG. */
#include "ocr/jpeg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

struct jpeg {
    tjhandle decoder, encoder;
    uint8_t *frame; /* of FRAME_BYTES; pages that no picture has reached cost nothing */
    uint8_t *encoded;
    unsigned long encoded_room;
};

/* Half size rounds up: a row and a column more than a quarter of the pixels. */
enum { FRAME_BYTES = JPEG_WHOLE_PIXELS + 2 * JPEG_MAX_SIDE };

enum err jpeg_new(struct jpeg **out, struct fault *why)
{
    struct jpeg *jpeg = calloc(1, sizeof *jpeg);
    if (jpeg == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a JPEG decoder");
    jpeg->decoder = tjInitDecompress();
    jpeg->encoder = tjInitCompress();
    jpeg->frame = malloc(FRAME_BYTES);
    jpeg->encoded_room = tjBufSize(JPEG_CROP_SIDE, JPEG_CROP_SIDE, TJSAMP_GRAY);
    jpeg->encoded = malloc(jpeg->encoded_room);
    if (!jpeg->decoder || !jpeg->encoder || !jpeg->frame || !jpeg->encoded) {
        jpeg_free(&jpeg);
        return fault_set(why, ERR_MEMORY, "no memory for a JPEG decoder");
    }
    *out = jpeg;
    return ERR_OK;
}

void jpeg_free(struct jpeg **jpeg)
{
    struct jpeg *gone = *jpeg;
    *jpeg = NULL;
    if (gone == NULL)
        return;
    if (gone->decoder)
        tjDestroy(gone->decoder);
    if (gone->encoder)
        tjDestroy(gone->encoder);
    free(gone->frame);
    free(gone->encoded);
    free(gone);
}

static enum err check_header(struct jpeg *jpeg, const uint8_t *bytes, size_t size,
                             struct jpeg_picture *out, struct fault *why)
{
    if (size < 4 || size > (size_t)JPEG_MAX_PIXELS * 4 || bytes[0] != 0xff || bytes[1] != 0xd8)
        return fault_set(why, ERR_INPUT, "not a JPEG: %zu bytes without its mark", size);
    int width = 0, height = 0, sampling = -1,
        space = -1; /* bytes with tables and no picture leave them alone */
    if (tjDecompressHeader3(jpeg->decoder, bytes, size, &width, &height, &sampling, &space) != 0)
        return fault_set(why, ERR_INPUT, "not a readable JPEG: %s", tjGetErrorStr2(jpeg->decoder));
    if (width < 1 || height < 1)
        return fault_set(why, ERR_INPUT,
                         "not a readable JPEG: its header ends before the picture's size");
    if (width > JPEG_MAX_SIDE || height > JPEG_MAX_SIDE ||
        (uint64_t)width * (uint64_t)height > JPEG_MAX_PIXELS)
        return fault_set(why, ERR_LIMIT, "a JPEG of %dx%d pixels: at most %d a side and %d in all",
                         width, height, JPEG_MAX_SIDE, JPEG_MAX_PIXELS);
    if (space == TJCS_CMYK || space == TJCS_YCCK)
        return fault_set(why, ERR_INPUT, "a JPEG in four colours, which no camera makes");
    out->width = (uint32_t)width;
    out->height = (uint32_t)height;
    return ERR_OK;
}

static enum err decode(struct jpeg *jpeg, const uint8_t *bytes, size_t size,
                       struct jpeg_picture *out, struct fault *why)
{
    enum err err = check_header(jpeg, bytes, size, out, why);
    if (err)
        return err;
    uint32_t part = (uint64_t)out->width * out->height > JPEG_WHOLE_PIXELS ? 2 : 1;
    uint32_t width = (out->width + part - 1) / part, height = (out->height + part - 1) / part;
    assert((uint64_t)width * height <= FRAME_BYTES);
    /* A warning is a damaged picture: what follows the damage is grey mud or an older scene. */
    int flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    if (tjDecompress2(jpeg->decoder, bytes, size, jpeg->frame, (int)width, (int)width, (int)height,
                      TJPF_GRAY, flags) != 0)
        return fault_set(why, ERR_INPUT, "a damaged JPEG: %s", tjGetErrorStr2(jpeg->decoder));
    out->grey = (struct image){jpeg->frame, width, height, width};
    return ERR_OK;
}

enum err jpeg_decode(struct jpeg *jpeg, const uint8_t *bytes, size_t size, struct jpeg_picture *out,
                     struct fault *why)
{
    struct jpeg_picture got = {0};
    if (jpeg->decoder == NULL && (jpeg->decoder = tjInitDecompress()) == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a JPEG decoder");
    enum err err = decode(jpeg, bytes, size, &got, why);
    if (err) {
        /* TurboJPEG 2.1 keeps the state of a header that broke off, and then fails on the next good
         * picture. */
        tjDestroy(jpeg->decoder);
        jpeg->decoder = tjInitDecompress();
        return err;
    }
    *out = got;
    return ERR_OK;
}

enum err jpeg_encode(struct jpeg *jpeg, const struct image *grey, int quality,
                     const uint8_t **bytes, size_t *size, struct fault *why)
{
    assert(grey->width >= 1 && grey->width <= JPEG_CROP_SIDE);
    assert(grey->height >= 1 && grey->height <= JPEG_CROP_SIDE && quality >= 1 && quality <= 100);
    unsigned long length = jpeg->encoded_room;
    if (tjCompress2(jpeg->encoder, grey->pixels, (int)grey->width, (int)grey->stride,
                    (int)grey->height, TJPF_GRAY, &jpeg->encoded, &length, TJSAMP_GRAY, quality,
                    TJFLAG_NOREALLOC) != 0)
        return fault_set(why, ERR_INPUT, "a crop cannot be encoded: %s",
                         tjGetErrorStr2(jpeg->encoder));
    *bytes = jpeg->encoded;
    *size = length;
    return ERR_OK;
}

enum err jpeg_encode_colour(struct jpeg *jpeg, const struct jpeg_colour *picture, uint8_t **bytes,
                            size_t *size, struct fault *why)
{
    int width = (int)picture->width, height = (int)picture->height;
    unsigned long length = tjBufSize(width, height, TJSAMP_444);
    uint8_t *room = malloc(length);
    if (room == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a picture of %dx%d", width, height);
    if (tjCompress2(jpeg->encoder, picture->pixels, width, 0, height, TJPF_RGB, &room, &length,
                    TJSAMP_444, 90, TJFLAG_NOREALLOC) != 0) {
        free(room);
        return fault_set(why, ERR_INPUT, "a picture cannot be encoded: %s",
                         tjGetErrorStr2(jpeg->encoder));
    }
    *bytes = room;
    *size = length;
    return ERR_OK;
}
