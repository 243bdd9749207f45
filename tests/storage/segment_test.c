/* Days, kinds and terms: where passages lie, when they are answered no more, when they are gone. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/audit.h"
#include "storage/books.h"
#include "storage/inside.h"

enum { CROP = 3000 };
static const int64_t day = KEYRING_DAY_MS, hour = KEYRING_HOUR_MS;
static uint8_t crop[STORE_MAX_CROP], expected[ROW_MAX_CROP];

/* Passage n, so much later than fixture_row says. */
static struct row row_at(uint32_t n, int64_t later_ms)
{
    struct row row = fixture_row(n);
    row.first_ms += later_ms;
    row.last_ms += later_ms;
    return row;
}

static void put_only(struct fixture *f, struct row *row, uint32_t size)
{
    uint32_t n;
    memcpy(&n, row->id, sizeof n);
    row->crop_size = size;
    fixture_crop(n, expected, size);
    if (store_put(f->store, row, size > 0 ? expected : NULL, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
}

static void put(struct fixture *f, struct row row, uint32_t size)
{
    put_only(f, &row, size);
    if (store_commit(f->store, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
}

/* All that can be found; `rows` may be NULL. */
static size_t find_all(struct fixture *f, struct row rows[STORE_MAX_ROWS])
{
    struct row found[STORE_MAX_ROWS];
    struct store_query query = {.limit = STORE_MAX_ROWS};
    size_t n = 0;
    if (store_find(f->store, &query, rows != NULL ? rows : found, &n, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
    return n;
}

static bool is_file(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool has_segment(const struct fixture *f, int64_t at_ms, bool hits)
{
    char path[160];
    fixture_segment(f, at_ms, hits, path);
    return is_file(path);
}

static enum err get_crop(struct fixture *f, uint32_t n, size_t *size, bool *is_sealed)
{
    struct row row = fixture_row(n);
    return store_crop(f->store, row.id, crop, size, is_sealed, &f->why);
}

/* How many records of this kind and name the log holds; the last of them in *entry. */
static unsigned count_entries(struct fixture *f, enum entry_kind kind, const char *name,
                              struct entry *entry)
{
    static uint8_t bytes[AUDIT_MAX_READ * 1024];
    struct audit_page page = {.room = 1, .out = bytes, .out_size = sizeof bytes};
    const uint8_t *sealed;
    size_t sealed_size;
    unsigned n = 0;
    for (;; page.first++) {
        struct entry now;
        assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
        if (page.n == 0)
            return n;
        assert_int_equal(
            entry_parse(bytes + 2, page.size - 2, &now, &sealed, &sealed_size, &f->why), ERR_OK);
        if (now.kind != kind || strcmp(now.name, name) != 0)
            continue;
        n++;
        *entry = now;
    }
}

static void passages_of_each_day_lie_in_a_file_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct row rows[STORE_MAX_ROWS];
    fixture_now_ms += 2 * day;
    for (uint32_t n = 0; n < 30; n++)
        put(f, row_at(n, n % 3 * day), n % 2 * CROP);
    for (int i = 0; i < 3; i++) {
        assert_true(has_segment(f, fixture_row(0).first_ms + i * day, false));
        assert_false(has_segment(f, fixture_row(0).first_ms + i * day, true));
    }
    for (int opened = 0; opened < 2; opened++) {
        assert_int_equal(find_all(f, rows), 30);
        for (int i = 1; i < 30; i++)
            assert_true(rows[i - 1].first_ms > rows[i].first_ms);
        struct store_query query = {.limit = 15};
        size_t n = 0;
        assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
        assert_int_equal(n, 15);
        assert_true(rows[14].first_ms > fixture_row(29).first_ms + day - 30000);
        query = (struct store_query){.from_ms = fixture_row(0).first_ms,
                                     .to_ms = fixture_row(29).last_ms,
                                     .limit = STORE_MAX_ROWS};
        assert_int_equal(store_find(f->store, &query, rows, &n, &f->why), ERR_OK);
        assert_int_equal(n, 10);
        fixture_reopen(f);
    }
}

static void hits_and_others_are_answered_together(void **state)
{
    struct fixture *f = *state;
    struct row rows[STORE_MAX_ROWS];
    for (uint32_t n = 0; n < 20; n++) {
        struct row row = fixture_row(n);
        row.is_hit = n % 4 == 1;
        put(f, row, CROP);
    }
    fixture_reopen(f);
    assert_int_equal(find_all(f, rows), 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(rows[i].first_ms, fixture_row(19 - i).first_ms);
        assert_int_equal(rows[i].is_hit, (19 - i) % 4 == 1);
        assert_true(fixture_has(f->store, i, CROP));
    }
}

static void what_is_past_its_term_is_answered_no_more(void **state)
{
    struct fixture *f = *state;
    size_t size;
    bool is_sealed;
    struct row hit = fixture_row(1);
    hit.is_hit = true;
    f->store_options.terms.hit = 96 * hour;
    fixture_reopen(f);
    put(f, fixture_row(0), CROP);
    put(f, hit, CROP);
    fixture_now_ms = fixture_row(0).first_ms + 24 * hour - 1;
    assert_int_equal(get_crop(f, 0, &size, &is_sealed), ERR_OK);
    fixture_now_ms++;
    assert_int_equal(get_crop(f, 0, &size, &is_sealed), ERR_NOT_FOUND);
    assert_non_null(strstr(f->why.text, "past its term"));
    assert_int_equal(get_crop(f, 1, &size, &is_sealed), ERR_OK);
    struct row rows[STORE_MAX_ROWS];
    assert_int_equal(find_all(f, rows), 2);
    assert_int_equal(rows[0].crop_size, CROP);
    assert_int_equal(rows[1].crop_size, 0);
    fixture_now_ms = fixture_row(0).first_ms + 72 * hour - 1;
    assert_int_equal(find_all(f, rows), 2);
    fixture_now_ms++;
    assert_int_equal(find_all(f, rows), 1);
    assert_true(rows[0].is_hit);
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, 1);
    assert_int_equal(stats.oldest_ms, hit.first_ms);
    assert_int_equal(get_crop(f, 0, &size, &is_sealed), ERR_NOT_FOUND);
    fixture_now_ms = hit.first_ms + 96 * hour;
    assert_int_equal(find_all(f, rows), 0);
}

static void what_comes_after_its_term_is_not_stored(void **state)
{
    struct fixture *f = *state;
    fixture_now_ms = fixture_row(0).first_ms + 72 * hour;
    put(f, fixture_row(0), CROP);
    assert_int_equal(find_all(f, NULL), 0);
    assert_false(has_segment(f, fixture_row(0).first_ms, false));
    fixture_now_ms = fixture_row(0).first_ms + 24 * hour;
    put(f, fixture_row(0), CROP); /* without its crop, whose term is shorter */
    assert_true(fixture_has(f->store, 0, 0));
    assert_null(keyring_key(f->store->keyring, KEYRING_OTHER_CROPS,
                            (uint32_t)(fixture_row(0).first_ms / hour)));
}

static void with_a_term_of_zero_only_hits_reach_the_disk(void **state)
{
    struct fixture *f = *state;
    f->store_options.terms.other = 0;
    fixture_reopen(f);
    uint32_t n_gone;
    assert_int_equal(store_forget(f->store, fixture_now_ms, &n_gone, &f->why), ERR_OK);
    struct row hit = fixture_row(1);
    hit.is_hit = true;
    put(f, fixture_row(0), CROP);
    put(f, hit, CROP);
    assert_false(has_segment(f, hit.first_ms, false));
    assert_true(has_segment(f, hit.first_ms, true));
    assert_int_equal(find_all(f, NULL), 1);
    assert_null(keyring_key(f->store->keyring, KEYRING_OTHER, (uint32_t)(hit.first_ms / day)));
    assert_null(
        keyring_key(f->store->keyring, KEYRING_OTHER_CROPS, (uint32_t)(hit.first_ms / hour)));
    hit = fixture_row(0); /* a list names it later */
    hit.is_hit = true;
    put(f, hit, 0);
    assert_int_equal(find_all(f, NULL), 2);
}

static void forgetting_destroys_keys_and_files_and_is_recorded(void **state)
{
    struct fixture *f = *state;
    struct entry entry;
    uint32_t n_gone = 99;
    int64_t first = fixture_row(0).first_ms;
    put(f, fixture_row(0), CROP);
    put(f, row_at(1, day), 0); /* a day that goes on being kept */
    assert_int_equal(store_forget(f->store, fixture_now_ms, &n_gone, &f->why), ERR_OK);
    assert_int_equal(n_gone, 0);
    uint64_t epoch = keyring_state(f->store->keyring).epoch;

    /* The crop's hour, an hour after its term at the latest. */
    fixture_now_ms = (first / hour + 1) * hour + 24 * hour - 1;
    assert_int_equal(store_forget(f->store, fixture_now_ms, &n_gone, &f->why), ERR_OK);
    assert_null(keyring_key(f->store->keyring, KEYRING_OTHER_CROPS, (uint32_t)(first / hour)));
    assert_true(n_gone >= 1);
    assert_int_equal(keyring_state(f->store->keyring).epoch, epoch + 1);
    assert_int_equal(count_entries(f, ENTRY_FORGET, "", &entry), 1);
    assert_int_equal(entry.number, epoch + 1);
    assert_int_equal(entry.n, n_gone);
    assert_true(fixture_has(f->store, 0, 0));

    /* The day, when its last passage is past its term. */
    fixture_now_ms = (first / day + 1) * day + 72 * hour - 2;
    assert_int_equal(store_forget(f->store, fixture_now_ms, &n_gone, &f->why), ERR_OK);
    assert_true(has_segment(f, first, false));
    fixture_now_ms++;
    assert_int_equal(store_forget(f->store, fixture_now_ms, &n_gone, &f->why), ERR_OK);
    assert_null(keyring_key(f->store->keyring, KEYRING_OTHER, (uint32_t)(first / day)));
    assert_false(has_segment(f, first, false));
    assert_true(has_segment(f, first + day, false));
    assert_int_equal(find_all(f, NULL), 1);
    fixture_reopen(f);
    assert_int_equal(find_all(f, NULL), 1);
    assert_int_equal(f->store->n_rolled_back, 0);
}

static void keys_are_made_ahead(void **state)
{
    struct fixture *f = *state;
    uint32_t n_gone, today = (uint32_t)(fixture_now_ms / day),
                     now = (uint32_t)(fixture_now_ms / hour);
    assert_int_equal(store_forget(f->store, fixture_now_ms, &n_gone, &f->why), ERR_OK);
    fixture_reopen(f);
    for (uint32_t i = 0; i < 2; i++) {
        assert_non_null(keyring_key(f->store->keyring, KEYRING_OTHER, today + i));
        assert_non_null(keyring_key(f->store->keyring, KEYRING_HIT_CROPS, now + i));
    }
}

static void a_file_whose_key_is_gone_is_removed_at_the_next_opening(void **state)
{
    struct fixture *f = *state;
    struct keyring *keyring = NULL;
    uint32_t all[KEYRING_PERIODIC] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, n_gone;
    put(f, fixture_row(0), CROP);
    store_close(&f->store);
    assert_int_equal(keyring_open(&keyring, &f->options, &f->why), ERR_OK);
    assert_int_equal(keyring_forget(keyring, all, &n_gone, &f->why), ERR_OK);
    keyring_close(&keyring);
    assert_true(has_segment(f, fixture_row(0).first_ms, false));
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_false(has_segment(f, fixture_row(0).first_ms, false));
    assert_int_equal(find_all(f, NULL), 0);
    assert_int_equal(f->store->n_rolled_back, 0);
    put(f, fixture_row(0), CROP); /* the day begins anew, under another key */
    assert_true(fixture_has(f->store, 0, CROP));
}

static void an_update_that_makes_a_hit_moves_the_passage(void **state)
{
    struct fixture *f = *state;
    struct row row = fixture_row(0), rows[STORE_MAX_ROWS];
    put(f, row, CROP);
    row.is_hit = true;
    (void)snprintf(row.plate, sizeof row.plate, "NEW1"); /* the old text finds nothing any more */
    put(f, row, 0);
    for (int opened = 0; opened < 2; opened++) {
        assert_int_equal(find_all(f, rows), 1);
        assert_true(rows[0].is_hit);
        assert_string_equal(rows[0].plate, "NEW1");
        size_t size = 0;
        bool is_sealed = true;
        assert_int_equal(get_crop(f, 0, &size, &is_sealed), ERR_OK);
        assert_int_equal(size, CROP);
        fixture_crop(0, expected, CROP);
        assert_memory_equal(crop, expected, CROP);
        struct store_stats stats;
        assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
        assert_int_equal(stats.n_rows, 1);
        fixture_reopen(f);
    }
    row.is_hit = false;
    row.last_ms += 1000;
    put(f, row, 0);
    assert_int_equal(find_all(f, rows), 1);
    assert_true(rows[0].is_hit); /* once a hit, always a hit */
    assert_int_equal(rows[0].last_ms, row.last_ms);
}

static void a_passage_that_moves_over_midnight_is_there_once(void **state)
{
    struct fixture *f = *state;
    int64_t midnight = (fixture_row(0).first_ms / day + 1) * day;
    struct row row = fixture_row(0), rows[STORE_MAX_ROWS];
    fixture_now_ms = midnight + hour;
    row.first_ms = midnight + 10;
    row.last_ms = midnight + 500;
    put(f, row, CROP);
    row.first_ms = midnight - 200;
    put(f, row, 0);
    for (int opened = 0; opened < 2; opened++) {
        assert_int_equal(find_all(f, rows), 1);
        assert_int_equal(rows[0].first_ms, midnight - 200);
        assert_int_equal(rows[0].crop_size, CROP);
        size_t size;
        bool is_sealed;
        assert_int_equal(get_crop(f, 0, &size, &is_sealed), ERR_OK);
        fixture_reopen(f);
    }
    /* Back again, and there once more, in one batch. */
    row.first_ms = midnight + 10;
    put_only(f, &row, 0);
    row.first_ms = midnight - 100;
    row.last_ms++;
    put_only(f, &row, 0);
    assert_int_equal(store_commit(f->store, &f->why), ERR_OK);
    assert_int_equal(find_all(f, rows), 1);
    assert_int_equal(rows[0].first_ms, midnight - 100);
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.n_rows, 1);
}

static void a_move_that_was_cut_short_is_finished_by_the_next_opening(void **state)
{
    struct fixture *f = *state;
    for (int arrived = 0; arrived < 2; arrived++) {
        struct row row = fixture_row((uint32_t)arrived), rows[STORE_MAX_ROWS];
        put(f, row, CROP);
        row.is_hit = true;
        put_only(f, &row, 0);
        /* What store_commit does, up to one point or another. */
        assert_int_equal(books_announce(f->store, &f->why), ERR_OK);
        assert_int_equal(
            shelf_end(&f->store->shelf, arrived ? ERR_OK : ERR_CLOSED, &f->why) == ERR_OK, arrived);
        fixture_reopen(f);
        assert_int_equal(find_all(f, rows), arrived + 1);
        assert_int_equal(rows[0].is_hit, arrived);
        struct store_stats stats;
        assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
        assert_int_equal(stats.n_rows, arrived + 1);
    }
}

static void without_a_commit_nothing_is_stored(void **state)
{
    struct fixture *f = *state;
    struct row row = fixture_row(1);
    put(f, fixture_row(0), CROP);
    put_only(f, &row, CROP);
    fixture_reopen(f);
    assert_int_equal(find_all(f, NULL), 1);
    assert_int_equal(store_commit(f->store, &f->why), ERR_OK); /* of nothing */
}

static void a_failed_batch_is_told_until_the_commit(void **state)
{
    struct fixture *f = *state;
    for (uint32_t n = 0; n < STORE_MAX_BATCH; n++) {
        struct row row = fixture_row(n);
        put_only(f, &row, 0);
    }
    struct row row = fixture_row(100);
    assert_int_equal(store_put(f->store, &row, NULL, &f->why), ERR_LIMIT);
    assert_int_equal(store_put(f->store, &row, NULL, &f->why), ERR_LIMIT);
    assert_int_equal(store_commit(f->store, &f->why), ERR_LIMIT);
    assert_int_equal(find_all(f, NULL), 0);
    row.plate[0] = '?'; /* what is out of bounds itself does not harm the others */
    struct row good = fixture_row(0);
    put_only(f, &good, CROP);
    assert_int_equal(store_put(f->store, &row, NULL, &f->why), ERR_INPUT);
    assert_int_equal(store_commit(f->store, &f->why), ERR_OK);
    assert_true(fixture_has(f->store, 0, CROP));
}

static void a_passage_far_ahead_of_the_clock_is_refused(void **state)
{
    struct fixture *f = *state;
    struct row row = fixture_row(0);
    row.first_ms = row.last_ms = fixture_now_ms + 27 * hour;
    assert_int_equal(store_put(f->store, &row, NULL, &f->why), ERR_INPUT);
    row.first_ms = row.last_ms = fixture_now_ms + 25 * hour;
    put(f, row, 0);
    assert_int_equal(find_all(f, NULL), 1);
}

static void what_a_clock_that_was_wrong_has_stored_does_not_stay_until_its_time_comes(void **state)
{
    struct fixture *f = *state;
    int64_t now = fixture_now_ms;
    uint32_t n_gone = 0;
    put(f, fixture_row(0), CROP);
    fixture_now_ms = now + 2 * day; /* within what may be kept at all */
    put(f, row_at(1, 2 * day), 0);
    fixture_now_ms = now + 400 * day;
    put(f, row_at(2, 400 * day), CROP);
    /* What forgetting believes is behind, and the clock may be right: nothing of it goes. */
    assert_int_equal(store_forget(f->store, now, &n_gone, &f->why), ERR_OK);
    assert_true(has_segment(f, now + 400 * day, false));
    fixture_now_ms = now;
    assert_int_equal(store_forget(f->store, now, &n_gone, &f->why), ERR_OK);
    assert_true(n_gone >= 2);
    assert_false(has_segment(f, now + 400 * day, false));
    assert_null(keyring_key(f->store->keyring, KEYRING_OTHER, (uint32_t)((now + 400 * day) / day)));
    assert_int_equal(find_all(f, NULL), 2);
    assert_true(fixture_has(f->store, 0, CROP));
}

static void no_term_is_longer_than_a_week(void **state)
{
    struct fixture *f = *state;
    store_close(&f->store);
    f->store_options.terms.hit = 7 * day + 1;
    assert_int_equal(fixture_open(f), ERR_INPUT);
    f->store_options.terms.hit = -1;
    assert_int_equal(fixture_open(f), ERR_INPUT);
    f->store_options.terms.hit = 7 * day;
    assert_int_equal(fixture_open(f), ERR_OK);
}

static void without_a_tpm_other_terms_may_hold(void **state)
{
    struct fixture *f = *state;
    const struct store_terms shorter = {.hit = day, .other = day / 2, .hit_crop = day};
    struct store_stats stats;
    f->store_options.without_tpm = &shorter;
    fixture_reopen(f);
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_memory_equal(&stats.terms, &shorter, sizeof shorter);
}

static void a_crop_is_sealed_to_the_ports_key(void **state)
{
    struct fixture *f = *state;
    static const uint8_t scalar[32] = {[31] = 9}, other_scalar[32] = {[31] = 10};
    struct signature_key *port = NULL, *other = NULL;
    assert_int_equal(signature_key_from_scalar(&port, scalar, &f->why), ERR_OK);
    assert_int_equal(signature_key_from_scalar(&other, other_scalar, &f->why), ERR_OK);
    put(f, fixture_row(0), CROP);
    f->store_options.port_key = port;
    fixture_reopen(f);
    f->store_options.port_key = NULL;
    put(f, fixture_row(1), CROP);
    fixture_reopen(f); /* reading needs no port key */
    size_t size;
    bool is_sealed = true;
    assert_int_equal(get_crop(f, 0, &size, &is_sealed), ERR_OK);
    assert_false(is_sealed);
    assert_int_equal(get_crop(f, 1, &size, &is_sealed), ERR_OK);
    assert_true(is_sealed);
    assert_int_equal(size, CROP + ENVELOPE_OVERHEAD);
    static uint8_t jpeg[ROW_MAX_CROP];
    struct row row = fixture_row(1);
    struct envelope_purpose purpose = {
        .label = "laneward crop 1", .bound = row.id, .bound_size = sizeof row.id};
    assert_int_equal(envelope_open(other, &purpose, crop, size, jpeg, &f->why), ERR_IDENTITY);
    assert_int_equal(envelope_open(port, &purpose, crop, size, jpeg, &f->why), ERR_OK);
    fixture_crop(1, expected, CROP);
    assert_memory_equal(jpeg, expected, CROP);
    row = fixture_row(0);
    purpose.bound = row.id;
    assert_int_equal(envelope_open(port, &purpose, crop, size, jpeg, &f->why), ERR_IDENTITY);
    /* The envelope moves as it is. */
    row = fixture_row(1);
    row.is_hit = true;
    put(f, row, 0);
    assert_int_equal(get_crop(f, 1, &size, &is_sealed), ERR_OK);
    assert_true(is_sealed);
    signature_key_free(&port);
    signature_key_free(&other);
}

static void more_segments_than_may_be_open_are_used(void **state)
{
    struct fixture *f = *state;
    struct row rows[STORE_MAX_ROWS];
    f->store_options.terms = (struct store_terms){7 * day, 7 * day, 7 * day, 7 * day};
    fixture_reopen(f);
    fixture_now_ms += 6 * day;
    for (int round = 0; round < 2; round++)
        for (uint32_t n = 0; n < 14; n++) {
            struct row row = row_at(n, n % 7 * day);
            row.is_hit = n >= 7;
            row.last_ms += round;
            put(f, row, CROP);
        }
    size_t open = 0, size;
    bool is_sealed;
    for (size_t i = 0; i < f->store->shelf.n; i++)
        open += f->store->shelf.segment[i].database != NULL;
    assert_int_equal(f->store->shelf.n, 14);
    assert_true(open <= SHELF_HANDLES);
    assert_int_equal(find_all(f, rows), 14);
    for (uint32_t n = 0; n < 14; n++)
        assert_int_equal(get_crop(f, n, &size, &is_sealed), ERR_OK);
    fixture_check(f);
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t bytes[1 << 20];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(in >= 0 && out >= 0);
    ssize_t size = read(in, bytes, sizeof bytes);
    assert_true(size > 0 && size < (ssize_t)sizeof bytes);
    assert_int_equal(write(out, bytes, (size_t)size), size);
    assert_int_equal(close(in) | close(out), 0);
}

static void an_older_copy_of_a_segment_is_an_alarm(void **state)
{
    struct fixture *f = *state;
    struct entry entry;
    char path[160], kept[160];
    fixture_segment(f, fixture_row(0).first_ms, false, path);
    (void)snprintf(kept, sizeof kept, "%s/kept.db", f->root);
    put(f, fixture_row(0), CROP);
    store_close(&f->store);
    copy_file(path, kept);
    assert_int_equal(fixture_open(f), ERR_OK);
    put(f, fixture_row(1), CROP);
    fixture_reopen(f);
    assert_int_equal(f->store->n_rolled_back, 0);
    store_close(&f->store);
    copy_file(kept, path);
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_int_equal(f->store->n_rolled_back, 1);
    assert_int_equal(count_entries(f, ENTRY_ALARM, "rollback", &entry), 1);
    assert_int_equal(entry.number, 1); /* commits that are lost */
    fixture_reopen(f);                 /* told once */
    assert_int_equal(f->store->n_rolled_back, 0);
    assert_int_equal(count_entries(f, ENTRY_ALARM, "rollback", &entry), 1);
}

static void a_segment_that_is_gone_is_an_alarm(void **state)
{
    struct fixture *f = *state;
    struct entry entry;
    char path[160];
    put(f, fixture_row(0), CROP);
    store_close(&f->store);
    fixture_segment(f, fixture_row(0).first_ms, false, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_int_equal(f->store->n_rolled_back, 1);
    assert_int_equal(count_entries(f, ENTRY_ALARM, "rollback", &entry), 1);
    put(f, fixture_row(0), CROP);
    fixture_reopen(f);
    assert_int_equal(f->store->n_rolled_back, 0);
    assert_true(fixture_has(f->store, 0, CROP));
}

static void counts_are_written_each_minute(void **state)
{
    struct fixture *f = *state;
    char copy[90], segment[170];
    put(f, fixture_row(0), CROP);
    fixture_now_ms += 61000;
    put(f, fixture_row(1), CROP);
    (void)snprintf(copy, sizeof copy, "%s/copy", f->root);
    fixture_copy_folder(f->dir, copy); /* as a power cut leaves it */
    store_close(&f->store);
    f->options.dir = copy;
    (void)snprintf(f->dir, sizeof f->dir, "%s", copy);
    fixture_segment(f, fixture_row(0).first_ms, false, segment);
    assert_int_equal(unlink(segment), 0);
    (void)snprintf(segment + strlen(segment), sizeof segment - strlen(segment), "-wal");
    assert_int_equal(unlink(segment), 0);
    f->store_options.binding.dir = copy;
    assert_int_equal(fixture_open(f), ERR_OK);
    assert_int_equal(f->store->n_rolled_back, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(passages_of_each_day_lie_in_a_file_of_their_own),
        T(hits_and_others_are_answered_together),
        T(what_is_past_its_term_is_answered_no_more),
        T(what_comes_after_its_term_is_not_stored),
        T(with_a_term_of_zero_only_hits_reach_the_disk),
        T(forgetting_destroys_keys_and_files_and_is_recorded),
        T(keys_are_made_ahead),
        T(a_file_whose_key_is_gone_is_removed_at_the_next_opening),
        T(an_update_that_makes_a_hit_moves_the_passage),
        T(a_passage_that_moves_over_midnight_is_there_once),
        T(a_move_that_was_cut_short_is_finished_by_the_next_opening),
        T(without_a_commit_nothing_is_stored),
        T(a_failed_batch_is_told_until_the_commit),
        T(a_passage_far_ahead_of_the_clock_is_refused),
        T(what_a_clock_that_was_wrong_has_stored_does_not_stay_until_its_time_comes),
        T(no_term_is_longer_than_a_week),
        T(without_a_tpm_other_terms_may_hold),
        T(a_crop_is_sealed_to_the_ports_key),
        T(more_segments_than_may_be_open_are_used),
        T(an_older_copy_of_a_segment_is_an_alarm),
        T(a_segment_that_is_gone_is_an_alarm),
        T(counts_are_written_each_minute),
    };
    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
