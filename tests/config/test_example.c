/* The example file and the listing are as complete as the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/option.h"

static char text[64 * 1024];
static size_t size;
static struct config config;
static struct config_report report;
static struct fault why;

static int read_example(void **state)
{
    (void)state;
    FILE *file = fopen(LANEWARD_SOURCE_DIR "/packaging/laneward.conf", "r");
    if (file == NULL)
        return -1;
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    return fclose(file);
}

static void expect_no_complaint(void)
{
    for (uint32_t i = 0; i < report.n_complaints; i++) {
        char line[700];
        config_complaint_text(&report.complaints[i], line, sizeof line);
        print_message("%s\n", line);
    }
    assert_int_equal(report.n_complaints, 0);
}

static void the_example_is_a_sound_configuration(void **state)
{
    (void)state;
    (void)!config_parse(text, size, "laneward.conf", &config, &report, &why);
    expect_no_complaint();
    assert_int_equal(config.n_cameras, 2);
}

/* With the ; of every option taken away. */
static void uncomment(void)
{
    for (char *at = text; (at = strstr(at, "\n;")) != NULL; at += 2)
        at[1] = ' ';
}

static void all_that_the_example_has_commented_out_is_sound_too(void **state)
{
    (void)state;
    uncomment();
    (void)!config_parse(text, size, "laneward.conf", &config, &report, &why);
    expect_no_complaint();
    read_example(NULL);
}

/* Does the example set the key within a section of this name? */
static bool example_has(const char *section, const char *key)
{
    char now[64] = "";
    for (const char *line = text; line != NULL && *line != '\0';) {
        char name[64] = "";
        sscanf(line, "[%63[a-z]", now);
        if (sscanf(line, " %63[a-z_] =", name) == 1 && strcmp(name, key) == 0 &&
            strcmp(now, section) == 0)
            return true;
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return false;
}

static void the_example_has_every_option_under_its_section(void **state)
{
    (void)state;
    size_t count;
    const struct option *table = option_table(&count);
    assert_true(count > 20);
    assert_false(example_has("desk", "topn"));
    uncomment();
    for (size_t i = 0; i < count; i++)
        if (!example_has(table[i].section, table[i].key))
            fail_msg("packaging/laneward.conf lacks [%s] %s", table[i].section, table[i].key);
    read_example(NULL);
}

/* What stands behind a ; is the default, where there is one. */
static void the_example_s_commented_values_are_the_defaults(void **state)
{
    (void)state;
    size_t count;
    const struct option *table = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        char line[256];
        snprintf(line, sizeof line, "\n;%s = %s\n", table[i].key, table[i].initial);
        if (table[i].initial[0] != '\0' && strstr(text, line) == NULL)
            fail_msg("packaging/laneward.conf: %s is not shown with its default %s", table[i].key,
                     table[i].initial);
    }
}

static void the_listing_has_every_row_in_both_forms(void **state)
{
    (void)state;
    static char plain[16 * 1024], roff[16 * 1024];
    size_t count, n_plain = config_options_text(false, plain, sizeof plain);
    const struct option *table = option_table(&count);
    size_t n_roff = config_options_text(true, roff, sizeof roff);
    assert_true(n_plain == strlen(plain) && n_plain < sizeof plain - 1);
    assert_true(n_roff == strlen(roff) && n_roff < sizeof roff - 1);
    for (size_t i = 0; i < count; i++) {
        char line[256], range[96];
        option_range(&table[i], range, sizeof range);
        snprintf(line, sizeof line, "\n  %s  (%s; default %s)\n      %s\n", table[i].key, range,
                 table[i].initial[0] != '\0' ? table[i].initial : "none", table[i].meaning);
        assert_non_null(strstr(plain, line));
        snprintf(line, sizeof line, "\n.TP\n.B %s\n", table[i].key);
        assert_non_null(strstr(roff, line));
    }
    assert_null(strstr(roff, "\n'"));
}

static void a_listing_that_does_not_fit_is_cut_within_its_room(void **state)
{
    (void)state;
    char small[100];
    memset(small, 'x', sizeof small);
    assert_int_equal(config_options_text(false, small, 50), 49);
    assert_int_equal(small[49], '\0');
    assert_int_equal(small[50], 'x');
}

static void every_default_lies_in_its_range_and_every_line_fits_the_table(void **state)
{
    (void)state;
    size_t count;
    const struct option *table = option_table(&count);
    assert_true(count <= OPTION_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(option_find(table[i].section, table[i].key), &table[i]);
        assert_true(strlen(table[i].meaning) <= 90);
        assert_int_equal(table[i].meaning[strlen(table[i].meaning) - 1], '.');
    }
    config_defaults(&config); /* asserts that every default parses */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_a_sound_configuration),
        cmocka_unit_test(all_that_the_example_has_commented_out_is_sound_too),
        cmocka_unit_test(the_example_has_every_option_under_its_section),
        cmocka_unit_test(the_example_s_commented_values_are_the_defaults),
        cmocka_unit_test(the_listing_has_every_row_in_both_forms),
        cmocka_unit_test(a_listing_that_does_not_fit_is_cut_within_its_room),
        cmocka_unit_test(every_default_lies_in_its_range_and_every_line_fits_the_table),
    };
    return cmocka_run_group_tests(tests, read_example, NULL);
}
