/* Syntax and ranking: what patterns decide, and what they do not forbid. */
#include "tests/ocr/check.h"

#include <math.h>
#include <stdio.h>

#include "ocr/rank.h"
#include "ocr/reader.h"
#include "ocr/syntax.h"

static struct fault why;

static struct syntax *syntax_from(const char *text, const char *chosen)
{
    struct pattern_list list = {0};
    struct syntax *syntax;
    assert_ok(pattern_parse(text, strlen(text), "test.conf", &list, &why));
    assert_ok(syntax_of(&syntax, &list, chosen, &why));
    pattern_list_release(&list);
    return syntax;
}

static uint8_t class_of(char c)
{
    return (uint8_t)(strchr(READER_ALPHABET, c) - READER_ALPHABET + 1);
}

/* Odds as a sharp reader gives them: each character of `text` at every other step; "(O0)" splits a
 * step 51 to 49. */
static void write_odds(struct ctc_odds *odds, const char *text)
{
    memset(odds, 0, sizeof *odds);
    odds->classes = READER_CLASSES;
    for (const char *at = text; *at; at++) {
        double *p = odds->p[odds->steps];
        for (size_t c = 0; c < READER_CLASSES; c++)
            p[c] = 1e-5;
        if (*at == '(') {
            p[class_of(at[1])] = 0.51;
            p[class_of(at[2])] = 0.49;
            at += 3;
        } else {
            p[class_of(*at)] = 1;
        }
        double sum = 0;
        for (size_t c = 0; c < READER_CLASSES; c++)
            sum += p[c];
        for (size_t c = 0; c < READER_CLASSES; c++)
            p[c] /= sum;
        odds->p[odds->steps + 1][0] = 1;
        odds->steps = (uint16_t)(odds->steps + 2);
    }
}

static struct reading rank_text(const char *odds_text, const struct syntax *syntax, bool must_match)
{
    static struct rank_views views = {.n = 1};
    struct reading reading = {0};
    struct rank *rank;
    const struct rank_options options = {10, must_match};
    write_odds(&views.odds[0], odds_text);
    assert_ok(rank_new(&rank, &why));
    rank_run(rank, &views, syntax, &options, &reading);
    rank_free(&rank);
    return reading;
}

static void syntax_decides_between_letter_and_digit(void **state)
{
    (void)state;
    struct syntax *br = syntax_from("br\t@@@####\n", NULL),
                  *gb = syntax_from("gb\t@@##@@@\n", NULL);
    struct reading first = rank_text("ABC1(O0)34", br, false);
    assert_string_equal(first.candidates[0].text, "ABC1034");
    assert_true(first.candidates[0].matches_pattern);
    assert_string_equal(first.candidates[0].region, "br");
    assert_string_equal(first.candidates[1].text, "ABC1O34");
    assert_false(first.candidates[1].matches_pattern);
    struct reading second = rank_text("A(0O)51ABC", gb, false);
    assert_string_equal(second.candidates[0].text, "AO51ABC");
    struct reading third = rank_text("(8B)C51A(S5)C", gb, false);
    assert_string_equal(third.candidates[0].text, "BC51ASC");
    syntax_close(&br);
    syntax_close(&gb);
}

static void without_patterns_letters_keep_to_letters_and_digits_to_digits(void **state)
{
    (void)state;
    struct syntax *none = syntax_from("", NULL);
    assert_string_equal(rank_text("GO(8B)LIN", none, false).candidates[0].text, "GOBLIN");
    assert_string_equal(rank_text("4711(O0)8", none, false).candidates[0].text, "471108");
    struct reading reading = rank_text("ABC1(O0)34", none, false);
    assert_int_equal(reading.n_positions, 7);
    assert_true(fabs((double)reading.position[4][class_of('0')] - 0.49) <
                0.01); /* the picture's alone */
    syntax_close(&none);
}

static void a_plate_that_fits_no_pattern_is_still_read(void **state)
{
    (void)state;
    struct syntax *br = syntax_from("br\t@@@####\n", NULL);
    struct reading reading = rank_text("1A2B3C4D", br, false);
    assert_string_equal(reading.candidates[0].text, "1A2B3C4D");
    assert_false(reading.candidates[0].matches_pattern);
    assert_string_equal(reading.candidates[0].region, "");
    assert_true(reading.candidates[0].confidence > 0.85f);
    syntax_close(&br);
}

static void with_must_match_it_loses_its_text(void **state)
{
    (void)state;
    struct syntax *br = syntax_from("br\t@@@####\n", NULL);
    struct reading reading = rank_text("1A2B3C4D", br, true);
    assert_int_equal(reading.n_candidates, 0);
    assert_int_equal(reading.n_positions, 0);
    struct reading other = rank_text("ABC1(O0)34", br, true);
    assert_int_equal(other.n_candidates, 1);
    assert_string_equal(other.candidates[0].text, "ABC1034");
    syntax_close(&br);
}

static void a_clear_character_outweighs_the_patterns(void **state)
{
    (void)state;
    struct syntax *br = syntax_from("br\t@@@####\n", NULL);
    struct reading reading = rank_text("ABC1O34", br, false); /* O at 99.96 % */
    assert_string_equal(reading.candidates[0].text, "ABC1O34");
    syntax_close(&br);
}

static void a_letter_that_the_font_lacks_is_not_chosen(void **state)
{
    (void)state;
    struct syntax *ny = syntax_from("us-ny\t@@@####\n!us-ny\tabsent\tOIQ\n", NULL);
    struct reading reading = rank_text("A(OC)B1234", ny, false);
    assert_string_equal(reading.candidates[0].text, "ACB1234");
    syntax_close(&ny);
}

/* Nobody can say which it is: what the reader thinks likelier stays first. */
static void the_round_sign_of_a_personal_plate_is_left_to_the_reader(void **state)
{
    (void)state;
    struct syntax *none = syntax_from("", NULL);
    assert_string_equal(rank_text("SM(0O)KE", none, false).candidates[0].text, "SM0KE");
    assert_string_equal(rank_text("SM(O0)KE", none, false).candidates[0].text, "SMOKE");
    assert_string_equal(rank_text("SM(8B)KE", none, false).candidates[0].text, "SMBKE");
    syntax_close(&none);
}

static void regions_are_chosen_by_name_and_by_glob(void **state)
{
    (void)state;
    static const char text[] = "us-ny\t@@@####\nus-ca\t#@@@###\nmx\t@@@###@\nbr\t@@@#@##\n";
    const uint8_t br[] = {11, 11, 11, 2, 11, 2, 2}, ca[] = {2, 11, 11, 11, 2, 2, 2},
                  mx[] = {11, 11, 11, 2, 2, 2, 11};
    struct syntax *all = syntax_from(text, " "), *us = syntax_from(text, "us"),
                  *some = syntax_from(text, "us-n* mx");
    assert_true(syntax_judge(all, br, 7).matches);
    assert_string_equal(syntax_origin_of(all, ca, 7).region, "us-ca");
    assert_true(syntax_judge(us, ca, 7).matches && !syntax_judge(us, br, 7).matches);
    assert_true(syntax_judge(some, mx, 7).matches && !syntax_judge(some, ca, 7).matches);
    syntax_close(&all);
    syntax_close(&us);
    syntax_close(&some);
}

static void a_region_with_more_vehicles_is_likelier(void **state)
{
    (void)state;
    static const char text[] = "mx\t@@@####\n!mx\tvehicles\t9\nbr\t@@@####\n!br\tvehicles\t3\n";
    const uint8_t code[] = {11, 11, 11, 2, 2, 2, 2};
    struct syntax *both = syntax_from(text, NULL);
    struct syntax_origin origin = syntax_origin_of(both, code, 7);
    assert_string_equal(origin.region, "mx");
    assert_float_equal(origin.share, 0.75, 1e-6);
    syntax_close(&both);
}

/* A form that one state alone has names it; one that states share names the country; one that
 * countries share as well names the country that it speaks for, or none. */
static void a_region_is_named_as_far_as_the_form_tells(void **state)
{
    (void)state;
    static const char text[] = "us-ny\t@@@####\nus-tx\t@@@####\nus-mo\t@@#@#@\nus-ny\t@@@##\n"
                               "mx\t@@@####\t3\nmx\t@@@##\t1\nbr\t@@@##\t1\nar\t@@@##\n";
    const uint8_t shared[] = {11, 11, 11, 2, 2, 2, 2}, missouri[] = {11, 11, 2, 11, 2, 11},
                  anyone[] = {11, 11, 11, 2, 2}, nobody[] = {2, 2, 2};
    struct syntax *syntax = syntax_from(text, NULL);
    struct syntax_origin origin = syntax_origin_of(syntax, missouri, 6);
    assert_string_equal(origin.region, "us-mo");
    assert_true(origin.share > 0.999f);
    origin = syntax_origin_of(syntax, shared, 7); /* ny 1/2, tx 1, mx 3/4 */
    assert_string_equal(origin.region, "us");
    assert_true(fabs(origin.share - 1.5 / 2.25) < 1e-4);
    origin = syntax_origin_of(syntax, anyone, 5); /* ny 1/2, mx 1/4, br 1, ar 1 */
    assert_string_equal(origin.region, "");
    assert_true(origin.share == 0);
    origin = syntax_origin_of(syntax, nobody, 3);
    assert_string_equal(origin.region, "");
    syntax_close(&syntax);
}

static void a_choice_that_names_nothing_is_an_error(void **state)
{
    (void)state;
    struct pattern_list list = {0};
    struct syntax *syntax = NULL;
    static const char text[] = "us-ny\t@@@####\n";
    assert_ok(pattern_parse(text, sizeof text - 1, "us.conf", &list, &why));
    assert_int_equal(syntax_of(&syntax, &list, "us-* narnia", &why), ERR_INPUT);
    assert_non_null(strstr(why.text, "'narnia'"));
    assert_null(syntax);
    assert_int_equal(list.n_patterns, 1);
    pattern_list_release(&list);
}

static void a_pattern_file_that_cannot_be_read_names_file_and_line(void **state)
{
    (void)state;
    char dir[] = "/tmp/laneward-regions-XXXXXX", path[64];
    struct syntax *syntax = NULL;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/mx.conf", dir);
    FILE *file = fopen(path, "w");
    fputs("mx\t@@@###@\nmx\t@@%\n", file);
    fclose(file);
    assert_int_equal(syntax_open(&syntax, dir, NULL, &why), ERR_INPUT);
    assert_non_null(strstr(why.text, "/mx.conf:2: "));
    remove(path);
    remove(dir);
    assert_int_equal(syntax_open(&syntax, dir, NULL, &why), ERR_IO);
}

static void an_empty_plate_has_no_text(void **state)
{
    (void)state;
    static struct rank_views views = {.n = 1, .odds = {{.steps = 4, .classes = READER_CLASSES}}};
    struct syntax *none = syntax_from("", NULL);
    struct reading reading = {.n_candidates = 9};
    struct rank *rank;
    const struct rank_options options = {10, false};
    for (size_t t = 0; t < 4; t++)
        views.odds[0].p[t][0] = 1;
    assert_ok(rank_new(&rank, &why));
    rank_run(rank, &views, none, &options, &reading);
    assert_int_equal(reading.n_candidates, 0);
    rank_free(&rank);
    syntax_close(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_decides_between_letter_and_digit),
        cmocka_unit_test(without_patterns_letters_keep_to_letters_and_digits_to_digits),
        cmocka_unit_test(a_plate_that_fits_no_pattern_is_still_read),
        cmocka_unit_test(with_must_match_it_loses_its_text),
        cmocka_unit_test(a_clear_character_outweighs_the_patterns),
        cmocka_unit_test(a_letter_that_the_font_lacks_is_not_chosen),
        cmocka_unit_test(the_round_sign_of_a_personal_plate_is_left_to_the_reader),
        cmocka_unit_test(regions_are_chosen_by_name_and_by_glob),
        cmocka_unit_test(a_region_with_more_vehicles_is_likelier),
        cmocka_unit_test(a_region_is_named_as_far_as_the_form_tells),
        cmocka_unit_test(a_choice_that_names_nothing_is_an_error),
        cmocka_unit_test(a_pattern_file_that_cannot_be_read_names_file_and_line),
        cmocka_unit_test(an_empty_plate_has_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
