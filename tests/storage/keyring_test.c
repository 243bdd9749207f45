/* The keys in software: made, found again, forgotten, on this host alone and through every way in
 * which a step can end. */
#include "storage/keyring.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "memory.h"
#include "steps.h"
#include "storage/epoch.h"
#include "storage/legacy.h"

enum { DAY = 20000, HOUR = DAY * 24, N_DAYS = 4, N_HOURS = 6 };

struct world {
    struct fixture *f; /* for its folders and options; the store of it is closed */
    char dir[96], trash[96], path[160];
    struct binding_options options;
    struct keyring *ring;
    struct fault why;
};

static void must(struct world *w, enum err got)
{
    if (got != ERR_OK)
        fail_msg("%s: %s", err_name(got), w->why.text);
}

static void open_ring(struct world *w)
{
    must(w, keyring_open(&w->ring, &w->options, &w->why));
}

static void reopen(struct world *w)
{
    keyring_close(&w->ring);
    open_ring(w);
}

static int setup(void **state)
{
    (void)fixture_setup(state);
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->f = *state;
    *state = w;
    (void)snprintf(w->dir, sizeof w->dir, "%s/keys", w->f->root);
    (void)snprintf(w->trash, sizeof w->trash, "%s/trash", w->f->root);
    assert_int_equal(mkdir(w->dir, 0700), 0);
    assert_int_equal(mkdir(w->trash, 0700), 0);
    w->options = w->f->options;
    w->options.dir = w->dir;
    open_ring(w);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    *state = w->f;
    free(w);
    return fixture_teardown(state);
}

static const char *path_in(struct world *w, const char *name)
{
    (void)snprintf(w->path, sizeof w->path, "%s/%s", w->options.dir, name);
    return w->path;
}

static void refuses(struct world *w, enum err code, const char *word)
{
    struct keyring *ring = NULL;
    w->why = (struct fault){0};
    assert_int_equal(keyring_open(&ring, &w->options, &w->why), code);
    assert_null(ring);
    if (strstr(w->why.text, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, w->why.text);
}

/* Days DAY.. and hours HOUR.., of both kinds. */
static void make_all(struct world *w)
{
    must(w, keyring_make(w->ring, KEYRING_HIT, DAY, N_DAYS, &w->why));
    must(w, keyring_make(w->ring, KEYRING_OTHER, DAY, N_DAYS, &w->why));
    must(w, keyring_make(w->ring, KEYRING_HIT_CROPS, HOUR, N_HOURS, &w->why));
    must(w, keyring_make(w->ring, KEYRING_OTHER_CROPS, HOUR, N_HOURS, &w->why));
}

/* What is forgotten in these tests: two days of each kind, four hours of each: 12 keys. */
static const uint32_t two_days[KEYRING_PERIODIC] = {DAY + 2, DAY + 2, HOUR + 4, HOUR + 4};
enum { N_TWO_DAYS = 12 };

/* Every key that there may be; absent ones are zero. */
struct shot {
    uint8_t days[2][N_DAYS][KEYRING_KEY_SIZE], hours[2][N_HOURS][KEYRING_KEY_SIZE];
    uint8_t lasting[3][KEYRING_KEY_SIZE];
};

static void copy_key(const struct keyring *ring, enum keyring_class class, uint32_t period,
                     uint8_t out[KEYRING_KEY_SIZE])
{
    const uint8_t *key = keyring_key(ring, class, period);
    if (key != NULL)
        memcpy(out, key, KEYRING_KEY_SIZE);
    else
        memset(out, 0, KEYRING_KEY_SIZE);
}

static struct shot shoot(const struct keyring *ring)
{
    struct shot shot = {0};
    for (uint32_t kind = 0; kind < 2; kind++) {
        for (uint32_t i = 0; i < N_DAYS; i++)
            copy_key(ring, KEYRING_HIT + kind, DAY + i, shot.days[kind][i]);
        for (uint32_t i = 0; i < N_HOURS; i++)
            copy_key(ring, KEYRING_HIT_CROPS + kind, HOUR + i, shot.hours[kind][i]);
    }
    for (uint32_t i = 0; i < 3; i++)
        copy_key(ring, KEYRING_LEDGER + i, 0, shot.lasting[i]);
    return shot;
}

static struct shot without_two_days(struct shot shot)
{
    for (uint32_t kind = 0; kind < 2; kind++) {
        memset(shot.days[kind], 0, sizeof shot.days[kind][0] * 2);
        memset(shot.hours[kind], 0, sizeof shot.hours[kind][0] * 4);
    }
    return shot;
}

static void assert_shot(const struct keyring *ring, const struct shot *expected)
{
    struct shot now = shoot(ring);
    assert_memory_equal(&now, expected, sizeof now);
}

static uint32_t count_files(struct world *w)
{
    uint64_t numbers[16];
    uint32_t n = 0;
    must(w, epoch_list(w->options.dir, numbers, 16, &n, &w->why));
    return n;
}

static void keys_are_found_again_on_the_same_host(void **state)
{
    struct world *w = *state;
    struct keyring_state first = keyring_state(w->ring);
    assert_int_equal(first.is_new, 1);
    assert_int_equal(first.binding, BINDING_SOFTWARE);
    assert_int_equal(first.pcr_mask, 0);
    assert_null(keyring_key(w->ring, KEYRING_HIT, DAY));
    make_all(w);
    struct shot made = shoot(w->ring);
    assert_memory_not_equal(made.days[0][0], made.days[0][1], KEYRING_KEY_SIZE);
    assert_memory_not_equal(made.days[0][0], made.days[1][0], KEYRING_KEY_SIZE);
    make_all(w); /* what is there stays */
    assert_shot(w->ring, &made);
    reopen(w);
    assert_shot(w->ring, &made);
    struct keyring_state again = keyring_state(w->ring);
    assert_int_equal(again.is_new, 0);
    assert_int_equal(again.epoch, first.epoch);
    assert_memory_equal(again.host, first.host, sizeof again.host);
    assert_memory_equal(again.public_point, first.public_point, sizeof again.public_point);
    assert_false(fixture_folder_holds(w->dir, made.days[0][0], KEYRING_KEY_SIZE));
}

static void forgetting_takes_the_old_periods_and_nothing_else(void **state)
{
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring), kept = without_two_days(made);
    uint64_t epoch = keyring_state(w->ring).epoch;
    uint32_t n = 99;
    must(w, keyring_forget(w->ring, two_days, &n, &w->why));
    assert_int_equal(n, N_TWO_DAYS);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
    assert_shot(w->ring, &kept);
    assert_int_equal(count_files(w), 1);
    must(w, keyring_forget(w->ring, two_days, &n, &w->why)); /* nothing is left to destroy */
    assert_int_equal(n, 0);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
    reopen(w);
    assert_shot(w->ring, &kept);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
}

static void a_copy_opens_on_its_own_host_only(void **state)
{
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring);
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", w->f->root);
    fixture_copy_folder(w->dir, copy);
    w->options.dir = copy;
    w->options.machine_id = w->f->other_id;
    refuses(w, ERR_IDENTITY, "another machine-id");
    /* Nor with that host's own host.key. */
    char elsewhere[160], from[320];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", w->f->root);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    w->options.dir = elsewhere;
    struct keyring *other = NULL;
    must(w, keyring_open(&other, &w->options, &w->why));
    keyring_close(&other);
    (void)snprintf(from, sizeof from, "%s/host.key", elsewhere);
    w->options.dir = copy;
    assert_int_equal(rename(from, path_in(w, "host.key")), 0);
    refuses(w, ERR_IDENTITY, "another host");
    w->options.machine_id = w->f->machine_id;
    refuses(w, ERR_IDENTITY, "another machine-id");
    assert_shot(w->ring, &made);
}

/* The honest half of the promise: forgetting in software ends with the disk's old blocks. */
static void in_software_an_old_copy_still_opens(void **state)
{
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring);
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", w->f->root);
    fixture_copy_folder(w->dir, copy);
    uint32_t n;
    must(w, keyring_forget(w->ring, two_days, &n, &w->why));
    w->options.dir = copy;
    reopen(w);
    assert_shot(w->ring, &made);
}

static void what_is_lost_or_damaged_is_told_apart(void **state)
{
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring);
    refuses(w, ERR_IO, "another process");
    keyring_close(&w->ring);
    char path[160];
    (void)snprintf(path, sizeof path, "%s", path_in(w, "keyring.1"));
    static uint8_t bytes[EPOCH_MAX_BYTES];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = read(fd, bytes, sizeof bytes);
    assert_true(size > 700);
    for (ssize_t i = 0; i < size; i += i < 160 ? 1 : 13) {
        uint8_t flipped = bytes[i] ^ 0x10;
        assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
        refuses(w, ERR_CORRUPT, "keyring.1");
        assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
    }
    for (ssize_t cut = size - 1; cut >= 0; cut -= 61) {
        assert_int_equal(ftruncate(fd, cut), 0);
        refuses(w, ERR_CORRUPT, "keyring.1");
    }
    assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
    assert_int_equal(close(fd), 0);
    open_ring(w);
    assert_shot(w->ring, &made);
    keyring_close(&w->ring);
    assert_int_equal(chmod(path, 0640), 0);
    refuses(w, ERR_DENIED, "chmod 600");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path_in(w, "segments"), 0700), 0);
    refuses(w, ERR_IDENTITY, "lost its keys");
    assert_int_equal(unlink(path_in(w, "host.key")), 0);
    refuses(w, ERR_IDENTITY, "lost its key");
    assert_int_equal(rmdir(path_in(w, "segments")), 0);
    open_ring(w); /* begins anew: there is nothing that it could not open */
    assert_int_equal(keyring_state(w->ring).is_new, 1);
}

static void heads_are_signed_with_a_key_that_stays(void **state)
{
    struct world *w = *state;
    struct signature signature;
    struct signature_key *key = NULL;
    must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
    make_all(w);
    uint32_t n;
    must(w, keyring_forget(w->ring, two_days, &n, &w->why));
    reopen(w);
    struct keyring_state now = keyring_state(w->ring);
    must(w, signature_key_from_point(&key, now.public_point, &w->why));
    assert_true(signature_holds(key, "a head", 6, &signature));
    assert_false(signature_holds(key, "a hEad", 6, &signature));
    signature_key_free(&key);
    assert_int_equal(keyring_suspend(w->ring, &w->why), ERR_INPUT);
}

static void a_store_of_the_first_format_keeps_its_key_until_it_is_moved(void **state)
{
    struct world *w = *state;
    w->options.dir = w->f->dir; /* the fixture's own: host.key and laneward.db */
    store_close(&w->f->store);
    reopen(w);
    assert_int_equal(keyring_state(w->ring).is_new, 1);
    assert_non_null(legacy_key(w->ring));
    assert_memory_equal(legacy_key(w->ring), w->f->key->key, BINDING_KEY_SIZE);
    make_all(w);
    struct shot made = shoot(w->ring);
    reopen(w); /* the move was cut short */
    assert_memory_equal(legacy_key(w->ring), w->f->key->key, BINDING_KEY_SIZE);
    assert_int_equal(unlink(path_in(w, "laneward.db")), 0);
    must(w, legacy_end(w->ring, &w->why));
    assert_null(legacy_key(w->ring));
    reopen(w);
    assert_null(legacy_key(w->ring));
    assert_shot(w->ring, &made);
}

/* A child takes the folder through a step that ends at its n-th call; false: it came through. */
static bool step_in_child(struct world *w, enum steps_mode mode, uint32_t nth)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct keyring *ring = NULL;
        uint32_t n;
        if (keyring_open(&ring, &w->options, &w->why) != ERR_OK)
            _exit(1);
        steps_begin(mode, nth, w->trash);
        if (keyring_forget(ring, two_days, &n, &w->why) != ERR_OK || n != N_TWO_DAYS)
            _exit(2);
        (void)steps_end();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != STEPS_STATUS)
        fail_msg("the child ended with %d", WEXITSTATUS(status));
    return WEXITSTATUS(status) == STEPS_STATUS;
}

static void a_step_that_ends_anywhere_is_whole_or_not_begun(void **state)
{
    static const enum steps_mode modes[] = {STEPS_KILL, STEPS_POWER};
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring), kept = without_two_days(made);
    keyring_close(&w->ring);
    char copy[160];
    uint32_t n_ends = 0, n_done = 0, n;
    for (int mode = 0; mode < 2; mode++) {
        bool goes_on = true;
        for (uint32_t nth = 1; goes_on; nth++) {
            (void)snprintf(copy, sizeof copy, "%s/run-%d-%u", w->f->root, mode, (unsigned)nth);
            fixture_copy_folder(w->dir, copy);
            w->options.dir = copy;
            goes_on = step_in_child(w, modes[mode], nth);
            n_ends += goes_on;
            open_ring(w);
            struct shot now = shoot(w->ring);
            bool is_done = memcmp(&now, &kept, sizeof now) == 0;
            if (!is_done)
                assert_memory_equal(&now, &made, sizeof now);
            assert_true(is_done || goes_on);
            n_done += is_done;
            assert_int_equal(count_files(w), 1);
            /* Its life goes on: keys are made, and the step is made again where it was not. */
            must(w, keyring_make(w->ring, KEYRING_HIT, DAY + 50, 1, &w->why));
            must(w, keyring_forget(w->ring, two_days, &n, &w->why));
            assert_int_equal(n, is_done ? 0 : N_TWO_DAYS);
            reopen(w);
            assert_shot(w->ring, &kept);
            assert_non_null(keyring_key(w->ring, KEYRING_HIT, DAY + 50));
            keyring_close(&w->ring);
        }
    }
    print_message("%u steps cut short, %u of them in force afterwards\n", n_ends, n_done);
    assert_true(n_ends >= 12 && n_done > 1 && n_done < n_ends);
}

static void a_call_that_fails_leaves_a_ring_that_works(void **state)
{
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring), kept = without_two_days(made);
    keyring_close(&w->ring);
    char copy[160];
    bool goes_on = true;
    uint32_t n = 0, n_failed = 0;
    for (uint32_t nth = 1; goes_on; nth++) {
        (void)snprintf(copy, sizeof copy, "%s/fail-%u", w->f->root, (unsigned)nth);
        fixture_copy_folder(w->dir, copy);
        w->options.dir = copy;
        open_ring(w);
        steps_begin(STEPS_FAIL, nth, w->trash);
        enum err got = keyring_forget(w->ring, two_days, &n, &w->why);
        (void)steps_end();
        goes_on = steps_has_failed();
        n_failed += got != ERR_OK;
        struct shot now = shoot(w->ring);
        if (memcmp(&now, &made, sizeof now) != 0)
            assert_memory_equal(&now, &kept, sizeof now);
        assert_true(goes_on || got == ERR_OK);
        /* A key that is made now outlives whatever is found at the next opening. */
        must(w, keyring_make(w->ring, KEYRING_HIT, DAY + 50, 1, &w->why));
        uint8_t fresh[KEYRING_KEY_SIZE];
        copy_key(w->ring, KEYRING_HIT, DAY + 50, fresh);
        if (nth % 2 == 0)
            reopen(w);
        uint32_t more = 0;
        must(w, keyring_forget(w->ring, two_days, &more, &w->why));
        assert_shot(w->ring, &kept);
        assert_int_equal(count_files(w), 1);
        if (nth % 2 == 1) /* in one life every key is told once */
            assert_int_equal((got == ERR_OK ? n : 0) + more, N_TWO_DAYS);
        reopen(w);
        assert_shot(w->ring, &kept);
        assert_memory_equal(keyring_key(w->ring, KEYRING_HIT, DAY + 50), fresh, sizeof fresh);
        keyring_close(&w->ring);
    }
    print_message("%u failed steps\n", n_failed);
    assert_true(n_failed >= 6);
}

static void a_key_that_could_not_be_written_is_not_there(void **state)
{
    struct world *w = *state;
    make_all(w);
    struct shot made = shoot(w->ring);
    bool goes_on = true;
    for (uint32_t nth = 1; goes_on; nth++) {
        steps_begin(STEPS_FAIL, nth, w->trash);
        enum err got = keyring_make(w->ring, KEYRING_HIT, DAY + 100 + nth, 1, &w->why);
        (void)steps_end();
        goes_on = steps_has_failed();
        assert_int_equal(got == ERR_OK, !goes_on);
        assert_int_equal(keyring_key(w->ring, KEYRING_HIT, DAY + 100 + nth) != NULL, !goes_on);
    }
    reopen(w);
    assert_shot(w->ring, &made);
    assert_int_equal(keyring_make(w->ring, KEYRING_OTHER, 0, EPOCH_MAX_KEYS, &w->why), ERR_LIMIT);
    assert_shot(w->ring, &made);
    assert_null(keyring_key(w->ring, KEYRING_OTHER, 0));
}

static void mask(const uint8_t *key, uint8_t out[MEMORY_WORD])
{
    for (int i = 0; i < MEMORY_WORD; i++)
        out[i] = key[i] ^ MEMORY_MASK;
}

static void nothing_of_a_key_stays_in_memory(void **state)
{
    struct world *w = *state;
    uint8_t gone[MEMORY_WORD], live[MEMORY_WORD], ledger[MEMORY_WORD];
    struct signature signature;
    make_all(w);
    must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
    mask(keyring_key(w->ring, KEYRING_HIT, DAY), gone);
    mask(keyring_key(w->ring, KEYRING_HIT, DAY + 3), live);
    mask(keyring_key(w->ring, KEYRING_LEDGER, 0), ledger);
    assert_int_equal(memory_count(live), 1); /* and the search finds what is there */
    assert_int_equal(memory_count(gone), 1);
    uint32_t n;
    must(w, keyring_forget(w->ring, two_days, &n, &w->why));
    assert_int_equal(memory_count(gone), 0);
    assert_int_equal(memory_count(live), 1);
    reopen(w);
    assert_int_equal(memory_count(live), 1);
    keyring_close(&w->ring);
    assert_int_equal(memory_count(live), 0);
    assert_int_equal(memory_count(ledger), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(keys_are_found_again_on_the_same_host),
        T(forgetting_takes_the_old_periods_and_nothing_else),
        T(a_copy_opens_on_its_own_host_only),
        T(in_software_an_old_copy_still_opens),
        T(what_is_lost_or_damaged_is_told_apart),
        T(heads_are_signed_with_a_key_that_stays),
        T(a_store_of_the_first_format_keeps_its_key_until_it_is_moved),
        T(a_step_that_ends_anywhere_is_whole_or_not_begun),
        T(a_call_that_fails_leaves_a_ring_that_works),
        T(a_key_that_could_not_be_written_is_not_there),
        T(nothing_of_a_key_stays_in_memory),
    };
    return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
