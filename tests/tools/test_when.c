/* Times as officers type them, in a fixed time zone. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/when.h"

static const int64_t now = INT64_C(1795343400123); /* 2026-11-22 10:30:00.123 UTC */
static struct fault why;

static int64_t parse(const char *text)
{
    int64_t ms = -1;
    assert_int_equal(when_parse(text, now, &ms, &why), ERR_OK);
    return ms;
}

static void rfc_3339_is_understood(void **state)
{
    (void)state;
    assert_int_equal(parse("2026-11-22T10:30:00Z"), 1795343400000);
    assert_int_equal(parse("2026-11-22T11:30:00+01:00"), 1795343400000);
    assert_int_equal(parse("2026-11-22T04:30:00.25-06:00"), 1795343400000);
    assert_int_equal(parse("2026-11-22t10:30:00z"), 1795343400000);
}

static void local_time_is_understood(void **state)
{
    (void)state;
    assert_int_equal(parse("2026-11-22 04:30"), 1795343400000); /* the test's zone is UTC-6 */
    assert_int_equal(parse("2026-11-22 04:30:01"), 1795343401000);
    assert_int_equal(parse("2026-11-22T04:30"), 1795343400000);
    assert_int_equal(parse("2026-11-22"), 1795343400000 - (4 * 60 + 30) * 60000);
    assert_int_equal(parse("04:29"), 1795343400000 - 60000);
}

static void so_long_ago_is_understood(void **state)
{
    (void)state;
    assert_int_equal(parse("now"), now);
    assert_int_equal(parse("90s"), now - 90000);
    assert_int_equal(parse("10m"), now - 600000);
    assert_int_equal(parse("2h"), now - 7200000);
    assert_int_equal(parse("3d"), now - 259200000);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "x",
                                        "10",
                                        "m",
                                        "-5m",
                                        "5 m",
                                        "0m",
                                        "99999999999999999999m",
                                        "yesterday",
                                        "2026-13-01",
                                        "2026-06-31",
                                        "2026-02-29",
                                        "2026-11-22 24:00",
                                        "2026-11-22 10:60",
                                        "2026-11-22 1:30",
                                        "2026-11-22x10:30",
                                        "2026-11-22 10:30 ",
                                        "2026-11-22T10:30:00+1",
                                        "10:30Z",
                                        "22.11.2026",
                                        "1969-01-01"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms = 7;
        if (when_parse(wrong[i], now, &ms, &why) != ERR_INPUT)
            fail_msg("\"%s\" was taken for %lld", wrong[i], (long long)ms);
        assert_non_null(strstr(why.text, "write"));
    }
}

static void a_time_is_written_in_local_time(void **state)
{
    (void)state;
    char text[WHEN_TEXT_SIZE];
    when_text(1795343400999, text);
    assert_string_equal(text, "2026-11-22 04:30:00");
    when_text(0, text);
    assert_string_equal(text, "never");
}

int main(void)
{
    setenv("TZ", "CST6", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3339_is_understood),
        cmocka_unit_test(local_time_is_understood),
        cmocka_unit_test(so_long_ago_is_understood),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_time_is_written_in_local_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
