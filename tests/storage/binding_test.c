/* What a store is bound to in software: this host's identity and a file of its own. */
#include "storage/binding.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/keyfile.h"
#include "storage/keyring.h"
#include "world.h"

static void refuses(const struct binding_options *options, enum err code, const char *word)
{
    struct keyring *ring = NULL;
    struct fault why = {0};
    enum err got = keyring_open(&ring, options, &why);
    if (got != code || strstr(why.text, word) == NULL)
        fail_msg("%s, and not \"%s\" in: %s", err_name(got), word, why.text);
    assert_null(ring);
}

static void opens(const struct binding_options *options)
{
    struct keyring *ring = NULL;
    struct fault why = {0};
    if (keyring_open(&ring, options, &why) != ERR_OK)
        fail_msg("%s", why.text);
    keyring_close(&ring);
}

/* A folder that was bound, and is closed. */
static int setup(void **state)
{
    (void)world_setup(state);
    struct world *w = *state;
    opens(&w->options);
    return 0;
}

static void two_folders_have_two_keys(void **state)
{
    struct world *w = *state;
    char second[160];
    (void)snprintf(second, sizeof second, "%s/second", w->root);
    assert_int_equal(mkdir(second, 0700), 0);
    world_open(w);
    struct shot first = world_shoot(w->ring);
    struct keyring_state one = keyring_state(w->ring);
    w->options.dir = second;
    world_reopen(w);
    struct shot other = world_shoot(w->ring);
    assert_memory_not_equal(&first.lasting, &other.lasting, sizeof first.lasting);
    assert_memory_not_equal(one.host, keyring_state(w->ring).host, sizeof one.host);
}

static void a_copy_does_not_open_on_a_host_with_another_identity(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(fixture_put(f->store, i, 3000, &f->why), ERR_OK);
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", f->root);
    fixture_copy_folder(f->dir, copy);
    struct binding_options options = f->options;
    options.dir = copy;
    options.machine_id = f->other_id;
    refuses(&options, ERR_IDENTITY, "another machine-id");

    /* Nor with a fresh key of that host's own. */
    char path[320];
    (void)snprintf(path, sizeof path, "%s/host.key", copy);
    assert_int_equal(unlink(path), 0);
    refuses(&options, ERR_IDENTITY, "lost its");
    char elsewhere[160], key[320];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->root);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    struct keyring *other = NULL;
    options.dir = elsewhere;
    assert_int_equal(keyring_open(&other, &options, &f->why), ERR_OK);
    keyring_close(&other);
    (void)snprintf(key, sizeof key, "%s/host.key", elsewhere);
    assert_int_equal(rename(key, path), 0);
    store_close(&f->store);
    struct store_options here = f->store_options;
    here.binding = options;
    here.binding.dir = copy;
    assert_int_equal(store_open(&f->store, &here, &f->why), ERR_IDENTITY);
    assert_null(f->store);

    /* The copy is whole: with its key on its own host it opens, the last rows from its logs
     * included. */
    (void)snprintf(key, sizeof key, "%s/host.key", f->dir);
    assert_int_equal(rename(key, path), 0);
    here.binding.machine_id = f->machine_id;
    if (store_open(&f->store, &here, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
    assert_true(fixture_has(f->store, 19, 3000));
}

static void the_dmi_serial_is_part_of_the_identity(void **state)
{
    struct world *w = *state;
    char dir[160], serial[160];
    (void)snprintf(dir, sizeof dir, "%s/serial-state", w->root);
    (void)snprintf(serial, sizeof serial, "%s/serial", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    world_write(serial, "ABC-123\n");
    struct binding_options options = w->options;
    options.dir = dir;
    options.dmi_serial = serial;
    opens(&options);
    world_write(serial, "ABC-124\n");
    refuses(&options, ERR_IDENTITY, "serial");
    assert_int_equal(unlink(serial), 0);
    refuses(&options, ERR_IDENTITY, "cannot be read");
    /* A folder that was bound without one does not mind that one appears. */
    world_write(serial, "ABC-123\n");
    options.dir = w->dir;
    opens(&options);
}

static void a_key_file_that_others_may_read_is_refused(void **state)
{
    struct world *w = *state;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/host.key", w->dir);
    static const mode_t modes[] = {0604, 0640, 0660, 0777};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        refuses(&w->options, ERR_DENIED, "chmod 600");
    }
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, 12345), 0);
        refuses(&w->options, ERR_DENIED, "another user");
    }
}

static void a_damaged_key_file_is_told_from_another_host(void **state)
{
    struct world *w = *state;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/host.key", w->dir);
    uint8_t bytes[KEYFILE_MAX_BYTES];
    int fd = open(path, O_RDWR);
    ssize_t size = read(fd, bytes, sizeof bytes);
    assert_true(size > 64);
    for (ssize_t i = 0; i < size; i++) {
        uint8_t flipped = bytes[i] ^ 0x10;
        assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
        refuses(&w->options, ERR_CORRUPT, "damaged");
        assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
    }
    for (ssize_t cut = size - 1; cut >= 0; cut -= 7) {
        assert_int_equal(ftruncate(fd, cut), 0);
        refuses(&w->options, ERR_CORRUPT, "damaged");
    }
    assert_int_equal(close(fd), 0);
}

static void a_host_without_identity_is_told_what_to_do(void **state)
{
    struct world *w = *state;
    struct binding_options options = w->options;
    options.machine_id = "/nonexistent";
    refuses(&options, ERR_IO, "systemd-machine-id-setup");
    char path[160];
    (void)snprintf(path, sizeof path, "%s/empty-id", w->root);
    options.machine_id = path;
    world_write(path, "\n");
    refuses(&options, ERR_IO, "systemd-machine-id-setup");
    world_write(path, "uninitialized\n");
    refuses(&options, ERR_IO, "systemd-machine-id-setup");
}

static void a_folder_bound_in_software_does_not_pass_for_a_tpm(void **state)
{
    struct world *w = *state;
    struct binding_options options = w->options;
    options.tpm = "device:/dev/tpmrm0";
    refuses(&options, ERR_IDENTITY, "in software");
}

static void a_named_tpm_that_is_missing_is_an_error_and_no_fallback(void **state)
{
    struct world *w = *state;
    char dir[160], path[320];
    (void)snprintf(dir, sizeof dir, "%s/tpm-state", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    struct binding_options options = w->options;
    options.dir = dir;
    options.tpm = "device:/nonexistent/tpm";
    refuses(&options, ERR_IO, "no TPM answers");
    (void)snprintf(path, sizeof path, "%s/host.key", dir);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_key_is_not_made_where_memory_cannot_be_locked(void **state)
{
    struct world *w = *state;
    if (geteuid() == 0)
        skip(); /* root may lock without limit */
    struct rlimit before, none = {0, 0};
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    refuses(&w->options, ERR_LIMIT, "locked");
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

/* The line of /proc/self/smaps of the key's page says locked and not dumped. */
static void the_key_lies_in_memory_that_is_locked_and_not_dumped(void **state)
{
    struct world *w = *state;
    world_open(w);
    world_make_all(w);
    unsigned long key = (unsigned long)keyring_key(w->ring, KEYRING_HIT, DAY);
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    char line[512];
    bool here = false, flags = false;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = from <= key && key < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0) {
            flags = true;
#ifndef LANEWARD_SANITIZED /* AddressSanitizer turns mlock into nothing */
            assert_non_null(strstr(line, " lo"));
#endif
            assert_non_null(strstr(line, " dd"));
        }
    }
    (void)fclose(maps);
    assert_true(flags);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(two_folders_have_two_keys),
        cmocka_unit_test_setup_teardown(a_copy_does_not_open_on_a_host_with_another_identity,
                                        fixture_setup, fixture_teardown),
        T(the_dmi_serial_is_part_of_the_identity),
        T(a_key_file_that_others_may_read_is_refused),
        T(a_damaged_key_file_is_told_from_another_host),
        T(a_host_without_identity_is_told_what_to_do),
        T(a_folder_bound_in_software_does_not_pass_for_a_tpm),
        T(a_named_tpm_that_is_missing_is_an_error_and_no_fallback),
        T(a_key_is_not_made_where_memory_cannot_be_locked),
        T(the_key_lies_in_memory_that_is_locked_and_not_dumped),
    };
    return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
