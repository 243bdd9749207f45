/* The bench's scoring: matching, counting, reject point, intervals. */
#include "tests/ocr/check.h"

#include <math.h>
#include <stdio.h>

#include "tools/score.h"

static struct fault why;

static struct region box(float x, float y, float w, float h)
{
    return (struct region){{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}, 1};
}

static void put(struct ocr_result *result, struct region where, const char *text, float confidence)
{
    struct reading *reading = &result->readings[result->n_readings++];
    *reading = (struct reading){.where = where, .n_candidates = 2};
    snprintf(reading->candidates[0].text, sizeof reading->candidates[0].text, "%s", text);
    snprintf(reading->candidates[1].text, sizeof reading->candidates[1].text, "OTHER1");
    reading->candidates[0].confidence = confidence;
}

static void right_wrong_stray_and_ignored_are_told_apart(void **state)
{
    (void)state;
    struct score score = {0};
    enum score_verdict verdict;
    struct labelled truth = {.n = 2, .n_ignored = 1, .ignored = {{500, 500, 50, 20}}};
    truth.label[0] = (struct label){.box = {100, 100, 80, 20}, .text = "ABC123"};
    truth.label[1] = (struct label){.box = {300, 100, 80, 20}, .text = "OTHER1"};
    struct ocr_result result = {0};
    put(&result, box(102, 100, 80, 20), "ABC123", 0.9f);
    put(&result, box(300, 103, 80, 20), "XYZ12", 0.6f);
    put(&result, box(505, 502, 40, 15), "IGNORED", 0.9f);
    put(&result, box(700, 100, 80, 20), "STRAY", 0.3f);
    assert_ok(score_add(&score, &truth, &result, &verdict, &why));
    assert_int_equal(verdict, SCORE_WRONG);
    assert_int_equal(score.reported, 3);
    assert_int_equal(score.found, 2);
    assert_int_equal(score.exact, 1);
    assert_int_equal(score.listed, 2);
    assert_int_equal(score.n_given, 3);
    assert_true(fabs(score.characters - 1) < 1e-9); /* XYZ12 shares nothing with OTHER1 */
    score_release(&score);
}

static void a_reading_without_text_is_not_reported(void **state)
{
    (void)state;
    struct score score = {0};
    enum score_verdict verdict;
    struct labelled truth = {.n = 1};
    truth.label[0] = (struct label){.box = {100, 100, 80, 20}, .text = "ABC123"};
    struct ocr_result result = {.n_readings = 1};
    result.readings[0].where = box(100, 100, 80, 20);
    assert_ok(score_add(&score, &truth, &result, &verdict, &why));
    assert_int_equal(verdict, SCORE_MISSED);
    assert_int_equal(score.reported, 0);
    score_release(&score);
}

static void two_readings_of_one_plate_are_one_found_and_one_stray(void **state)
{
    (void)state;
    struct score score = {0};
    enum score_verdict verdict;
    struct labelled truth = {.n = 1};
    truth.label[0] = (struct label){.box = {100, 100, 80, 20}, .text = "ABC123"};
    struct ocr_result result = {0};
    put(&result, box(100, 104, 80, 20), "ABC12", 0.7f);
    put(&result, box(100, 100, 80, 20), "ABC123", 0.9f);
    assert_ok(score_add(&score, &truth, &result, &verdict, &why));
    assert_int_equal(score.found, 1);
    assert_int_equal(score.exact, 1);
    assert_int_equal(score.reported - score.near, 1);
    assert_int_equal(verdict, SCORE_STRAY);
    score_release(&score);
}

static void the_reject_point_gives_out_as_many_as_the_error_allows(void **state)
{
    (void)state;
    static struct score_text texts[] = {{0.99f, true, false}, {0.98f, true, false},
                                        {0.90f, true, false}, {0.70f, false, true},
                                        {0.60f, true, false}, {0.50f, false, false}};
    struct score score = {.texts = 5, .given = texts, .n_given = 6};
    struct score_point point;
    assert_true(score_reject_point(&score, 0.005, &point));
    assert_int_equal(point.accepted, 3);
    assert_int_equal(point.wrong, 0);
    assert_true(fabs(point.yield - 0.6) < 1e-9);
    assert_true(score_reject_point(&score, 0.2, &point));
    assert_int_equal(point.accepted, 5);
    assert_true(fabs(point.yield - 0.8) < 1e-9); /* a stray one yields nothing */
}

static void intervals_are_wilsons(void **state)
{
    (void)state;
    double range[2];
    score_interval(0, 100, range);
    assert_true(range[0] < 1e-9 && fabs(range[1] - 0.0370) < 1e-4);
    score_interval(50, 100, range);
    assert_true(fabs(range[0] - 0.4038) < 1e-4 && fabs(range[1] - 0.5962) < 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_wrong_stray_and_ignored_are_told_apart),
        cmocka_unit_test(a_reading_without_text_is_not_reported),
        cmocka_unit_test(two_readings_of_one_plate_are_one_found_and_one_stray),
        cmocka_unit_test(the_reject_point_gives_out_as_many_as_the_error_allows),
        cmocka_unit_test(intervals_are_wilsons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
