/* The keeper's rights are enough for its keys: found, made, forgotten and used in a TPM after they
 * are in force, also when the TPM was away. */
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/rights.h"
#include "storage/keyring.h"
#include "tests/storage/swtpm.h"

static struct {
    char root[64], state[96];
    struct swtpm chip;
    struct config config;
    struct role_env env;
    int to_keeper[2], from_keeper[2];
} scene;

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    (void)snprintf(scene.root, sizeof scene.root, "/tmp/laneward-XXXXXX");
    assert_non_null(mkdtemp(scene.root));
    (void)snprintf(scene.state, sizeof scene.state, "%s/state-XXXXXX", scene.root);
    assert_non_null(mkdtemp(scene.state));
    swtpm_new(&scene.chip, scene.root, "chip");
    (void)snprintf(scene.config.tpm, sizeof scene.config.tpm, "%s", scene.chip.tcti);
    (void)snprintf(scene.config.state_dir, sizeof scene.config.state_dir, "%s", scene.state);
    scene.env = (struct role_env){
        .role = ROLE_KEEPER, .config = &scene.config, .data_dir = "", .source_fd = -1};
    assert_int_equal(pipe(scene.to_keeper), 0);
    assert_int_equal(pipe(scene.from_keeper), 0);
    return 0;
}

/* A closed pipe means that the other side has failed: no one waits for ever. */
static void close_ends(int own_read, int own_write)
{
    (void)close(own_read);
    (void)close(own_write);
}

static int tear_down(void **state)
{
    (void)state;
    swtpm_off(&scene.chip);
    close_ends(scene.from_keeper[0], scene.to_keeper[1]);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", scene.root, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void say(const char *what, enum err err, const struct fault *why)
{
    if (err != ERR_OK)
        fprintf(stderr, "%s: %s: %s\n", what, err_name(err), why->text);
}

/* Tells the parent that it stands, and waits until the TPM is as the parent wants it. */
static void wait_for_parent(void)
{
    char byte = 0;
    if (write(scene.from_keeper[1], &byte, 1) != 1 || read(scene.to_keeper[0], &byte, 1) != 1)
        _exit(90);
}

static int live_as_keeper(void)
{
    struct fault why;
    struct keyring *ring = NULL;
    struct signature signature;
    uint32_t n = 0;
    const struct binding_options options = {.dir = scene.state, .tpm = scene.chip.tcti};
    static const uint32_t first_kept[KEYRING_PERIODIC] = {20001, 0, 0, 0};
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    if (dlopen("libtss2-tcti-swtpm.so.0", RTLD_NOW) == NULL)
        return 91;
    enum err err = rights_apply(&scene.env, &why);
    say("rights", err, &why);
    if (err != ERR_OK)
        return 92;
    err = keyring_open(&ring, &options, &why);
    say("open", err, &why);
    if (err != ERR_OK)
        return 1;
    err = keyring_make(ring, KEYRING_HIT, 20000, 3, &why);
    say("make", err, &why);
    if (err != ERR_OK || keyring_state(ring).binding != BINDING_TPM)
        return 2;
    wait_for_parent(); /* the TPM goes away */
    if (keyring_sign(ring, "head", 4, &signature, &why) != ERR_IO ||
        keyring_forget(ring, first_kept, &n, &why) != ERR_IO)
        return 3;
    wait_for_parent(); /* and comes back */
    err = keyring_sign(ring, "head", 4, &signature, &why);
    say("sign", err, &why);
    if (err == ERR_OK)
        err = keyring_forget(ring, first_kept, &n, &why);
    say("forget", err, &why);
    if (err != ERR_OK || n != 1)
        return 4;
    keyring_close(&ring);
    err = keyring_open(&ring, &options, &why);
    say("open again", err, &why);
    return err == ERR_OK && keyring_key(ring, KEYRING_HIT, 20000) == NULL &&
                   keyring_key(ring, KEYRING_HIT, 20001) != NULL
               ? 0
               : 5;
}

static void the_keepers_rights_are_enough_for_its_tpm(void **state)
{
    (void)state;
    char byte = 0;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close_ends(scene.from_keeper[0], scene.to_keeper[1]);
        _exit(live_as_keeper());
    }
    close_ends(scene.from_keeper[1], scene.to_keeper[0]);
    if (read(scene.from_keeper[0], &byte, 1) == 1) {
        swtpm_off(&scene.chip);
        assert_int_equal(write(scene.to_keeper[1], &byte, 1), 1);
        if (read(scene.from_keeper[0], &byte, 1) == 1) {
            swtpm_on(&scene.chip);
            assert_int_equal(write(scene.to_keeper[1], &byte, 1), 1);
        }
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    if (!swtpm_is_installed() || access("/etc/machine-id", R_OK) != 0) {
        puts("skipped: swtpm is not installed");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_keepers_rights_are_enough_for_its_tpm, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("rights_tpm", tests, NULL, NULL);
}
