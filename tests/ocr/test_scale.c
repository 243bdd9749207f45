/* Shrinking by area, against means counted one by one. */
#include "tests/ocr/check.h"

#include <math.h>

#include "ocr/scale.h"

static struct fault why;
static uint8_t pixels[211 * 97];
static float values[211 * 97];

static void fill(void)
{
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof pixels; i++) {
        seed = seed * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(seed >> 24);
    }
}

/* The share of pixel `at` in the span from..to. */
static double share(double from, double to, uint32_t at)
{
    double low = fmax(from, at), high = fmin(to, at + 1.0);
    return high > low ? high - low : 0;
}

static double mean(const struct image *image, const double x[2], const double y[2])
{
    double sum = 0;
    for (uint32_t row = 0; row < image->height; row++)
        for (uint32_t column = 0; column < image->width; column++)
            sum += share(x[0], x[1], column) * share(y[0], y[1], row) *
                   image->pixels[row * image->stride + column];
    return sum / (x[1] - x[0]) / (y[1] - y[0]) / 255;
}

static void a_value_is_the_mean_of_what_it_covers(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{211, 97}, {109, 50}, {70, 97}, {13, 7}, {2, 1}, {211, 3}};
    const struct image image = {pixels, 211, 97, 211};
    struct scale *scale;
    fill();
    assert_ok(scale_new(&scale, 211, 211, &why));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct scale_target to = {values, sizes[i][0], sizes[i][1], 211};
        assert_true(scale_can(scale, &image, to.width, to.height));
        scale_shrink(scale, &image, &to);
        for (uint32_t v = 0; v < to.height; v++)
            for (uint32_t u = 0; u < to.width; u++) {
                const double x[2] = {211.0 * u / to.width, 211.0 * (u + 1) / to.width};
                const double y[2] = {97.0 * v / to.height, 97.0 * (v + 1) / to.height};
                assert_true(fabs(mean(&image, x, y) - (double)values[v * 211 + u]) < 0.006);
            }
    }
    scale_free(&scale);
    assert_null(scale);
}

static void white_stays_white_and_what_is_beside_the_target_is_not_touched(void **state)
{
    (void)state;
    const struct image image = {pixels, 200, 90, 211};
    struct scale *scale;
    assert_ok(scale_new(&scale, 211, 211, &why));
    memset(pixels, 255, sizeof pixels);
    for (size_t i = 0; i < 211 * 97; i++)
        values[i] = -1;
    const struct scale_target to = {values, 61, 33, 64};
    scale_shrink(scale, &image, &to);
    for (uint32_t v = 0; v < 33; v++)
        for (uint32_t u = 0; u < 64; u++) {
            float wanted = u < 61 ? 1 : -1;
            assert_true(fabsf(values[v * 64 + u] - wanted) < 1e-5f);
        }
    scale_free(&scale);
}

static void growing_and_huge_ratios_are_left_to_others(void **state)
{
    (void)state;
    const struct image image = {pixels, 211, 97, 211}, wide = {pixels, 65500, 1, 65500};
    struct scale *scale;
    assert_ok(scale_new(&scale, 65500, 1280, &why));
    assert_false(scale_can(scale, &image, 212, 50));
    assert_false(scale_can(scale, &image, 100, 98));
    assert_false(scale_can(scale, &image, 0, 50));
    assert_false(scale_can(scale, &wide, 300, 1));
    assert_true(scale_can(scale, &wide, 1280, 1));
    scale_free(&scale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_the_mean_of_what_it_covers),
        cmocka_unit_test(white_stays_white_and_what_is_beside_the_target_is_not_touched),
        cmocka_unit_test(growing_and_huge_ratios_are_left_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
