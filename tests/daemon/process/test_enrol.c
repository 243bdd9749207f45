/* `lanewardd --enroll` and `--suspend`, and `laneward enroll` and `reseal` before them: the real
 * programs, in software and with a TPM. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hex.h"
#include "evidence/signature.h"
#include "tests/storage/swtpm.h"

static struct {
    char root[64], state[96], conf[96];
    struct swtpm chip;
    char said[16384]; /* on both its outputs */
} scene;

static void write_conf(const char *tpm)
{
    FILE *file = fopen(scene.conf, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "[daemon]\nstate_dir = %s\nrun_dir = %s/run\nuser = root\n"
                        "[storage]\ntpm = %s\n"
                        "[camera north]\nlane = north\nsource = dir:%s\n",
                        scene.state, scene.root, tpm, scene.root) > 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    (void)snprintf(scene.root, sizeof scene.root, "/tmp/laneward-XXXXXX");
    assert_non_null(mkdtemp(scene.root));
    (void)snprintf(scene.state, sizeof scene.state, "%s/state", scene.root);
    (void)snprintf(scene.conf, sizeof scene.conf, "%s/laneward.conf", scene.root);
    write_conf("none");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    swtpm_off(&scene.chip);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", scene.root, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

/* The exit status of PROGRAM ARGUMENT [--config CONF]. */
static int run(const char *program, const char *argument, bool with_config)
{
    char path[256];
    int both[2], status;
    size_t size = 0;
    (void)snprintf(path, sizeof path, LANEWARD_BINARY_DIR "/bin/%s", program);
    assert_int_equal(pipe(both), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(both[1], 1);
        (void)dup2(both[1], 2);
        (void)close(both[0]);
        if (with_config)
            execl(path, program, argument, "--config", scene.conf, (char *)NULL);
        else
            execl(path, program, argument, "--help", (char *)NULL);
        _exit(127);
    }
    (void)close(both[1]);
    for (ssize_t got; (got = read(both[0], scene.said + size, sizeof scene.said - 1 - size)) > 0;)
        size += (size_t)got;
    scene.said[size] = '\0';
    (void)close(both[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect(int status, int wanted, const char *words)
{
    if (status != wanted || strstr(scene.said, words) == NULL)
        fail_msg("status %d, and not \"%s\" in: %s", status, words, scene.said);
}

/* What stands behind "log key", and that the PEM is the same key. */
static void take_key(uint8_t point[SIGNATURE_PUBLIC_SIZE])
{
    struct fault why;
    struct signature_key *key = NULL;
    uint8_t from_pem[SIGNATURE_PUBLIC_SIZE];
    char text[2 * SIGNATURE_PUBLIC_SIZE + 1] = "";
    const char *at = strstr(scene.said, "log key    "), *pem = strstr(scene.said, "-----BEGIN");
    assert_non_null(at);
    assert_non_null(pem);
    memcpy(text, at + strlen("log key    "), sizeof text - 1);
    assert_true(hex_decode(text, point, SIGNATURE_PUBLIC_SIZE));
    const char *end = strstr(pem, "-----END PUBLIC KEY-----\n");
    assert_non_null(end);
    size_t size = (size_t)(end - pem) + strlen("-----END PUBLIC KEY-----\n");
    assert_int_equal(signature_key_parse(&key, pem, size, &why), ERR_OK);
    signature_key_point(key, from_pem);
    signature_key_free(&key);
    assert_memory_equal(from_pem, point, sizeof from_pem);
}

static void enrolling_shows_the_key_of_the_log(void **state)
{
    (void)state;
    uint8_t first[SIGNATURE_PUBLIC_SIZE], second[SIGNATURE_PUBLIC_SIZE];
    expect(run("lanewardd", "--enroll", true), 0, "is bound to this host now");
    assert_non_null(strstr(scene.said, "binding    software"));
    take_key(first);
    expect(run("laneward", "enroll", true), 0, "was bound to this host before");
    take_key(second);
    assert_memory_equal(first, second, sizeof first);
    expect(run("laneward", "reseal", true), 1, "there is nothing to suspend");
    expect(run("laneward", "reseal", false), 0, "usage: laneward reseal");
    expect(run("laneward", "enroll", false), 0, "usage: laneward enroll");
    expect(run("lanewardd", "--enroll", false), 0, "usage: lanewardd");
}

/* As systemd gives it: a folder that the environment names, a file in it. */
static void give_credential(const char *bytes, mode_t mode)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/laneward.host", scene.root);
    (void)unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(bytes, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", scene.root, 1), 0);
}

static void a_credential_is_taken_in_and_wanted_from_then_on(void **state)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    (void)state;
    uint8_t first[SIGNATURE_PUBLIC_SIZE], second[SIGNATURE_PUBLIC_SIZE];
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", scene.root, 1), 0); /* and no file in it */
    expect(run("lanewardd", "--enroll", true), 0, "binding    software\n");
    take_key(first);
    give_credential("too short", 0400);
    expect(run("lanewardd", "--enroll", true), 1, "must hold 32 to 128 random bytes, not 9");
    give_credential(secret, 0404);
    expect(run("lanewardd", "--enroll", true), 1, "others may read it");
    give_credential(secret, 0440); /* so an access list looks */
    expect(run("lanewardd", "--enroll", true), 0, "has its part in it from now on");
    assert_non_null(
        strstr(scene.said, "software, with the credential laneward.host\nepoch      2"));
    take_key(second);
    assert_memory_equal(first, second, sizeof first);
    expect(run("laneward", "enroll", true), 0, "was bound to this host before");
    give_credential("another one of the same size, 32", 0400);
    expect(run("lanewardd", "--enroll", true), 1, "is not the one");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    expect(run("lanewardd", "--enroll", true), 1, "which was not given");
}

static void a_running_daemon_is_not_disturbed(void **state)
{
    (void)state;
    expect(run("lanewardd", "--enroll", true), 0, "is bound");
    int fd = open(scene.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* as the keeper does */
    expect(run("lanewardd", "--enroll", true), 1, "stop the daemon first");
    expect(run("lanewardd", "--suspend", true), 1, "stop the daemon first");
    assert_int_equal(close(fd), 0);
}

static void resealing_carries_over_one_change_of_the_boot_state(void **state)
{
    (void)state;
    if (!swtpm_is_installed())
        skip();
    uint8_t first[SIGNATURE_PUBLIC_SIZE], second[SIGNATURE_PUBLIC_SIZE];
    swtpm_new(&scene.chip, scene.root, "chip");
    write_conf(scene.chip.tcti);
    expect(run("lanewardd", "--enroll", true), 0, "binding    tpm\nPCRs       7\n");
    take_key(first);
    expect(run("laneward", "reseal", true), 0, "suspended until the next start");
    swtpm_extend(&scene.chip, 7);
    expect(run("lanewardd", "--enroll", true), 0, "The binding was suspended");
    assert_non_null(strstr(scene.said, "PCRs       7\n"));
    take_key(second);
    assert_memory_equal(first, second, sizeof first);
    swtpm_extend(&scene.chip, 7);
    expect(run("lanewardd", "--enroll", true), 1, "PCR 7");
    assert_non_null(strstr(scene.said, "laneward reseal"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    if (access("/etc/machine-id", R_OK) != 0) {
        puts("skipped: this host has no machine-id");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        T(enrolling_shows_the_key_of_the_log),
        T(a_credential_is_taken_in_and_wanted_from_then_on),
        T(a_running_daemon_is_not_disturbed),
        T(resealing_carries_over_one_change_of_the_boot_state),
    };
    return cmocka_run_group_tests_name("enrol", tests, NULL, NULL);
}
