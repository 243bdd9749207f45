/* The recognizer as a process of its own: the real engine on the bundled lane's pictures, a real
 * keeper, a test in the place of the capture. */
#include "house.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/mailbox.h"

static struct mailbox *mailbox;

static int setup(void **state)
{
    house_setup(state);
    struct house *h = *state;
    h->config.passage_min_frames = 2;
    h->config.cameras[0].kind = CONFIG_MJPEG;
    return mailbox_open(&mailbox, h->mailbox_fd, h->config.max_frame_bytes, &h->why) == ERR_OK ? 0
                                                                                               : 1;
}

static int teardown(void **state)
{
    mailbox_close(&mailbox);
    return house_teardown(state);
}

/* Puts bytes into the mailbox as picture n, 200 ms after picture n - 1. */
static void put(struct house *h, unsigned n, const void *bytes, size_t size, const char *cursor)
{
    struct shot shot = {
        .number = n, .seen_ms = house_begin_ms() + 200 * (int64_t)n, .clock_synchronised = true};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    shot.arrived_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    snprintf(shot.cursor, sizeof shot.cursor, "%s", cursor);
    memcpy(mailbox_slot(mailbox, NULL), bytes, size);
    mailbox_put(mailbox, &shot, size);
    uint64_t one = 1;
    assert_int_equal(write(h->shot_event_fd, &one, sizeof one), sizeof one);
}

static bool was_taken(struct house *h, int limit_ms)
{
    struct pollfd taken = {.fd = h->taken_event_fd, .events = POLLIN};
    uint64_t count;
    return poll(&taken, 1, limit_ms) == 1 &&
           read(h->taken_event_fd, &count, sizeof count) == sizeof count;
}

static void put_lane(struct house *h, unsigned n, const char *cursor)
{
    static uint8_t bytes[1 << 20];
    char path[256];
    snprintf(path, sizeof path, "%s/tests/replay/lane/lane-%03u.jpg", LANEWARD_SOURCE_DIR, n);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    put(h, n, bytes, size, cursor);
}

/* Until `value` is reached; fails after 20 s. */
static void wait_for(_Atomic uint64_t *counter, uint64_t value)
{
    for (int i = 0; i < 2000 && atomic_load(counter) < value; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(atomic_load(counter) >= value);
}

static void assert_stored(struct house *h, const char *const plates[], size_t n_plates)
{
    struct row rows[STORE_MAX_ROWS];
    struct store_query query = {.limit = STORE_MAX_ROWS};
    size_t n_rows = 0;
    struct store *store = house_open_store(h);
    assert_int_equal(store_find(store, &query, rows, &n_rows, &h->why), ERR_OK);
    assert_int_equal(n_rows, n_plates);
    for (size_t i = 0; i < n_rows; i++) {
        assert_string_equal(rows[n_rows - 1 - i].plate, plates[i]);
        assert_int_equal(rows[i].state, ROW_LOST);
        assert_true(rows[i].crop_size > 100);
    }
    house_close_store(&store);
}

static void pictures_become_a_passage_and_bad_ones_are_counted(void **state)
{
    struct house *h = *state;
    struct counters_camera *counters = &h->counters->cameras[0];
    house_start_keeper(h);
    house_start_recognizer(h);
    for (unsigned n = 3; n <= 7; n++) {
        put_lane(h, n, "");
        assert_true(was_taken(h, 10000));
        put(h, n, "not a picture", 13, "");
        assert_true(was_taken(h, 10000));
    }
    wait_for(&counters->bad_frames, 5);
    assert_int_equal(atomic_load(&counters->recognized), 5);
    assert_int_equal(atomic_load(&counters->plates), 5);
    assert_int_equal(atomic_load(&counters->passages), 1);
    assert_true(atomic_load(&counters->last_read_ms) > 0);
    assert_true(counters_quantile(counters, 0.5) > 0);
    house_stop(&h->recognizer, &h->recognizer_stop);
    assert_int_equal(atomic_load(&counters->unacknowledged), 0);
    assert_int_equal(atomic_load(&counters->unread), 0);
    assert_int_equal(atomic_load(&counters->read), 1);
    assert_int_equal(atomic_load(&counters->matched), 1);
    uint64_t in_bins = 0;
    for (int i = 0; i < COUNTERS_CONFIDENCE_BINS; i++)
        in_bins += atomic_load(&counters->confidence[i]);
    assert_int_equal(in_bins, 1);
    assert_true(atomic_load(&counters->agreed) <= atomic_load(&counters->compared));
    house_stop(&h->keeper, &h->keeper_stop);
    assert_stored(h, (const char *const[]){"7LNW482"}, 1);
}

static void recognition_goes_on_without_a_keeper(void **state)
{
    struct house *h = *state;
    struct counters_camera *counters = &h->counters->cameras[0];
    house_start_recognizer(h);
    for (unsigned n = 3; n <= 14; n++) {
        put_lane(h, n, "");
        assert_true(was_taken(h, 10000));
    }
    wait_for(&counters->recognized, 12);
    wait_for(&counters->passages, 2);
    assert_int_equal(atomic_load(&counters->unacknowledged), 2);
    house_start_keeper(h);
    house_stop(&h->recognizer, &h->recognizer_stop);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_stored(h, (const char *const[]){"7LNW482", "LNWD2716"}, 2);
}

/* The capture's part of a watched folder: from where the recognizer says, up to picture `last`,
 * until `kill_at` was taken (0: none). */
static void watch(struct house *h, unsigned last, unsigned kill_at)
{
    char cursor[MAILBOX_CURSOR_SIZE];
    bool is_told = false;
    for (int i = 0; i < 1000 && !(is_told = mailbox_resume(mailbox, cursor)); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(is_told);
    unsigned n = 0;
    if (cursor[0] != '\0')
        assert_int_equal(sscanf(cursor, "lane-%u.jpg", &n), 1);
    for (n++; n <= last; n++) {
        snprintf(cursor, sizeof cursor, "lane-%03u.jpg", n);
        put_lane(h, n, cursor);
        assert_true(was_taken(h, 10000));
        if (n == kill_at)
            return;
    }
}

static void killing_the_recognizer_of_a_folder_loses_no_vehicle(void **state)
{
    struct house *h = *state;
    h->config.cameras[0].kind = CONFIG_DIR_WATCH;
    house_start_keeper(h);
    static const unsigned kills[] = {5, 6, 12, 26};
    for (size_t i = 0; i < sizeof kills / sizeof kills[0]; i++) {
        house_start_recognizer(h);
        watch(h, 28, kills[i]);
        house_kill(&h->recognizer, &h->recognizer_stop); /* in the middle of a vehicle */
    }
    house_start_recognizer(h);
    watch(h, 28, 0);
    wait_for(&h->counters->cameras[0].recognized, 28);
    house_stop(&h->recognizer, &h->recognizer_stop);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_stored(h, (const char *const[]){"7LNW482", "LNWD2716", "BV72LNR", "KLN3850"}, 4);
}

static void after_a_stop_a_folder_goes_on_where_it_was(void **state)
{
    struct house *h = *state;
    char cursor[MAILBOX_CURSOR_SIZE];
    h->config.cameras[0].kind = CONFIG_DIR_WATCH;
    house_start_keeper(h);
    house_start_recognizer(h);
    watch(h, 6, 0); /* in the middle of a vehicle */
    wait_for(&h->counters->cameras[0].recognized, 6);
    nanosleep(&(struct timespec){.tv_sec = 2}, NULL); /* what could be settled has been */
    house_stop(&h->recognizer, &h->recognizer_stop);
    house_start_recognizer(h);
    bool is_told = false;
    for (int i = 0; i < 1000 && !(is_told = mailbox_resume(mailbox, cursor)); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(is_told);
    assert_string_equal(cursor, "lane-006.jpg");
}

static void a_folders_pictures_wait_for_the_keepers_word(void **state)
{
    struct house *h = *state;
    h->config.cameras[0].kind = CONFIG_DIR_WATCH;
    house_start_recognizer(h);
    put_lane(h, 3, "lane-003.jpg");
    assert_false(was_taken(h, 1500)); /* where to go on is not known yet */
}

#define RECOGNIZER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECOGNIZER_TEST(pictures_become_a_passage_and_bad_ones_are_counted),
        RECOGNIZER_TEST(recognition_goes_on_without_a_keeper),
        RECOGNIZER_TEST(killing_the_recognizer_of_a_folder_loses_no_vehicle),
        RECOGNIZER_TEST(after_a_stop_a_folder_goes_on_where_it_was),
        RECOGNIZER_TEST(a_folders_pictures_wait_for_the_keepers_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
