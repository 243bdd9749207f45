/* How readings become passages, told as made-up drives past a camera. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static struct scene s;

static void a_vehicle_driving_through_is_one_passage(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 30; i++) { /* 3 s at 10 frames a second, growing as it comes nearer */
        float near = (float)i / 30;
        scene_plate(&s, 300 + 500 * near, 200 + 350 * near, 60 + 120 * near, "ABC1234",
                    0.6f + 0.3f * near);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    const struct row *row = scene_passage(&s, 0);
    assert_int_equal(row->state, ROW_LOST);
    assert_string_equal(row->plate, "ABC1234");
    assert_int_equal(row->n_frames, 30);
    assert_int_equal(row->last_ms - row->first_ms, 2900);
    assert_string_equal(row->lane, "north");
    assert_string_equal(row->camera, "north-1");
    assert_int_equal(row->frame_width, 1280);
    assert_string_equal(row->candidates[0].plate, row->plate);
    scene_close(&s);
}

static void a_fast_vehicle_seen_in_few_frames_is_one_passage(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 4; i++) { /* more than two plate widths from picture to picture */
        scene_plate(&s, 100 + 300 * (float)i, 300, 120, "XYZ987", 0.9f);
        scene_shoot(&s, 200);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_int_equal(scene_passage(&s, 0)->n_frames, 4);
    scene_close(&s);
}

static void two_vehicles_in_view_are_two_passages(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 20; i++) {
        scene_plate(&s, 200 + 10 * (float)i, 300, 100, "AAA1111", 0.9f);
        scene_plate(&s, 800 + 10 * (float)i, 320, 100, "BBB2222", 0.9f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 2);
    assert_int_equal(scene_passage(&s, 0)->n_frames, 20);
    assert_int_equal(scene_passage(&s, 1)->n_frames, 20);
    assert_string_not_equal(scene_passage(&s, 0)->plate, scene_passage(&s, 1)->plate);
    scene_close(&s);
}

static void two_unread_vehicles_in_view_are_two_passages(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 10; i++) {
        scene_plate(&s, 200, 300 + 5 * (float)i, 100, "", 0);
        scene_plate(&s, 800, 320 + 5 * (float)i, 100, "", 0);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 2);
    scene_close(&s);
}

static void a_parked_vehicle_is_one_passage_with_rare_updates(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 1200;
         i++) { /* ten minutes at two pictures a second, every tenth one unread */
        float jitter = (float)(i % 5) - 2;
        scene_plate(&s, 600 + jitter, 400 - jitter, 150, i % 10 ? "PRK0001" : "", 0.7f);
        scene_shoot(&s, 500);
    }
    unsigned updates = scene_count(&s, ROW_UPDATE);
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_int_equal(scene_passage(&s, 0)->n_frames, 1200);
    assert_in_range(updates, 8, 14);
    scene_close(&s);
}

static void a_parked_vehicle_hidden_for_longer_than_the_gap_stays_one(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 150; i++) {
        scene_plate(&s, 600, 400, 150, "PRK0001", 0.8f);
        scene_shoot(&s, 500);
    }
    for (int i = 0; i < 20; i++) /* 10 s behind a lorry: the gap is 3 s */
        scene_shoot(&s, 500);
    for (int i = 0; i < 10; i++) {
        scene_plate(&s, 600, 400, 150, "PRK0001", 0.8f);
        scene_shoot(&s, 500);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    scene_close(&s);
}

static void a_plate_that_is_never_read_is_a_passage_without_text(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 10; i++) {
        scene_plate(&s, 300 + 20 * (float)i, 300, 80, "", 0);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "");
    assert_int_equal(scene_passage(&s, 0)->n_candidates, 0);
    assert_true(scene_passage(&s, 0)->needs_review);
    scene_close(&s);
}

static void a_plate_first_unread_and_then_read_is_one_passage(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 12; i++) {
        scene_plate(&s, 300 + 15 * (float)i, 300, 80 + 5 * (float)i, i < 6 ? "" : "LATE55", 0.9f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "LATE55");
    scene_close(&s);
}

static void the_same_plate_again_within_the_gap_goes_on(void **state)
{
    (void)state;
    scene_open(&s, 1);
    scene_plate(&s, 300, 300, 100, "GAP777", 0.9f);
    scene_shoot(&s, 100);
    scene_plate(&s, 1000, 500, 140, "GAP777", 0.9f);
    scene_shoot(&s, 2900);
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    scene_close(&s);
}

static void the_same_plate_again_after_the_gap_is_another_passage(void **state)
{
    (void)state;
    scene_open(&s, 1);
    scene_plate(&s, 300, 300, 100, "GAP777", 0.9f);
    scene_shoot(&s, 100);
    scene_plate(&s, 300, 300, 100, "GAP777", 0.9f);
    scene_shoot(&s, 3100);
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 2);
    assert_memory_not_equal(scene_passage(&s, 0)->id, scene_passage(&s, 1)->id, ROW_ID_SIZE);
    scene_close(&s);
}

static void time_alone_ends_a_passage(void **state)
{
    (void)state;
    scene_open(&s, 1);
    scene_plate(&s, 300, 300, 100, "GONE12", 0.9f);
    scene_shoot(&s, 100);
    vote_tick(s.vote, s.now_ms + 3000, false);
    assert_null(vote_next(s.vote, NULL));
    vote_tick(s.vote, s.now_ms + 3001, false);
    const struct passage *p = vote_next(s.vote, NULL);
    assert_non_null(p);
    assert_int_equal(p->row.state, ROW_LOST);
    assert_null(vote_next(s.vote, NULL));
    scene_close(&s);
}

static void unrelated_photos_at_one_place_are_separate_passages(void **state)
{
    (void)state;
    static const char *const plates[] = {"7ABC123", "FXR4410", "KLM8829", "2DZP907", "HJW5563"};
    scene_open(&s, 1);
    for (int i = 0; i < 5; i++) {
        scene_plate(&s, 640, 400, 200, plates[i], 0.9f);
        scene_shoot(&s, 40);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(scene_passage(&s, i)->plate, plates[i]);
    scene_close(&s);
}

static void many_unrelated_photos_at_one_time_lose_none(void **state)
{
    (void)state;
    scene_open(&s, 1);
    srand(7);
    for (int i = 0; i < 100; i++) { /* files copied together carry one time */
        char plate[8];
        for (int k = 0; k < 7; k++)
            plate[k] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rand() % 36];
        plate[7] = '\0';
        scene_plate(&s, 640, 400, 200, plate, 0.9f);
        scene_shoot(&s, 0);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 100);
    assert_int_equal(scene_count(&s, ROW_LOST), 100);
    scene_close(&s);
}

static void poorly_read_unrelated_photos_are_separate_too(void **state)
{
    (void)state;
    static const char *const plates[] = {"7ABC123", "FXR4410", "KLM8829"};
    scene_open(&s, 1);
    for (int i = 0; i < 3; i++) {
        scene_plate(&s, 640, 400, 200, plates[i], 0.15f);
        scene_shoot(&s, 40);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 3);
    scene_close(&s);
}

static void photos_whose_times_step_back_do_no_harm(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 20; i++) {
        scene_plate(&s, 640, 400, 200, i % 2 ? "ODD1111" : "EVN2222", 0.9f);
        scene_shoot(&s, i % 2 ? 86400000 : -86400001);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 20);
    for (unsigned i = 0; i < s.n_told; i++)
        assert_true(s.told[i].last_ms >= s.told[i].first_ms);
    scene_close(&s);
}

static void a_following_vehicle_with_another_plate_is_another_passage(void **state)
{
    (void)state;
    scene_open(&s, 2);
    for (int i = 0; i < 20;
         i++) { /* bumper to bumper: the second comes where the first was half a second before */
        scene_plate(&s, 200 + 40 * (float)i, 300, 110, "LEAD100", 0.85f);
        if (i >= 5)
            scene_plate(&s, 200 + 40 * (float)(i - 5), 300, 110, "FOLW200", 0.85f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 2);
    assert_int_equal(scene_passage(&s, 0)->n_frames, 20);
    assert_int_equal(scene_passage(&s, 1)->n_frames, 15);
    scene_close(&s);
}

static void garbled_readings_at_one_place_stay_with_their_vehicle(void **state)
{
    (void)state;
    static const char *const read[] = {"ABC1234", "A8C1234", "ABC1Z34",
                                       "BC1234",  "4BC1284", "ABC1234"};
    scene_open(&s, 2);
    for (int i = 0; i < 6; i++) {
        scene_plate(&s, 300 + 20 * (float)i, 300, 90, read[i], i == 0 || i == 5 ? 0.9f : 0.3f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_string_equal(scene_passage(&s, 0)->plate, "ABC1234");
    scene_close(&s);
}

static void a_plate_seen_once_is_not_told_when_more_frames_are_wanted(void **state)
{
    (void)state;
    scene_open(&s, 3);
    scene_plate(&s, 300, 300, 100, "BRF111", 0.9f);
    scene_shoot(&s, 100);
    scene_plate(&s, 320, 300, 100, "BRF111", 0.9f);
    scene_shoot(&s, 100);
    scene_shoot(&s, 5000);
    scene_end(&s);
    assert_int_equal(s.n_told, 0);
    scene_close(&s);
}

static void a_passage_is_told_as_new_at_its_min_frames(void **state)
{
    (void)state;
    scene_open(&s, 3);
    for (unsigned i = 1; i <= 5; i++) {
        scene_plate(&s, 300, 300, 100, "NEW333", 0.9f);
        scene_shoot(&s, 100);
        assert_int_equal(s.n_told, i < 3 ? 0 : 1);
    }
    assert_int_equal(s.told[0].state, ROW_NEW);
    assert_int_equal(s.told[0].n_frames, 3);
    scene_close(&s);
}

static void updates_come_at_most_once_a_second(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 50; i++) { /* 5 s of ever better pictures */
        scene_plate(&s, 400, 200 + 5 * (float)i, 60 + 6 * (float)i, "BETTER1",
                    0.3f + 0.012f * (float)i);
        scene_shoot(&s, 100);
    }
    assert_int_equal(scene_passages(&s), 1);
    assert_in_range(scene_count(&s, ROW_UPDATE), 2, 5);
    scene_close(&s);
}

static void nothing_is_told_while_nothing_improves(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 300; i++) {
        scene_plate(&s, 400, 300, 100, "STILL99", 0.9f);
        scene_shoot(&s, 100);
    }
    assert_int_equal(scene_passages(&s), 1);
    assert_in_range(scene_count(&s, ROW_UPDATE), 0, 1); /* agreement raises the confidence once */
    scene_close(&s);
}

static void the_largest_sure_region_gives_the_crop(void **state)
{
    (void)state;
    scene_open(&s, 1);
    s.cut_crops = true;
    scene_plate(&s, 400, 300, 80, "CROP001", 0.9f);
    scene_shoot(&s, 100);
    scene_plate(&s, 420, 320, 160, "CROP001", 0.9f); /* picture 2: large and sure */
    scene_shoot(&s, 100);
    scene_plate(&s, 440, 340, 170, "CROP001", 0.3f); /* larger, but blurred */
    scene_shoot(&s, 100);
    scene_plate(&s, 1200, 340, 190, "CROP001",
                0.9f); /* larger, but cut off at the picture's edge */
    scene_shoot(&s, 100);
    vote_tick(s.vote, s.now_ms, true);
    const struct passage *p = vote_next(s.vote, NULL);
    assert_non_null(p);
    assert_int_equal(p->row.crop_size, 64);
    assert_int_equal(p->crop[0], 2);
    assert_float_equal(p->row.corner[0], 340, 0.5f);
    scene_close(&s);
}

static void a_plate_framed_twice_is_one_vehicle(void **state)
{
    (void)state;
    scene_open(&s, 1);
    for (int i = 0; i < 5; i++) {
        scene_plate(&s, 400, 300, 120, "DBL4242", 0.9f);
        scene_plate(&s, 405, 302, 125, "D8L4242", 0.4f);
        scene_shoot(&s, 100);
    }
    scene_end(&s);
    assert_int_equal(scene_passages(&s), 1);
    assert_int_equal(scene_passage(&s, 0)->n_frames, 5);
    scene_close(&s);
}

static void the_same_pictures_make_the_same_ids(void **state)
{
    (void)state;
    static struct scene again;
    struct scene *runs[] = {&s, &again};
    for (int k = 0; k < 2; k++) {
        scene_open(runs[k], 1);
        for (int i = 0; i < 3; i++) {
            scene_plate(runs[k], 200, 300, 100, "AAA1111", 0.9f);
            scene_plate(runs[k], 800, 300, 100, "BBB2222", 0.9f);
            scene_shoot(runs[k], 100);
        }
        scene_end(runs[k]);
    }
    assert_int_equal(scene_passages(&s), 2);
    for (unsigned i = 0; i < 2; i++)
        assert_memory_equal(scene_passage(&s, i)->id, scene_passage(&again, i)->id, ROW_ID_SIZE);
    assert_memory_not_equal(scene_passage(&s, 0)->id, scene_passage(&s, 1)->id, ROW_ID_SIZE);
    uint8_t tag[PASSAGE_TAG_SIZE];
    passage_tag("north-1", tag);
    assert_memory_equal(scene_passage(&s, 0)->id, tag, sizeof tag);
    scene_close(&s);
    scene_close(&again);
}

static void the_oldest_open_picture_is_known(void **state)
{
    (void)state;
    scene_open(&s, 1);
    assert_true(vote_oldest(s.vote) == VOTE_NONE);
    scene_shoot(&s, 100);
    scene_plate(&s, 200, 300, 100, "AAA1111", 0.9f); /* picture 2 */
    scene_shoot(&s, 100);
    scene_plate(&s, 200, 300, 100, "AAA1111", 0.9f);
    scene_plate(&s, 900, 300, 100, "BBB2222", 0.9f); /* picture 3 */
    scene_shoot(&s, 2000);
    assert_true(vote_oldest(s.vote) == 2);
    assert_true(s.first_number[s.n_told - 1] == 3);
    scene_plate(&s, 900, 300, 100, "BBB2222", 0.9f);
    scene_shoot(&s, 2000);
    scene_plate(&s, 900, 300, 100, "BBB2222", 0.9f);
    scene_shoot(&s, 2000);
    assert_true(vote_oldest(s.vote) == 3);
    scene_end(&s);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vehicle_driving_through_is_one_passage),
        cmocka_unit_test(a_fast_vehicle_seen_in_few_frames_is_one_passage),
        cmocka_unit_test(two_vehicles_in_view_are_two_passages),
        cmocka_unit_test(two_unread_vehicles_in_view_are_two_passages),
        cmocka_unit_test(a_parked_vehicle_is_one_passage_with_rare_updates),
        cmocka_unit_test(a_parked_vehicle_hidden_for_longer_than_the_gap_stays_one),
        cmocka_unit_test(a_plate_that_is_never_read_is_a_passage_without_text),
        cmocka_unit_test(a_plate_first_unread_and_then_read_is_one_passage),
        cmocka_unit_test(the_same_plate_again_within_the_gap_goes_on),
        cmocka_unit_test(the_same_plate_again_after_the_gap_is_another_passage),
        cmocka_unit_test(time_alone_ends_a_passage),
        cmocka_unit_test(unrelated_photos_at_one_place_are_separate_passages),
        cmocka_unit_test(many_unrelated_photos_at_one_time_lose_none),
        cmocka_unit_test(poorly_read_unrelated_photos_are_separate_too),
        cmocka_unit_test(photos_whose_times_step_back_do_no_harm),
        cmocka_unit_test(a_following_vehicle_with_another_plate_is_another_passage),
        cmocka_unit_test(garbled_readings_at_one_place_stay_with_their_vehicle),
        cmocka_unit_test(a_plate_seen_once_is_not_told_when_more_frames_are_wanted),
        cmocka_unit_test(a_passage_is_told_as_new_at_its_min_frames),
        cmocka_unit_test(updates_come_at_most_once_a_second),
        cmocka_unit_test(nothing_is_told_while_nothing_improves),
        cmocka_unit_test(the_largest_sure_region_gives_the_crop),
        cmocka_unit_test(a_plate_framed_twice_is_one_vehicle),
        cmocka_unit_test(the_same_pictures_make_the_same_ids),
        cmocka_unit_test(the_oldest_open_picture_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
