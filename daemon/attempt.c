/* The actions of `lanewardd --probe`. Each is harmless where it succeeds, and undoes what it did.
 */
#include "daemon/attempt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MULTIPATH_TCP = 262, SEIZE = 0x4206, PROCESS_KEYRING = -2 };

static bool opens(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600) >= 0;
}

static bool read_users(const struct attempt_scene *scene)
{
    (void)scene;
    return opens("/etc/passwd", O_RDONLY);
}

static bool read_state(const struct attempt_scene *scene)
{
    return opens(scene->state_dir, O_RDONLY | O_DIRECTORY);
}

static bool create_file(const struct attempt_scene *scene)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/laneward-probe-%d", (int)scene->parent);
    bool is_made = opens(path, O_WRONLY | O_CREAT | O_EXCL);
    int kept = errno;
    if (is_made)
        unlink(path);
    errno = kept;
    return is_made;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool connects(uint16_t port, int protocol)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

static bool connect_own(const struct attempt_scene *scene)
{
    return connects(scene->own_port, 0);
}

static bool connect_tcp(const struct attempt_scene *scene)
{
    return connects(scene->other_port, 0);
}

static bool connect_multipath(const struct attempt_scene *scene)
{
    return connects(scene->other_port, MULTIPATH_TCP);
}

static bool sends(uint16_t port, int kind, int flags)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    return fd >= 0 && sendto(fd, "x", 1, flags, (const struct sockaddr *)&to, sizeof to) == 1;
}

static bool connect_with_data(const struct attempt_scene *scene)
{
    return sends(scene->other_port, SOCK_STREAM, MSG_FASTOPEN | MSG_NOSIGNAL);
}

static bool send_datagram(const struct attempt_scene *scene)
{
    return sends(scene->other_port, SOCK_DGRAM, MSG_NOSIGNAL);
}

static bool has_socket(int family, int kind)
{
    return socket(family, kind | SOCK_CLOEXEC, 0) >= 0;
}

static bool open_local_stream(const struct attempt_scene *scene)
{
    (void)scene;
    return has_socket(AF_UNIX, SOCK_STREAM);
}

static bool open_local_datagrams(const struct attempt_scene *scene)
{
    (void)scene;
    return has_socket(AF_UNIX, SOCK_DGRAM);
}

static bool open_netlink(const struct attempt_scene *scene)
{
    (void)scene;
    return has_socket(AF_NETLINK, SOCK_RAW);
}

static bool open_packets(const struct attempt_scene *scene)
{
    (void)scene;
    return has_socket(AF_PACKET, SOCK_RAW);
}

static bool open_raw(const struct attempt_scene *scene)
{
    (void)scene;
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) >= 0;
}

static bool listen_for_others(const struct attempt_scene *scene)
{
    (void)scene;
    struct sockaddr_in at = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0;
}

/* Ends this process with status 0 where it works. */
static bool run_program(const struct attempt_scene *scene)
{
    (void)scene;
    char name[] = "/bin/true", *argv[] = {name, NULL}, *envp[] = {NULL};
    execve(name, argv, envp);
    return false;
}

static bool run_memory_file(const struct attempt_scene *scene)
{
    (void)scene;
    static const char script[] = "#!/bin/true\n";
    char name[] = "x", *argv[] = {name, NULL}, *envp[] = {NULL};
    int fd = memfd_create("x", 0);
    if (fd < 0 || write(fd, script, sizeof script - 1) < 0)
        return false;
    fexecve(fd, argv, envp);
    return false;
}

static bool is_parent_of(long pid)
{
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool fork_process(const struct attempt_scene *scene)
{
    (void)scene;
    return is_parent_of(syscall(SYS_fork));
}

static bool clone_process(const struct attempt_scene *scene)
{
    (void)scene;
    return is_parent_of(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static bool clone3_process(const struct attempt_scene *scene)
{
    (void)scene;
    uint64_t how[8] = {0, 0, 0, 0, SIGCHLD}; /* flags, pidfd, child_tid, parent_tid, exit_signal */
    return is_parent_of(syscall(SYS_clone3, how, sizeof how));
}

/* Without stopping it. */
static bool trace_parent(const struct attempt_scene *scene)
{
    return syscall(SYS_ptrace, SEIZE, scene->parent, 0, 0) == 0;
}

static bool become_traced(const struct attempt_scene *scene)
{
    (void)scene;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

/* Signal 0 asks whether any could be sent. */
static bool signal_parent(const struct attempt_scene *scene)
{
    return kill(scene->parent, 0) == 0;
}

static bool signal_thread(const struct attempt_scene *scene)
{
    return syscall(SYS_tgkill, scene->parent, scene->parent, 0) == 0;
}

static bool signal_by_owner(const struct attempt_scene *scene)
{
    int fds[2];
    return pipe2(fds, O_CLOEXEC) == 0 && fcntl(fds[0], F_SETOWN, scene->parent) == 0;
}

static bool signal_by_descriptor(const struct attempt_scene *scene)
{
    long fd = syscall(SYS_pidfd_open, scene->parent, 0);
    return fd >= 0 && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0;
}

static bool map_code(const struct attempt_scene *scene)
{
    (void)scene;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool turn_data_into_code(const struct attempt_scene *scene)
{
    (void)scene;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool map_memory_file(const struct attempt_scene *scene)
{
    (void)scene;
    int fd = memfd_create("x", MFD_CLOEXEC);
    return fd >= 0 && ftruncate(fd, 4096) == 0 &&
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED;
}

static bool read_other_memory(const struct attempt_scene *scene)
{
    char byte;
    void *address;
    memcpy(&address, &scene->parent_address, sizeof address);
    struct iovec here = {&byte, 1}, there = {address, 1};
    return process_vm_readv(scene->parent, &here, 1, &there, 1, 0) == 1;
}

static bool open_other_memory(const struct attempt_scene *scene)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)scene->parent);
    return opens(path, O_RDONLY);
}

/* There is no such kind of file system; that it is looked for means that mounting is permitted. */
static bool mount_something(const struct attempt_scene *scene)
{
    (void)scene;
    return syscall(SYS_mount, "none", "/", "laneward-none", 0, NULL) == 0 || errno == ENODEV;
}

static bool change_root(const struct attempt_scene *scene)
{
    (void)scene;
    return chroot("/") == 0;
}

static bool make_namespace(const struct attempt_scene *scene)
{
    (void)scene;
    return unshare(CLONE_NEWUSER) == 0;
}

static bool join_namespace(const struct attempt_scene *scene)
{
    (void)scene;
    return setns(-1, 0) == 0 || errno == EBADF;
}

static bool become_root(const struct attempt_scene *scene)
{
    (void)scene;
    return syscall(SYS_setuid, 0) == 0;
}

static bool gain_capability(const struct attempt_scene *scene)
{
    (void)scene;
    struct {
        uint32_t version;
        int pid;
    } head = {0x20080522, 0};
    const uint32_t all[6] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0};
    return syscall(SYS_capset, &head, all) == 0;
}

static bool load_filter(const struct attempt_scene *scene)
{
    (void)scene;
    return syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno == EINVAL;
}

static bool watch_the_processor(const struct attempt_scene *scene)
{
    (void)scene;
    struct perf_event_attr what = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof what,
                                   .config = PERF_COUNT_SW_TASK_CLOCK,
                                   .exclude_kernel = 1};
    return syscall(SYS_perf_event_open, &what, 0, -1, -1, 0) >= 0;
}

static bool make_ring(const struct attempt_scene *scene)
{
    (void)scene;
    char parameters[120] = "";
    return syscall(SYS_io_uring_setup, 4, parameters) >= 0;
}

static bool look_at_keys(const struct attempt_scene *scene)
{
    (void)scene;
    return syscall(SYS_keyctl, 0, PROCESS_KEYRING, 1) >= 0;
}

static bool open_memory_device(const struct attempt_scene *scene)
{
    (void)scene;
    return opens("/dev/mem", O_RDONLY);
}

static bool open_kernel_log(const struct attempt_scene *scene)
{
    (void)scene;
    return opens("/dev/kmsg", O_RDONLY);
}

static const struct attempt all_attempts[] = {
    {"users", "/etc/passwd", read_users},
    {"state", "the store's folder", read_state},
    {"create", "a file in /tmp", create_file},
    {"own", "the camera's or the witness's port", connect_own},
    {"connect", "TCP", connect_tcp},
    {"connect", "Multipath TCP", connect_multipath},
    {"connect", "TCP Fast Open", connect_with_data},
    {"connect", "UDP", send_datagram},
    {"local", "AF_UNIX stream", open_local_stream},
    {"local", "AF_UNIX datagram", open_local_datagrams},
    {"raw", "AF_NETLINK", open_netlink},
    {"raw", "AF_PACKET", open_packets},
    {"raw", "ICMP", open_raw},
    {"listen", "TCP", listen_for_others},
    {"execute", "/bin/true", run_program},
    {"execute", "a memfd", run_memory_file},
    {"fork", "fork", fork_process},
    {"fork", "clone", clone_process},
    {"fork", "clone3", clone3_process},
    {"trace", "the parent", trace_parent},
    {"trace", "itself", become_traced},
    {"signal", "kill", signal_parent},
    {"signal", "tgkill", signal_thread},
    {"signal", "F_SETOWN", signal_by_owner},
    {"signal", "pidfd", signal_by_descriptor},
    {"code", "mmap", map_code},
    {"code", "mprotect", turn_data_into_code},
    {"code", "a memfd", map_memory_file},
    {"memory", "process_vm_readv", read_other_memory},
    {"memory", "/proc/PID/mem", open_other_memory},
    {"mount", "mount", mount_something},
    {"mount", "chroot", change_root},
    {"namespace", "unshare", make_namespace},
    {"namespace", "setns", join_namespace},
    {"root", "setuid", become_root},
    {"root", "capset", gain_capability},
    {"kernel", "bpf", load_filter},
    {"kernel", "perf_event_open", watch_the_processor},
    {"kernel", "io_uring_setup", make_ring},
    {"keys", "keyctl", look_at_keys},
    {"device", "/dev/mem", open_memory_device},
    {"device", "/dev/kmsg", open_kernel_log},
};

/* The rights that roles have for their work; everything else has to be refused. */
static const struct {
    enum role role;
    bool of_address; /* a camera behind an address, not a folder */
    const char *action;
} rights[] = {
    {ROLE_CAPTURE, true, "own"},
    {ROLE_KEEPER, false, "state"},
    {ROLE_DESK, false, "users"},
    {ROLE_HERALD, false, "own"},
};

const struct attempt *attempt_at(size_t n)
{
    return n < sizeof all_attempts / sizeof *all_attempts ? &all_attempts[n] : NULL;
}

bool attempt_is_right(const struct attempt *attempt, const struct role_env *env)
{
    bool of_address =
        env->role == ROLE_CAPTURE && env->config->cameras[env->camera].kind == CONFIG_MJPEG;
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
        if (rights[i].role == env->role && rights[i].of_address == of_address &&
            strcmp(rights[i].action, attempt->action) == 0)
            return true;
    return false;
}

struct attempt_result attempt_make(const struct attempt *attempt, const struct attempt_scene *scene)
{
    errno = 0;
    bool has_succeeded = attempt->make(scene);
    return (struct attempt_result){has_succeeded, has_succeeded ? 0 : errno};
}
