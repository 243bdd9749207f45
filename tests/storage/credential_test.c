/* The keys in software with the host's credential: nothing opens without it, and a store that was
 * bound before there was one takes it in. */
#include "storage/keyring.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "memory.h"
#include "steps.h"
#include "storage/epoch.h"
#include "world.h"

static int setup(void **state)
{
    (void)world_setup(state);
    world_open(*state);
    return 0;
}

static const uint8_t secret[BINDING_MAX_CREDENTIAL + 1] = "what systemd keeps for this host",
                                                     other[BINDING_MIN_CREDENTIAL] =
                                                         "what systemd keeps for that host";

static void give_credential(struct world *w, const uint8_t *bytes, size_t size)
{
    w->options.credential = bytes;
    w->options.credential_size = size;
}

static void without_the_credential_the_folder_does_not_open(void **state)
{
    struct world *w = *state;
    char dir[160], copy[160];
    (void)snprintf(dir, sizeof dir, "%s/bound", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    w->options.dir = dir;
    give_credential(w, secret, 32);
    world_reopen(w);
    assert_int_equal(keyring_state(w->ring).is_new, 1);
    assert_int_equal(keyring_state(w->ring).binding, BINDING_SOFTWARE);
    assert_int_equal(keyring_state(w->ring).with_credential, 1);
    world_make_all(w);
    struct shot made = world_shoot(w->ring), kept = world_without_two_days(made);
    world_reopen(w);
    world_assert(w->ring, &made);
    assert_int_equal(keyring_state(w->ring).took_credential, 0);
    uint32_t n;
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));

    (void)snprintf(copy, sizeof copy, "%s/copy", w->root);
    fixture_copy_folder(dir, copy); /* host.key too, and this host's machine-id */
    w->options.dir = copy;
    give_credential(w, NULL, 0);
    world_refuses(w, ERR_IDENTITY, "which was not given");
    give_credential(w, other, sizeof other);
    world_refuses(w, ERR_IDENTITY, "is not the one");
    give_credential(w, secret, 33); /* a byte more */
    world_refuses(w, ERR_IDENTITY, "is not the one");
    give_credential(w, secret, BINDING_MIN_CREDENTIAL - 1);
    world_refuses(w, ERR_INPUT, "not 31");
    give_credential(w, secret, BINDING_MAX_CREDENTIAL + 1);
    world_refuses(w, ERR_INPUT, "not 129");
    give_credential(w, secret, 32);
    w->options.machine_id = w->other_id;
    world_refuses(w, ERR_IDENTITY, "another machine-id");
    w->options.machine_id = w->machine_id;
    world_reopen(w);
    world_assert(w->ring, &kept);
}

/* Whoever has the file of keys can clear the mark, and put the digest right. */
static void the_file_s_mark_of_the_credential_does_not_come_off(void **state)
{
    enum { FLAGS = 24, DIGEST = 32 };
    struct world *w = *state;
    static uint8_t bytes[EPOCH_MAX_BYTES];
    give_credential(w, secret, 32);
    world_reopen(w);
    keyring_close(&w->ring);
    give_credential(w, NULL, 0);
    int fd = open(world_path(w, "keyring.2"), O_RDWR | O_CLOEXEC);
    ssize_t size = read(fd, bytes, sizeof bytes);
    assert_true(size > FLAGS + DIGEST && bytes[FLAGS] == 4);
    bytes[FLAGS] = 0;
    size_t before = (size_t)size - DIGEST;
    assert_int_equal(EVP_Digest(bytes, before, bytes + before, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
    assert_int_equal(close(fd), 0);
    world_refuses(w, ERR_IDENTITY, "wrapped for another host");
}

static void a_store_without_a_credential_takes_one_in(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    struct keyring_state before = keyring_state(w->ring);
    assert_int_equal(before.with_credential, 0);
    give_credential(w, secret, BINDING_MAX_CREDENTIAL);
    w->options.pcr_mask = 1 << 7; /* which says nothing in software */
    world_reopen(w);
    struct keyring_state after = keyring_state(w->ring);
    assert_int_equal(after.with_credential, 1);
    assert_int_equal(after.took_credential, 1);
    assert_int_equal(after.epoch, before.epoch + 1);
    assert_memory_equal(after.host, before.host, sizeof after.host);
    assert_memory_equal(after.public_point, before.public_point, sizeof after.public_point);
    world_assert(w->ring, &made);
    assert_int_equal(world_count_files(w), 1);
    world_reopen(w);
    assert_int_equal(keyring_state(w->ring).took_credential, 0);
    assert_int_equal(keyring_state(w->ring).epoch, after.epoch);
    world_assert(w->ring, &made);
    keyring_close(&w->ring);
    give_credential(w, NULL, 0);
    world_refuses(w, ERR_IDENTITY, "which was not given");
}

/* A child opens the folder with the credential, and ends at its n-th call; false: it came through.
 */
static bool take_in_child(struct world *w, enum steps_mode mode, uint32_t nth)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct keyring *ring = NULL;
        steps_begin(mode, nth, w->trash);
        enum err got = keyring_open(&ring, &w->options, &w->why);
        (void)steps_end();
        _exit(got == ERR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    return WEXITSTATUS(status) == STEPS_STATUS;
}

static void a_credential_is_taken_in_whole_or_not_at_all(void **state)
{
    static const enum steps_mode modes[] = {STEPS_KILL, STEPS_POWER};
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    keyring_close(&w->ring);
    char copy[160];
    uint32_t n_ends = 0, n_taken = 0;
    for (int mode = 0; mode < 2; mode++) {
        bool goes_on = true;
        for (uint32_t nth = 1; goes_on; nth++) {
            (void)snprintf(copy, sizeof copy, "%s/take-%d-%u", w->root, mode, (unsigned)nth);
            fixture_copy_folder(w->dir, copy);
            w->options.dir = copy;
            give_credential(w, secret, 32);
            goes_on = take_in_child(w, modes[mode], nth);
            n_ends += goes_on;
            give_credential(w, NULL, 0);
            enum err got = keyring_open(&w->ring, &w->options, &w->why);
            assert_true(got == ERR_IDENTITY || (got == ERR_OK && goes_on));
            n_taken += got == ERR_IDENTITY;
            if (got == ERR_OK)
                world_assert(w->ring, &made);
            give_credential(w, secret, 32);
            world_reopen(w);
            world_assert(w->ring, &made);
            assert_int_equal(keyring_state(w->ring).with_credential, 1);
            assert_int_equal(world_count_files(w), 1);
            keyring_close(&w->ring);
        }
    }
    print_message("%u openings cut short, after %u of all the credential was taken in\n", n_ends,
                  n_taken);
    assert_true(n_ends >= 12 && n_taken > 2 && n_taken < n_ends);
}

static void nothing_of_the_credential_stays_in_memory(void **state)
{
    struct world *w = *state;
    uint8_t masked[MEMORY_WORD];
    for (int i = 0; i < MEMORY_WORD; i++)
        masked[i] = secret[i] ^ MEMORY_MASK;
    assert_int_equal(memory_count(masked), 0); /* of pages that can be written */
    give_credential(w, secret, 32);
    world_reopen(w);
    assert_int_equal(memory_count(masked), 1); /* the ring's, which is locked */
    keyring_close(&w->ring);
    assert_int_equal(memory_count(masked), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(without_the_credential_the_folder_does_not_open),
        T(the_file_s_mark_of_the_credential_does_not_come_off),
        T(a_store_without_a_credential_takes_one_in),
        T(a_credential_is_taken_in_whole_or_not_at_all),
        T(nothing_of_the_credential_stays_in_memory),
    };
    return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
