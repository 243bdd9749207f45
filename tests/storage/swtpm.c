/* Starting and stopping swtpm, and a few plain commands. */
#include "swtpm.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include <cmocka.h>

bool swtpm_is_installed(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        execlp("swtpm", "swtpm", "--version", (char *)NULL);
        _exit(127);
    }
    (void)setenv("TSS2_LOG", "all+none", 0);
    (void)signal(SIGPIPE, SIG_IGN); /* as in the daemon: the TPM goes away at times */
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

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
    for (int i = 0; i < 10000; i++) { /* below those that the system gives to callers */
        int port = 10000 + 2 * ((getpid() + i) % 10000);
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

/* Its control channel takes calls, and the other port is its own. */
static bool is_up(const struct swtpm *chip)
{
    int other = bound(chip->port), port = chip->port + 1;
    if (other >= 0) {
        (void)close(other);
        return false;
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)close(fd);
    return connected;
}

void swtpm_on(struct swtpm *chip)
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
    for (int i = 0; i < 1500 && !is_up(chip); i++) {
        assert_int_equal(waitpid(chip->pid, NULL, WNOHANG), 0);
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    (void)snprintf(chip->tcti, sizeof chip->tcti, "swtpm:host=127.0.0.1,port=%d", chip->port);
}

void swtpm_off(struct swtpm *chip)
{
    if (chip->pid <= 0)
        return;
    (void)kill(chip->pid, SIGTERM);
    (void)waitpid(chip->pid, NULL, 0);
    chip->pid = 0;
}

void swtpm_new(struct swtpm *chip, const char *root, const char *name)
{
    (void)snprintf(chip->state, sizeof chip->state, "%s/%s", root, name);
    assert_int_equal(mkdir(chip->state, 0700), 0);
    chip->port = free_ports();
    assert_true(chip->port > 0);
    swtpm_on(chip);
}

void swtpm_talk(struct swtpm *chip)
{
    assert_int_equal(Tss2_TctiLdr_Initialize(chip->tcti, &chip->transport), TSS2_RC_SUCCESS);
    assert_int_equal(Esys_Initialize(&chip->esys, chip->transport, NULL), TSS2_RC_SUCCESS);
}

void swtpm_hang_up(struct swtpm *chip)
{
    Esys_Finalize(&chip->esys);
    Tss2_TctiLdr_Finalize(&chip->transport);
}

void swtpm_extend(struct swtpm *chip, unsigned pcr)
{
    swtpm_talk(chip);
    TPML_DIGEST_VALUES values = {.count = 1, .digests = {{.hashAlg = TPM2_ALG_SHA256}}};
    assert_int_equal(Esys_PCR_Extend(chip->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &values),
                     TSS2_RC_SUCCESS);
    swtpm_hang_up(chip);
}

uint32_t swtpm_property(struct swtpm *chip, TPM2_PT wanted)
{
    swtpm_talk(chip);
    TPMI_YES_NO more;
    TPMS_CAPABILITY_DATA *data = NULL;
    assert_int_equal(Esys_GetCapability(chip->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        TPM2_CAP_TPM_PROPERTIES, wanted, 1, &more, &data),
                     TSS2_RC_SUCCESS);
    assert_int_equal(data->data.tpmProperties.tpmProperty[0].property, wanted);
    uint32_t value = data->data.tpmProperties.tpmProperty[0].value;
    Esys_Free(data);
    swtpm_hang_up(chip);
    return value;
}
