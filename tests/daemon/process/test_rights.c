/* Break-out: a role that was taken over tries what an intruder would, under its real row of rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/landlock.h"
#include "daemon/rights.h"
#include "daemon/sandbox.h"

/* What a role has in hand; filled by set_up. */
static struct {
    char folder[64]; /* its own: a capture's source, a recognizer's models, a keeper's state */
    char other[64];  /* somebody else's */
    int source_fd;
    int closed_port; /* a listening socket of another service on loopback */
    int camera_port, witness_port;
    struct config config;
} scene;

typedef bool attempt_fn(void);

/* Each attempt returns true when it has succeeded. */
static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0;
}

static bool read_passwords(void)
{
    return opens("/etc/shadow", O_RDONLY);
}
static bool read_users(void)
{
    return opens("/etc/passwd", O_RDONLY);
}
static bool read_process(void)
{
    return opens("/proc/1/environ", O_RDONLY);
}
static bool list_root(void)
{
    return opens("/", O_RDONLY | O_DIRECTORY);
}

static bool read_other_folder(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/secret", scene.other);
    return opens(path, O_RDONLY);
}

static bool climb_out_of_folder(void)
{
    char path[128];
    snprintf(path, sizeof path, "../%s/secret", strrchr(scene.other, '/') + 1);
    int fd = openat(scene.source_fd, path, O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static bool write_temporary(void)
{
    return opens("/tmp/laneward-breakout", O_WRONLY | O_CREAT);
}

static bool write_own_folder(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/planted", scene.folder);
    return opens(path, O_WRONLY | O_CREAT);
}

static bool connects(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

static bool connect_elsewhere(void)
{
    return connects(scene.closed_port);
}
static bool connect_camera(void)
{
    return connects(scene.camera_port);
}
static bool connect_witness(void)
{
    return connects(scene.witness_port);
}

static bool listen_for_others(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

static bool send_datagram(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0;
}

static bool open_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}
static bool open_packets(void)
{
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static bool run_program(void)
{
    char name[] = "/bin/true", *argv[] = {name, NULL}, *envp[] = {NULL};
    execve(name, argv, envp);
    return false; /* had it worked, /bin/true would have ended with the status of success */
}

static bool run_memory_file(void)
{
    char name[] = "x", *argv[] = {name, NULL}, *envp[] = {NULL};
    int fd = memfd_create("x", 0);
    if (fd < 0)
        return false;
    static const char script[] = "#!/bin/true\n";
    ssize_t ignored = write(fd, script, sizeof script - 1);
    (void)ignored;
    fexecve(fd, argv, envp);
    return false;
}

static bool make_memory_file(void)
{
    return memfd_create("x", MFD_CLOEXEC) >= 0;
}
static bool trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}
static bool become_traced(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}
static bool kill_parent(void)
{
    return kill(getppid(), 0) == 0;
}
static bool fork_process(void)
{
    return syscall(SYS_fork) >= 0;
}
static bool clone_process(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0;
}
static bool make_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}
static bool become_root(void)
{
    return setuid(0) == 0 && setreuid(0, 0) == 0;
}
#ifndef LANEWARD_SANITIZED
static bool make_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && prctl(PR_GET_DUMPABLE) == 1;
}
#endif

static bool map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool turn_data_into_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool read_other_memory(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&scene, 1};
    return process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 1;
}

static bool set_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now) == 0;
}

static bool mount_something(void)
{
    return syscall(SYS_mount, "x", "/tmp", "tmpfs", 0, NULL) == 0;
}
static bool load_filter(void)
{
    return syscall(SYS_bpf, 0, NULL, 0) >= 0;
}
static bool make_ring(void)
{
    return syscall(SYS_io_uring_setup, 4, NULL) >= 0;
}

static bool keeps_core_files(void)
{
    struct rlimit core;
    return getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0;
}

static const struct {
    const char *name;
    attempt_fn *attempt;
} all_attempts[] = {
    {"read_passwords", read_passwords},
    {"read_process", read_process},
    {"list_root", list_root},
    {"read_other_folder", read_other_folder},
    {"climb_out_of_folder", climb_out_of_folder},
    {"write_temporary", write_temporary},
    {"connect_elsewhere", connect_elsewhere},
    {"listen_for_others", listen_for_others},
    {"send_datagram", send_datagram},
    {"open_netlink", open_netlink},
    {"open_packets", open_packets},
    {"run_program", run_program},
    {"run_memory_file", run_memory_file},
    {"make_memory_file", make_memory_file},
    {"trace_parent", trace_parent},
    {"become_traced", become_traced},
    {"kill_parent", kill_parent},
    {"fork_process", fork_process},
    {"clone_process", clone_process},
    {"make_namespace", make_namespace},
    {"become_root", become_root},
#ifndef LANEWARD_SANITIZED /* which needs prctl for itself */
    {"make_dumpable", make_dumpable},
#endif

    {"map_code", map_code},
    {"turn_data_into_code", turn_data_into_code},
    {"read_other_memory", read_other_memory},
    {"set_clock", set_clock},
    {"mount_something", mount_something},
    {"load_filter", load_filter},
    {"make_ring", make_ring},
    {"keeps_core_files", keeps_core_files},
};

enum outcome { SUCCEEDED, REFUSED, ENDED_BY_SIGSYS, FAILED };

/* In a child, after the role's rights are in force; of ROLE_PARENT, with no rights taken away. */
static enum outcome try_as(enum role role, attempt_fn *attempt)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fault why;
        struct role_env env = {.role = role,
                               .config = &scene.config,
                               .data_dir = scene.folder,
                               .source_fd = role == ROLE_CAPTURE ? scene.source_fd : -1};
        if (role != ROLE_PARENT && rights_apply(&env, &why) != ERR_OK) {
            fprintf(stderr, "%s\n", why.text);
            _exit(FAILED);
        }
        _exit(attempt() ? SUCCEEDED : REFUSED);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? ENDED_BY_SIGSYS : FAILED;
    return (enum outcome)WEXITSTATUS(status);
}

static void refuses_all(enum role role)
{
    int escaped = 0;
    for (size_t i = 0; i < sizeof all_attempts / sizeof *all_attempts; i++) {
        enum outcome outcome = try_as(role, all_attempts[i].attempt);
        if (outcome != REFUSED && outcome != ENDED_BY_SIGSYS) {
            print_error("%s: %s %s\n", role_name(role), all_attempts[i].name,
                        outcome == SUCCEEDED ? "succeeded" : "could not be tried");
            escaped++;
        }
    }
    assert_int_equal(escaped, 0);
}

static void the_attempts_work_where_nothing_forbids_them(void **state)
{
    (void)state;
    static attempt_fn *const plain[] = {
        list_root,       read_users,        read_other_folder, climb_out_of_folder,
        write_temporary, write_own_folder,  connect_elsewhere, connect_camera,
        connect_witness, listen_for_others, send_datagram,     make_memory_file,
        become_traced,   kill_parent,       map_code,          turn_data_into_code};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_int_equal(try_as(ROLE_PARENT, plain[i]), SUCCEEDED);
    unlink("/tmp/laneward-breakout");
}

static void a_folder_capture_can_read_its_folder_and_nothing_else(void **state)
{
    (void)state;
    scene.config.cameras[0].kind = CONFIG_DIR_WATCH;
    refuses_all(ROLE_CAPTURE);
    assert_int_equal(try_as(ROLE_CAPTURE, read_users), REFUSED);
    assert_int_equal(try_as(ROLE_CAPTURE, write_own_folder), REFUSED);
    assert_int_equal(try_as(ROLE_CAPTURE, connect_camera), REFUSED);
}

static void a_network_capture_reaches_its_cameras_port_and_no_file(void **state)
{
    (void)state;
    scene.config.cameras[0].kind = CONFIG_MJPEG;
    refuses_all(ROLE_CAPTURE);
    assert_int_equal(try_as(ROLE_CAPTURE, read_users), REFUSED);
    assert_int_equal(try_as(ROLE_CAPTURE, connect_camera), SUCCEEDED);
    assert_int_equal(try_as(ROLE_CAPTURE, connect_witness), REFUSED);
}

static void a_recognizer_reads_its_models_and_nothing_else(void **state)
{
    (void)state;
    refuses_all(ROLE_RECOGNIZER);
    assert_int_equal(try_as(ROLE_RECOGNIZER, read_users), REFUSED);
    assert_int_equal(try_as(ROLE_RECOGNIZER, write_own_folder), REFUSED);
    assert_int_equal(try_as(ROLE_RECOGNIZER, connect_camera), REFUSED);
}

static void a_keeper_writes_its_state_and_nothing_else(void **state)
{
    (void)state;
    refuses_all(ROLE_KEEPER);
    assert_int_equal(try_as(ROLE_KEEPER, read_users), REFUSED);
    assert_int_equal(try_as(ROLE_KEEPER, write_own_folder), SUCCEEDED);
    assert_int_equal(try_as(ROLE_KEEPER, connect_camera), REFUSED);
}

static void a_desk_opens_no_store_and_connects_nowhere(void **state)
{
    (void)state;
    refuses_all(ROLE_DESK);
    assert_int_equal(try_as(ROLE_DESK, write_own_folder), REFUSED);
    assert_int_equal(try_as(ROLE_DESK, connect_camera), REFUSED);
}

static void a_herald_reaches_the_witness_s_port_and_no_file(void **state)
{
    (void)state;
    refuses_all(ROLE_HERALD);
    assert_int_equal(try_as(ROLE_HERALD, read_users), REFUSED);
    assert_int_equal(try_as(ROLE_HERALD, write_own_folder), REFUSED);
    assert_int_equal(try_as(ROLE_HERALD, connect_camera), REFUSED);
    assert_int_equal(try_as(ROLE_HERALD, connect_witness), SUCCEEDED);
}

static void whoever_runs_a_program_is_ended_at_once(void **state)
{
    (void)state;
    for (enum role role = ROLE_CAPTURE; role < ROLE_COUNT; role++) {
        assert_int_equal(try_as(role, run_program), ENDED_BY_SIGSYS);
        assert_int_equal(try_as(role, trace_parent), ENDED_BY_SIGSYS);
    }
}

static bool work_with_a_thread(void)
{
    void *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return stack != MAP_FAILED && syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS;
}

static void threads_are_the_recognizers_alone(void **state)
{
    (void)state;
    assert_int_equal(try_as(ROLE_RECOGNIZER, work_with_a_thread), SUCCEEDED);
    assert_int_equal(try_as(ROLE_KEEPER, work_with_a_thread), REFUSED);
}

static int listen_on_loopback(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    snprintf(scene.folder, sizeof scene.folder, "/tmp/laneward-own-XXXXXX");
    snprintf(scene.other, sizeof scene.other, "/tmp/laneward-other-XXXXXX");
    if (mkdtemp(scene.folder) == NULL || mkdtemp(scene.other) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/secret", scene.other);
    close(open(path, O_WRONLY | O_CREAT, 0644));
    scene.source_fd = open(scene.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (listen_on_loopback(&scene.closed_port) < 0 || listen_on_loopback(&scene.camera_port) < 0 ||
        listen_on_loopback(&scene.witness_port) < 0)
        return 1;
    scene.config.n_cameras = 1;
    snprintf(scene.config.tpm, sizeof scene.config.tpm, "none");
    snprintf(scene.config.state_dir, sizeof scene.config.state_dir, "%s", scene.folder);
    snprintf(scene.config.cameras[0].source, sizeof scene.config.cameras[0].source,
             "http://127.0.0.1:%d/", scene.camera_port);
    snprintf(scene.config.witness_url, sizeof scene.config.witness_url, "https://127.0.0.1:%d/",
             scene.witness_port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/secret", scene.other);
    unlink(path);
    snprintf(path, sizeof path, "%s/planted", scene.folder);
    unlink(path);
    rmdir(scene.other);
    rmdir(scene.folder);
    return 0;
}

int main(void)
{
    if (landlock_abi() < 4 || !sandbox_has_seccomp()) {
        printf("skipped: this kernel lacks Landlock (version 4) or seccomp\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_attempts_work_where_nothing_forbids_them),
        cmocka_unit_test(a_folder_capture_can_read_its_folder_and_nothing_else),
        cmocka_unit_test(a_network_capture_reaches_its_cameras_port_and_no_file),
        cmocka_unit_test(a_recognizer_reads_its_models_and_nothing_else),
        cmocka_unit_test(a_keeper_writes_its_state_and_nothing_else),
        cmocka_unit_test(a_desk_opens_no_store_and_connects_nowhere),
        cmocka_unit_test(a_herald_reaches_the_witness_s_port_and_no_file),
        cmocka_unit_test(whoever_runs_a_program_is_ended_at_once),
        cmocka_unit_test(threads_are_the_recognizers_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
