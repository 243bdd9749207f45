/* A role's process from its first instruction to its run function: taking over, preparing, giving
 * up rights. */
#include "daemon/entry.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/lookup.h"
#include "daemon/post.h"
#include "daemon/probe.h"
#include "daemon/rights.h"
#include "daemon/role.h"
#include "daemon/spawn.h"
#include "daemon/wipe.h"
#include "daemon/witness.h"

static enum err (*const runs[ROLE_COUNT])(const struct role_env *env, struct fault *why) = {
    [ROLE_CAPTURE] = capture_run, [ROLE_RECOGNIZER] = recognizer_run, [ROLE_KEEPER] = keeper_run,
    [ROLE_DESK] = desk_run,       [ROLE_HERALD] = herald_run,
};

/* The parent has died: the closed pipe ends the role; one that is stuck ends by the alarm. */
static void on_orphaned(int signal_number)
{
    (void)signal_number;
    alarm(3);
}

/* All signals stay blocked but two: the kernel's word that the parent is gone, and the alarm that
 * it sets. */
static void arrange_signals(pid_t parent)
{
    sigset_t all;
    struct sigaction orphaned = {.sa_handler = on_orphaned, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &orphaned, NULL);
    signal(SIGALRM, SIG_DFL);
    sigfillset(&all);
    static const int open_ones[] = {SIGUSR1, SIGALRM, SIGSEGV, SIGBUS, SIGFPE,
                                    SIGILL,  SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof open_ones / sizeof *open_ones; i++)
        sigdelset(&all, open_ones[i]);
    prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (getppid() != parent)
        alarm(3);
}

/* Libraries load parts of themselves by name when first used; later it is too late: no file can be
 * mapped to run. */
static void preload(const struct role_env *env)
{
    static const char *const tpm_parts[] = {"libtss2-tcti-device.so.0", "libtss2-tcti-swtpm.so.0",
                                            "libtss2-tcti-mssim.so.0"};
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    if (env->role == ROLE_KEEPER && strcmp(env->config->tpm, "none") != 0)
        for (size_t i = 0; i < sizeof tpm_parts / sizeof *tpm_parts; i++)
            if (dlopen(tpm_parts[i], RTLD_NOW) == NULL)
                log_write(LOG_LEVEL_DEBUG, "%s is not installed", tpm_parts[i]);
    if (env->role == ROLE_DESK)
        (void)getpwuid(0);
}

static enum err live(const struct role_env *env, struct fault *why)
{
    preload(env);
    if (env->role == ROLE_CAPTURE && env->config->cameras[env->camera].kind == CONFIG_MJPEG)
        lookup_prepare(env->config->cameras[env->camera].source);
    if (env->role == ROLE_KEEPER)
        witness_prepare(env->config->witness_file);
    if (env->role == ROLE_HERALD)
        post_prepare(env);
    enum err err = rights_apply(env, why);
    if (err != ERR_OK)
        return err;
    return env->probe_fd >= 0 ? probe_serve(env, why) : runs[env->role](env, why);
}

int entry_run(void)
{
    struct role_env env;
    struct fault why = {.code = ERR_IO};
    pid_t parent;
    enum err err = spawn_receive(&env, &parent, &why);
    if (err != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, &why);
        return ROLE_EXIT_FAULT + (int)err;
    }
    char name[48];
    bool of_camera = env.role == ROLE_CAPTURE || env.role == ROLE_RECOGNIZER;
    snprintf(name, sizeof name, "%s%s%s", role_name(env.role), of_camera ? " " : "",
             of_camera ? env.config->cameras[env.camera].name : "");
    log_open(name, (enum log_level)env.config->log_level);
    arrange_signals(parent);
    err = live(&env, &why);
    wipe_stack();
    if (err == ERR_OK)
        return 0;
    log_fault(LOG_LEVEL_ERROR, &why);
    return ROLE_EXIT_FAULT + (int)err;
}
