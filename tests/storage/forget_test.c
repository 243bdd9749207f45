/* Forgetting with a TPM: whatever ends a step, a copy of the folder from before it opens no more.
 * LANEWARD_EPOCHS sets how many epochs are gone through (22). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "steps.h"
#include "storage/ring.h"
#include "swtpm.h"
#include "world.h"

enum { SHORT_FORM = 22, MAX_EPOCHS = 1000, LIVE_PERIODS = 3 };

static struct swtpm here;

static int setup(void **state)
{
    (void)world_setup(state);
    struct world *w = *state;
    swtpm_new(&here, w->root, "here");
    w->options.tpm = here.tcti;
    world_open(w);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    swtpm_off(&here);
    return world_teardown(state);
}

/* Everything before `day` goes, of all classes. */
static void keep_from(uint32_t day, uint32_t first_kept[KEYRING_PERIODIC])
{
    first_kept[KEYRING_HIT] = first_kept[KEYRING_OTHER] = day;
    first_kept[KEYRING_HIT_CROPS] = first_kept[KEYRING_OTHER_CROPS] = day * 24;
}

static enum err forget_before(struct world *w, uint32_t day, uint32_t *n)
{
    uint32_t first_kept[KEYRING_PERIODIC];
    keep_from(day, first_kept);
    return keyring_forget(w->ring, first_kept, n, &w->why);
}

/* A child opens the folder, and dies at step `nth` of its forgetting; false: it came through. */
static bool forget_in_child(struct world *w, uint32_t day, enum steps_mode mode, uint32_t nth)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uint32_t n;
        if (keyring_open(&w->ring, &w->options, &w->why) != ERR_OK)
            _exit(1);
        steps_begin(mode, nth, w->trash);
        _exit(forget_before(w, day, &n) == ERR_OK ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != STEPS_STATUS)
        fail_msg("the child ended with %d", WEXITSTATUS(status));
    return WEXITSTATUS(status) == STEPS_STATUS;
}

static const char *copy_name(struct world *w, uint32_t epoch)
{
    static char name[160];
    (void)snprintf(name, sizeof name, "%s/copy-%u", w->root, (unsigned)epoch);
    return name;
}

/* Root, with the program's own code, the whole old disk and this TPM: asks it for the old file's
 * secret at every count that might do. */
static bool is_given_back(struct world *w, const char *copy)
{
    uint64_t numbers[8];
    uint32_t n = 0;
    struct binding_options options = w->options;
    struct binding binding;
    struct tpm *tpm = NULL;
    bool is_there, given = false;
    options.dir = copy;
    world_must(w, epoch_list(copy, numbers, 8, &n, &w->why));
    assert_true(n > 0);
    world_must(w, binding_read(&binding, &options, &is_there, &w->why));
    world_must(w, tpm_open(&tpm, here.tcti, &w->why));
    struct tpm_terms terms = {0};
    world_must(w, binding_derive(&binding, NULL, "laneward epoch auth 2", terms.auth, &w->why));
    struct counter counter;
    world_must(w, binding_derive(&binding, NULL, "laneward counter auth 2", counter.auth, &w->why));
    memcpy(terms.counter_auth, counter.auth, sizeof counter.auth);
    for (uint32_t i = 0; i < n; i++) {
        static uint8_t bytes[EPOCH_MAX_BYTES];
        char path[320];
        uint8_t secret[TPM_SECRET_SIZE];
        struct epoch_head head;
        (void)snprintf(path, sizeof path, "%s/keyring.%llu", copy, (unsigned long long)numbers[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = read(fd, bytes, sizeof bytes);
        (void)close(fd);
        world_must(w, epoch_parse(bytes, (size_t)size, &head, &w->why));
        terms.pcr_mask = head.pcr_mask;
        counter.index = terms.nv_index = head.nv_index;
        uint64_t counts[] = {head.number, 0};
        world_must(w, counter_read(tpm, &counter, &counts[1], &w->why));
        for (int j = 0; j < 2; j++) {
            terms.count = counts[j];
            given |= tpm_unseal(tpm, &terms, &head.sealed, secret, &w->why) == ERR_OK;
        }
    }
    tpm_close(&tpm);
    return given;
}

/* One day more: its key is made, the folder is copied, the oldest day is forgotten by a process
 * that dies at step `nth`. */
static bool live_a_day(struct world *w, uint32_t day, uint32_t nth, uint32_t *n_in_force)
{
    uint32_t oldest = day - LIVE_PERIODS + 1, n = 0;
    uint8_t live[2][KEYRING_KEY_SIZE];
    world_must(w, keyring_make(w->ring, KEYRING_HIT, day, 1, &w->why));
    world_must(w, keyring_make(w->ring, KEYRING_OTHER_CROPS, day * 24, 2, &w->why));
    world_copy_key(w->ring, KEYRING_HIT, day, live[0]);
    world_copy_key(w->ring, KEYRING_OTHER_CROPS, day * 24, live[1]);
    keyring_close(&w->ring);
    fixture_copy_folder(w->dir, copy_name(w, day));
    bool was_cut = forget_in_child(w, oldest, nth % 2 == 0 ? STEPS_KILL : STEPS_POWER, nth / 2 + 1);
    world_open(w);
    bool in_force = keyring_key(w->ring, KEYRING_HIT, oldest - 1) == NULL;
    assert_true(was_cut || in_force);
    *n_in_force += was_cut && in_force;
    world_must(w, forget_before(w, oldest, &n));
    assert_int_equal(n > 0, !in_force);
    assert_null(keyring_key(w->ring, KEYRING_HIT, oldest - 1));
    assert_memory_equal(keyring_key(w->ring, KEYRING_HIT, day), live[0], KEYRING_KEY_SIZE);
    assert_memory_equal(keyring_key(w->ring, KEYRING_OTHER_CROPS, day * 24), live[1],
                        KEYRING_KEY_SIZE);
    assert_non_null(keyring_key(w->ring, KEYRING_HIT, oldest));
    assert_int_equal(world_count_files(w), 1);
    return was_cut;
}

static void an_old_copy_beside_the_same_tpm_opens_no_forgotten_key(void **state)
{
    struct world *w = *state;
    const char *wanted = getenv("LANEWARD_EPOCHS");
    uint32_t n_epochs = wanted != NULL ? (uint32_t)strtoul(wanted, NULL, 10) : SHORT_FORM;
    uint32_t n_cut = 0, n_in_force = 0, n_opened = 0, n_given = 0, nth = 0, n_rounds = 0;
    assert_true(n_epochs > 0 && n_epochs <= MAX_EPOCHS);
    for (uint32_t i = 1; i <= LIVE_PERIODS; i++)
        world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY - i, 1, &w->why));
    for (uint32_t i = 0; i < n_epochs; i++) {
        bool was_cut = live_a_day(w, DAY + i, nth, &n_in_force);
        n_cut += was_cut;
        n_rounds += !was_cut && nth % 2 == 1;
        nth = was_cut || nth % 2 == 0 ? nth + 1 : 0; /* all steps were done: from the first again */
    }
    struct keyring_state now = keyring_state(w->ring);
    keyring_close(&w->ring);
    for (uint32_t i = 0; i < n_epochs; i++) {
        struct binding_options options = w->options;
        struct keyring *ring = NULL;
        options.dir = copy_name(w, DAY + i);
        enum err got = keyring_open(&ring, &options, &w->why);
        n_opened += got == ERR_OK;
        if (got != ERR_IDENTITY || strstr(w->why.text, "older than its TPM") == NULL)
            fail_msg("%s: %s", err_name(got), w->why.text);
        keyring_close(&ring);
        n_given += is_given_back(w, options.dir);
    }
    print_message(
        "%u epochs (%llu steps of the counter), %u cut short, %u of these in force; of %u "
        "old copies %u opened, %u secrets given back\n",
        n_epochs, (unsigned long long)now.epoch - 1, n_cut, n_in_force, n_epochs, n_opened,
        n_given);
    assert_int_equal(n_opened, 0);
    assert_int_equal(n_given, 0);
    assert_true(n_epochs < SHORT_FORM || (n_rounds > 0 && n_in_force > 0 && n_in_force < n_cut));
    world_open(w); /* and the living are as they were */
    for (uint32_t i = 0; i < LIVE_PERIODS; i++)
        assert_non_null(keyring_key(w->ring, KEYRING_HIT, DAY + n_epochs - 1 - i));
}

/* What the tests above cut at: were there fewer, they would look at less. */
static void a_step_is_ten_calls(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot kept = world_without_two_days(world_shoot(w->ring));
    uint64_t epoch = keyring_state(w->ring).epoch;
    uint32_t n = 0;
    steps_begin(STEPS_COUNT, 0, w->trash);
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    assert_int_equal(steps_end(), 10);
    assert_int_equal(n, N_TWO_DAYS);
    world_assert(w->ring, &kept);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
    world_reopen(w);
    world_assert(w->ring, &kept);
}

static void a_call_that_fails_leaves_a_ring_that_works(void **state)
{
    struct world *w = *state;
    bool goes_on = true;
    uint32_t n_failed = 0;
    for (uint32_t nth = 1; goes_on; nth++) {
        uint32_t day = DAY + nth * 10, n = 0, more = 0;
        uint8_t fresh[KEYRING_KEY_SIZE];
        world_must(w, keyring_make(w->ring, KEYRING_HIT, day, 2, &w->why));
        steps_begin(STEPS_FAIL, nth, w->trash);
        enum err got = forget_before(w, day + 1, &n);
        (void)steps_end();
        goes_on = steps_has_failed();
        n_failed += got != ERR_OK;
        assert_true(goes_on || got == ERR_OK);
        assert_int_equal(keyring_key(w->ring, KEYRING_HIT, day) == NULL, got == ERR_OK);
        /* A key that is made now outlives whatever is found at the next opening. */
        world_must(w, keyring_make(w->ring, KEYRING_HIT, day + 5, 1, &w->why));
        world_copy_key(w->ring, KEYRING_HIT, day + 5, fresh);
        if (nth % 2 == 0)
            world_reopen(w);
        world_must(w, forget_before(w, day + 1, &more));
        if (nth % 2 == 1 && got != ERR_OK)
            assert_true(more >= 1);
        assert_null(keyring_key(w->ring, KEYRING_HIT, day));
        assert_memory_equal(keyring_key(w->ring, KEYRING_HIT, day + 5), fresh, sizeof fresh);
        world_reopen(w);
        assert_null(keyring_key(w->ring, KEYRING_HIT, day));
        assert_memory_equal(keyring_key(w->ring, KEYRING_HIT, day + 5), fresh, sizeof fresh);
        assert_int_equal(world_count_files(w), 1);
    }
    print_message("%u failed steps\n", n_failed);
    assert_true(n_failed >= 5);
}

static void a_tpm_that_is_away_is_asked_again_later(void **state)
{
    struct world *w = *state;
    struct signature signature;
    uint32_t n = 0;
    world_make_all(w);
    struct shot made = world_shoot(w->ring), kept = world_without_two_days(made);
    swtpm_off(&here);
    assert_int_equal(keyring_forget(w->ring, world_two_days, &n, &w->why), ERR_IO);
    assert_non_null(strstr(w->why.text, "no TPM answers"));
    assert_int_equal(keyring_sign(w->ring, "a head", 6, &signature, &w->why), ERR_IO);
    world_assert(w->ring, &made);
    world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY + 50, 1, &w->why));
    assert_int_equal(keyring_forget(w->ring, world_two_days, &n, &w->why), ERR_IO);
    swtpm_on(&here);
    world_must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    assert_int_equal(n, N_TWO_DAYS);
    world_assert(w->ring, &kept);
    world_reopen(w);
    world_assert(w->ring, &kept);
    assert_non_null(keyring_key(w->ring, KEYRING_HIT, DAY + 50));
}

static void switch_off(void)
{
    steps_after_increment = NULL;
    swtpm_off(&here);
}

/* The counter has gone up, and nobody heard of it: what is made meanwhile is in both epochs. */
static void a_step_whose_end_is_unknown_is_looked_up(void **state)
{
    struct world *w = *state;
    for (int is_reopened = 0; is_reopened < 2; is_reopened++) {
        uint32_t day = DAY + 100 * (uint32_t)is_reopened, n = 0;
        uint8_t fresh[KEYRING_KEY_SIZE];
        world_must(w, keyring_make(w->ring, KEYRING_HIT, day, 2, &w->why));
        uint64_t epoch = keyring_state(w->ring).epoch;
        steps_after_increment = switch_off;
        assert_int_equal(forget_before(w, day + 1, &n), ERR_IO);
        assert_int_equal(keyring_state(w->ring).epoch, epoch);
        assert_non_null(keyring_key(w->ring, KEYRING_HIT, day));
        world_must(w, keyring_make(w->ring, KEYRING_HIT, day + 5, 1, &w->why));
        world_copy_key(w->ring, KEYRING_HIT, day + 5, fresh);
        swtpm_on(&here);
        if (is_reopened) {
            world_reopen(w);
        } else {
            world_must(w, forget_before(w, day + 1, &n));
            assert_int_equal(n, 1);
        }
        assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
        assert_null(keyring_key(w->ring, KEYRING_HIT, day));
        assert_non_null(keyring_key(w->ring, KEYRING_HIT, day + 1));
        assert_memory_equal(keyring_key(w->ring, KEYRING_HIT, day + 5), fresh, sizeof fresh);
    }
}

int main(void)
{
    if (!swtpm_is_installed()) {
        puts("skipped: swtpm is not installed");
        return 77;
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(an_old_copy_beside_the_same_tpm_opens_no_forgotten_key),
        T(a_step_is_ten_calls),
        T(a_call_that_fails_leaves_a_ring_that_works),
        T(a_tpm_that_is_away_is_asked_again_later),
        T(a_step_whose_end_is_unknown_is_looked_up),
    };
    return cmocka_run_group_tests_name("forget", tests, NULL, NULL);
}
