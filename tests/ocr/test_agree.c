/* What the second reader's text does to the first one's reading: pure. */
#include "tests/ocr/check.h"

#include "ocr/agree.h"
#include "ocr/line.h"

static const struct agree_rules rules = {.unsure_below = 0.95f,
                                         .same_if_right = 0.8f,
                                         .same_if_wrong = 0.1f,
                                         .alone = 0.3f,
                                         .heard_from = 0.25f};

/* Candidates ABC123 (0.6), A8C123 (0.3), ABC12 (0.05). */
static struct reading unsure(void)
{
    struct reading reading = {.n_candidates = 3, .n_positions = 6, .needs_review = true};
    static const char *const texts[] = {"ABC123", "A8C123", "ABC12"};
    static const float confidence[] = {0.6f, 0.3f, 0.05f};
    for (int i = 0; i < 3; i++) {
        memcpy(reading.candidates[i].text, texts[i], strlen(texts[i]) + 1);
        reading.candidates[i].confidence = confidence[i];
    }
    reading.position[0][0] = 0.5f;
    return reading;
}

static struct candidate saying(const char *text)
{
    struct candidate second = {.confidence = 0.9f};
    memcpy(second.text, text, strlen(text) + 1);
    return second;
}

static void assert_near(float got, double wanted)
{
    if (!(got > (float)wanted - 1e-4f && got < (float)wanted + 1e-4f))
        fail_msg("%f is not %f", (double)got, wanted);
}

static void assert_in_order(const struct reading *reading)
{
    for (unsigned i = 1; i < reading->n_candidates; i++)
        assert_true(reading->candidates[i - 1].confidence >= reading->candidates[i].confidence);
}

static void the_second_reader_is_asked_below_the_limit_only(void **state)
{
    (void)state;
    struct reading reading = unsure();
    assert_true(agree_is_asked(&rules, &reading));
    reading.candidates[0].confidence = 0.95f;
    assert_false(agree_is_asked(&rules, &reading));
    reading.n_candidates = 0;
    assert_true(agree_is_asked(&rules, &reading));
}

static void agreement_raises_confidence_by_bayes_rule(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct candidate second = saying("ABC123");
    agree_apply(&rules, &second, 10, 0.9f, &reading);
    assert_string_equal(reading.candidates[0].text, "ABC123");
    assert_near(reading.candidates[0].confidence, 0.6 * 8 / (0.6 * 8 + 0.4));
    assert_near(reading.candidates[1].confidence, 0.3 / (0.6 * 8 + 0.4));
    assert_int_equal(reading.n_candidates, 3);
    assert_false(reading.needs_review);
    assert_near(reading.position[0][0], 0.5);
    assert_true(reading.was_compared && reading.was_same);
}

static void agreement_that_stays_below_the_reject_point_is_for_a_human(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct candidate second = saying("ABC123");
    agree_apply(&rules, &second, 10, 0.95f, &reading);
    assert_true(reading.needs_review);
}

static void a_later_candidate_that_gains_enough_becomes_the_first(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct candidate second = saying("A8C123");
    agree_apply(&rules, &second, 10, 0.1f, &reading);
    assert_string_equal(reading.candidates[0].text, "A8C123");
    assert_string_equal(reading.candidates[1].text, "ABC123");
    assert_near(reading.candidates[0].confidence, 0.3 * 8 / (0.3 * 8 + 0.7));
    assert_true(reading.needs_review);
    assert_in_order(&reading);
    assert_true(reading.was_compared && !reading.was_same);
    assert_int_equal(reading.n_positions, 6);
    for (unsigned i = 0; i < reading.n_positions; i++) {
        double sum = 0;
        for (unsigned c = 0; c < READING_MAX_CLASSES; c++)
            sum += (double)reading.position[i][c];
        assert_true(sum > 0.999 && sum < 1.001);
    }
}

static void a_later_candidate_that_gains_little_stays_behind_and_a_human_looks(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct candidate second = saying("ABC12");
    agree_apply(&rules, &second, 10, 0.1f, &reading);
    assert_string_equal(reading.candidates[0].text, "ABC123");
    assert_true(reading.candidates[0].confidence < 0.6f);
    assert_true(reading.needs_review);
    assert_in_order(&reading);
}

static void an_unknown_text_joins_the_candidates_and_a_human_looks(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct candidate second = saying("XYZ999");
    agree_apply(&rules, &second, 10, 0.1f, &reading);
    assert_int_equal(reading.n_candidates, 4);
    assert_string_equal(reading.candidates[0].text, "XYZ999");
    assert_near(reading.candidates[0].confidence, 0.3);
    assert_near(reading.candidates[1].confidence, 0.6 * 0.2 / 0.9);
    assert_true(reading.needs_review);
    assert_in_order(&reading);
}

static void an_unknown_text_takes_the_last_place_of_a_full_list(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct candidate second = saying("XYZ999");
    agree_apply(&rules, &second, 3, 0.1f, &reading);
    assert_int_equal(reading.n_candidates, 3);
    assert_string_equal(reading.candidates[2].text, "A8C123");
    reading = unsure();
    reading.n_candidates = 1;
    agree_apply(&rules, &second, 1, 0.1f, &reading);
    assert_int_equal(reading.n_candidates, 1);
    assert_string_equal(reading.candidates[0].text, "ABC123");
    assert_true(reading.needs_review);
}

static void a_plate_that_only_the_second_reader_could_read_is_for_a_human(void **state)
{
    (void)state;
    struct reading reading = {.needs_review = true};
    const struct candidate second = saying("XYZ999");
    agree_apply(&rules, &second, 10, 0.1f, &reading);
    assert_int_equal(reading.n_candidates, 1);
    assert_int_equal(reading.n_positions, 6);
    assert_near(reading.candidates[0].confidence, 0.3);
    assert_true(reading.needs_review);
}

static void silence_of_the_second_reader_changes_nothing(void **state)
{
    (void)state;
    struct reading reading = unsure();
    const struct reading before = reading;
    struct candidate second = saying("");
    agree_apply(&rules, &second, 10, 0.1f, &reading);
    assert_memory_equal(&before, &reading, sizeof reading);
    second = saying("XYZ999");
    second.confidence = 0.24f;
    agree_apply(&rules, &second, 10, 0.1f, &reading);
    assert_memory_equal(&before, &reading, sizeof reading);
}

/* Upright strokes between two rows of pixels. */
static void draw(uint8_t *plate, int from, int to)
{
    for (int y = from; y < to; y++)
        for (int x = 12; x < LINE_PLATE_WIDTH - 12; x++)
            plate[y * LINE_PLATE_WIDTH + x] = x / 3 % 2 ? 230 : 20;
}

/* The line's darkest pixels reach from its upper to its lower edge, but for a margin. */
static void assert_filled(const struct line *line, uint32_t column)
{
    unsigned dark = 0;
    for (uint32_t y = 0; y < LINE_HEIGHT; y++)
        for (uint32_t x = column; x < column + 6; x++)
            dark += line->pixels[y * line->width + x] < 100;
    assert_true(dark > LINE_HEIGHT);
}

static void one_row_becomes_its_band(void **state)
{
    (void)state;
    static uint8_t plate[LINE_PLATE_WIDTH * LINE_PLATE_HEIGHT];
    struct line line;
    struct fault why;
    memset(plate, 200, sizeof plate);
    draw(plate, 22, 44);
    assert_ok(line_cut(plate, &line, &why));
    assert_int_equal(line.width, LINE_WIDTH);
    assert_filled(&line, 60);
}

static void two_rows_become_one_line(void **state)
{
    (void)state;
    static uint8_t plate[LINE_PLATE_WIDTH * LINE_PLATE_HEIGHT];
    struct line line;
    struct fault why;
    memset(plate, 200, sizeof plate);
    draw(plate, 8, 28);
    draw(plate, 38, 58);
    assert_ok(line_cut(plate, &line, &why));
    assert_int_equal(line.width, LINE_MAX_WIDTH);
    assert_filled(&line, 40);
    assert_filled(&line, 130);
}

static void a_plate_without_any_edge_still_gives_a_line(void **state)
{
    (void)state;
    static uint8_t plate[LINE_PLATE_WIDTH * LINE_PLATE_HEIGHT];
    struct line line;
    struct fault why;
    assert_ok(line_cut(plate, &line, &why));
    assert_int_equal(line.width, LINE_WIDTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_reader_is_asked_below_the_limit_only),
        cmocka_unit_test(agreement_raises_confidence_by_bayes_rule),
        cmocka_unit_test(agreement_that_stays_below_the_reject_point_is_for_a_human),
        cmocka_unit_test(a_later_candidate_that_gains_enough_becomes_the_first),
        cmocka_unit_test(a_later_candidate_that_gains_little_stays_behind_and_a_human_looks),
        cmocka_unit_test(an_unknown_text_joins_the_candidates_and_a_human_looks),
        cmocka_unit_test(an_unknown_text_takes_the_last_place_of_a_full_list),
        cmocka_unit_test(a_plate_that_only_the_second_reader_could_read_is_for_a_human),
        cmocka_unit_test(silence_of_the_second_reader_changes_nothing),
        cmocka_unit_test(one_row_becomes_its_band),
        cmocka_unit_test(two_rows_become_one_line),
        cmocka_unit_test(a_plate_without_any_edge_still_gives_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
