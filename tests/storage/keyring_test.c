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
#include "storage/oldkey.h"
#include "world.h"

static int setup(void **state)
{
    (void)world_setup(state);
    world_open(*state);
    return 0;
}

static void keys_are_found_again_on_the_same_host(void **state)
{
    struct world *w = *state;
    struct keyring_state first = keyring_state(w->ring);
    assert_int_equal(first.is_new, 1);
    assert_int_equal(first.binding, BINDING_SOFTWARE);
    assert_int_equal(first.pcr_mask, 0);
    assert_null(keyring_key(w->ring, KEYRING_HIT, DAY));
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    assert_memory_not_equal(made.days[0][0], made.days[0][1], KEYRING_KEY_SIZE);
    assert_memory_not_equal(made.days[0][0], made.days[1][0], KEYRING_KEY_SIZE);
    world_make_all(w); /* what is there stays */
    world_assert(w->ring, &made);
    world_reopen(w);
    world_assert(w->ring, &made);
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
    world_make_all(w);
    struct shot made = world_shoot(w->ring), kept = world_without_two_days(made);
    uint64_t epoch = keyring_state(w->ring).epoch;
    uint32_t n = 99;
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    assert_int_equal(n, N_TWO_DAYS);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
    world_assert(w->ring, &kept);
    assert_int_equal(world_count_files(w), 1);
    world_must(
        w, keyring_forget(w->ring, world_two_days, &n, &w->why)); /* nothing is left to destroy */
    assert_int_equal(n, 0);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
    world_reopen(w);
    world_assert(w->ring, &kept);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
}

static void a_copy_opens_on_its_own_host_only(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", w->root);
    fixture_copy_folder(w->dir, copy);
    w->options.dir = copy;
    w->options.machine_id = w->other_id;
    world_refuses(w, ERR_IDENTITY, "another machine-id");
    /* Nor with that host's own host.key. */
    char elsewhere[160], from[320];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", w->root);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    w->options.dir = elsewhere;
    struct keyring *other = NULL;
    world_must(w, keyring_open(&other, &w->options, &w->why));
    keyring_close(&other);
    (void)snprintf(from, sizeof from, "%s/host.key", elsewhere);
    w->options.dir = copy;
    assert_int_equal(rename(from, world_path(w, "host.key")), 0);
    world_refuses(w, ERR_IDENTITY, "another host");
    w->options.machine_id = w->machine_id;
    world_refuses(w, ERR_IDENTITY, "another machine-id");
    world_assert(w->ring, &made);
}

/* The honest half of the promise: forgetting in software ends with the disk's old blocks. */
static void in_software_an_old_copy_still_opens(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", w->root);
    fixture_copy_folder(w->dir, copy);
    uint32_t n;
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    w->options.dir = copy;
    world_reopen(w);
    world_assert(w->ring, &made);
}

static void what_is_lost_or_damaged_is_told_apart(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    world_refuses(w, ERR_IO, "another process");
    keyring_close(&w->ring);
    char path[160];
    (void)snprintf(path, sizeof path, "%s", world_path(w, "keyring.1"));
    static uint8_t bytes[EPOCH_MAX_BYTES];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = read(fd, bytes, sizeof bytes);
    assert_true(size > 700);
    for (ssize_t i = 0; i < size; i += i < 160 ? 1 : 13) {
        uint8_t flipped = bytes[i] ^ 0x10;
        assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
        world_refuses(w, ERR_CORRUPT, "keyring.1");
        assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
    }
    for (ssize_t cut = size - 1; cut >= 0; cut -= 61) {
        assert_int_equal(ftruncate(fd, cut), 0);
        world_refuses(w, ERR_CORRUPT, "keyring.1");
    }
    assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
    assert_int_equal(close(fd), 0);
    world_open(w);
    world_assert(w->ring, &made);
    keyring_close(&w->ring);
    assert_int_equal(chmod(path, 0640), 0);
    world_refuses(w, ERR_DENIED, "chmod 600");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(world_path(w, "segments"), 0700), 0);
    world_refuses(w, ERR_IDENTITY, "lost its keys");
    assert_int_equal(unlink(world_path(w, "host.key")), 0);
    world_refuses(w, ERR_IDENTITY, "lost its key");
    assert_int_equal(rmdir(world_path(w, "segments")), 0);
    world_open(w); /* begins anew: there is nothing that it could not open */
    assert_int_equal(keyring_state(w->ring).is_new, 1);
}

static void heads_are_signed_with_a_key_that_stays(void **state)
{
    struct world *w = *state;
    struct signature signature;
    struct signature_key *key = NULL;
    world_must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
    world_make_all(w);
    uint32_t n;
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    world_reopen(w);
    struct keyring_state now = keyring_state(w->ring);
    world_must(w, signature_key_from_point(&key, now.public_point, &w->why));
    assert_true(signature_holds(key, "a head", 6, &signature));
    assert_false(signature_holds(key, "a hEad", 6, &signature));
    signature_key_free(&key);
    assert_int_equal(keyring_suspend(w->ring, &w->why), ERR_INPUT);
}

static void a_store_of_the_first_format_keeps_its_key_until_it_is_moved(void **state)
{
    struct world *w = *state;
    struct binding old;
    bool is_there = true;
    uint8_t key[BINDING_KEY_SIZE], serves[BINDING_KEY_SIZE] = {0};
    char dir[160];
    (void)snprintf(dir, sizeof dir, "%s/old", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    w->options.dir = dir;
    world_must(w, binding_read(&old, &w->options, &is_there, &w->why));
    assert_false(is_there);
    world_must(w, binding_draw(&old, BINDING_SOFTWARE, 0, &w->why));
    world_must(w, binding_write(&old, dir, false, &w->why));
    world_must(w, oldkey_make(&old, NULL, key, &w->why));
    assert_memory_not_equal(key, serves, sizeof key);
    world_write(world_path(w, "laneward.db"), "rows");

    world_reopen(w);
    assert_int_equal(keyring_state(w->ring).is_new, 1);
    assert_non_null(legacy_key(w->ring));
    assert_memory_equal(legacy_key(w->ring), key, sizeof key);
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    world_reopen(w); /* the move was cut short */
    assert_memory_equal(legacy_key(w->ring), key, sizeof key);
    assert_int_equal(unlink(world_path(w, "laneward.db")), 0);
    world_must(w, legacy_end(w->ring, &w->why));
    assert_null(legacy_key(w->ring));
    world_reopen(w);
    assert_null(legacy_key(w->ring));
    world_assert(w->ring, &made);
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
        if (keyring_forget(ring, world_two_days, &n, &w->why) != ERR_OK || n != N_TWO_DAYS)
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
    world_make_all(w);
    struct shot made = world_shoot(w->ring), kept = world_without_two_days(made);
    keyring_close(&w->ring);
    char copy[160];
    uint32_t n_ends = 0, n_done = 0, n;
    for (int mode = 0; mode < 2; mode++) {
        bool goes_on = true;
        for (uint32_t nth = 1; goes_on; nth++) {
            (void)snprintf(copy, sizeof copy, "%s/run-%d-%u", w->root, mode, (unsigned)nth);
            fixture_copy_folder(w->dir, copy);
            w->options.dir = copy;
            goes_on = step_in_child(w, modes[mode], nth);
            n_ends += goes_on;
            world_open(w);
            struct shot now = world_shoot(w->ring);
            bool is_done = memcmp(&now, &kept, sizeof now) == 0;
            if (!is_done)
                assert_memory_equal(&now, &made, sizeof now);
            assert_true(is_done || goes_on);
            n_done += is_done;
            assert_int_equal(world_count_files(w), 1);
            /* Its life goes on: keys are made, and the step is made again where it was not. */
            world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY + 50, 1, &w->why));
            world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
            assert_int_equal(n, is_done ? 0 : N_TWO_DAYS);
            world_reopen(w);
            world_assert(w->ring, &kept);
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
    world_make_all(w);
    struct shot made = world_shoot(w->ring), kept = world_without_two_days(made);
    keyring_close(&w->ring);
    char copy[160];
    bool goes_on = true;
    uint32_t n = 0, n_failed = 0;
    for (uint32_t nth = 1; goes_on; nth++) {
        (void)snprintf(copy, sizeof copy, "%s/fail-%u", w->root, (unsigned)nth);
        fixture_copy_folder(w->dir, copy);
        w->options.dir = copy;
        world_open(w);
        steps_begin(STEPS_FAIL, nth, w->trash);
        enum err got = keyring_forget(w->ring, world_two_days, &n, &w->why);
        (void)steps_end();
        goes_on = steps_has_failed();
        n_failed += got != ERR_OK;
        struct shot now = world_shoot(w->ring);
        if (memcmp(&now, &made, sizeof now) != 0)
            assert_memory_equal(&now, &kept, sizeof now);
        assert_true(goes_on || got == ERR_OK);
        /* A key that is made now outlives whatever is found at the next opening. */
        world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY + 50, 1, &w->why));
        uint8_t fresh[KEYRING_KEY_SIZE];
        world_copy_key(w->ring, KEYRING_HIT, DAY + 50, fresh);
        if (nth % 2 == 0)
            world_reopen(w);
        uint32_t more = 0;
        world_must(w, keyring_forget(w->ring, world_two_days, &more, &w->why));
        world_assert(w->ring, &kept);
        assert_int_equal(world_count_files(w), 1);
        if (nth % 2 == 1) /* in one life every key is told once */
            assert_int_equal((got == ERR_OK ? n : 0) + more, N_TWO_DAYS);
        world_reopen(w);
        world_assert(w->ring, &kept);
        assert_memory_equal(keyring_key(w->ring, KEYRING_HIT, DAY + 50), fresh, sizeof fresh);
        keyring_close(&w->ring);
    }
    print_message("%u failed steps\n", n_failed);
    assert_true(n_failed >= 6);
}

static void a_key_that_could_not_be_written_is_not_there(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    bool goes_on = true;
    for (uint32_t nth = 1; goes_on; nth++) {
        steps_begin(STEPS_FAIL, nth, w->trash);
        enum err got = keyring_make(w->ring, KEYRING_HIT, DAY + 100 + nth, 1, &w->why);
        (void)steps_end();
        goes_on = steps_has_failed();
        assert_int_equal(got == ERR_OK, !goes_on);
        assert_int_equal(keyring_key(w->ring, KEYRING_HIT, DAY + 100 + nth) != NULL, !goes_on);
    }
    world_reopen(w);
    world_assert(w->ring, &made);
    assert_int_equal(keyring_make(w->ring, KEYRING_OTHER, 0, EPOCH_MAX_KEYS, &w->why), ERR_LIMIT);
    world_assert(w->ring, &made);
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
    world_make_all(w);
    world_must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
    mask(keyring_key(w->ring, KEYRING_HIT, DAY), gone);
    mask(keyring_key(w->ring, KEYRING_HIT, DAY + 3), live);
    mask(keyring_key(w->ring, KEYRING_LEDGER, 0), ledger);
    assert_int_equal(memory_count(live), 1); /* and the search finds what is there */
    assert_int_equal(memory_count(gone), 1);
    uint32_t n;
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    assert_int_equal(memory_count(gone), 0);
    assert_int_equal(memory_count(live), 1);
    world_reopen(w);
    assert_int_equal(memory_count(live), 1);
    keyring_close(&w->ring);
    assert_int_equal(memory_count(live), 0);
    assert_int_equal(memory_count(ledger), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
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
