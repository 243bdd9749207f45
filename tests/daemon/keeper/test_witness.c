/* The witness file on a real disk, whole and full. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/witness.h"

static char folder[] = "/tmp/laneward-witness-XXXXXX", path[64];
static struct fault why;

static int setup(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/heads", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static const char *read_all(void)
{
    static char text[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, text, sizeof text - 1);
    assert_true(size >= 0);
    text[size] = '\0';
    close(fd);
    return text;
}

static enum err write_text(const char *text)
{
    return witness_write((const uint8_t *)text, strlen(text), &why);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void each_head_is_a_line(void **state)
{
    (void)state;
    unlink(path);
    witness_prepare(path);
    assert_int_equal(write_text("first"), ERR_OK);
    assert_int_equal(write_text("second head"), ERR_OK);
    witness_prepare(path); /* the next life */
    assert_int_equal(write_text("3"), ERR_OK);
    assert_string_equal(read_all(), "Zmlyc3Q=\nc2Vjb25kIGhlYWQ=\nMw==\n");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_false(witness_is_failing());
}

static void a_full_disk_is_told_and_the_next_line_is_whole(void **state)
{
    (void)state;
    unlink(path);
    witness_prepare(path);
    assert_int_equal(write_text("first"), ERR_OK);
    limit_files(13);
    assert_int_equal(write_text("torn"), ERR_IO);
    assert_true(witness_is_failing());
    assert_int_equal(write_text("nothing"), ERR_IO);
    limit_files(RLIM_INFINITY);
    assert_int_equal(write_text("whole"), ERR_OK);
    assert_false(witness_is_failing());
    assert_string_equal(read_all(), "Zmlyc3Q=\ndG9y\nd2hvbGU=\n");
}

static void a_line_that_an_earlier_life_has_torn_stays_alone(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, "Zml", 3), 3);
    close(fd);
    witness_prepare(path);
    assert_int_equal(write_text("whole"), ERR_OK);
    assert_string_equal(read_all(), "Zml\nd2hvbGU=\n");
}

static void a_file_that_cannot_be_opened_fails_each_time(void **state)
{
    (void)state;
    char other[96];
    witness_prepare(folder); /* a folder */
    assert_true(witness_is_failing());
    assert_int_equal(write_text("x"), ERR_IO);
    snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(symlink(path, other), 0);
    witness_prepare(other);
    assert_int_equal(write_text("x"), ERR_IO);
    unlink(other);
    snprintf(other, sizeof other, "%s/no/heads", folder);
    witness_prepare(other);
    assert_int_equal(write_text("x"), ERR_IO);
    assert_true(witness_is_failing());
}

static void without_a_file_nothing_fails(void **state)
{
    (void)state;
    witness_prepare("");
    assert_false(witness_is_failing());
    assert_int_equal(write_text("x"), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_head_is_a_line),
        cmocka_unit_test(a_full_disk_is_told_and_the_next_line_is_whole),
        cmocka_unit_test(a_line_that_an_earlier_life_has_torn_stays_alone),
        cmocka_unit_test(a_file_that_cannot_be_opened_fails_each_time),
        cmocka_unit_test(without_a_file_nothing_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
