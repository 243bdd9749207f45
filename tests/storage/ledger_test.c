/* Gaps, cursors and honey in the store. */
#include "storage/ledger.h"

#include <stdio.h>
#include <string.h>

#include "fixture.h"

static void put_gap(struct fixture *f, int64_t from, int64_t to, const char *lane)
{
    struct ledger_gap gap = {.from_ms = from, .to_ms = to, .why = "store unwritable"};
    (void)snprintf(gap.lane, sizeof gap.lane, "%s", lane);
    assert_int_equal(ledger_gap(f->store, &gap, &f->why), ERR_OK);
}

static void gaps_of_a_time_and_lane_come_oldest_first(void **state)
{
    struct fixture *f = *state;
    put_gap(f, 3000, 4000, "north");
    put_gap(f, 1000, 2000, "north");
    put_gap(f, 1500, 1600, "south");
    fixture_reopen(f);
    struct ledger_gap gaps[4];
    size_t n = 9;
    struct store_query query = {.lane = "north"};
    assert_int_equal(ledger_gaps(f->store, &query, gaps, 4, &n, &f->why), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(gaps[0].from_ms, 1000);
    assert_int_equal(gaps[1].to_ms, 4000);
    assert_string_equal(gaps[0].why, "store unwritable");
    query = (struct store_query){.from_ms = 1550, .to_ms = 2999};
    assert_int_equal(ledger_gaps(f->store, &query, gaps, 4, &n, &f->why), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(ledger_gaps(f->store, &query, gaps, 1, &n, &f->why), ERR_OK);
    assert_int_equal(n, 1);
    query = (struct store_query){.from_ms = 5, .to_ms = 4};
    assert_int_equal(ledger_gaps(f->store, &query, gaps, 1, &n, &f->why), ERR_INPUT);
}

static void a_gap_that_is_not_well_formed_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ledger_gap gap = {.from_ms = 5, .to_ms = 4, .lane = "a", .why = "b"};
    assert_int_equal(ledger_gap(f->store, &gap, &f->why), ERR_INPUT);
    gap = (struct ledger_gap){.from_ms = 5, .to_ms = 6, .lane = "a"};
    assert_int_equal(ledger_gap(f->store, &gap, &f->why), ERR_INPUT);
}

static void a_cursor_is_remembered_for_each_camera(void **state)
{
    struct fixture *f = *state;
    char text[304] = "before";
    assert_int_equal(ledger_cursor(f->store, "north", text, sizeof text, &f->why), ERR_OK);
    assert_string_equal(text, "");
    assert_int_equal(ledger_set_cursor(f->store, "north", "img-0001.jpg", &f->why), ERR_OK);
    assert_int_equal(ledger_set_cursor(f->store, "south", "img-0009.jpg", &f->why), ERR_OK);
    assert_int_equal(ledger_set_cursor(f->store, "north", "img-0002.jpg", &f->why), ERR_OK);
    fixture_reopen(f);
    assert_int_equal(ledger_cursor(f->store, "north", text, sizeof text, &f->why), ERR_OK);
    assert_string_equal(text, "img-0002.jpg");
    assert_int_equal(ledger_cursor(f->store, "north", text, 5, &f->why), ERR_LIMIT);
    assert_string_equal(text, "img-0002.jpg");
}

static void a_cursor_has_at_most_300_bytes(void **state)
{
    struct fixture *f = *state;
    char cursor[302] = "", text[304];
    memset(cursor, 'x', 300);
    assert_int_equal(ledger_set_cursor(f->store, "north", cursor, &f->why), ERR_OK);
    assert_int_equal(ledger_cursor(f->store, "north", text, sizeof text, &f->why), ERR_OK);
    assert_string_equal(text, cursor);
    cursor[300] = 'x';
    assert_int_equal(ledger_set_cursor(f->store, "north", cursor, &f->why), ERR_INPUT);
}

static void honey_is_known_by_its_id(void **state)
{
    struct fixture *f = *state;
    static const uint8_t ids[3][ROW_ID_SIZE] = {{1}, {2}, {1}};
    bool is_honey = true;
    assert_int_equal(ledger_is_honey(f->store, ids[1], &is_honey, &f->why), ERR_OK);
    assert_false(is_honey);
    assert_int_equal(ledger_add_honey(f->store, ids, 3, &f->why), ERR_OK);
    fixture_reopen(f);
    assert_int_equal(ledger_is_honey(f->store, ids[1], &is_honey, &f->why), ERR_OK);
    assert_true(is_honey);
    assert_int_equal(ledger_is_honey(f->store, (const uint8_t[ROW_ID_SIZE]){3}, &is_honey, &f->why),
                     ERR_OK);
    assert_false(is_honey);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(gaps_of_a_time_and_lane_come_oldest_first),
        T(a_gap_that_is_not_well_formed_is_refused),
        T(a_cursor_is_remembered_for_each_camera),
        T(a_cursor_has_at_most_300_bytes),
        T(honey_is_known_by_its_id),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
