/* The key in a TPM: a real swtpm as this host's, a second one as another host's. */
#include "storage/tpm.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "fixture.h"

/* One emulated TPM on two neighbouring loopback ports. */
struct chip {
    pid_t pid;
    int port;
    char state[160], tcti[64];
};

static struct chip here, elsewhere;

static int bound(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static int free_ports(void)
{
    for (int port = 20000 + getpid() % 20000; port < 60000; port += 2) {
        int first = bound(port), second = bound(port + 1);
        if (first >= 0)
            (void)close(first);
        if (second >= 0)
            (void)close(second);
        if (first >= 0 && second >= 0)
            return port;
    }
    return -1;
}

static bool answers(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)close(fd);
    return connected;
}

static void power_on(struct chip *chip)
{
    char state[200], server[100], control[100];
    (void)snprintf(state, sizeof state, "dir=%s,mode=0600", chip->state);
    (void)snprintf(server, sizeof server, "type=tcp,port=%d,bindaddr=127.0.0.1", chip->port);
    (void)snprintf(control, sizeof control, "type=tcp,port=%d,bindaddr=127.0.0.1", chip->port + 1);
    chip->pid = fork();
    assert_true(chip->pid >= 0);
    if (chip->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server,
               "--ctrl", control, "--flags", "not-need-init,startup-clear", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !answers(chip->port + 1); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    (void)snprintf(chip->tcti, sizeof chip->tcti, "swtpm:host=127.0.0.1,port=%d", chip->port);
}

static void power_off(struct chip *chip)
{
    if (chip->pid <= 0)
        return;
    (void)kill(chip->pid, SIGTERM);
    (void)waitpid(chip->pid, NULL, 0);
    chip->pid = 0;
}

static void chip_setup(struct fixture *f, struct chip *chip, const char *name)
{
    (void)snprintf(chip->state, sizeof chip->state, "%s/%s", f->root, name);
    assert_int_equal(mkdir(chip->state, 0700), 0);
    chip->port = free_ports();
    assert_true(chip->port > 0);
    power_on(chip);
}

/* The fixture's store gives way to one that is bound to the first TPM. */
static int setup(void **state)
{
    (void)fixture_setup(state);
    struct fixture *f = *state;
    store_close(&f->store);
    binding_close(&f->key);
    (void)snprintf(f->dir, sizeof f->dir, "%s/tpm-state", f->root);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    chip_setup(f, &here, "here");
    f->options.tpm = here.tcti;
    if (binding_open(&f->key, &f->options, &f->why) != ERR_OK)
        fail_msg("%s: %s", err_name(f->why.code), f->why.text);
    assert_int_equal(store_open(&f->store, f->dir, f->key, &f->why), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    power_off(&here);
    power_off(&elsewhere);
    return fixture_teardown(state);
}

static void refuses(struct fixture *f, enum err code, const char *word)
{
    struct binding_key *key = NULL;
    f->why = (struct fault){0};
    assert_int_equal(binding_open(&key, &f->options, &f->why), code);
    assert_null(key);
    if (strstr(f->why.text, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, f->why.text);
}

/* A conversation of the test's own with a TPM. */
static ESYS_CONTEXT *talk(const struct chip *chip, TSS2_TCTI_CONTEXT **tcti)
{
    ESYS_CONTEXT *esys = NULL;
    assert_int_equal(Tss2_TctiLdr_Initialize(chip->tcti, tcti), TSS2_RC_SUCCESS);
    assert_int_equal(Esys_Initialize(&esys, *tcti, NULL), TSS2_RC_SUCCESS);
    return esys;
}

static void extend(const struct chip *chip, unsigned pcr)
{
    TSS2_TCTI_CONTEXT *tcti = NULL;
    ESYS_CONTEXT *esys = talk(chip, &tcti);
    TPML_DIGEST_VALUES values = {.count = 1, .digests = {{.hashAlg = TPM2_ALG_SHA256}}};
    assert_int_equal(Esys_PCR_Extend(esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &values),
                     TSS2_RC_SUCCESS);
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
}

static uint32_t property(const struct chip *chip, TPM2_PT wanted)
{
    TSS2_TCTI_CONTEXT *tcti = NULL;
    ESYS_CONTEXT *esys = talk(chip, &tcti);
    TPMI_YES_NO more;
    TPMS_CAPABILITY_DATA *data = NULL;
    assert_int_equal(Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        TPM2_CAP_TPM_PROPERTIES, wanted, 1, &more, &data),
                     TSS2_RC_SUCCESS);
    assert_int_equal(data->data.tpmProperties.tpmProperty[0].property, wanted);
    uint32_t value = data->data.tpmProperties.tpmProperty[0].value;
    Esys_Free(data);
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
    return value;
}

static void the_tpm_gives_the_same_key_after_a_restart(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->key->kind, BINDING_TPM);
    assert_string_equal(binding_name(f->key->kind), "tpm");
    assert_int_equal(fixture_put(f->store, 1, 4000, &f->why), ERR_OK);
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_int_equal(stats.binding, BINDING_TPM);
    fixture_reopen(f);
    power_off(&here);
    power_on(&here);
    fixture_reopen(f);
    assert_true(fixture_has(f->store, 1, 4000));
}

static void no_file_of_a_tpm_folder_holds_the_key(void **state)
{
    struct fixture *f = *state;
    char path[160];
    struct stat status;
    assert_false(fixture_folder_holds(f->dir, f->key->key, sizeof f->key->key));
    (void)snprintf(path, sizeof path, "%s/host.key", f->dir);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/tpm.blob", f->dir);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void another_tpm_does_not_open_a_copy(void **state)
{
    struct fixture *f = *state;
    chip_setup(f, &elsewhere, "elsewhere");
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", f->root);
    fixture_copy_folder(f->dir, copy);
    f->options.dir = copy;
    f->options.tpm = elsewhere.tcti;
    refuses(f, ERR_IDENTITY, "another TPM");
    f->options.machine_id = f->other_id;
    refuses(f, ERR_IDENTITY, "another machine-id");
    f->options.tpm = here.tcti;
    f->options.machine_id = f->machine_id;
    struct binding_key *key = NULL;
    assert_int_equal(binding_open(&key, &f->options, &f->why), ERR_OK);
    assert_memory_equal(key->key, f->key->key, BINDING_KEY_SIZE);
    binding_close(&key);
}

static void a_changed_boot_state_says_what_to_do(void **state)
{
    struct fixture *f = *state;
    extend(&here, 8); /* of no concern */
    fixture_reopen(f);
    extend(&here, 7);
    refuses(f, ERR_IDENTITY, "PCR 7");
    assert_non_null(strstr(f->why.text, "undo the change"));
    power_off(&here);
    power_on(&here); /* the change is undone */
    fixture_reopen(f);
}

static void the_pcrs_are_those_of_the_options(void **state)
{
    struct fixture *f = *state;
    char dir[160];
    (void)snprintf(dir, sizeof dir, "%s/pcr-state", f->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    f->options.dir = dir;
    f->options.pcr_mask = 1U << 7 | 1U << 11 | 1U << 23;
    struct binding_key *key = NULL;
    assert_int_equal(binding_open(&key, &f->options, &f->why), ERR_OK);
    binding_close(&key);
    f->options.pcr_mask = 0; /* matters when a folder is enrolled, and not afterwards */
    assert_int_equal(binding_open(&key, &f->options, &f->why), ERR_OK);
    binding_close(&key);
    extend(&here, 11);
    refuses(f, ERR_IDENTITY, "PCR 7+11+23");
}

static void an_enrolled_folder_never_falls_back(void **state)
{
    struct fixture *f = *state;
    power_off(&here);
    refuses(f, ERR_IO, "no TPM answers");
    assert_non_null(strstr(f->why.text, "bound to this host's TPM"));
    f->options.tpm = "auto"; /* /dev/tpmrm0 is missing, or another TPM */
    struct binding_key *key = NULL;
    assert_int_not_equal(binding_open(&key, &f->options, &f->why), ERR_OK);
    assert_null(key);
    f->options.tpm = "none";
    refuses(f, ERR_IDENTITY, "bound to a TPM");
    char path[160];
    (void)snprintf(path, sizeof path, "%s/host.key", f->dir);
    assert_int_equal(access(path, F_OK), -1);
}

static void wrong_guesses_do_not_lock_the_tpm(void **state)
{
    struct fixture *f = *state;
    struct keyfile file = {.pcr_mask = TPM_DEFAULT_PCRS};
    uint8_t auth[KEYFILE_SECRET_SIZE] = {1}, secret[KEYFILE_SECRET_SIZE] = {2},
            out[KEYFILE_SECRET_SIZE] = {0};
    assert_int_equal(tpm_seal(here.tcti, auth, secret, &file, &f->why), ERR_OK);
    uint8_t wrong[KEYFILE_SECRET_SIZE] = {3};
    for (int i = 0; i < 40; i++)
        assert_int_equal(tpm_unseal(here.tcti, wrong, &file, out, &f->why), ERR_IDENTITY);
    assert_int_equal(out[0], 0);
    assert_int_equal(property(&here, TPM2_PT_LOCKOUT_COUNTER), 0);
    assert_int_equal(tpm_unseal(here.tcti, auth, &file, out, &f->why), ERR_OK);
    assert_memory_equal(out, secret, sizeof secret);
}

static void a_damaged_blob_is_refused(void **state)
{
    struct fixture *f = *state;
    struct keyfile file = {.pcr_mask = TPM_DEFAULT_PCRS};
    uint8_t auth[KEYFILE_SECRET_SIZE] = {1}, secret[KEYFILE_SECRET_SIZE] = {2},
            out[KEYFILE_SECRET_SIZE] = {0};
    assert_int_equal(tpm_seal(here.tcti, auth, secret, &file, &f->why), ERR_OK);
    for (unsigned i = 0; i < file.sealed_size; i += 3) {
        file.sealed[i] ^= 0x40;
        assert_int_not_equal(tpm_unseal(here.tcti, auth, &file, out, &f->why), ERR_OK);
        file.sealed[i] ^= 0x40;
    }
    file.sealed_size--;
    assert_int_equal(tpm_unseal(here.tcti, auth, &file, out, &f->why), ERR_CORRUPT);
    assert_int_equal(out[0], 0);
}

static void nothing_is_left_in_the_tpm(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++)
        fixture_reopen(f);
    extend(&here, 7);
    for (int i = 0; i < 20; i++)
        refuses(f, ERR_IDENTITY, "PCR 7");
    TSS2_TCTI_CONTEXT *tcti = NULL;
    ESYS_CONTEXT *esys = talk(&here, &tcti);
    static const uint32_t kinds[] = {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST};
    for (int i = 0; i < 2; i++) {
        TPMI_YES_NO more;
        TPMS_CAPABILITY_DATA *data = NULL;
        assert_int_equal(Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                            TPM2_CAP_HANDLES, kinds[i], 8, &more, &data),
                         TSS2_RC_SUCCESS);
        assert_int_equal(data->data.handles.count, 0);
        Esys_Free(data);
    }
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void opening_is_measured(void **state)
{
    struct fixture *f = *state;
    binding_close(&f->key);
    double begin = now_ms();
    assert_int_equal(binding_open(&f->key, &f->options, &f->why), ERR_OK);
    print_message("binding_open with swtpm: %.1f ms\n", now_ms() - begin);
    assert_true(now_ms() - begin < 1000);
}

int main(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        execlp("swtpm", "swtpm", "--version", (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        puts("skipped: swtpm is not installed");
        return 77;
    }
    (void)setenv("TSS2_LOG", "all+none", 0);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_tpm_gives_the_same_key_after_a_restart),
        T(no_file_of_a_tpm_folder_holds_the_key),
        T(another_tpm_does_not_open_a_copy),
        T(a_changed_boot_state_says_what_to_do),
        T(the_pcrs_are_those_of_the_options),
        T(an_enrolled_folder_never_falls_back),
        T(wrong_guesses_do_not_lock_the_tpm),
        T(a_damaged_blob_is_refused),
        T(nothing_is_left_in_the_tpm),
        T(opening_is_measured),
    };
    return cmocka_run_group_tests_name("tpm", tests, NULL, NULL);
}
