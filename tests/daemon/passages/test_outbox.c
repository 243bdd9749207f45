/* The ring of unacknowledged passages, and the settled position of a folder, with a made-up clock.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "daemon/outbox.h"
#include "daemon/progress.h"

static struct outbox *box;
static struct passage passage;
static struct row given_up;
static struct fault why;

static int open_box(void **state)
{
    (void)state;
    return outbox_new(&box, 100, &why) == ERR_OK ? 0 : 1;
}

static int close_box(void **state)
{
    (void)state;
    outbox_free(&box);
    return 0;
}

static bool put(uint8_t id, uint32_t frames)
{
    memset(&passage, 0, sizeof passage);
    passage.row.id[0] = id;
    passage.row.n_frames = frames;
    return outbox_put(box, &passage, id, &given_up);
}

/* Sends what is due and returns its number; 0: nothing was. */
static uint64_t send_one(int64_t now_ms)
{
    uint64_t seq = 0;
    if (outbox_due(box, now_ms, &seq) == NULL)
        return 0;
    outbox_sent(box, seq, now_ms);
    return seq;
}

static void what_is_put_goes_out_in_order(void **state)
{
    (void)state;
    put(1, 1), put(2, 1), put(3, 1);
    assert_int_equal(send_one(0), 100);
    assert_int_equal(send_one(0), 101);
    assert_int_equal(send_one(0), 102);
    assert_int_equal(send_one(0), 0);
    outbox_answer(box, 101, true, 1);
    assert_int_equal(outbox_state(box, 1).count, 2);
    assert_int_equal(outbox_state(box, 1).oldest, 1);
}

static void a_newer_version_takes_the_older_ones_place(void **state)
{
    (void)state;
    uint64_t seq;
    put(1, 1), put(1, 2), put(1, 3);
    assert_int_equal(outbox_state(box, 0).count, 1);
    assert_int_equal(outbox_due(box, 0, &seq)->row.n_frames, 3);
}

static void an_answer_to_an_older_version_does_not_cover_the_newer(void **state)
{
    (void)state;
    put(1, 1);
    uint64_t old = send_one(0);
    put(1, 2);
    outbox_answer(box, old, true, 1);
    assert_int_equal(outbox_state(box, 1).count, 1);
    assert_int_not_equal(send_one(1), old);
}

static void without_an_answer_it_is_sent_again(void **state)
{
    (void)state;
    put(1, 1);
    assert_int_equal(send_one(0), 100);
    assert_int_equal(send_one(OUTBOX_TIMEOUT_MS - 1), 0);
    assert_int_equal(outbox_state(box, OUTBOX_TIMEOUT_MS - 10).wait_ms, 10);
    assert_int_equal(send_one(OUTBOX_TIMEOUT_MS), 100);
}

static void a_refusal_makes_all_wait_with_growing_pauses(void **state)
{
    (void)state;
    put(1, 1), put(2, 1);
    int64_t now = 0, pause = OUTBOX_FIRST_BACKOFF_MS;
    uint64_t seq = send_one(now);
    for (int i = 0; i < 10; i++) {
        outbox_answer(box, seq, false, now);
        assert_int_equal(send_one(now + pause - 1), 0);
        now += pause;
        seq = send_one(now);
        assert_int_not_equal(seq, 0);
        assert_int_equal(send_one(now), 0); /* one at a time finds out */
        pause = 2 * pause < OUTBOX_LAST_BACKOFF_MS ? 2 * pause : OUTBOX_LAST_BACKOFF_MS;
    }
    outbox_answer(box, seq, true, now);
    assert_int_not_equal(send_one(now), 0); /* the first success ends the waiting */
}

static void only_a_window_is_under_way(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 20; i++)
        put(i, 1);
    int sent = 0;
    while (send_one(0) != 0)
        sent++;
    assert_int_equal(sent, OUTBOX_WINDOW);
    outbox_answer(box, 100, true, 1);
    assert_int_equal(send_one(1), 100 + OUTBOX_WINDOW);
}

static void a_full_ring_gives_the_oldest_up(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < OUTBOX_ROOM; i++)
        assert_false(put(i, 1));
    assert_false(put(5, 2)); /* a newer version needs no room */
    assert_true(put(200, 1));
    assert_int_equal(given_up.id[0], 0);
    assert_int_equal(outbox_state(box, 0).count, OUTBOX_ROOM);
}

static void a_strangers_number_changes_nothing(void **state)
{
    (void)state;
    put(1, 1);
    outbox_answer(box, 7, true, 0);
    outbox_answer(box, 7, false, 0);
    assert_int_equal(outbox_state(box, 0).count, 1);
    assert_int_equal(send_one(0), 100);
}

static void a_folder_is_settled_up_to_the_oldest_open_passage(void **state)
{
    (void)state;
    struct progress *progress = NULL;
    assert_int_equal(progress_new(&progress, &why), ERR_OK);
    assert_null(progress_settled(progress, UINT64_MAX));
    progress_note(progress, 1, "a");
    progress_note(progress, 2, "b");
    progress_note(progress, 3, "c");
    assert_string_equal(progress_settled(progress, UINT64_MAX), "c");
    assert_string_equal(progress_settled(progress, 3), "b");
    assert_null(progress_settled(progress, 1));
    progress_free(&progress);
}

static void very_many_open_pictures_never_settle_too_far(void **state)
{
    (void)state;
    struct progress *progress = NULL;
    assert_int_equal(progress_new(&progress, &why), ERR_OK);
    for (uint64_t n = 1; n <= 20000; n++) {
        char cursor[32];
        snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)n);
        progress_note(progress, n, cursor);
    }
    for (uint64_t oldest = 2; oldest <= 20001; oldest += 37) {
        const char *settled = progress_settled(progress, oldest);
        unsigned long long number = 0;
        assert_non_null(settled);
        assert_int_equal(sscanf(settled, "%llu", &number), 1);
        assert_true(number < oldest);
    }
    assert_string_equal(progress_settled(progress, UINT64_MAX), "20000");
    progress_free(&progress);
}

#define BOX_TEST(name) cmocka_unit_test_setup_teardown(name, open_box, close_box)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOX_TEST(what_is_put_goes_out_in_order),
        BOX_TEST(a_newer_version_takes_the_older_ones_place),
        BOX_TEST(an_answer_to_an_older_version_does_not_cover_the_newer),
        BOX_TEST(without_an_answer_it_is_sent_again),
        BOX_TEST(a_refusal_makes_all_wait_with_growing_pauses),
        BOX_TEST(only_a_window_is_under_way),
        BOX_TEST(a_full_ring_gives_the_oldest_up),
        BOX_TEST(a_strangers_number_changes_nothing),
        cmocka_unit_test(a_folder_is_settled_up_to_the_oldest_open_passage),
        cmocka_unit_test(very_many_open_pictures_never_settle_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
