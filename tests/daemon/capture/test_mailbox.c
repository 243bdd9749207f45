/* The mailbox: newest wins, nothing torn, and either side may die at any instruction. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/mailbox.h"

enum { ROOM = 20000 };

static uint64_t last_number(struct mailbox *box)
{
    struct mailbox_state state;
    (void)mailbox_slot(box, &state);
    return state.last_number;
}

static struct mailbox *open_box(int fd)
{
    struct mailbox *box = NULL;
    struct fault why;
    assert_int_equal(mailbox_open(&box, fd, ROOM, &why), ERR_OK);
    return box;
}

static bool put_text(struct mailbox *box, uint64_t number, const char *text, const char *cursor)
{
    struct shot shot = {
        .number = number, .seen_ms = 1000 + (int64_t)number, .clock_synchronised = true};
    memcpy(shot.cursor, cursor, strlen(cursor) + 1);
    memcpy(mailbox_slot(box, NULL), text, strlen(text) + 1);
    return mailbox_put(box, &shot, strlen(text) + 1);
}

static void a_put_picture_is_taken_once(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *box = open_box(fd);
    uint8_t bytes[ROOM];
    size_t size = 0;
    struct shot shot;
    assert_false(mailbox_take(box, &shot, bytes, &size));
    assert_false(put_text(box, 7, "seven", "c7"));
    assert_true(mailbox_take(box, &shot, bytes, &size));
    assert_string_equal((char *)bytes, "seven");
    assert_int_equal(size, 6);
    assert_int_equal(shot.number, 7);
    assert_int_equal(shot.seen_ms, 1007);
    assert_true(shot.clock_synchronised);
    assert_string_equal(shot.cursor, "c7");
    assert_false(mailbox_take(box, &shot, bytes, &size));
    assert_int_equal(last_number(box), 7);
    mailbox_close(&box);
    assert_null(box);
    close(fd);
}

static void the_newest_picture_wins_and_a_drop_is_told(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *box = open_box(fd);
    uint8_t bytes[ROOM];
    size_t size;
    struct shot shot;
    assert_false(put_text(box, 1, "one", ""));
    assert_true(put_text(box, 2, "two", ""));
    assert_true(put_text(box, 3, "three", ""));
    assert_true(mailbox_take(box, &shot, bytes, &size));
    assert_string_equal((char *)bytes, "three");
    assert_false(put_text(box, 4, "four", ""));
    mailbox_close(&box);
    close(fd);
}

static void memory_of_another_size_or_unsealed_is_refused(void **state)
{
    (void)state;
    struct mailbox *box = NULL;
    struct fault why;
    int fd = mailbox_create(ROOM);
    assert_int_equal(mailbox_open(&box, fd, 2 * ROOM, &why), ERR_INPUT);
    assert_int_equal(ftruncate(fd, 10), -1);
    close(fd);
    int loose = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(loose, 4096 + 3 * 20480), 0);
    assert_int_equal(mailbox_open(&box, loose, ROOM, &why), ERR_INPUT);
    close(loose);
    assert_null(box);
}

static void a_hostile_head_or_word_is_thrown_away(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *box = open_box(fd);
    uint8_t *raw = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(raw != MAP_FAILED);
    uint8_t bytes[ROOM];
    size_t size = 99;
    struct shot shot = {.number = 5};
    /* Every byte of the head page but the magic number is scribbled over: nothing may be read out
     * of bounds. */
    for (int fill = 0; fill < 256; fill++) {
        memset(raw + 16, fill, 4096 - 16);
        if (mailbox_take(box, &shot, bytes, &size))
            assert_true(size <= ROOM);
        char cursor[MAILBOX_CURSOR_SIZE];
        if (mailbox_resume(box, cursor))
            assert_non_null(memchr(cursor, 0, sizeof cursor));
        put_text(box, 1, "x", "");
    }
    munmap(raw, 4096);
    mailbox_close(&box);
    close(fd);
}

static void a_capture_waits_for_the_first_position(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *capture = open_box(fd), *recognizer = open_box(fd);
    char cursor[MAILBOX_CURSOR_SIZE] = "?", start[MAILBOX_CURSOR_SIZE] = "17 a.jpg";
    assert_false(mailbox_resume(capture, cursor));
    assert_string_equal(cursor, "?");
    mailbox_set_resume(recognizer, start);
    assert_true(mailbox_resume(capture, cursor));
    assert_string_equal(cursor, "17 a.jpg");
    assert_false(mailbox_resume(capture, cursor));
    mailbox_close(&capture);
    mailbox_close(&recognizer);
    close(fd);
}

static void a_new_capture_goes_on_where_the_dead_one_stopped(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *capture = open_box(fd), *recognizer = open_box(fd);
    char cursor[MAILBOX_CURSOR_SIZE] = "17 a.jpg";
    mailbox_set_resume(recognizer, cursor);
    assert_true(mailbox_resume(capture, cursor));
    put_text(capture, 1, "picture", "18 b.jpg");
    mailbox_close(&capture);
    capture = open_box(fd);
    assert_true(mailbox_resume(capture, cursor));
    assert_string_equal(cursor, "18 b.jpg");
    assert_int_equal(last_number(capture), 1);
    mailbox_close(&capture);
    mailbox_close(&recognizer);
    close(fd);
}

static void a_new_recognizer_takes_a_watched_folder_back(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *capture = open_box(fd), *recognizer = open_box(fd);
    char cursor[MAILBOX_CURSOR_SIZE] = "17 a.jpg";
    uint8_t bytes[ROOM];
    size_t size;
    struct shot shot;
    mailbox_set_resume(recognizer, cursor);
    assert_true(mailbox_resume(capture, cursor));
    put_text(capture, 1, "picture", "18 b.jpg");
    mailbox_close(&recognizer);
    recognizer = open_box(fd);
    char again[MAILBOX_CURSOR_SIZE] = "17 a.jpg";
    mailbox_set_resume(recognizer, again);
    assert_false(mailbox_take(recognizer, &shot, bytes, &size));
    assert_true(mailbox_resume(capture, cursor));
    assert_string_equal(cursor, "17 a.jpg");
    mailbox_close(&capture);
    mailbox_close(&recognizer);
    close(fd);
}

/* It has died on its way back: what lies between was read by a recognizer that is gone. */
static void a_new_capture_goes_back_where_the_dead_one_was_told_to(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *capture = open_box(fd), *recognizer = open_box(fd);
    char cursor[MAILBOX_CURSOR_SIZE] = "17 a.jpg";
    mailbox_set_resume(recognizer, cursor);
    assert_true(mailbox_resume(capture, cursor));
    put_text(capture, 1, "picture", "18 b.jpg");
    mailbox_close(&recognizer);
    recognizer = open_box(fd);
    char again[MAILBOX_CURSOR_SIZE] = "17 a.jpg";
    mailbox_set_resume(recognizer, again);
    assert_true(mailbox_resume(capture, cursor));
    mailbox_close(&capture);
    capture = open_box(fd);
    assert_true(mailbox_resume(capture, cursor));
    assert_string_equal(cursor, "17 a.jpg");
    mailbox_close(&capture);
    mailbox_close(&recognizer);
    close(fd);
}

/* The capture does not know yet, and its picture is out of order. */
static void what_is_put_before_the_capture_goes_back_is_not_taken(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *capture = open_box(fd), *recognizer = open_box(fd);
    char cursor[MAILBOX_CURSOR_SIZE] = "";
    uint8_t bytes[ROOM];
    size_t size;
    struct shot shot;
    mailbox_set_resume(recognizer, cursor);
    put_text(capture, 1, "picture", "18 b.jpg");
    assert_true(mailbox_resume(capture, cursor));
    assert_string_equal(cursor, "");
    assert_false(mailbox_take(recognizer, &shot, bytes, &size));
    put_text(capture, 2, "picture", "17 a.jpg");
    assert_true(mailbox_take(recognizer, &shot, bytes, &size));
    assert_string_equal(shot.cursor, "17 a.jpg");
    mailbox_close(&capture);
    mailbox_close(&recognizer);
    close(fd);
}

/* Every picture is one number over all its bytes, its size depends on it: a torn one cannot pass.
 */
static void fill(uint8_t *slot, uint64_t number, size_t *size)
{
    *size = 64 + (size_t)(number * 977 % (ROOM - 64));
    for (size_t i = 0; i + 8 <= *size; i += 8)
        memcpy(slot + i, &number, 8);
}

static void check_whole(const uint8_t *bytes, size_t size, const struct shot *shot)
{
    size_t expected = 64 + (size_t)(shot->number * 977 % (ROOM - 64));
    assert_int_equal(size, expected);
    for (size_t i = 0; i + 8 <= size; i += 8)
        assert_memory_equal(bytes + i, &shot->number, 8);
}

static void produce(int fd)
{
    struct mailbox *box = open_box(fd);
    for (struct shot shot = {.number = last_number(box) + 1};; shot.number++) {
        size_t size;
        fill(mailbox_slot(box, NULL), shot.number, &size);
        mailbox_put(box, &shot, size);
    }
}

static pid_t start_producer(int fd)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        produce(fd);
        _exit(0);
    }
    return pid;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_producer_killed_again_and_again_tears_nothing(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *box = open_box(fd);
    uint8_t bytes[ROOM];
    struct shot shot;
    size_t size, taken = 0;
    uint64_t last = 0;
    for (int death = 0; death < 150; death++) {
        pid_t pid = start_producer(fd);
        /* Its life is counted from its first picture, for a busy machine starts it late. */
        double life = 0.004 + death % 7 * 0.0007, end = seconds() + 10;
        for (bool began = false; seconds() < end;) {
            if (!mailbox_take(box, &shot, bytes, &size))
                continue;
            if (!began)
                end = seconds() + life;
            began = true;
            check_whole(bytes, size, &shot);
            /* A death between hand-off and its note may repeat one number; it never goes back
             * further. */
            assert_true(shot.number >= last);
            last = shot.number;
            taken++;
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    assert_true(taken >= 150); /* each of them was met alive */
    mailbox_close(&box);
    close(fd);
}

/* The consumer is the child, and is killed; it checks by itself and ends with 1 on a torn picture.
 */
static void consume(int fd)
{
    struct mailbox *box = open_box(fd);
    uint8_t *bytes = malloc(ROOM);
    struct shot shot;
    for (;;) {
        size_t size;
        if (!mailbox_take(box, &shot, bytes, &size))
            continue;
        uint64_t first;
        memcpy(&first, bytes, 8);
        if (first != shot.number || memcmp(bytes, bytes + 8, size / 8 * 8 - 8) != 0)
            _exit(1);
    }
}

static void a_consumer_killed_again_and_again_tears_nothing(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *box = open_box(fd);
    struct shot shot = {.number = 1};
    for (int death = 0; death < 100; death++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            consume(fd);
        for (double end = seconds() + 0.004 + death % 7 * 0.0007; seconds() < end; shot.number++) {
            size_t size;
            fill(mailbox_slot(box, NULL), shot.number, &size);
            mailbox_put(box, &shot, size);
        }
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    mailbox_close(&box);
    close(fd);
}

enum { THREAD_PICTURES = 20000 };

static void *produce_some(void *arg)
{
    struct mailbox *box = arg;
    for (struct shot shot = {.number = 1}; shot.number <= THREAD_PICTURES; shot.number++) {
        size_t size;
        fill(mailbox_slot(box, NULL), shot.number, &size);
        mailbox_put(box, &shot, size);
    }
    return NULL;
}

/* One process, two threads: the arrangement that the thread sanitizer can watch. */
static void two_threads_hand_over_without_a_race(void **state)
{
    (void)state;
    int fd = mailbox_create(ROOM);
    struct mailbox *box = open_box(fd);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce_some, box), 0);
    uint8_t bytes[ROOM];
    struct shot shot = {.number = 0};
    while (shot.number < THREAD_PICTURES) {
        size_t size;
        if (mailbox_take(box, &shot, bytes, &size))
            check_whole(bytes, size, &shot);
    }
    pthread_join(thread, NULL);
    mailbox_close(&box);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_picture_is_taken_once),
        cmocka_unit_test(the_newest_picture_wins_and_a_drop_is_told),
        cmocka_unit_test(memory_of_another_size_or_unsealed_is_refused),
        cmocka_unit_test(a_hostile_head_or_word_is_thrown_away),
        cmocka_unit_test(a_capture_waits_for_the_first_position),
        cmocka_unit_test(a_new_capture_goes_on_where_the_dead_one_stopped),
        cmocka_unit_test(a_new_recognizer_takes_a_watched_folder_back),
        cmocka_unit_test(a_new_capture_goes_back_where_the_dead_one_was_told_to),
        cmocka_unit_test(what_is_put_before_the_capture_goes_back_is_not_taken),
        cmocka_unit_test(a_producer_killed_again_and_again_tears_nothing),
        cmocka_unit_test(a_consumer_killed_again_and_again_tears_nothing),
        cmocka_unit_test(two_threads_hand_over_without_a_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
