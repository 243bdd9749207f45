/* The table of rights, and putting a row of it in force. */
#include "daemon/rights.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "daemon/address.h"
#include "daemon/landlock.h"
#include "daemon/sandbox.h"

/* Which files. A role without any of these opens none. */
enum {
    FILES_SOURCE = 1 << 0, /* the camera's folder, for reading */
    FILES_MODELS = 1 << 1, /* models, pattern files, the mask, for reading */
    FILES_STATE = 1 << 2,  /* the state folder, for writing */
    FILES_HOST = 1 << 3,   /* what identifies the host; the TPM when it is wanted */
    FILES_USERS = 1 << 4,  /* names of users */
    FILES_KEYS = 1 << 5,   /* public keys, recipients, the honey list, for reading */
};

/* Which TCP ports can be connected to. */
enum ports { PORTS_NONE, PORTS_CAMERA, PORTS_TPM, PORTS_WITNESS };

struct rights {
    unsigned files;
    unsigned calls;
    enum ports ports;
    bool own_network;    /* a network namespace without interfaces */
    unsigned memory_mib; /* of address space; libraries count */
    unsigned descriptors;
};

/* The desk stays in the host's user namespace: elsewhere the kernel would not tell it who its
 * clients are. */
static const struct rights folder_rights = {
    FILES_SOURCE, CALLS_FILES | CALLS_WATCH, PORTS_NONE, true, 1024, 64};
static const struct rights camera_rights = {
    0, CALLS_CONNECT | CALLS_PACKETS, PORTS_CAMERA, false, 1024, 64};
static const struct rights recognizer_rights = {
    FILES_MODELS, CALLS_FILES | CALLS_PACKETS | CALLS_THREADS, PORTS_NONE, true, 3072, 64};
static const struct rights keeper_rights = {FILES_STATE | FILES_HOST | FILES_KEYS,
                                            CALLS_FILES | CALLS_STORE | CALLS_PACKETS,
                                            PORTS_NONE,
                                            true,
                                            1024,
                                            64};
static const struct rights keeper_tpm_server_rights = {FILES_STATE | FILES_HOST | FILES_KEYS,
                                                       CALLS_FILES | CALLS_STORE | CALLS_PACKETS |
                                                           CALLS_CONNECT,
                                                       PORTS_TPM,
                                                       false,
                                                       1024,
                                                       64};
static const struct rights desk_rights = {
    FILES_USERS, CALLS_FILES | CALLS_ACCEPT | CALLS_PACKETS, PORTS_NONE, false, 1024, 256};
static const struct rights herald_rights = {
    0, CALLS_CONNECT | CALLS_PACKETS, PORTS_WITNESS, false, 1024, 64};

/* A TPM behind TCP: the simulator of the tests, or a site's own. */
static bool is_tpm_server(const struct config *config)
{
    return strncmp(config->tpm, "swtpm", 5) == 0 || strncmp(config->tpm, "mssim", 5) == 0;
}

static const struct rights *rights_of(const struct role_env *env)
{
    switch (env->role) {
    case ROLE_CAPTURE:
        return env->config->cameras[env->camera].kind == CONFIG_MJPEG ? &camera_rights
                                                                      : &folder_rights;
    case ROLE_RECOGNIZER:
        return &recognizer_rights;
    case ROLE_KEEPER:
        return is_tpm_server(env->config) ? &keeper_tpm_server_rights : &keeper_rights;
    case ROLE_DESK:
        return &desk_rights;
    case ROLE_HERALD:
        return &herald_rights;
    default:
        assert(!"a role without rights");
        return NULL;
    }
}

static enum err allow_models(int rules, const struct role_env *env, struct fault *why)
{
    const struct config *config = env->config;
    const char *paths[] = {env->data_dir, config->models_dir, config->regions_dir,
                           config->cameras[env->camera].detection_mask_image};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (paths[i][0] == '\0')
            continue;
        enum err err = landlock_allow_path(rules, paths[i], LANDLOCK_READ, why);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err allow_host(int rules, const struct config *config, struct fault *why)
{
    static const char *const identity[] = {"/etc/machine-id", "/sys/class/dmi/id/product_serial",
                                           "/sys/devices/virtual/dmi/id/product_serial",
                                           "/proc/sys/kernel/random/boot_id", "/dev/urandom"};
    static const char *const tpm[] = {"/dev/tpmrm0", "/dev/tpm0"};
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof identity / sizeof *identity && err == ERR_OK; i++)
        err = landlock_allow_path(rules, identity[i], LANDLOCK_READ, why);
    if (strcmp(config->tpm, "none") == 0)
        return err;
    for (size_t i = 0; i < sizeof tpm / sizeof *tpm && err == ERR_OK; i++)
        err = landlock_allow_path(rules, tpm[i], LANDLOCK_READ_WRITE, why);
    return err;
}

static enum err allow_keys(int rules, const struct config *config, struct fault *why)
{
    const char *const paths[] = {config->port_key, config->auditor_key, config->supervisor_keys,
                                 config->recipients_dir, config->honey_file};
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && err == ERR_OK; i++)
        if (paths[i][0] != '\0')
            err = landlock_allow_path(rules, paths[i], LANDLOCK_READ, why);
    return err;
}

static enum err allow_files(int rules, unsigned files, const struct role_env *env,
                            struct fault *why)
{
    static const char *const users[] = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"};
    enum err err = ERR_OK;
    if (files & FILES_SOURCE && env->source_fd >= 0)
        err = landlock_allow_fd(rules, env->source_fd, LANDLOCK_READ, why);
    if (files & FILES_MODELS && err == ERR_OK)
        err = allow_models(rules, env, why);
    if (files & FILES_STATE && err == ERR_OK)
        err = landlock_allow_path(rules, env->config->state_dir, LANDLOCK_READ_WRITE, why);
    if (files & FILES_HOST && err == ERR_OK)
        err = allow_host(rules, env->config, why);
    if (files & FILES_KEYS && err == ERR_OK)
        err = allow_keys(rules, env->config, why);
    if (files & FILES_USERS)
        for (size_t i = 0; i < sizeof users / sizeof *users && err == ERR_OK; i++)
            err = landlock_allow_path(rules, users[i], LANDLOCK_READ, why);
    return err;
}

/* "swtpm:host=127.0.0.1,port=2321": this port, and the next, which is its control channel. */
static enum err allow_tpm_ports(int rules, const char *tcti, struct fault *why)
{
    const char *at = strstr(tcti, "port=");
    unsigned port = 2321; /* the default of both simulators */
    if (at != NULL && sscanf(at, "port=%5u", &port) != 1)
        return fault_set(why, ERR_INPUT, "the TPM's address has no proper port");
    if (port == 0 || port >= UINT16_MAX)
        return fault_set(why, ERR_INPUT, "the TPM's port is not within 1..65534");
    enum err err = landlock_allow_port(rules, (uint16_t)port, why);
    return err != ERR_OK ? err : landlock_allow_port(rules, (uint16_t)(port + 1), why);
}

static enum err allow_ports(int rules, enum ports ports, const struct role_env *env,
                            struct fault *why)
{
    struct address address;
    if (ports == PORTS_NONE)
        return ERR_OK;
    if (ports == PORTS_TPM)
        return allow_tpm_ports(rules, env->config->tpm, why);
    const char *text = ports == PORTS_WITNESS ? env->config->witness_url
                                              : env->config->cameras[env->camera].source;
    enum err err = address_parse(text, &address, why);
    return err != ERR_OK ? err : landlock_allow_port(rules, address.port, why);
}

static enum err apply_landlock(const struct rights *rights, const struct role_env *env,
                               struct fault *why)
{
    if (landlock_abi() == 0)
        return ERR_OK; /* the parent has said so */
    int rules = landlock_begin();
    if (rules < 0)
        return fault_set(why, ERR_IO, "Landlock cannot be begun");
    enum err err = allow_files(rules, rights->files, env, why);
    if (err == ERR_OK)
        err = allow_ports(rules, rights->ports, env, why);
    return err != ERR_OK ? err : landlock_enforce(rules, why);
}

enum err rights_apply(const struct role_env *env, struct fault *why)
{
    const struct rights *rights = rights_of(env);
    if (rights->own_network)
        (void)sandbox_unshare(); /* where it is not permitted the parent has said so */
    bool with_threads = (rights->calls & CALLS_THREADS) != 0;
    enum err err = sandbox_limits(rights->memory_mib, rights->descriptors, with_threads, why);
    if (err == ERR_OK)
        err = sandbox_renounce(why);
    if (err == ERR_OK)
        err = apply_landlock(rights, env, why);
    if (err == ERR_OK)
        err = sandbox_calls(rights->calls, why);
    return err;
}

enum err rights_apply_parent(struct fault *why)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fault_set(why, ERR_IO, "cannot set no_new_privs");
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return fault_set(why, ERR_IO, "cannot do without core files");
    return ERR_OK;
}

const char *rights_missing(size_t n)
{
    int abi = landlock_abi();
    const struct {
        bool is_missing;
        const char *text;
    } all[] = {
        {abi == 0, "Landlock is missing: files are guarded by users and system calls alone"},
        {abi > 0 && abi < 4,
         "Landlock has no rules for ports: a capture or herald could connect to other ports"},
        {!sandbox_has_seccomp(), "seccomp is missing: roles can make any system call"},
        {!sandbox_has_namespaces(), "namespaces are not permitted: roles share the host's network"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].is_missing && n-- == 0)
            return all[i].text;
    return NULL;
}
