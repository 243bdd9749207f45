/* The small parts beside the line: calibration, detection mask, motion gate. */
#include "tests/ocr/check.h"

#include <math.h>
#include <stdio.h>

#include "ocr/calibration.h"
#include "ocr/mask.h"
#include "ocr/motion.h"

static struct fault why;

static void a_calibration_runs_straight_between_its_points(void **state)
{
    (void)state;
    const struct calibration c = {3, {0.5f, 0.9f, 1}, {0.4f, 0.8f, 0.99f}}, none = {0};
    assert_true(fabsf(calibration_at(&c, 0.7f) - 0.6f) < 1e-5f);
    assert_true(fabsf(calibration_at(&c, 0.25f) - 0.2f) < 1e-5f);
    assert_true(fabsf(calibration_at(&c, 1) - 0.99f) < 1e-5f);
    assert_true(fabsf(calibration_at(&none, 0.3f) - 0.3f) < 1e-6f);
}

static void the_other_candidates_share_what_is_left(void **state)
{
    (void)state;
    const struct calibration c = {2, {0, 1}, {0, 0.9f}};
    struct reading reading = {.n_candidates = 3};
    reading.candidates[0].confidence = 0.8f;
    reading.candidates[1].confidence = 0.15f;
    reading.candidates[2].confidence = 0.05f;
    calibration_apply(&c, &reading);
    assert_true(fabsf(reading.candidates[0].confidence - 0.72f) < 1e-5f);
    assert_true(fabsf(reading.candidates[1].confidence - 0.21f) < 1e-5f);
    assert_true(fabsf(reading.candidates[2].confidence - 0.07f) < 1e-5f);
}

/* A mask file with this text; the caller removes it. */
static void write_mask(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static struct region around(float x, float y)
{
    return (struct region){{{x - 9, y - 3}, {x + 9, y - 3}, {x + 9, y + 3}, {x - 9, y + 3}}, 1};
}

static void a_mask_is_stretched_over_the_picture(void **state)
{
    (void)state;
    static const char pgm[] = "P5\n# left half\n2 1\n255\n\xff\x00";
    struct jpeg *jpeg;
    struct mask *mask;
    write_mask("mask.pgm", pgm, sizeof pgm - 1);
    assert_ok(jpeg_new(&jpeg, &why));
    assert_ok(mask_open(&mask, "mask.pgm", jpeg, &why));
    struct region left = around(300, 200), right = around(900, 200), outside = around(-50, 2000);
    assert_true(mask_has(mask, &left, 1280, 720));
    assert_false(mask_has(mask, &right, 1280, 720));
    assert_true(mask_has(mask, &outside, 1280, 720));
    mask_close(&mask);
    jpeg_free(&jpeg);
    remove("mask.pgm");
}

static void a_mask_that_is_no_picture_is_an_error_with_its_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"P5\n2 2\n255\n\xff", "P5\n99999 1\n255\n", "P5\n", "hello",
                                      "P5 1 1 65535\n\1\1"};
    struct jpeg *jpeg;
    struct mask *mask = NULL;
    assert_ok(jpeg_new(&jpeg, &why));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_mask("bad.pgm", bad[i], strlen(bad[i]));
        assert_int_equal(mask_open(&mask, "bad.pgm", jpeg, &why), ERR_INPUT);
        assert_non_null(strstr(why.text, "bad.pgm"));
        assert_null(mask);
    }
    remove("bad.pgm");
    assert_int_equal(mask_open(&mask, "bad.pgm", jpeg, &why), ERR_IO);
    jpeg_free(&jpeg);
}

enum { W = 320, H = 180 };
static uint8_t scene[W * H];

static void fill(uint8_t *to, int grey, int noise)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < (size_t)W * H; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (uint8_t)(grey + (int)(seed >> 24) * noise / 256);
    }
}

static void a_still_lane_is_no_motion_and_a_vehicle_is(void **state)
{
    (void)state;
    struct motion *motion;
    const struct image image = {scene, W, H, W};
    assert_ok(motion_new(&motion, 8, 3, &why));
    fill(scene, 100, 6);
    assert_true(motion_changed(motion, &image)); /* the first */
    assert_false(motion_changed(motion, &image));
    fill(scene, 115, 6); /* a cloud: all of it lighter */
    assert_false(motion_changed(motion, &image));
    for (int y = 60; y < 120; y++)
        memset(scene + y * W + 100, 30, 80);
    assert_true(motion_changed(motion, &image));
    assert_false(motion_changed(motion, &image)); /* it stands still now */
    motion_free(&motion);
    assert_null(motion);
}

static void a_picture_of_another_size_counts_as_changed(void **state)
{
    (void)state;
    struct motion *motion;
    const struct image image = {scene, W, H, W}, half = {scene, W / 2, H / 2, W},
                       tiny = {scene, 1, 1, W};
    fill(scene, 100, 0);
    assert_ok(motion_new(&motion, 8, 3, &why));
    assert_true(motion_changed(motion, &image));
    assert_true(motion_changed(motion, &half));
    assert_true(motion_changed(motion, &tiny));
    assert_false(motion_changed(motion, &tiny));
    motion_free(&motion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calibration_runs_straight_between_its_points),
        cmocka_unit_test(the_other_candidates_share_what_is_left),
        cmocka_unit_test(a_mask_is_stretched_over_the_picture),
        cmocka_unit_test(a_mask_that_is_no_picture_is_an_error_with_its_name),
        cmocka_unit_test(a_still_lane_is_no_motion_and_a_vehicle_is),
        cmocka_unit_test(a_picture_of_another_size_counts_as_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
