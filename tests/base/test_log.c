/* Log lines: one write each, with the prefix that the journal or a person needs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int saved_stderr, packets[2];
static char line[4096];

/* stderr becomes a socket that keeps the borders of writes. */
static int take_stderr(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    saved_stderr = dup(STDERR_FILENO);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, packets) != 0)
        return -1;
    return dup2(packets[0], STDERR_FILENO) < 0 ? -1 : 0;
}

static int give_stderr_back(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(packets[0]);
    close(packets[1]);
    return 0;
}

/* Bytes of the next write, -1 if there was none. */
static ssize_t next_write(void)
{
    ssize_t length = recv(packets[1], line, sizeof line - 1, 0);
    line[length > 0 ? length : 0] = '\0';
    return length;
}

static void a_message_is_one_write_that_ends_in_one_line_feed(void **state)
{
    (void)state;
    log_open("keeper", LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_INFO, "%d rows", 3);
    ssize_t length = next_write();
    assert_true(length > 0);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    assert_non_null(strstr(line, "info keeper: 3 rows\n"));
    assert_int_equal(next_write(), -1);
}

static void under_the_journal_a_line_begins_with_its_level(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "8:12345", 1);
    log_open("capture north", LOG_LEVEL_DEBUG);
    log_write(LOG_LEVEL_WARNING, "slow");
    next_write();
    assert_string_equal(line, "<4>capture north: slow\n");
    log_write(LOG_LEVEL_DEBUG, "x");
    next_write();
    assert_string_equal(line, "<7>capture north: x\n");
}

static void outside_the_journal_a_line_begins_with_the_time(void **state)
{
    (void)state;
    unsigned hour, minute, second, ms;
    int used = 0;
    log_open("desk", LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_ERROR, "x");
    next_write();
    assert_int_equal(
        sscanf(line, "%2u:%2u:%2u.%3uZ error desk: x%n", &hour, &minute, &second, &ms, &used), 4);
    assert_true(used > 0 && hour < 24 && minute < 60 && second < 61 && ms < 1000);
}

static void what_is_more_verbose_than_wanted_is_not_written(void **state)
{
    (void)state;
    log_open("desk", LOG_LEVEL_WARNING);
    log_write(LOG_LEVEL_NOTICE, "x");
    log_write(LOG_LEVEL_DEBUG, "x");
    assert_int_equal(next_write(), -1);
    log_write(LOG_LEVEL_WARNING, "y");
    assert_true(next_write() > 0);
}

static void a_fault_is_written_with_its_code(void **state)
{
    (void)state;
    struct fault why = {.code = ERR_IO, .text = "store: no space"};
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_open("keeper", LOG_LEVEL_INFO);
    log_fault(LOG_LEVEL_ERROR, &why);
    next_write();
    assert_string_equal(line, "<3>keeper: store: no space (io)\n");
}

static void a_long_message_is_cut_but_stays_one_line(void **state)
{
    (void)state;
    char longer[3000];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    log_open("a source whose name is longer than forty-seven characters", LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_INFO, "%s", longer);
    ssize_t length = next_write();
    assert_true(length > 900 && length <= 1024);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    assert_int_equal(next_write(), -1);
}

static void errno_is_kept_even_if_nobody_can_be_told(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    log_open("desk", LOG_LEVEL_INFO);
    errno = EAGAIN;
    log_write(LOG_LEVEL_ERROR, "x");
    assert_int_equal(errno, EAGAIN);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, take_stderr, give_stderr_back)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_message_is_one_write_that_ends_in_one_line_feed),
        LOG_TEST(under_the_journal_a_line_begins_with_its_level),
        LOG_TEST(outside_the_journal_a_line_begins_with_the_time),
        LOG_TEST(what_is_more_verbose_than_wanted_is_not_written),
        LOG_TEST(a_fault_is_written_with_its_code),
        LOG_TEST(a_long_message_is_cut_but_stays_one_line),
        LOG_TEST(errno_is_kept_even_if_nobody_can_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
