/* Straightening: a pattern seen askew comes out upright. */
#include "tests/ocr/check.h"

#include <math.h>

#include "ocr/rectify.h"

enum { WIDTH = 400, HEIGHT = 300 };

static struct fault why;
static struct rectify *rectify;
static uint8_t pixels[WIDTH * HEIGHT];
static const struct image picture = {pixels, WIDTH, HEIGHT, WIDTH};

/* Grey rises from left to right in the plate's own coordinates: paint each pixel of the quad with
 * 20 + 200 u. */
static void paint(const struct point q[4])
{
    memset(pixels, 0, sizeof pixels);
    for (int v = 0; v <= 2000; v++)
        for (int u = 0; u <= 2000; u++) {
            double a = u / 2000.0,
                   b = v / 2000.0; /* bilinear: right for the parallelograms that are painted */
            double x = (1 - a) * (1 - b) * q[0].x + a * (1 - b) * q[1].x + a * b * q[2].x +
                       (1 - a) * b * q[3].x;
            double y = (1 - a) * (1 - b) * q[0].y + a * (1 - b) * q[1].y + a * b * q[2].y +
                       (1 - a) * b * q[3].y;
            if (x >= 0 && y >= 0 && x < WIDTH && y < HEIGHT)
                pixels[(int)y * WIDTH + (int)x] = (uint8_t)(20 + 200 * a);
        }
}

static void a_plate_askew_comes_out_upright(void **state)
{
    (void)state;
    const struct point quad[4] = {{100, 60}, {260, 100}, {250, 150}, {90, 110}};
    uint8_t out[64 * 32];
    const struct rectify_target target = {out, 64, 32};
    paint(quad);
    assert_ok(rectify_cut(rectify, &picture, quad, &target, &why));
    for (int y = 2; y < 30; y++)
        for (int x = 2; x < 62; x++)
            assert_true(fabs(out[y * 64 + x] - (20 + 200 * (x + 0.5) / 64)) < 6);
}

static void a_large_plate_is_averaged_not_sampled(void **state)
{
    (void)state;
    const struct point quad[4] = {{0, 0}, {WIDTH, 0}, {WIDTH, HEIGHT}, {0, HEIGHT}};
    uint8_t out[50 * 38];
    const struct rectify_target target = {out, 50, 38};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = i % 2 ? 255 : 0; /* columns one pixel wide: sampling would give stripes */
    assert_ok(rectify_cut(rectify, &picture, quad, &target, &why));
    for (size_t i = 0; i < sizeof out; i++)
        assert_true(out[i] > 90 && out[i] < 165);
}

static void beyond_the_border_the_border_repeats(void **state)
{
    (void)state;
    const struct point quad[4] = {{-50, -20}, {50, -20}, {50, 20}, {-50, 20}};
    uint8_t out[40 * 16];
    const struct rectify_target target = {out, 40, 16};
    memset(pixels, 77, sizeof pixels);
    assert_ok(rectify_cut(rectify, &picture, quad, &target, &why));
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 77);
}

static void a_rectangle_grows_by_its_margins(void **state)
{
    (void)state;
    const struct point quad[4] = {{100, 50}, {200, 50}, {200, 90}, {100, 90}};
    struct point out[4];
    assert_true(rectify_enlarge(quad, 0.06f, 0.1f, out));
    const struct point wanted[4] = {{94, 46}, {206, 46}, {206, 94}, {94, 94}};
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(out[i].x - wanted[i].x) < 1e-3f && fabsf(out[i].y - wanted[i].y) < 1e-3f);
}

static void in_perspective_the_near_side_grows_more(void **state)
{
    (void)state;
    const struct point quad[4] = {
        {100, 50}, {200, 60}, {200, 80}, {100, 90}}; /* the left side is nearer */
    struct point out[4];
    assert_true(rectify_enlarge(quad, 0.1f, 0, out));
    assert_true(100 - out[0].x > out[1].x - 200);
    assert_true(out[3].y - out[0].y > 40 && out[2].y - out[1].y < 20);
}

static void crossed_flat_and_infinite_corners_are_no_plate(void **state)
{
    (void)state;
    static const struct point bad[][4] = {{{0, 0}, {10, 10}, {10, 0}, {0, 10}},
                                          {{0, 0}, {10, 0}, {20, 0}, {30, 0}},
                                          {{5, 5}, {5, 5}, {5, 5}, {5, 5}},
                                          {{0, 10}, {10, 10}, {10, 0}, {0, 0}},
                                          {{0, 0}, {INFINITY, 0}, {10, 10}, {0, 10}}};
    uint8_t out[16 * 8];
    const struct rectify_target target = {out, 16, 8};
    struct point grown[4];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(rectify_enlarge(bad[i], 0.1f, 0.1f, grown));
        assert_int_equal(rectify_cut(rectify, &picture, bad[i], &target, &why), ERR_INPUT);
    }
}

static int set_up(void **state)
{
    (void)state;
    return rectify_new(&rectify, &why) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    rectify_free(&rectify);
    return rectify != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plate_askew_comes_out_upright),
        cmocka_unit_test(a_large_plate_is_averaged_not_sampled),
        cmocka_unit_test(beyond_the_border_the_border_repeats),
        cmocka_unit_test(a_rectangle_grows_by_its_margins),
        cmocka_unit_test(in_perspective_the_near_side_grows_more),
        cmocka_unit_test(crossed_flat_and_infinite_corners_are_no_plate),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
