/* Every call that reaches the disk is made to fail once: the store says so, stays usable, and loses
 * nothing. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "shim.h"
#include "storage/inside.h"
#include "storage/ledger.h"

static uint64_t looks; /* that were appended */

enum { PASSAGES = 6, CROP = 7000, CHECKPOINT_PAGES = 15 };

/* Puts all passages, each until it succeeds; true when a call failed on the way. */
static bool put_all(struct fixture *f, uint32_t first)
{
    for (uint32_t n = first; n < first + PASSAGES; n++) {
        enum err result = ERR_AGAIN;
        for (int tries = 0; tries < 5 && result != ERR_OK; tries++) {
            result = fixture_put(f->store, n, CROP, &f->why);
            if (result != ERR_OK && result != ERR_IO)
                fail_msg("passage %u: %s: %s", n, err_name(result), f->why.text);
        }
        assert_int_equal(result, ERR_OK);
        if (n % 3 != 0)
            continue;
        result = ERR_AGAIN;
        for (int tries = 0; tries < 5 && result != ERR_OK; tries++) {
            result = fixture_look(f->store, &f->why);
            if (result != ERR_OK && result != ERR_IO)
                fail_msg("look at %u: %s: %s", n, err_name(result), f->why.text);
        }
        assert_int_equal(result, ERR_OK);
        looks++;
    }
    return shim_has_failed();
}

static void all_are_there(struct fixture *f, uint32_t first)
{
    for (uint32_t n = first; n < first + PASSAGES; n++)
        if (!fixture_has(f->store, n, CROP))
            fail_msg("passage %u is lost", n);
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_true(stats.log_size >= looks);
}

static void every_write_fails_once(struct fixture *f, int status, uint32_t more)
{
    uint32_t nth = 1, first = 0;
    bool failed = true;
    for (; failed; nth++, first += PASSAGES) {
        fixture_checkpoint_every(f, CHECKPOINT_PAGES);
        shim_fail(nth, more, status, false);
        failed = put_all(f, first);
        shim_fail(0, 0, SQLITE_OK, false);
        all_are_there(f, first);
        if (nth % 25 == 0) { /* recovery from the disk sees the same */
            fixture_reopen(f);
            all_are_there(f, first);
            fixture_check(f);
        }
        assert_true(nth < 2000);
    }
    print_message("%u failing calls, none lost a passage\n", nth - 2);
    assert_true(nth > PASSAGES);
    fixture_reopen(f);
    for (uint32_t n = 0; n < first; n += PASSAGES)
        all_are_there(f, n);
}

static void a_failing_write_or_sync_is_reported_and_loses_nothing(void **state)
{
    every_write_fails_once(*state, SQLITE_IOERR_WRITE, 0);
}

static void a_full_disk_at_any_call_is_reported_and_loses_nothing(void **state)
{
    every_write_fails_once(*state, SQLITE_FULL, 2);
}

static void a_failing_read_is_reported_and_harmless(void **state)
{
    struct fixture *f = *state;
    shim_fail(0, 0, SQLITE_OK, false);
    for (uint32_t n = 0; n < 200; n++)
        assert_int_equal(fixture_put(f->store, n, CROP, &f->why), ERR_OK);
    uint32_t failures = 0;
    for (uint32_t nth = 1; nth < 60; nth++) {
        fixture_reopen(f);
        shim_fail(nth, 0, SQLITE_IOERR_READ, true);
        struct row rows[STORE_MAX_ROWS];
        size_t n_rows = 0;
        struct store_query query = {.limit = STORE_MAX_ROWS};
        for (int tries = 0; tries < 2; tries++) {
            enum err result = store_find(f->store, &query, rows, &n_rows, &f->why);
            if (result == ERR_OK)
                assert_int_equal(n_rows, STORE_MAX_ROWS);
            else
                failures++;
            assert_true(result == ERR_OK || (result == ERR_IO && tries == 0));
        }
        shim_fail(0, 0, SQLITE_OK, false);
        assert_true(fixture_has(f->store, 0, CROP));
        assert_int_equal(fixture_put(f->store, 1000 + nth, CROP, &f->why), ERR_OK);
    }
    assert_true(failures > 3);
}

static int setup(void **state)
{
    (void)fixture_setup(state);
    struct fixture *f = *state;
    store_close(&f->store);
    looks = 0;
    shim_install();
    return fixture_open(f) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    shim_fail(0, 0, SQLITE_OK, false);
    int result = fixture_teardown(state);
    shim_remove();
    return result;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_failing_write_or_sync_is_reported_and_loses_nothing),
        T(a_full_disk_at_any_call_is_reported_and_loses_nothing),
        T(a_failing_read_is_reported_and_harmless),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
