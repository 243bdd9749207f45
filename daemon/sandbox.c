/* Namespaces, limits and capabilities of a role. The system calls are in calls.c. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* IPC and host names need none: no role has their system calls. */
static const int own_spaces = CLONE_NEWNET;

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return ok;
}

/* An ordinary user may have namespaces inside a user namespace; there it stays who it is outside.
 */
static bool unshare_as_user(uid_t uid, gid_t gid)
{
    if (unshare(CLONE_NEWUSER | own_spaces) != 0)
        return false;
    char map[64];
    snprintf(map, sizeof map, "%u %u 1", (unsigned)uid, (unsigned)uid);
    bool ok = write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", (unsigned)gid, (unsigned)gid);
    return write_file("/proc/self/gid_map", map) && ok;
}

bool sandbox_unshare(void)
{
    return unshare(own_spaces) == 0 || unshare_as_user(geteuid(), getegid());
}

bool sandbox_has_namespaces(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* As a role is before it gives this up: else its own files in /proc are not its own. */
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        _exit(sandbox_unshare() ? 0 : 1);
    }
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool set_limit(__rlimit_resource_t what, rlim_t value)
{
    struct rlimit now, next = {value, value};
    /* A lower limit that was given from outside stays. */
    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
        next.rlim_cur = next.rlim_max = now.rlim_max;
    return setrlimit(what, &next) == 0;
}

enum err sandbox_limits(unsigned memory_mib, unsigned descriptors, bool with_threads,
                        struct fault *why)
{
    bool ok = set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_NOFILE, descriptors) &&
              (with_threads || set_limit(RLIMIT_NPROC, 0));
#ifndef LANEWARD_SANITIZED /* the sanitizer's shadow alone is terabytes of address space */
    ok = ok && (memory_mib == 0 || set_limit(RLIMIT_AS, (rlim_t)memory_mib << 20));
#else
    (void)memory_mib;
#endif
    return ok ? ERR_OK : fault_errno(why, ERR_IO, errno, "cannot set the limits");
}

static bool drop_capabilities(void)
{
    for (int capability = 0; capability <= 63; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0,
                    0); /* not permitted to a plain user, who has none */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    return syscall(SYS_capset, &head, none) == 0;
}

enum err sandbox_renounce(struct fault *why)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot set no_new_privs");
    if (!drop_capabilities())
        return fault_errno(why, ERR_IO, errno, "cannot drop the capabilities");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot become not dumpable");
    return ERR_OK;
}
