/* The keeper's side of the herald, over a real socket: the newest head goes, and nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/dispatch.h"

static struct dispatch dispatch;
static int herald = -1; /* its end */

static int begin(void **state)
{
    int pair[2];
    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return 1;
    dispatch = (struct dispatch){.fd = pair[0]};
    herald = pair[1];
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(dispatch.fd);
    return close(herald);
}

static void sign(const char *text, int64_t now_ms)
{
    dispatch_head(&dispatch, (const uint8_t *)text, strlen(text), now_ms);
}

static void say(const char *text, int64_t now_ms)
{
    assert_int_equal(send(herald, text, strlen(text), 0), strlen(text));
    dispatch_hear(&dispatch, now_ms);
}

/* What has come to the herald; "" = nothing. */
static const char *come(void)
{
    static char text[HEAD_MAX_BYTES + 1];
    ssize_t n = recv(herald, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static bool fails_at(int64_t now_ms)
{
    dispatch_work(&dispatch, now_ms);
    return dispatch.is_failing;
}

static void a_head_goes_once(void **state)
{
    (void)state;
    assert_false(fails_at(1000000)); /* nothing was signed yet */
    sign("one", 0);
    dispatch_work(&dispatch, 1);
    assert_string_equal(come(), "one");
    assert_string_equal(come(), "");
}

static void who_begins_anew_is_told_what_is_not_kept(void **state)
{
    (void)state;
    sign("one", 0);
    assert_string_equal(come(), "one");
    say("?", 1);
    dispatch_work(&dispatch, 1);
    assert_string_equal(come(), "one");
    say("one", 2);
    say("?", 3);
    dispatch_work(&dispatch, 3);
    assert_string_equal(come(), "");
}

static void a_witness_fails_when_it_is_late_and_is_back_with_the_newest(void **state)
{
    (void)state;
    sign("one", 0);
    assert_false(fails_at(DISPATCH_LATE_MS));
    sign("two", DISPATCH_LATE_MS); /* a newer one gives no delay */
    assert_true(fails_at(DISPATCH_LATE_MS + 1));
    say("two", DISPATCH_LATE_MS + 2);
    assert_false(fails_at(DISPATCH_LATE_MS + 2));
    assert_false(fails_at(100 * DISPATCH_LATE_MS)); /* a log may stand still */
    sign("three", 200 * DISPATCH_LATE_MS);
    assert_false(fails_at(201 * DISPATCH_LATE_MS));
    assert_true(fails_at(201 * DISPATCH_LATE_MS + 1));
}

static void an_older_head_kept_gives_time_and_no_more(void **state)
{
    (void)state;
    sign("one", 0);
    sign("two", 1000);
    say("one", 10000);
    assert_false(fails_at(10000 + DISPATCH_LATE_MS));
    assert_true(fails_at(10001 + DISPATCH_LATE_MS));
}

static void a_herald_that_stands_still_gets_the_newest_when_it_goes_on(void **state)
{
    (void)state;
    char text[16], last[HEAD_MAX_BYTES + 1] = "";
    int n = 0;
    for (; n < 100000 && (n == 0 || dispatch.is_sent); n++) {
        snprintf(text, sizeof text, "head %d", n);
        sign(text, 0);
    }
    assert_in_range(n, 2, 99999); /* then the socket was full, and nobody has waited for it */
    sign("the newest", 0);
    assert_false(dispatch.is_sent);
    assert_string_equal(come(), "head 0");
    dispatch_work(&dispatch, 0);
    for (const char *at; *(at = come()) != '\0';)
        snprintf(last, sizeof last, "%s", at);
    assert_string_equal(last, "the newest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_head_goes_once, begin, end),
        cmocka_unit_test_setup_teardown(who_begins_anew_is_told_what_is_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_witness_fails_when_it_is_late_and_is_back_with_the_newest,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_older_head_kept_gives_time_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(a_herald_that_stands_still_gets_the_newest_when_it_goes_on,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
