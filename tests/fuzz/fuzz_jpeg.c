/* Fuzz target: any bytes given to the JPEG decoder; what decodes has the size that it says. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "ocr/jpeg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct jpeg *jpeg;
    struct jpeg_picture picture;
    struct fault why;
    if (jpeg == NULL && jpeg_new(&jpeg, &why) != ERR_OK)
        abort();
    if (jpeg_decode(jpeg, bytes, size, &picture, &why) != ERR_OK)
        return 0;
    const struct image *grey = &picture.grey;
    assert(grey->width >= 1 && grey->height >= 1 && grey->stride >= grey->width);
    assert(grey->width <= picture.width && grey->height <= picture.height);
    volatile uint8_t last =
        grey->pixels[(size_t)(grey->height - 1) * grey->stride + grey->width - 1];
    (void)last;
    return 0;
}
