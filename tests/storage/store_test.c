/* Passages in the store: putting, finding, what is refused. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static uint8_t bytes[STORE_MAX_CROP];

static void put(struct fixture *f, const struct row *row)
{
    if (store_put(f->store, row, NULL, &f->why) != ERR_OK ||
        store_commit(f->store, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
}

static struct row with_plate(uint32_t n, const char *plate)
{
    struct row row = fixture_row(n);
    (void)snprintf(row.plate, sizeof row.plate, "%s", plate);
    return row;
}

/* How many passages a query finds. */
static size_t count(struct fixture *f, const char *plate, bool look_alike)
{
    struct store_query query = {.look_alike = look_alike, .limit = STORE_MAX_ROWS};
    (void)snprintf(query.plate, sizeof query.plate, "%s", plate);
    struct row rows[STORE_MAX_ROWS];
    size_t n = 99;
    if (store_find(f->store, &query, rows, &n, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
    return n;
}

static void a_passage_comes_back_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    struct row row = fixture_row(1), rows[1] = {0};
    put(f, &row);
    fixture_reopen(f);
    size_t n = 0;
    struct store_query query = {.limit = 1};
    assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
    assert_int_equal(n, 1);
    assert_memory_equal(rows[0].id, row.id, sizeof row.id);
    assert_int_equal(rows[0].state, row.state);
    assert_int_equal(rows[0].first_ms, row.first_ms);
    assert_int_equal(rows[0].last_ms, row.last_ms);
    assert_int_equal(rows[0].clock_synchronised, row.clock_synchronised);
    assert_int_equal(rows[0].needs_review, row.needs_review);
    assert_string_equal(rows[0].lane, row.lane);
    assert_string_equal(rows[0].camera, row.camera);
    assert_string_equal(rows[0].plate, row.plate);
    assert_string_equal(rows[0].region, row.region);
    assert_true(rows[0].confidence == row.confidence);
    assert_int_equal(rows[0].n_frames, row.n_frames);
    assert_int_equal(rows[0].frame_width, row.frame_width);
    assert_int_equal(rows[0].frame_height, row.frame_height);
    assert_memory_equal(rows[0].corner, row.corner, sizeof row.corner);
    assert_int_equal(rows[0].n_candidates, row.n_candidates);
    for (int i = 0; i < row.n_candidates; i++) {
        assert_string_equal(rows[0].candidates[i].plate, row.candidates[i].plate);
        assert_true(rows[0].candidates[i].confidence == row.candidates[i].confidence);
        assert_int_equal(rows[0].candidates[i].matches_pattern, row.candidates[i].matches_pattern);
    }
    assert_int_equal(rows[0].crop_size, 0);
}

static void a_passage_with_all_candidates_and_the_longest_texts_fits(void **state)
{
    struct fixture *f = *state;
    struct row row = with_plate(2, "ABCDEFGH1234"), rows[1];
    memset(row.lane, 'l', sizeof row.lane - 1);
    memset(row.camera, 'c', sizeof row.camera - 1);
    memset(row.region, 'r', sizeof row.region - 1);
    row.n_candidates = ROW_MAX_CANDIDATES;
    for (int i = 0; i < ROW_MAX_CANDIDATES; i++) {
        memset(row.candidates[i].plate, 'A' + i, ROW_PLATE_SIZE - 1);
        row.candidates[i].confidence = 1.0F / (float)(i + 1);
    }
    row.n_frames = UINT32_MAX;
    put(f, &row);
    size_t n;
    struct store_query query = {.limit = 1};
    assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
    assert_string_equal(rows[0].candidates[9].plate, "JJJJJJJJJJJJ");
    assert_string_equal(rows[0].lane, row.lane);
    assert_int_equal(rows[0].n_frames, UINT32_MAX);
}

static void an_unread_plate_is_a_passage_without_text(void **state)
{
    struct fixture *f = *state;
    struct row row = with_plate(3, "");
    row.n_candidates = 0;
    put(f, &row);
    assert_int_equal(count(f, "", false), 1);
}

static void an_update_by_id_replaces_the_passage(void **state)
{
    struct fixture *f = *state;
    struct row row = with_plate(4, "OLD1"), rows[2];
    row.state = ROW_NEW;
    put(f, &row);
    row = with_plate(4, "NEW1");
    row.last_ms += 1000;
    put(f, &row);
    struct store_query query = {.limit = 2};
    size_t n;
    assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].plate, "NEW1");
    assert_int_equal(count(f, "OLD1", true), 0);
    assert_int_equal(count(f, "NEW1", true), 1);
}

static void a_resend_changes_nothing(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_put(f->store, 5, 1000, &f->why), ERR_OK);
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, 1);
    assert_true(fixture_has(f->store, 5, 1000));
}

static void an_older_state_never_replaces_a_newer(void **state)
{
    struct fixture *f = *state;
    struct row row = with_plate(6, "FINAL");
    row.state = ROW_LOST;
    row.crop_size = 4;
    assert_int_equal(store_put(f->store, &row, (const uint8_t *)"last", &f->why), ERR_OK);
    row = with_plate(6, "EARLY");
    row.last_ms += 5000;
    row.crop_size = 5;
    assert_int_equal(store_put(f->store, &row, (const uint8_t *)"early", &f->why), ERR_OK);
    assert_int_equal(count(f, "EARLY", false), 0);
    assert_int_equal(count(f, "FINAL", false), 1);
    assert_int_equal(store_commit(f->store, &f->why), ERR_OK);
    size_t size;
    bool is_sealed;
    assert_int_equal(store_crop(f->store, row.id, bytes, &size, &is_sealed, &f->why), ERR_OK);
    assert_int_equal(size, 4);
}

static void an_older_report_of_the_same_state_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct row row = with_plate(7, "SECOND");
    row.last_ms += 2000;
    put(f, &row);
    row = with_plate(7, "FIRST");
    put(f, &row);
    assert_int_equal(count(f, "SECOND", false), 1);
}

static void an_update_without_a_crop_keeps_the_stored_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f->store, 8, 5000, &f->why), ERR_OK);
    struct row row = fixture_row(8);
    row.state = ROW_LOST;
    put(f, &row);
    assert_true(fixture_has(f->store, 8, 5000));
}

static void crops_of_every_size_come_back(void **state)
{
    struct fixture *f = *state;
    static const uint32_t sizes[] = {1, 4000, 4096, 12288, ROW_MAX_CROP - 1, ROW_MAX_CROP};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(fixture_put(f->store, 100 + i, sizes[i], &f->why), ERR_OK);
    fixture_reopen(f);
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_true(fixture_has(f->store, 100 + i, sizes[i]));
    size_t size = 77;
    bool is_sealed;
    assert_int_equal(store_crop(f->store, fixture_row(9).id, bytes, &size, &is_sealed, &f->why),
                     ERR_NOT_FOUND);
    assert_int_equal(size, 77);
}

static void a_wildcard_stands_for_exactly_one_character(void **state)
{
    struct fixture *f = *state;
    static const char *const plates[] = {"AB1123", "AB2123", "AB123", "ABX9123",
                                         "CB1123", "AB112",  "B"};
    for (uint32_t i = 0; i < sizeof plates / sizeof plates[0]; i++) {
        struct row row = with_plate(i, plates[i]);
        put(f, &row);
    }
    assert_int_equal(count(f, "AB?123", false), 2);
    assert_int_equal(count(f, "?B1123", false), 2);
    assert_int_equal(count(f, "AB112?", false), 1);
    assert_int_equal(count(f, "AB??123", false), 1);
    assert_int_equal(count(f, "?", false), 1);
    assert_int_equal(count(f, "AB1123?", false), 0);
    assert_int_equal(count(f, "AB?124", false), 0);
}

static void look_alikes_count_as_the_same_only_when_asked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *stored, *asked, *with_wildcard;
    } pairs[] = {{"XO1", "X01", "?01"}, {"XD2", "X02", "?02"}, {"XQ3", "X03", "?03"},
                 {"YI4", "Y14", "?14"}, {"VB5", "V85", "?85"}, {"US6", "U56", "?56"},
                 {"TZ7", "T27", "?27"}, {"RG8", "R68", "?68"}};
    for (uint32_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct row row = with_plate(i, pairs[i].stored);
        put(f, &row);
        assert_int_equal(count(f, pairs[i].asked, false), 0);
        assert_int_equal(count(f, pairs[i].with_wildcard, false), 0);
        assert_int_equal(count(f, pairs[i].asked, true), 1);
        assert_int_equal(count(f, pairs[i].with_wildcard, true), 1);
    }
    struct row row = with_plate(50, "0B1S2G");
    put(f, &row);
    assert_int_equal(count(f, "Q8I5Z6", true), 1);
    assert_int_equal(count(f, "Q8I5?6", true), 1);
    assert_int_equal(count(f, "Q8I5Z6", false), 0);
    assert_int_equal(count(f, "A8I5Z6", true), 0);
}

static size_t between(struct fixture *f, const char *lane, int64_t from, int64_t to)
{
    struct store_query query = {.from_ms = from, .to_ms = to, .limit = STORE_MAX_ROWS};
    (void)snprintf(query.lane, sizeof query.lane, "%s", lane);
    struct row rows[STORE_MAX_ROWS];
    size_t n = 99;
    assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
    for (size_t i = 1; i < n; i++)
        assert_true(rows[i - 1].first_ms >= rows[i].first_ms);
    return n;
}

static void passages_that_overlap_the_time_are_found(void **state)
{
    struct fixture *f = *state;
    fixture_now_ms = 10000;
    struct row row = with_plate(1, "AAA");
    row.first_ms = 1000, row.last_ms = 2000;
    put(f, &row);
    row = with_plate(2, "BBB");
    row.first_ms = 500, row.last_ms = 9000; /* a parked car */
    put(f, &row);
    row = with_plate(3, "CCC");
    row.first_ms = row.last_ms = 3000;
    (void)snprintf(row.lane, sizeof row.lane, "south");
    put(f, &row);
    assert_int_equal(between(f, "", 0, 0), 3);
    assert_int_equal(between(f, "", 2000, 2500), 2);
    assert_int_equal(between(f, "", 2001, 2999), 1);
    assert_int_equal(between(f, "", 3000, 3000), 2);
    assert_int_equal(between(f, "", 9001, 0), 0);
    assert_int_equal(between(f, "", 9000, 0), 1);
    assert_int_equal(between(f, "", 0, 499), 0);
    assert_int_equal(between(f, "", 0, 500), 1);
    assert_int_equal(between(f, "south", 0, 0), 1);
    assert_int_equal(between(f, "north-1", 0, 0), 2);
    assert_int_equal(between(f, "nowhere", 0, 0), 0);
}

static void an_answer_has_the_newest_rows_up_to_the_limit(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 60; i++)
        assert_int_equal(fixture_put(f->store, i, 0, &f->why), ERR_OK);
    struct row rows[STORE_MAX_ROWS];
    size_t n;
    struct store_query query = {.limit = 7};
    assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rows[i].first_ms, fixture_row(59 - (uint32_t)i).first_ms);
    assert_int_equal(count(f, "", false), STORE_MAX_ROWS);
}

static void refused(struct fixture *f, struct store_query query)
{
    struct row rows[1] = {{.n_frames = 4711}};
    size_t n = 42;
    f->why = (struct fault){0};
    assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_INPUT);
    assert_true(f->why.text[0] != '\0');
    assert_int_equal(n, 42);
    assert_int_equal(rows[0].n_frames, 4711);
}

static void a_query_outside_its_bounds_is_refused(void **state)
{
    struct fixture *f = *state;
    refused(f, (struct store_query){.limit = 0});
    refused(f, (struct store_query){.limit = STORE_MAX_ROWS + 1});
    refused(f, (struct store_query){.limit = 1, .plate = "A???"});
    refused(f, (struct store_query){.limit = 1, .plate = "ab1"});
    refused(f, (struct store_query){.limit = 1, .plate = "A*"});
    refused(f, (struct store_query){.limit = 1, .plate = "A[B]"});
    refused(f, (struct store_query){.limit = 1, .from_ms = -1});
    refused(f, (struct store_query){.limit = 1, .from_ms = 10, .to_ms = 9});
    struct store_query query = {.limit = 1};
    memset(query.plate, 'A', sizeof query.plate);
    refused(f, query);
    query = (struct store_query){.limit = 1};
    memset(query.lane, 'a', sizeof query.lane);
    refused(f, query);
}

static void refuse(struct fixture *f, const struct row *row, const uint8_t *crop)
{
    assert_int_equal(store_put(f->store, row, crop, &f->why), ERR_INPUT);
}

static void a_passage_that_is_out_of_bounds_is_refused(void **state)
{
    struct fixture *f = *state;
    struct row good = fixture_row(1), row;
#define REFUSED_WITH(change) (row = good, change, refuse(f, &row, NULL))
    REFUSED_WITH(row.state = (enum row_state)0);
    REFUSED_WITH(row.state = (enum row_state)4);
    REFUSED_WITH(row.first_ms = 0);
    REFUSED_WITH(row.last_ms = row.first_ms - 1);
    REFUSED_WITH(row.last_ms = INT64_MAX);
    REFUSED_WITH(row.lane[0] = '\0');
    REFUSED_WITH(row.lane[2] = '\n');
    REFUSED_WITH(memset(row.lane, 'a', sizeof row.lane));
    REFUSED_WITH(memset(row.camera, 'a', sizeof row.camera));
    REFUSED_WITH(row.plate[1] = 'a');
    REFUSED_WITH(row.plate[1] = '-');
    REFUSED_WITH(memset(row.plate, 'A', sizeof row.plate));
    REFUSED_WITH(memset(row.region, 'A', sizeof row.region));
    REFUSED_WITH(row.confidence = 1.5F);
    REFUSED_WITH(row.confidence = -0.1F);
    REFUSED_WITH(row.confidence = NAN);
    REFUSED_WITH(row.frame_width = 65536);
    REFUSED_WITH(row.corner[3] = INFINITY);
    REFUSED_WITH(row.corner[7] = NAN);
    REFUSED_WITH(row.n_candidates = ROW_MAX_CANDIDATES + 1);
    REFUSED_WITH(row.candidates[1].plate[0] = '?');
    REFUSED_WITH(row.candidates[1].confidence = FLT_MAX);
    REFUSED_WITH(row.crop_size = 10); /* without a crop */
    row = good;
    refuse(f, &row, bytes); /* a crop of no size */
    row.crop_size = ROW_MAX_CROP + 1;
    refuse(f, &row, bytes);
    assert_int_equal(count(f, "", false), 0);
    put(f, &good);
}

static void a_refusal_names_no_plate(void **state)
{
    struct fixture *f = *state;
    struct row row = with_plate(1, "SECRET1");
    row.confidence = 2;
    assert_int_equal(store_put(f->store, &row, NULL, &f->why), ERR_INPUT);
    assert_null(strstr(f->why.text, "SECRET1"));
}

static void stats_count_rows_and_name_the_binding(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, 0);
    assert_int_equal(stats.oldest_ms, 0);
    for (uint32_t i = 5; i > 0; i--)
        assert_int_equal(fixture_put(f->store, i, 3000, &f->why), ERR_OK);
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, 5);
    assert_int_equal(stats.oldest_ms, fixture_row(1).first_ms);
    assert_true(stats.bytes > 5 * 3000);
    assert_int_equal(stats.binding, BINDING_SOFTWARE);
    assert_string_equal(binding_name(stats.binding), "software");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_passage_comes_back_as_it_was_put),
        T(a_passage_with_all_candidates_and_the_longest_texts_fits),
        T(an_unread_plate_is_a_passage_without_text),
        T(an_update_by_id_replaces_the_passage),
        T(a_resend_changes_nothing),
        T(an_older_state_never_replaces_a_newer),
        T(an_older_report_of_the_same_state_changes_nothing),
        T(an_update_without_a_crop_keeps_the_stored_one),
        T(crops_of_every_size_come_back),
        T(a_wildcard_stands_for_exactly_one_character),
        T(look_alikes_count_as_the_same_only_when_asked),
        T(passages_that_overlap_the_time_are_found),
        T(an_answer_has_the_newest_rows_up_to_the_limit),
        T(a_query_outside_its_bounds_is_refused),
        T(a_passage_that_is_out_of_bounds_is_refused),
        T(a_refusal_names_no_plate),
        T(stats_count_rows_and_name_the_binding),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
