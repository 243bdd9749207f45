/* Devices and logins: the kernel's own messages, a utmp file, and what is counted of them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

#include "daemon/host_watch.h"

#define USB "/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host6/target6:0:0/6:0:0:0/block/sdb"
#define DISK "SUBSYSTEM=block\0MAJOR=8\0MINOR=16\0DEVNAME=sdb\0DEVTYPE=disk\0DISKSEQ=9\0"
#define IS_MEDIA(text) host_watch_is_media(text, sizeof text - 1)

static void a_usb_stick_is_told_from_all_else(void **state)
{
    (void)state;
    assert_true(IS_MEDIA("add@" USB "\0ACTION=add\0DEVPATH=" USB "\0" DISK));
    assert_false(IS_MEDIA("remove@" USB "\0ACTION=remove\0DEVPATH=" USB "\0" DISK));
    assert_false(IS_MEDIA("add@" USB "/sdb1\0ACTION=add\0DEVPATH=" USB "/sdb1\0SUBSYSTEM=block\0"
                          "DEVTYPE=partition\0"));
    assert_false(IS_MEDIA("add@/devices/virtual/block/loop0\0ACTION=add\0"
                          "DEVPATH=/devices/virtual/block/loop0\0" DISK));
    assert_false(IS_MEDIA("add@" USB "\0ACTION=add\0DEVPATH=" USB "\0SUBSYSTEM=scsi\0"));
    assert_false(host_watch_is_media("ACTION=add\0DEVPATH=/usb", 22)); /* cut */
    assert_false(host_watch_is_media("", 0));
}

static struct utmp record(short type, int pid, const char *line)
{
    struct utmp one = {.ut_type = type, .ut_pid = pid, .ut_tv.tv_sec = 1795317900};
    memcpy(one.ut_line, line, strlen(line));
    return one;
}

static void write_file(const char *path, const struct utmp *all, size_t n)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, all, n * sizeof *all), n * sizeof *all);
    close(fd);
}

static void logins_after_the_start_are_counted_once(void **state)
{
    (void)state;
    static struct host_watch watch;
    static struct counters counters;
    char path[] = "/tmp/laneward-utmp-XXXXXX";
    struct utmp all[] = {record(BOOT_TIME, 0, "~"), record(USER_PROCESS, 100, "tty1"),
                         record(USER_PROCESS, 200, "pts/0"), record(USER_PROCESS, 300, "pts/1")};
    if (access("/run/systemd/sessions", F_OK) == 0)
        skip(); /* logind's list goes first */
    close(mkstemp(path));
    write_file(path, all, 2);
    host_watch_open(&watch, path);
    assert_true(watch.has_logins);
    host_watch_look(&watch, &counters, 10000);
    assert_int_equal(atomic_load(&counters.logins), 0);
    write_file(path, all, 4);
    host_watch_look(&watch, &counters, 11000); /* not due */
    assert_int_equal(atomic_load(&counters.logins), 0);
    host_watch_look(&watch, &counters, 12000);
    assert_int_equal(atomic_load(&counters.logins), 2);
    all[2].ut_type = DEAD_PROCESS;
    write_file(path, all, 4);
    host_watch_look(&watch, &counters, 14000);
    assert_int_equal(atomic_load(&counters.logins), 2);
    all[2] = record(USER_PROCESS, 400, "pts/0"); /* the line is used again */
    write_file(path, all, 4);
    host_watch_look(&watch, &counters, 16000);
    assert_int_equal(atomic_load(&counters.logins), 3);
    host_watch_close(&watch);
    unlink(path);
}

static void what_cannot_be_told_is_said(void **state)
{
    (void)state;
    struct host_watch watch = {.uevents = -1};
    assert_non_null(strstr(host_watch_missing(&watch, 0), "devices"));
    assert_non_null(strstr(host_watch_missing(&watch, 1), "logins"));
    assert_null(host_watch_missing(&watch, 2));
    watch.uevents = 3;
    assert_non_null(strstr(host_watch_missing(&watch, 0), "logins"));
    watch.has_logins = true;
    assert_null(host_watch_missing(&watch, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usb_stick_is_told_from_all_else),
        cmocka_unit_test(logins_after_the_start_are_counted_once),
        cmocka_unit_test(what_cannot_be_told_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
