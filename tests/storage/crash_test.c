/* Power cuts at every kind of moment of a store's life - made, filled, looked at, forgetting,
 * closed and opened again: nothing acknowledged is lost, nothing is corrupt, nothing forgotten
 * comes back. LANEWARD_CUTS sets how many (300). */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cut.h"
#include "fixture.h"
#include "journal.h"
#include "storage/audit.h"
#include "storage/inside.h"
#include "storage/ledger.h"

enum {
    HOUR_MS = KEYRING_HOUR_MS,
    SHORT_CUTS = 220,
    LONG_FORM = 5000,
    SHORT_STEPS = 44,
    STEPS = 92, /* at most */
    STEP_MS = 5 * HOUR_MS / 2,
    PER_STEP = 4,
    PASSAGES = STEPS * PER_STEP,
    UPDATES = 3, /* a step, of passages of the step before */
    CHECKPOINT_PAGES = 24,
    MAX_RECORDS = 4 * STEPS,
    MAX_MOMENTS = 16 * STEPS,
    MAX_FORGOTTEN = 2048,
};

/* What a passage was, and between which operations it became so. */
struct version {
    size_t started_at, acknowledged_at; /* SIZE_MAX: never */
    struct row row;
    bool has_crop;
};

/* What was promised when so many operations were done. */
struct moment {
    size_t at;
    int64_t now_ms;
    uint64_t told_epoch; /* all before it is forgotten */
    uint64_t log_size, n_answers;
    int32_t cursor; /* -1: none yet */
    bool is_made;   /* the first opening has returned */
};

struct forgotten {
    size_t told_at;
    enum keyring_class class;
    uint32_t period;
};

static struct {
    struct version versions[PASSAGES][2];
    struct moment moments[MAX_MOMENTS], last;
    size_t n_moments;
    struct forgotten forgotten[MAX_FORGOTTEN];
    size_t n_forgotten;
    size_t n_late; /* cuts between a forgetting and its record */
    uint8_t log[MAX_RECORDS * ENTRY_MAX_BYTES];
    size_t log_bytes;
} life;

static void promise(void)
{
    assert_true(life.n_moments < MAX_MOMENTS);
    life.last.at = journal_size();
    life.moments[life.n_moments++] = life.last;
}

static void must(struct fixture *f, enum err result)
{
    if (result != ERR_OK)
        fail_msg("%s: %s", err_name(result), f->why.text);
}

static uint32_t crop_size(uint32_t n)
{
    return n % 4 == 3 ? 0 : 900 + n % 5 * 800;
}

/* Passage n as it comes first, and as it ends: some are hits by then, some began on the day before.
 */
static struct row make_row(uint32_t n, int version)
{
    struct row row = fixture_row(n);
    uint32_t step = n / PER_STEP;
    row.first_ms = 1700000000000 + (int64_t)step * STEP_MS - n % PER_STEP * 40 * 60000;
    row.state = version == 0 ? ROW_UPDATE : ROW_LOST;
    row.n_frames = 10 + (uint32_t)version;
    row.is_hit = n % 6 == 0 || (version == 1 && n % 5 == 0);
    if (version == 1 && n % 7 == 1)
        row.first_ms -= 3 * HOUR_MS;
    row.last_ms = row.first_ms + 700;
    row.crop_size = version == 0 || n % 3 == 0 ? crop_size(n) : 0;
    return row;
}

static void put(struct fixture *f, uint32_t n, int version)
{
    static uint8_t crop[ROW_MAX_CROP];
    struct version *v = &life.versions[n][version];
    *v = (struct version){.started_at = journal_size(),
                          .acknowledged_at = SIZE_MAX,
                          .row = make_row(n, version),
                          .has_crop = crop_size(n) > 0};
    fixture_crop(n, crop, crop_size(n));
    must(f, store_put(f->store, &v->row, v->row.crop_size > 0 ? crop : NULL, &f->why));
}

static void ingest(struct fixture *f, uint32_t step)
{
    uint32_t first = step * PER_STEP;
    for (uint32_t i = 0; i < PER_STEP; i++)
        put(f, first + i, 0);
    for (uint32_t i = 1; step > 0 && i <= UPDATES; i++)
        put(f, first - i, 1);
    must(f, store_commit(f->store, &f->why));
    for (uint32_t i = 0; i < PER_STEP; i++)
        life.versions[first + i][0].acknowledged_at = journal_size();
    for (uint32_t i = 1; step > 0 && i <= UPDATES; i++)
        life.versions[first - i][1].acknowledged_at = journal_size();
    promise();
}

static void look(struct fixture *f)
{
    must(f, fixture_look(f->store, &f->why));
    life.last.log_size++;
    life.last.n_answers++; /* from here on it may leave */
    promise();
}

static void forget(struct fixture *f)
{
    static bool had[KEYRING_PERIODIC][24 * 8];
    uint32_t n_gone = 0, n = 0, today = (uint32_t)(fixture_now_ms / KEYRING_DAY_MS);
    uint64_t epoch = keyring_state(f->store->keyring).epoch;
    for (int after = 0; after < 2; after++) {
        for (int class = 0; class < KEYRING_PERIODIC; class ++)
            for (uint32_t i = 0; i < 24 * 8; i++) {
                uint32_t base = today - 6;
                uint32_t period = (class < KEYRING_HIT_CROPS ? base : base * 24) + i;
                bool has =
                    keyring_key(f->store->keyring, (enum keyring_class) class, period) != NULL;
                if (after && had[class][i] && !has) {
                    n++;
                    assert_true(life.n_forgotten < MAX_FORGOTTEN);
                    life.forgotten[life.n_forgotten++] =
                        (struct forgotten){journal_size(), (enum keyring_class) class, period};
                }
                had[class][i] = has;
            }
        if (!after)
            must(f, store_forget(f->store, fixture_now_ms, &n_gone, &f->why));
    }
    assert_int_equal(n, n_gone);
    life.last.told_epoch = keyring_state(f->store->keyring).epoch;
    assert_int_equal(life.last.told_epoch, epoch + (n_gone > 0));
    life.last.log_size += n_gone > 0;
    promise();
}

static void note_cursor(struct fixture *f, uint32_t step)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", step);
    must(f, ledger_set_cursor(f->store, "north-front", text, &f->why));
    life.last.cursor = (int32_t)step;
    promise();
}

static void read_log(struct fixture *f, uint8_t *out, size_t size, size_t *used, uint64_t *n)
{
    *used = *n = 0;
    for (bool goes_on = true; goes_on; goes_on = *n % AUDIT_MAX_READ == 0 && *n > 0) {
        struct audit_page page = {
            .first = *n, .room = AUDIT_MAX_READ, .out = out + *used, .out_size = size - *used};
        must(f, audit_read(f->store, &page, &f->why));
        *used += page.size;
        *n += page.n;
        if (page.n == 0)
            break;
    }
}

static void live(struct fixture *f, uint32_t steps)
{
    struct head head;
    for (uint32_t step = 0; step < steps; step++) {
        fixture_now_ms = 1700000000000 + (int64_t)step * STEP_MS + 60000;
        life.last.now_ms = fixture_now_ms;
        promise();
        if (step % 9 == 0)
            fixture_reopen(f);
        life.last.is_made = true;
        promise();
        fixture_checkpoint_every(f, CHECKPOINT_PAGES);
        ingest(f, step);
        look(f);
        forget(f);
        note_cursor(f, step);
        if (step % 2 == 0)
            must(f, audit_sign(f->store, fixture_now_ms, NULL, &head, &f->why));
        look(f);
    }
    uint64_t n;
    read_log(f, life.log, sizeof life.log, &life.log_bytes, &n);
    assert_int_equal(n, life.last.log_size);
    store_close(&f->store);
}

/* Before the store is opened: no file of a former epoch, none of a destroyed day. */
static void check_folder(const struct fixture *f, size_t cut, uint64_t told_epoch)
{
    DIR *folder = opendir(f->dir);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        unsigned long long number;
        if (sscanf(entry->d_name, "keyring.%llu", &number) == 1 && number < told_epoch)
            fail_msg("cut %zu: %s is back, epoch %lu was told", cut, entry->d_name,
                     (unsigned long)told_epoch);
    }
    closedir(folder);
    for (size_t i = 0; i < life.n_forgotten && life.forgotten[i].told_at <= cut; i++) {
        const struct forgotten *gone = &life.forgotten[i];
        if (gone->class > KEYRING_OTHER)
            continue;
        for (int wal = 0; wal < 2; wal++) {
            char path[160], whole[168];
            fixture_segment(f, (int64_t)gone->period * KEYRING_DAY_MS, gone->class == KEYRING_HIT,
                            path);
            (void)snprintf(whole, sizeof whole, "%s%s", path, wal ? "-wal" : "");
            if (access(whole, F_OK) == 0)
                fail_msg("cut %zu: %s is back", cut, strrchr(whole, '/'));
        }
    }
}

static void check_forgotten(const struct fixture *f, size_t cut)
{
    for (size_t i = 0; i < life.n_forgotten && life.forgotten[i].told_at <= cut; i++)
        if (keyring_key(f->store->keyring, life.forgotten[i].class, life.forgotten[i].period) !=
            NULL)
            fail_msg("cut %zu: a forgotten key is back", cut);
}

/* Each record that was there is there, byte by byte; at most the one under way besides, or what the
 * opening has made up for: the keys are at the epoch that the log tells of. */
static void check_log(struct fixture *f, size_t cut, const struct moment *moment, uint64_t most)
{
    static uint8_t bytes[sizeof life.log];
    size_t used;
    const struct keyring_state keys = keyring_state(f->store->keyring);
    uint64_t n, n_answers = 0, told = keys.first_epoch;
    read_log(f, bytes, sizeof bytes, &used, &n);
    if (n < moment->log_size || n > most)
        fail_msg("cut %zu: %lu records were promised, %lu are there", cut,
                 (unsigned long)moment->log_size, (unsigned long)n);
    for (size_t at = 0; at < used;) {
        size_t size = bytes[at] | (size_t)bytes[at + 1] << 8, sealed_size;
        struct entry entry;
        const uint8_t *sealed;
        must(f, entry_parse(bytes + at + 2, size, &entry, &sealed, &sealed_size, &f->why));
        n_answers += entry.kind == ENTRY_QUERY;
        if (entry.kind == ENTRY_FORGET)
            told = entry.number;
        bool is_late = entry.kind == ENTRY_FORGET && strcmp(entry.name, "late") == 0;
        life.n_late += is_late;
        at += 2 + size;
        if (is_late
                ? entry.n != 1 || at != used
                : at > life.log_bytes || memcmp(bytes + at - size, life.log + at - size, size) != 0)
            fail_msg("cut %zu: the log is another one", cut);
    }
    if (told != keys.epoch)
        fail_msg("cut %zu: the log tells of epoch %lu, the keys are at %lu", cut,
                 (unsigned long)told, (unsigned long)keys.epoch);
    if (n_answers < moment->n_answers)
        fail_msg("cut %zu: %lu answers, %lu of them recorded", cut,
                 (unsigned long)moment->n_answers, (unsigned long)n_answers);
}

static bool is_live(const struct fixture *f, const struct row *row, bool crop)
{
    const struct store_terms *terms = &f->store_options.terms;
    int64_t term = row->is_hit ? crop ? terms->hit_crop : terms->hit
                   : crop      ? terms->other_crop
                               : terms->other;
    return row->first_ms + term > fixture_now_ms;
}

static bool is_same(const struct row *found, const struct version *v)
{
    return v != NULL && found->n_frames == v->row.n_frames && found->state == v->row.state &&
           found->first_ms == v->row.first_ms && found->last_ms == v->row.last_ms &&
           found->is_hit == v->row.is_hit && memcmp(found->id, v->row.id, ROW_ID_SIZE) == 0;
}

static bool has_crop(struct fixture *f, uint32_t n, const struct row *found)
{
    static uint8_t crop[STORE_MAX_CROP], expected[ROW_MAX_CROP];
    size_t size = 0;
    bool is_sealed = true;
    fixture_crop(n, expected, crop_size(n));
    return found->crop_size == crop_size(n) &&
           store_crop(f->store, found->id, crop, &size, &is_sealed, &f->why) == ERR_OK &&
           !is_sealed && size == crop_size(n) && memcmp(crop, expected, size) == 0;
}

/* The newest version that was acknowledged, or the one that was under way; nothing past its term.
 * Returns whether it had been acknowledged and still lives. */
static bool check_passage(struct fixture *f, size_t cut, uint32_t n)
{
    const struct version *sure = NULL, *maybe = NULL;
    for (int i = 0; i < 2; i++) {
        const struct version *v = &life.versions[n][i];
        if (v->acknowledged_at <= cut)
            sure = v;
        else if (v->started_at <= cut)
            maybe = v;
    }
    struct store_query query = {.limit = 4};
    struct row rows[4];
    size_t n_rows = 0;
    (void)snprintf(query.plate, sizeof query.plate, "%s", fixture_row(n).plate);
    must(f, store_find(f->store, &query, rows, &n_rows, &f->why));
    bool must_be = sure != NULL && is_live(f, &sure->row, false) &&
                   (maybe == NULL || is_live(f, &maybe->row, false));
    if (n_rows > 1 || (must_be && n_rows == 0))
        fail_msg("cut %zu: passage %u is there %zu times", cut, n, n_rows);
    if (n_rows == 0)
        return false;
    const struct version *is = is_same(&rows[0], sure)    ? sure
                               : is_same(&rows[0], maybe) ? maybe
                                                          : NULL;
    if (is == NULL || !is_live(f, &is->row, false))
        fail_msg("cut %zu: passage %u is not as it was", cut, n);
    bool is_shown = is->has_crop && is_live(f, &is->row, true);
    if (is_shown ? !has_crop(f, n, &rows[0]) : rows[0].crop_size != 0)
        fail_msg("cut %zu: the picture of passage %u is lost, or back", cut, n);
    return must_be;
}

static void check_cursor(struct fixture *f, size_t cut, int32_t least)
{
    char text[16] = "";
    must(f, ledger_cursor(f->store, "north-front", text, sizeof text, &f->why));
    int32_t got = text[0] == '\0' ? -1 : (int32_t)strtol(text, NULL, 10);
    if (got != least && got != least + 1)
        fail_msg("cut %zu: cursor %d was promised, %d is there", cut, least, got);
}

/* And the store goes on. */
static void check_use(struct fixture *f, uint64_t log_size)
{
    uint32_t n_gone;
    struct store_stats stats;
    struct row row = make_row(0, 0);
    row.id[0] = row.id[15] = 0xEE;
    row.crop_size = 0;
    row.first_ms = row.last_ms = fixture_now_ms;
    must(f, store_put(f->store, &row, NULL, &f->why));
    must(f, store_commit(f->store, &f->why));
    must(f, fixture_look(f->store, &f->why));
    must(f, store_forget(f->store, fixture_now_ms, &n_gone, &f->why));
    must(f, store_stats(f->store, &stats, &f->why));
    assert_int_equal(stats.log_size, log_size + 1 + (n_gone > 0));
}

/* Returns how many acknowledged passages it has found. */
static size_t check_after(struct fixture *f, size_t cut)
{
    size_t m = 0, n_found = 0;
    while (m + 1 < life.n_moments && life.moments[m + 1].at <= cut)
        m++;
    const struct moment *moment = &life.moments[m],
                        *next = m + 1 < life.n_moments ? moment + 1 : moment;
    fixture_now_ms = moment->now_ms;
    check_folder(f, cut, moment->told_epoch);
    if (fixture_open(f) != ERR_OK)
        fail_msg("cut %zu: %s: %s", cut, err_name(f->why.code), f->why.text);
    struct store_stats stats;
    must(f, store_stats(f->store, &stats, &f->why));
    if (stats.n_rolled_back != 0)
        fail_msg("cut %zu: a segment counts as rolled back", cut);
    check_forgotten(f, cut);
    check_log(f, cut, moment, next->log_size);
    check_cursor(f, cut, moment->cursor);
    for (uint32_t n = 0; n < PASSAGES && life.versions[n][0].started_at <= cut; n++)
        if (life.versions[n][0].row.first_ms + KEYRING_DAY_MS * 2 > fixture_now_ms ||
            n % 8 == cut % 8)
            n_found += check_passage(f, cut, n);
    if (fixture_check_all(f) != ERR_OK)
        fail_msg("cut %zu: %s", cut, f->why.text);
    check_use(f, stats.log_size);
    store_close(&f->store);
    return n_found;
}

static void start(struct fixture *f)
{
    store_close(&f->store);
    fixture_remove_folder(f->dir);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    f->store_options.terms = (struct store_terms){.hit = 30 * (int64_t)HOUR_MS,
                                                  .other = 24 * (int64_t)HOUR_MS,
                                                  .hit_crop = 24 * (int64_t)HOUR_MS,
                                                  .other_crop = 12 * (int64_t)HOUR_MS};
    for (uint32_t n = 0; n < PASSAGES; n++)
        for (int i = 0; i < 2; i++)
            life.versions[n][i].started_at = life.versions[n][i].acknowledged_at = SIZE_MAX;
    life.last = (struct moment){.now_ms = 1700000000000, .cursor = -1};
    promise();
    journal_begin(f->dir);
}

static void a_power_cut_loses_nothing_and_brings_nothing_back(void **state)
{
    struct fixture *f = *state;
    const char *wanted = getenv("LANEWARD_CUTS");
    size_t cuts = wanted != NULL ? strtoul(wanted, NULL, 10) : SHORT_CUTS;
    start(f);
    live(f, cuts < LONG_FORM ? SHORT_STEPS : STEPS);
    journal_end();
    size_t n_ops, n_syncs = 0, n_found = 0, n_in_doubt = 0;
    const struct journal_op *ops = journal_ops(&n_ops);
    for (size_t i = 0; i < n_ops; i++)
        n_syncs += ops[i].kind == JOURNAL_SYNC;
    struct cut *cut = cut_new();
    for (size_t i = 0; i < cuts; i++) {
        size_t at = cuts > 1 ? n_ops * i / (cuts - 1) : n_ops; /* ever later, from none to all */
        fixture_remove_folder(f->dir);
        assert_int_equal(mkdir(f->dir, 0700), 0);
        n_in_doubt += cut_power(cut, at, (uint32_t)i, f->dir) > 0;
        n_found += check_after(f, at);
    }
    print_message("%zu cuts in %zu operations (%zu syncs), %zu of them with something in doubt; "
                  "%zu times an acknowledged passage was asked for; %zu keys forgotten in %lu "
                  "epochs, %zu times recorded by the next opening, %lu records: 0 lost, 0 corrupt, "
                  "0 back\n",
                  cuts, n_ops, n_syncs, n_in_doubt, n_found, life.n_forgotten,
                  (unsigned long)life.last.told_epoch, life.n_late,
                  (unsigned long)life.last.log_size);
    assert_true(life.n_late > 0 && life.n_forgotten > 50 && n_syncs > 300 && n_in_doubt > cuts / 4);
    cut_free(&cut);
    journal_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_power_cut_loses_nothing_and_brings_nothing_back,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
