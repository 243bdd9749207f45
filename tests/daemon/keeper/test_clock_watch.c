/* What the wall clock may do to forgetting, and what it may not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/clock_watch.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const int64_t noon = 1800000000000;

static struct clock_watch watch;
static struct clock_moment now;

static void begin(int64_t believed_ms, int64_t wall_ms, bool synchronised)
{
    now = (struct clock_moment){wall_ms, 5 * HOUR, synchronised};
    clock_watch_begin(&watch, believed_ms, now);
}

/* Both clocks go on by `ms`, looked at every two seconds. Returns the sum of the steps. */
static int64_t pass(int64_t ms)
{
    int64_t steps = 0;
    for (int64_t i = 0; i < ms; i += 2 * SECOND) {
        now.wall_ms += 2 * SECOND;
        now.steady_ms += 2 * SECOND;
        steps += clock_watch_look(&watch, now);
    }
    return steps;
}

/* Somebody sets the wall clock. */
static int64_t set(int64_t by_ms, bool synchronised)
{
    now.wall_ms += by_ms;
    now.synchronised = synchronised;
    return clock_watch_look(&watch, now);
}

static void a_clock_that_goes_on_has_no_steps(void **state)
{
    (void)state;
    begin(0, noon, false);
    assert_true(pass(HOUR) == 0);
    assert_true(clock_watch_believed(&watch) == noon + HOUR);
    begin(0, noon, true);
    assert_true(pass(HOUR) == 0);
    assert_true(clock_watch_believed(&watch) == noon + HOUR);
}

static void a_step_is_told_once_with_its_size(void **state)
{
    (void)state;
    begin(0, noon, true);
    assert_true(set(4900, true) == 0);
    assert_true(set(-4900, true) == 0);
    assert_true(set(90 * SECOND, true) == 90 * SECOND);
    assert_true(set(-HOUR, true) == -HOUR);
    assert_true(pass(MINUTE) == 0);
}

static void a_day_forward_is_not_believed_at_once(void **state)
{
    (void)state;
    begin(0, noon, false);
    pass(HOUR);
    assert_true(set(DAY, false) == DAY);
    assert_true(clock_watch_believed(&watch) == noon + HOUR);
    pass(DAY - MINUTE);
    assert_true(clock_watch_believed(&watch) == noon + HOUR + DAY - MINUTE);
    pass(2 * MINUTE); /* it has stood so for as long as it claims */
    assert_true(clock_watch_believed(&watch) == now.wall_ms);
}

static void a_day_forward_is_believed_when_the_kernel_vouches_for_it(void **state)
{
    (void)state;
    begin(0, noon, false);
    set(DAY, false);
    assert_true(clock_watch_believed(&watch) == noon);
    set(0, true);
    assert_true(clock_watch_believed(&watch) == noon + DAY);
}

static void a_claim_that_changes_begins_anew(void **state)
{
    (void)state;
    begin(0, noon, false);
    set(100 * (int64_t)DAY, false);
    pass(5 * DAY);
    set(-98 * (int64_t)DAY, false); /* two days ahead is less than the five that it stood */
    assert_true(clock_watch_believed(&watch) == noon + 5 * (int64_t)DAY);
    pass(2 * DAY - MINUTE);
    assert_true(clock_watch_believed(&watch) < now.wall_ms - DAY);
    pass(2 * MINUTE);
    assert_true(clock_watch_believed(&watch) == now.wall_ms);
}

static void many_small_steps_come_no_farther_than_an_hour(void **state)
{
    (void)state;
    begin(0, noon, false);
    for (int i = 0; i < 24; i++)
        set(10 * MINUTE, false);
    assert_true(clock_watch_believed(&watch) == noon + HOUR);
}

static void a_day_back_keeps_nothing_longer(void **state)
{
    (void)state;
    begin(0, noon, false);
    assert_true(set(-DAY, false) == -DAY);
    assert_true(clock_watch_believed(&watch) == noon);
    pass(3 * HOUR);
    assert_true(clock_watch_believed(&watch) == noon + 3 * HOUR);
    set(0, true); /* even if that is vouched for: never back */
    pass(HOUR);
    assert_true(clock_watch_believed(&watch) == noon + 3 * HOUR);
}

static void an_earlier_life_is_remembered(void **state)
{
    (void)state;
    begin(noon, noon - 7 * (int64_t)DAY, false); /* a clock without a battery */
    assert_true(clock_watch_believed(&watch) == noon);
    pass(HOUR);
    assert_true(clock_watch_believed(&watch) == noon + HOUR);
    begin(noon, noon + 3 * (int64_t)DAY, false); /* off for three days, or so it says */
    assert_true(clock_watch_believed(&watch) == noon);
    set(0, true);
    assert_true(clock_watch_believed(&watch) == noon + 3 * (int64_t)DAY);
    begin(noon, noon + 30 * MINUTE, false);
    assert_true(clock_watch_believed(&watch) == noon + 30 * MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_on_has_no_steps),
        cmocka_unit_test(a_step_is_told_once_with_its_size),
        cmocka_unit_test(a_day_forward_is_not_believed_at_once),
        cmocka_unit_test(a_day_forward_is_believed_when_the_kernel_vouches_for_it),
        cmocka_unit_test(a_claim_that_changes_begins_anew),
        cmocka_unit_test(many_small_steps_come_no_farther_than_an_hour),
        cmocka_unit_test(a_day_back_keeps_nothing_longer),
        cmocka_unit_test(an_earlier_life_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
