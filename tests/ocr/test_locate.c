/* Decoding a locator's map, and the size that pictures are scaled to. */
#include "tests/ocr/check.h"

#include <math.h>

#include "ocr/locate.h"

enum { COLUMNS = 40, ROWS = 24, PLANE = COLUMNS * ROWS };

static const struct locate_card card = {.area = 245760,
                                        .max_side = 1280,
                                        .multiple = 32,
                                        .stride = 8,
                                        .corner_unit = 32,
                                        .pad = 0.5f,
                                        .threshold = 0.4f,
                                        .nms_iou = 0.3f};
static float planes[9 * PLANE];
static const struct locate_map map = {planes, COLUMNS, ROWS};

static void clear(void)
{
    for (size_t i = 0; i < PLANE; i++)
        planes[i] = -10;
    memset(planes + PLANE, 0, sizeof planes - PLANE * sizeof *planes);
}

static float logit(float p)
{
    return logf(p / (1 - p));
}

/* A plate of w x h input pixels whose middle is the middle of cell x, y. */
static void put(unsigned x, unsigned y, float score, float w, float h)
{
    const float corner[8] = {-w / 2, -h / 2, w / 2, -h / 2, w / 2, h / 2, -w / 2, h / 2};
    size_t cell = (size_t)y * COLUMNS + x;
    planes[cell] = logit(score);
    for (size_t i = 0; i < 8; i++)
        planes[PLANE * (i + 1) + cell] = corner[i] / card.corner_unit;
}

static void one_peak_is_one_plate_with_its_corners(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    put(10, 5, 0.9f, 80, 20);
    assert_int_equal(locate_decode(&card, &map, found), 1);
    assert_true(fabsf(found[0].score - 0.9f) < 1e-4f);
    const struct point wanted[4] = {{44, 34}, {124, 34}, {124, 54}, {44, 54}};
    for (int i = 0; i < 4; i++) {
        assert_true(fabsf(found[0].corner[i].x - wanted[i].x) < 1e-3f);
        assert_true(fabsf(found[0].corner[i].y - wanted[i].y) < 1e-3f);
    }
}

static void an_empty_map_has_no_plate(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    assert_int_equal(locate_decode(&card, &map, found), 0);
    put(3, 3, 0.39f, 60, 20);
    assert_int_equal(locate_decode(&card, &map, found), 0);
}

static void neighbours_of_a_peak_are_averaged_not_reported(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    put(10, 5, 0.8f, 80, 20);
    put(11, 5, 0.8f, 80, 20); /* as sure: its corners lie one cell to the right */
    put(9, 5, 0.3f, 80, 20);  /* less than half as sure: not taken in */
    assert_int_equal(locate_decode(&card, &map, found), 1);
    assert_true(fabsf(found[0].corner[0].x - 48) < 1e-3f);
}

static void of_two_on_the_same_plate_the_better_is_kept(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    put(10, 5, 0.7f, 100, 30);
    put(13, 5, 0.9f, 100, 30);
    put(25, 5, 0.6f, 100, 30); /* beside them: another plate */
    assert_int_equal(locate_decode(&card, &map, found), 2);
    assert_true(fabsf(found[0].score - 0.9f) < 1e-4f);
    assert_true(fabsf(found[1].score - 0.6f) < 1e-4f);
}

static void plates_come_best_first_and_no_more_than_eight(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    for (unsigned i = 0; i < 12; i++)
        put(2 + i % 6 * 6, 3 + i / 6 * 10, 0.5f + 0.03f * (float)i, 30, 12);
    assert_int_equal(locate_decode(&card, &map, found), READING_MAX_PLATES);
    for (int i = 1; i < READING_MAX_PLATES; i++)
        assert_true(found[i - 1].score >= found[i].score);
    assert_true(fabsf(found[0].score - 0.83f) < 1e-4f);
}

static void a_plate_cut_by_the_border_keeps_its_corners_outside(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    put(0, 0, 0.9f, 80, 20);
    assert_int_equal(locate_decode(&card, &map, found), 1);
    assert_true(found[0].corner[0].x < 0 && found[0].corner[0].y < 0);
}

static void numbers_that_are_none_are_no_plate(void **state)
{
    (void)state;
    struct region found[READING_MAX_PLATES];
    clear();
    put(10, 5, 0.9f, NAN, 20);
    assert_int_equal(locate_decode(&card, &map, found), 0);
}

static void pictures_are_scaled_to_the_area_and_no_longer_than_the_longest_side(void **state)
{
    (void)state;
    static const uint32_t cases[][4] = {{1280, 720, 661, 372},
                                        {640, 384, 640, 384},
                                        {1, 1, 496, 496},
                                        {65500, 100, 1280, 2},
                                        {60000, 10, 1280, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct image image = {NULL, cases[i][0], cases[i][1], cases[i][0]};
        uint32_t width, height;
        locate_scaled_size(&card, &image, &width, &height);
        assert_int_equal(width, cases[i][2]);
        assert_int_equal(height, cases[i][3]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_peak_is_one_plate_with_its_corners),
        cmocka_unit_test(an_empty_map_has_no_plate),
        cmocka_unit_test(neighbours_of_a_peak_are_averaged_not_reported),
        cmocka_unit_test(of_two_on_the_same_plate_the_better_is_kept),
        cmocka_unit_test(plates_come_best_first_and_no_more_than_eight),
        cmocka_unit_test(a_plate_cut_by_the_border_keeps_its_corners_outside),
        cmocka_unit_test(numbers_that_are_none_are_no_plate),
        cmocka_unit_test(pictures_are_scaled_to_the_area_and_no_longer_than_the_longest_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
