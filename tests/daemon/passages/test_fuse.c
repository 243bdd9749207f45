/* What the readings of one vehicle say together, told as made-up drives past a camera. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "scene.h"

static struct scene s;

static void poor_readings_in_number_do_not_beat_one_good_one(void **state)
{
    (void)state;
    scene_open(&s, 1);
    scene_plate(&s, 400, 300, 160, "GOOD123", 0.95f);
    scene_shoot(&s, 100);
    for (int i = 0; i < 25; i++) {
        scene_plate(&s, 400, 300, 130, "G00D128", 0.12f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "GOOD123");
    scene_close(&s);
}

static void agreeing_frames_outvote_one_equally_good_dissenter(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 5; i++) {
        scene_plate(&s, 400, 300, 120, i == 0 ? "MNP8888" : "MNP8B88", 0.8f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "MNP8B88");
    assert_string_equal(scene_passage(&s, 0)->candidates[1].plate, "MNP8888");
    scene_close(&s);
}

static void positions_elect_a_plate_that_no_frame_read_whole(void **state)
{
    (void)state;
    static const char *const read[] = {"8BC1234", "A8C1234", "ABC12B4", "ABO1234", "ABC1Z34"};
    scene_open(&s, 1);
    for (int i = 0; i < 5; i++) {
        scene_plate(&s, 400, 300, 120, read[i], 0.6f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "ABC1234");
    assert_true(scene_passage(&s, 0)->needs_review);
    assert_true(scene_passage(&s, 0)->confidence < 0.6f);
    scene_close(&s);
}

static void second_choices_of_many_frames_can_win(void **state)
{
    (void)state;
    static const char *const first[] = {"QRS5O01", "QRS50O1", "ORS5001"};
    scene_open(&s, 1);
    for (int i = 0; i < 3; i++) {
        scene_candidate(scene_plate(&s, 400, 300, 120, first[i], 0.5f), "QRS5001", 0.4f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_string_equal(scene_passage(&s, 0)->plate, "QRS5001");
    scene_close(&s);
}

static void agreement_raises_confidence_but_never_to_certainty(void **state)
{
    (void)state;
    float before = 0;
    scene_open(&s, 1);
    for (int i = 0; i < 100; i++) {
        scene_plate(&s, 400, 300, 120, "SURE100", 0.8f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    before = s.told[0].confidence;
    assert_float_equal(before, 0.8f, 0.001f); /* one frame says what its reader says */
    assert_true(scene_passage(&s, 0)->confidence > 0.9f);
    assert_true(scene_passage(&s, 0)->confidence <= 0.981f); /* a tenth of the doubt stays */
    scene_close(&s);
}

static void dissent_lowers_confidence_and_asks_for_review(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 6; i++) {
        scene_plate(&s, 400, 300, 120, i % 2 ? "TIE0123" : "TIE0128", 0.8f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_true(scene_passage(&s, 0)->confidence < 0.6f);
    assert_true(scene_passage(&s, 0)->needs_review);
    scene_close(&s);
}

static void candidates_are_ordered_and_never_sum_above_one(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 40; i++) {
        char text[8];
        snprintf(text, sizeof text, "CND%04d", 1000 + i % 14);
        scene_candidate(scene_plate(&s, 400, 300, 120, text, 0.5f), "CND1000", 0.3f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    const struct row *row = scene_passage(&s, 0);
    assert_int_equal(row->n_candidates, ROW_MAX_CANDIDATES);
    float sum = 0;
    for (int i = 0; i < row->n_candidates; i++) {
        sum += row->candidates[i].confidence;
        assert_true(i == 0 || row->candidates[i].confidence <= row->candidates[i - 1].confidence);
    }
    assert_true(sum <= 1.0001f);
    scene_close(&s);
}

static void readings_without_belief_neither_split_a_vehicle_nor_name_it(void **state)
{
    (void)state;
    static const char *const noise[] = {"R6", "E82", "KH968", "", "1I1", "8QX4410"};
    scene_open(&s, 2);
    for (int i = 0; i < 6; i++) {
        scene_plate(&s, 300 + 10 * (float)i, 300, 60, noise[i], 0.001f);
        scene_shoot(&s, 200);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "");
    assert_int_equal(scene_passage(&s, 0)->n_candidates, 0);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poor_readings_in_number_do_not_beat_one_good_one),
        cmocka_unit_test(agreeing_frames_outvote_one_equally_good_dissenter),
        cmocka_unit_test(positions_elect_a_plate_that_no_frame_read_whole),
        cmocka_unit_test(second_choices_of_many_frames_can_win),
        cmocka_unit_test(agreement_raises_confidence_but_never_to_certainty),
        cmocka_unit_test(dissent_lowers_confidence_and_asks_for_review),
        cmocka_unit_test(candidates_are_ordered_and_never_sum_above_one),
        cmocka_unit_test(readings_without_belief_neither_split_a_vehicle_nor_name_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
