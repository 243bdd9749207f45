/* Folder captures with their real rights: replays lose nothing, a watched folder's files come once,
 * whole, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "stage.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    stage_make_folder(folder, sizeof folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    stage_remove_folder(folder);
    return 0;
}

static void write_many(int from, int to)
{
    for (int i = from; i < to; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.jpg", i);
        stage_write(folder, name, name, 5000);
    }
}

static void takes(struct stage *stage, const char *mark)
{
    assert_true(stage_take(stage, 3000));
    assert_string_equal((const char *)stage->bytes + 2, mark);
}

static void takes_nothing(struct stage *stage)
{
    assert_false(stage_take(stage, 300));
}

static void a_replay_without_rate_hands_over_every_picture(void **state)
{
    (void)state;
    write_many(0, 50);
    struct stage *stage = stage_new(CONFIG_DIR_ONCE, folder, NULL);
    stage_start(stage);
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.jpg", i);
        takes(stage, name);
        assert_int_equal(stage->shot.number, i + 1);
        assert_string_equal(stage->shot.cursor, "");
        assert_int_equal(stage->size, 5000);
    }
    takes_nothing(stage);
    assert_int_equal(stage->counters->frames, 50);
    assert_int_equal(stage->counters->dropped, 0);
    assert_int_equal(stage->counters->connected, 0);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_replay_goes_on_after_its_capture_was_killed(void **state)
{
    (void)state;
    write_many(0, 4);
    struct stage *stage = stage_new(CONFIG_DIR_ONCE, folder, NULL);
    stage_start(stage);
    takes(stage, "000.jpg");
    assert_true(stage_reaches(&stage->counters->frames, 2, 2000));
    stage_kill(stage);
    stage_start(stage);
    takes(stage, "001.jpg");
    takes(stage, "002.jpg");
    takes(stage, "003.jpg");
    takes_nothing(stage);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_replay_with_a_rate_drops_what_nobody_takes(void **state)
{
    (void)state;
    write_many(0, 10);
    struct stage *stage = stage_new(CONFIG_DIR_ONCE, folder, NULL);
    stage->config.cameras[0].rate = 50;
    stage_start(stage);
    assert_true(stage_reaches(&stage->counters->frames, 10, 3000));
    takes(stage, "009.jpg");
    takes_nothing(stage);
    assert_int_equal(stage->counters->dropped, 9);
    stage_stop(stage);
    stage_free(&stage);
}

static void what_is_no_jpeg_counts_as_bad_and_the_rest_goes_on(void **state)
{
    (void)state;
    char path[128];
    stage_write(folder, "a.jpg", "a", 300000); /* larger than max_frame_bytes */
    stage_write(folder, "b.jpg", "b", 100);
    snprintf(path, sizeof path, "%s/c.jpg", folder);
    assert_int_equal(symlink("b.jpg", path), 0);
    snprintf(path, sizeof path, "%s/d.jpg", folder);
    close(open(path, O_WRONLY | O_CREAT, 0644));
    stage_write(folder, "e.jpg", "e", 100);
    struct stage *stage = stage_new(CONFIG_DIR_ONCE, folder, NULL);
    stage_start(stage);
    takes(stage, "b");
    takes(stage, "e");
    takes_nothing(stage);
    assert_int_equal(stage->counters->bad_frames, 3);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_capture_proves_that_it_lives(void **state)
{
    (void)state;
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_start(stage);
    for (int i = 0; i < 2; i++) {
        char byte;
        struct pollfd wait = {.fd = stage->alive_end, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 2000), 1);
        assert_int_equal(read(stage->alive_end, &byte, 1), 1);
    }
    stage_stop(stage);
    stage_free(&stage);
}

static void a_watched_folder_waits_for_the_recognizer(void **state)
{
    (void)state;
    write_many(0, 2);
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_start(stage);
    takes_nothing(stage);
    stage_resume(stage, "");
    takes(stage, "000.jpg");
    takes(stage, "001.jpg");
    takes_nothing(stage);
    stage_stop(stage);
    stage_free(&stage);
}

static void dropped_files_come_in_order_of_arrival_once(void **state)
{
    (void)state;
    char from[128], to[128];
    struct stat info;
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_start(stage);
    stage_resume(stage, "");
    usleep(100000);
    stage_write(folder, "z.jpg", "z", 1000);
    usleep(20000);
    stage_write(folder, "a.jpg", "a", 1000);
    usleep(20000);
    stage_write(folder, ".m.tmp", "m", 1000);
    snprintf(from, sizeof from, "%s/.m.tmp", folder);
    snprintf(to, sizeof to, "%s/m.jpg", folder);
    assert_int_equal(rename(from, to), 0);
    takes(stage, "z");
    takes(stage, "a");
    takes(stage, "m");
    assert_int_equal(stat(to, &info), 0);
    assert_int_equal(stage->shot.seen_ms,
                     info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000);
    takes_nothing(stage);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_burst_is_not_lost_by_a_slow_recognizer(void **state)
{
    (void)state;
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    bool seen[200] = {false};
    stage_start(stage);
    stage_resume(stage, "");
    usleep(100000);
    write_many(0, 200);
    for (int i = 0; i < 200; i++) {
        assert_true(stage_take(stage, 3000));
        int number = (int)strtol((const char *)stage->bytes + 2, NULL, 10);
        assert_false(seen[number]);
        seen[number] = true;
    }
    takes_nothing(stage);
    assert_int_equal(stage->counters->dropped, 0);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_file_is_read_when_it_is_complete(void **state)
{
    (void)state;
    char path[128];
    uint8_t bytes[2000] = {0xff, 0xd8, 's', 'l', 'o', 'w'};
    bytes[1998] = 0xff;
    bytes[1999] = 0xd9;
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    snprintf(path, sizeof path, "%s/slow.jpg", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, bytes, 1000), 1000);
    stage_start(stage);
    stage_resume(stage, "");
    takes_nothing(stage);
    assert_int_equal(write(fd, bytes + 1000, 1000), 1000);
    close(fd);
    takes(stage, "slow");
    assert_int_equal(stage->size, 2000);
    takes_nothing(stage);
    assert_int_equal(stage->counters->bad_frames, 0);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_file_that_stays_truncated_is_bad_and_holds_nobody_up(void **state)
{
    (void)state;
    char path[128];
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_write(folder, "cut.jpg", "cut", 1000);
    snprintf(path, sizeof path, "%s/cut.jpg", folder);
    assert_int_equal(truncate(path, 500), 0);
    usleep(20000);
    stage_write(folder, "next.jpg", "next", 1000);
    stage_start(stage);
    stage_resume(stage, "");
    assert_true(stage_take(stage, 5000));
    assert_string_equal((const char *)stage->bytes + 2, "next");
    assert_int_equal(stage->counters->bad_frames, 1);
    stage_stop(stage);
    stage_free(&stage);
}

static void each_file_comes_once_across_restarts(void **state)
{
    (void)state;
    write_many(0, 3);
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_start(stage);
    stage_resume(stage, "");
    takes(stage, "000.jpg");
    takes(stage, "001.jpg");
    char cursor[MAILBOX_CURSOR_SIZE];
    memcpy(cursor, stage->shot.cursor, sizeof cursor);
    stage_kill(stage);
    stage_free(&stage);
    write_many(3, 4);
    stage = stage_new(CONFIG_DIR_WATCH, folder,
                      NULL); /* the daemon starts anew, the store knows the position */
    stage_start(stage);
    stage_resume(stage, cursor);
    takes(stage, "002.jpg");
    takes(stage, "003.jpg");
    takes_nothing(stage);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_killed_capture_is_followed_by_one_that_goes_on(void **state)
{
    (void)state;
    write_many(0, 6);
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_start(stage);
    stage_resume(stage, "");
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.jpg", i);
        takes(stage, name);
        stage_kill(stage);
        stage_start(stage);
    }
    takes_nothing(stage);
    stage_stop(stage);
    stage_free(&stage);
}

static void a_picture_that_ends_the_recognizer_twice_is_left_out(void **state)
{
    (void)state;
    write_many(0, 3);
    struct stage *stage = stage_new(CONFIG_DIR_WATCH, folder, NULL);
    stage_start(stage);
    stage_resume(stage, "");
    for (int death = 0; death < 2; death++) {
        takes(stage, "000.jpg");
        assert_true(stage_reaches(&stage->counters->frames, 2 + 2 * (uint64_t)death, 2000));
        stage_resume(stage, ""); /* it dies with the picture in work; another starts */
    }
    takes(stage, "001.jpg");
    takes(stage, "002.jpg");
    takes_nothing(stage);
    assert_int_equal(stage->counters->bad_frames, 1);
    stage_stop(stage);
    stage_free(&stage);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_replay_without_rate_hands_over_every_picture),
        WITH_FOLDER(a_replay_goes_on_after_its_capture_was_killed),
        WITH_FOLDER(a_replay_with_a_rate_drops_what_nobody_takes),
        WITH_FOLDER(what_is_no_jpeg_counts_as_bad_and_the_rest_goes_on),
        WITH_FOLDER(a_capture_proves_that_it_lives),
        WITH_FOLDER(a_watched_folder_waits_for_the_recognizer),
        WITH_FOLDER(dropped_files_come_in_order_of_arrival_once),
        WITH_FOLDER(a_burst_is_not_lost_by_a_slow_recognizer),
        WITH_FOLDER(a_file_is_read_when_it_is_complete),
        WITH_FOLDER(a_file_that_stays_truncated_is_bad_and_holds_nobody_up),
        WITH_FOLDER(each_file_comes_once_across_restarts),
        WITH_FOLDER(a_killed_capture_is_followed_by_one_that_goes_on),
        WITH_FOLDER(a_picture_that_ends_the_recognizer_twice_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
