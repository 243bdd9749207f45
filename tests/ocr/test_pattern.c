/* The parser of region pattern files. */
#include "tests/ocr/check.h"

#include "ocr/pattern.h"

static struct fault why;

static enum err parse(const char *text, struct pattern_list *list)
{
    return pattern_parse(text, strlen(text), "us.conf", list, &why);
}

/* Class bit of a character. */
static uint64_t bit(char c)
{
    return (uint64_t)1 << (c <= '9' ? c - '0' : c - 'A' + 10);
}

static void letters_digits_classes_and_literals_are_read(void **state)
{
    (void)state;
    struct pattern_list list = {0};
    assert_ok(parse("# remarks\n\nus-ny\t@#?[A-CX]7Z\t2.5\r\nmx\t@@@\n", &list));
    assert_int_equal(list.n_patterns, 2);
    assert_int_equal(list.n_regions, 2);
    const struct pattern *p = &list.patterns[0];
    assert_int_equal(p->n, 6);
    assert_string_equal(list.regions[p->region].name, "us-ny");
    assert_true(p->weight > 2.49f && p->weight < 2.51f);
    assert_true(p->allow[0] & bit('Q') && !(p->allow[0] & bit('5')));
    assert_true(p->allow[1] & bit('5') && !(p->allow[1] & bit('Q')));
    assert_true(p->allow[2] & bit('5') && p->allow[2] & bit('Q'));
    assert_true(p->allow[3] == (bit('A') | bit('B') | bit('C') | bit('X')));
    assert_true(p->allow[4] == bit('7'));
    assert_true(p->allow[5] == bit('Z'));
    assert_true(pattern_count(&list, p) == 26.0 * 10 * 36 * 4);
    pattern_list_release(&list);
}

static void absent_letters_leave_open_places_but_not_written_ones(void **state)
{
    (void)state;
    struct pattern_list list = {0};
    assert_ok(parse("us-ny\t@O[OP]?\n!us-ny\tabsent\tOIQ\n", &list));
    const struct pattern *p = &list.patterns[0];
    assert_false(pattern_allowed(&list, p, 0) & bit('O'));
    assert_true(pattern_allowed(&list, p, 1) == bit('O'));
    assert_true(pattern_allowed(&list, p, 2) & bit('O'));
    assert_false(pattern_allowed(&list, p, 3) & bit('I'));
    assert_true(pattern_count(&list, p) == 23.0 * 1 * 2 * 33);
    pattern_list_release(&list);
}

static void a_complaint_names_file_and_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "us-ny\t@@@\nus-ny\t@@a\n",
        "us-ny\t@@@\nus-ny\n",
        "us-ny\t@@@\nUS\t@@@\n",
        "us-ny\t@@@\nus-ny\t[A-\n",
        "us-ny\t@@@\nus-ny\t[]\n",
        "us-ny\t@@@\nus-ny\t[Z-A]\n",
        "us-ny\t@@@\nus-ny\t[0-Z]\n",
        "us-ny\t@@@\nus-ny\t@@@\t0\n",
        "us-ny\t@@@\nus-ny\t@@@\tx\n",
        "us-ny\t@@@\nus-ny\t@@@\t1e9\n",
        "us-ny\t@@@\nus-ny\t@@@\t1\t2\n",
        "us-ny\t@@@\n!us-ny\tabsent\n",
        "us-ny\t@@@\n!us-ny\tabsent\to\n",
        "us-ny\t@@@\n!us-ny\tmissing\tO\n",
        "us-ny\t@@@\n!us-ny\tvehicles\n",
        "us-ny\t@@@\n!us-ny\tvehicles\t0\n",
        "us-ny\t@@@\n!us-ny\tvehicles\tmany\n",
        "us-ny\t@@@\nus-ny\t\n",
        "us-ny\t@@@\nus-ny\t@@@@@@@@@@@@@\n",
        "us-ny\t@@@\na-very-long-name\t@@@\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pattern_list list = {0};
        assert_int_equal(parse(bad[i], &list), ERR_INPUT);
        if (strncmp(why.text, "us.conf:2: ", 11) != 0)
            fail_msg("'%s' gave '%s'", bad[i], why.text);
        pattern_list_release(&list);
    }
}

static void a_failing_file_leaves_the_list_as_it_was(void **state)
{
    (void)state;
    struct pattern_list list = {0};
    assert_ok(parse("us-ny\t@@@####\n!us-ny\tabsent\tO\n", &list));
    assert_int_equal(
        parse("us-ny\t@@@\nbr\t@@@\n!us-ny\tabsent\tI\n!us-ny\tvehicles\t7\nbr\t*\n", &list),
        ERR_INPUT);
    assert_int_equal(list.n_patterns, 1);
    assert_int_equal(list.n_regions, 1);
    assert_true(list.regions[0].absent == bit('O'));
    assert_true(list.regions[0].vehicles == PATTERN_VEHICLES);
    pattern_list_release(&list);
}

static void bytes_without_a_last_newline_and_with_zeros_are_read_within_bounds(void **state)
{
    (void)state;
    struct pattern_list list = {0};
    static const char text[] = {'b', 'r', '\t', '@', '#'};
    assert_ok(pattern_parse(text, sizeof text, "br.conf", &list, &why));
    assert_int_equal(list.patterns[0].n, 2);
    static const char zero[] = {'b', 'r', '\t', '@', 0, '#', '\n'};
    assert_int_equal(pattern_parse(zero, sizeof zero, "br.conf", &list, &why), ERR_INPUT);
    pattern_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_digits_classes_and_literals_are_read),
        cmocka_unit_test(absent_letters_leave_open_places_but_not_written_ones),
        cmocka_unit_test(a_complaint_names_file_and_line),
        cmocka_unit_test(a_failing_file_leaves_the_list_as_it_was),
        cmocka_unit_test(bytes_without_a_last_newline_and_with_zeros_are_read_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
