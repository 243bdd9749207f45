/* The JPEG decoder on good and bad bytes; the pictures are of tests/fuzz/corpus/jpeg. */
#include "tests/ocr/check.h"

#include <stdio.h>
#include <turbojpeg.h>

#include "ocr/file.h"
#include "ocr/jpeg.h"

static struct fault why;
static struct jpeg *jpeg;

static enum err decode(const char *name, struct jpeg_picture *out)
{
    char path[512];
    struct file file;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/jpeg/%s", LANEWARD_SOURCE_DIR, name);
    assert_ok(file_read(path, 1 << 20, &file, &why));
    enum err err = jpeg_decode(jpeg, file.bytes, file.size, out, &why);
    file_release(&file);
    return err;
}

static void grey_colour_and_progressive_pictures_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {"grey.jpg", "colour.jpg", "progressive.jpg"};
    for (size_t i = 0; i < 3; i++) {
        struct jpeg_picture picture;
        assert_ok(decode(good[i], &picture));
        assert_int_equal(picture.width, 48);
        assert_int_equal(picture.height, 32);
        assert_int_equal(picture.grey.width, 48);
        assert_int_equal(picture.grey.height, 32);
    }
}

static void a_picture_of_one_pixel_is_read(void **state)
{
    (void)state;
    struct jpeg_picture picture;
    assert_ok(decode("one_pixel.jpg", &picture));
    assert_int_equal(picture.grey.width, 1);
    assert_true(picture.grey.pixels[0] > 195 && picture.grey.pixels[0] < 205);
}

static void bad_bytes_are_an_input_error_and_leave_the_output_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"empty.jpg",         "mark_alone.jpg", "not_a_jpeg.jpg",
                                      "cut_in_header.jpg", "cut_short.jpg",  "damaged.jpg",
                                      "four_colours.jpg",  "no_width.jpg",   "wide_header.jpg"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct jpeg_picture picture = {.width = 7};
        enum err err = decode(bad[i], &picture);
        if (err != ERR_INPUT || why.text[0] == 0)
            fail_msg("%s: %s, '%s'", bad[i], err_name(err), why.text);
        assert_int_equal(picture.width, 7);
    }
}

static void a_bad_picture_does_not_spoil_the_next(void **state)
{
    (void)state;
    static const char *const bad[] = {"cut_in_header.jpg", "cut_short.jpg", "four_colours.jpg",
                                      "empty.jpg"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct jpeg_picture picture;
        assert_int_equal(decode(bad[i], &picture), ERR_INPUT);
        assert_ok(decode("colour.jpg", &picture));
    }
}

static void a_header_beyond_the_limits_is_refused_before_any_decoding(void **state)
{
    (void)state;
    struct jpeg_picture picture;
    assert_int_equal(decode("wide_and_high_header.jpg", &picture), ERR_LIMIT);
    assert_non_null(strstr(why.text, "65500x65500"));
}

/* A flat grey JPEG. */
static uint8_t *make_flat(int width, int height, unsigned long *size)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height);
    *size = tjBufSize(width, height, TJSAMP_GRAY);
    uint8_t *bytes = tjAlloc((int)*size);
    assert_true(pixels != NULL && bytes != NULL);
    memset(pixels, 90, (size_t)width * (size_t)height);
    tjhandle encoder = tjInitCompress();
    assert_int_equal(tjCompress2(encoder, pixels, width, width, height, TJPF_GRAY, &bytes, size,
                                 TJSAMP_GRAY, 50, TJFLAG_NOREALLOC),
                     0);
    tjDestroy(encoder);
    free(pixels);
    return bytes;
}

static void forty_megapixels_are_decoded_at_half_size(void **state)
{
    (void)state;
    unsigned long size;
    uint8_t *bytes = make_flat(8001, 5000, &size);
    struct jpeg_picture picture;
    assert_ok(jpeg_decode(jpeg, bytes, size, &picture, &why));
    assert_int_equal(picture.width, 8001);
    assert_int_equal(picture.grey.width, 4001);
    assert_int_equal(picture.grey.height, 2500);
    assert_int_equal(picture.grey.pixels[4000], 90);
    tjFree(bytes);
}

static void the_widest_picture_that_is_allowed_fits_the_frame(void **state)
{
    (void)state;
    unsigned long size;
    uint8_t *bytes = make_flat(65500, 977, &size);
    struct jpeg_picture picture;
    assert_ok(jpeg_decode(jpeg, bytes, size, &picture, &why));
    assert_int_equal(picture.grey.width, 32750);
    assert_int_equal(picture.grey.height, 489);
    tjFree(bytes);
    bytes = make_flat(65500, 978, &size);
    assert_int_equal(jpeg_decode(jpeg, bytes, size, &picture, &why), ERR_LIMIT);
    tjFree(bytes);
}

static void what_is_encoded_can_be_decoded(void **state)
{
    (void)state;
    uint8_t pixels[40 * 20];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(100 + i % 40);
    const struct image image = {pixels, 40, 20, 40};
    const uint8_t *bytes;
    size_t size;
    struct jpeg_picture picture;
    assert_ok(jpeg_encode(jpeg, &image, 90, &bytes, &size, &why));
    assert_ok(jpeg_decode(jpeg, bytes, size, &picture, &why));
    assert_int_equal(picture.width, 40);
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_true(abs(picture.grey.pixels[i] - pixels[i]) < 6);
}

static int set_up(void **state)
{
    (void)state;
    return jpeg_new(&jpeg, &why) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    jpeg_free(&jpeg);
    return jpeg != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grey_colour_and_progressive_pictures_are_read),
        cmocka_unit_test(a_picture_of_one_pixel_is_read),
        cmocka_unit_test(bad_bytes_are_an_input_error_and_leave_the_output_alone),
        cmocka_unit_test(a_bad_picture_does_not_spoil_the_next),
        cmocka_unit_test(a_header_beyond_the_limits_is_refused_before_any_decoding),
        cmocka_unit_test(forty_megapixels_are_decoded_at_half_size),
        cmocka_unit_test(the_widest_picture_that_is_allowed_fits_the_frame),
        cmocka_unit_test(what_is_encoded_can_be_decoded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
