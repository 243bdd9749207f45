/* Starting a role: its descriptors are laid out at fixed numbers, its configuration travels in a
 * sealed memfd. */
#include "daemon/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char title[] = "lanewardd: ";
static const char magic[8] = "LWBOOT1";

/* Where a role finds what; only those of its kind are there. */
enum { FD_BOOT = 3, FD_COUNTERS, FD_FIRST, FD_HIGH = 128 };

static const size_t members[] = {
    offsetof(struct role_env, stop_fd),        offsetof(struct role_env, alive_fd),
    offsetof(struct role_env, mailbox_fd),     offsetof(struct role_env, shot_event_fd),
    offsetof(struct role_env, taken_event_fd), offsetof(struct role_env, source_fd),
    offsetof(struct role_env, secret_fd),      offsetof(struct role_env, keeper_fd),
    offsetof(struct role_env, desk_fd),        offsetof(struct role_env, listen_fd),
    offsetof(struct role_env, maintenance_fd), offsetof(struct role_env, probe_fd),
    offsetof(struct role_env, herald_fd),
};

enum { N_MEMBERS = sizeof members / sizeof *members, N_FDS = N_MEMBERS + CONFIG_MAX_CAMERAS };

/* What the memfd holds. */
struct boot {
    char magic[sizeof magic];
    uint32_t size; /* of this struct: the program was not replaced in between */
    enum role role;
    unsigned camera;
    pid_t parent;
    bool has[N_FDS];
    char data_dir[CONFIG_PATH_SIZE];
    struct config config;
};

static int *fd_at(struct role_env *env, size_t i)
{
    if (i >= N_MEMBERS)
        return &env->recognizer_fd[i - N_MEMBERS];
    return (int *)(void *)((char *)env + members[i]);
}

bool spawn_is_role(const char *argv0)
{
    return strncmp(argv0, title, sizeof title - 1) == 0;
}

void spawn_config(const struct role_env *env, struct config *out)
{
    *out = *env->config;
    bool is_capture = env->role == ROLE_CAPTURE, is_recognizer = env->role == ROLE_RECOGNIZER;
    for (unsigned i = 0; i < CONFIG_MAX_CAMERAS; i++) {
        struct config_camera *camera = &out->cameras[i];
        bool is_own = (is_capture || is_recognizer) && i == env->camera;
        if (!is_capture || !is_own)
            memset(camera->source, 0, sizeof camera->source);
        memset(camera->credentials_file, 0, sizeof camera->credentials_file);
        if (!is_recognizer || !is_own)
            memset(camera->detection_mask_image, 0, sizeof camera->detection_mask_image);
    }
    if (env->role != ROLE_HERALD) {
        memset(out->witness_url, 0, sizeof out->witness_url);
        memset(out->witness_ca, 0, sizeof out->witness_ca);
        memset(out->witness_cert, 0, sizeof out->witness_cert);
    }
    memset(out->witness_key, 0, sizeof out->witness_key);
    if (env->role != ROLE_KEEPER) {
        memset(out->state_dir, 0, sizeof out->state_dir);
        memset(out->tpm, 0, sizeof out->tpm);
        memset(out->port_key, 0, sizeof out->port_key);
        memset(out->auditor_key, 0, sizeof out->auditor_key);
        memset(out->witness_file, 0, sizeof out->witness_file);
        memset(out->honey_file, 0, sizeof out->honey_file);
        memset(out->supervisor_keys, 0, sizeof out->supervisor_keys);
        memset(out->recipients_dir, 0, sizeof out->recipients_dir);
    }
    if (!is_recognizer) {
        memset(out->models_dir, 0, sizeof out->models_dir);
        memset(out->regions_dir, 0, sizeof out->regions_dir);
    }
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)bytes + done, size - done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The memfd for the role, or -1. */
static int make_boot(const struct role_env *env)
{
    static struct boot boot;
    memset(&boot, 0, sizeof boot);
    memcpy(boot.magic, magic, sizeof magic);
    boot.size = sizeof boot;
    boot.role = env->role;
    boot.camera = env->camera;
    boot.parent = getpid();
    struct role_env copy = *env;
    for (size_t i = 0; i < N_FDS; i++)
        boot.has[i] = *fd_at(&copy, i) >= 0;
    snprintf(boot.data_dir, sizeof boot.data_dir, "%s", env->data_dir);
    spawn_config(env, &boot.config);
    int fd = memfd_create("laneward-boot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool ok = fd >= 0 && write_all(fd, &boot, sizeof boot) &&
              fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
    explicit_bzero(&boot, sizeof boot);
    if (!ok && fd >= 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* After fork, before exec: async-signal-safe calls only. Numbers are first moved out of the way of
 * each other. */
static bool lay_out(const struct role_env *env, int boot_fd, int counters_fd)
{
    struct role_env copy = *env;
    int from[FD_FIRST + N_FDS];
    from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    from[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
    from[2] = STDERR_FILENO;
    from[FD_BOOT] = boot_fd;
    from[FD_COUNTERS] = counters_fd;
    for (int i = 0; i < N_FDS; i++)
        from[FD_FIRST + i] = *fd_at(&copy, (size_t)i);
    for (int i = 0; i < FD_FIRST + N_FDS; i++) {
        if (from[i] < 0 && i >= FD_FIRST)
            continue;
        from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_HIGH);
        if (from[i] < 0)
            return false;
    }
    for (int i = 0; i < FD_FIRST + N_FDS; i++) {
        if (from[i] < 0)
            close(i);
        else if (dup2(from[i], i) != i) /* dup2 takes close-on-exec off */
            return false;
    }
    return true;
}

enum { MAX_ENVIRONMENT = 5 };

/* A role's environment: how to log, and nothing of the parent's. Those through whose memory
 * passages go have what they free written over (glibc does it, but not for what it keeps at hand in
 * a thread's cache). */
static void make_environment(enum role role, char *out[MAX_ENVIRONMENT + 1],
                             char lines[MAX_ENVIRONMENT][256])
{
    static const char *const names[] = {"JOURNAL_STREAM", "TSAN_OPTIONS", "UBSAN_OPTIONS"};
    int n = 0;
    if (role == ROLE_KEEPER || role == ROLE_DESK) {
        snprintf(lines[n], 256,
                 "GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0");
        out[n] = lines[n];
        n++;
    }
#ifdef LANEWARD_SANITIZED /* the search for leaks traces the process, which no role may */
    snprintf(lines[n], 256, "ASAN_OPTIONS=detect_leaks=0");
    out[n] = lines[n];
    n++;
#endif
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && snprintf(lines[n], 256, "%s=%s", names[i], value) < 256) {
            out[n] = lines[n];
            n++;
        }
    }
    out[n] = NULL;
}

static void run_program(const struct role_env *env, int boot_fd, int counters_fd, char **argv,
                        char **envp)
{
    if (lay_out(env, boot_fd, counters_fd))
        execve("/proc/self/exe", argv, envp);
    _exit(127);
}

enum err spawn_role(const struct role_env *env, int counters_fd, pid_t *out, struct fault *why)
{
    char name[96], lines[MAX_ENVIRONMENT][256], *argv[] = {name, NULL}, *envp[MAX_ENVIRONMENT + 1];
    bool of_camera = env->role == ROLE_CAPTURE || env->role == ROLE_RECOGNIZER;
    snprintf(name, sizeof name, "%s%s%s%s", title, role_name(env->role), of_camera ? " " : "",
             of_camera ? env->config->cameras[env->camera].name : "");
    make_environment(env->role, envp, lines);
    int boot_fd = make_boot(env);
    if (boot_fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot hand a role its configuration");
    pid_t pid = fork();
    if (pid == 0)
        run_program(env, boot_fd, counters_fd, argv, envp);
    int kept = errno;
    close(boot_fd);
    if (pid < 0)
        return fault_errno(why, ERR_IO, kept, "cannot start a process");
    *out = pid;
    return ERR_OK;
}

static enum err check_boot(const struct boot *boot, struct fault *why)
{
    bool of_camera = boot->role == ROLE_CAPTURE || boot->role == ROLE_RECOGNIZER;
    if (memcmp(boot->magic, magic, sizeof magic) != 0 || boot->size != sizeof *boot ||
        boot->role <= ROLE_PARENT || boot->role >= ROLE_COUNT ||
        boot->config.n_cameras > CONFIG_MAX_CAMERAS ||
        (of_camera && boot->camera >= boot->config.n_cameras))
        return fault_set(why, ERR_INPUT, "a role is started by lanewardd, not by hand");
    return ERR_OK;
}

static void set_close_on_exec(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

enum err spawn_receive(struct role_env *out, pid_t *parent, struct fault *why)
{
    struct stat info;
    int seals = fcntl(FD_BOOT, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_WRITE) || fstat(FD_BOOT, &info) != 0 ||
        info.st_size != (off_t)sizeof(struct boot))
        return fault_set(why, ERR_INPUT, "a role is started by lanewardd, not by hand");
    const struct boot *boot = mmap(NULL, sizeof *boot, PROT_READ, MAP_PRIVATE, FD_BOOT, 0);
    struct counters *counters =
        mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, FD_COUNTERS, 0);
    if (boot == MAP_FAILED || counters == MAP_FAILED)
        return fault_errno(why, ERR_MEMORY, errno, "cannot map what the parent gives");
    enum err err = check_boot(boot, why);
    if (err != ERR_OK)
        return err;
    close(FD_BOOT);
    close(FD_COUNTERS);
    struct role_env env = {.role = boot->role,
                           .camera = boot->camera,
                           .config = &boot->config,
                           .counters = counters,
                           .data_dir = boot->data_dir};
    for (int i = 0; i < N_FDS; i++) {
        *fd_at(&env, (size_t)i) = boot->has[i] ? FD_FIRST + i : -1;
        if (boot->has[i])
            set_close_on_exec(FD_FIRST + i);
    }
    *out = env;
    *parent = boot->parent;
    return ERR_OK;
}
