/* The system calls of each group, and the filter made of them. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/sandbox.h"

#define CALL(name) SCMP_SYS(name)

/* Each list ends with -1. Negative numbers below it are calls that this machine's kind does not
 * have. */
static const int base_calls[] = {CALL(read),
                                 CALL(readv),
                                 CALL(write),
                                 CALL(writev),
                                 CALL(close),
                                 CALL(lseek),
                                 CALL(fstat),
                                 CALL(newfstatat),
                                 CALL(poll),
                                 CALL(ppoll),
                                 CALL(epoll_create1),
                                 CALL(epoll_ctl),
                                 CALL(epoll_wait),
                                 CALL(epoll_pwait),
                                 CALL(eventfd2),
                                 CALL(pipe2),
                                 CALL(timerfd_create),
                                 CALL(timerfd_settime),
                                 CALL(timerfd_gettime),
                                 CALL(select),
                                 CALL(pselect6),
                                 CALL(dup),
                                 CALL(brk),
                                 CALL(munmap),
                                 CALL(mremap),
                                 CALL(madvise),
                                 CALL(futex),
                                 CALL(sched_yield),
                                 CALL(sched_getaffinity),
                                 CALL(getcpu),
                                 CALL(membarrier),
                                 CALL(rt_sigaction),
                                 CALL(rt_sigprocmask),
                                 CALL(rt_sigreturn),
                                 CALL(sigaltstack),
                                 CALL(restart_syscall),
                                 CALL(alarm),
                                 CALL(exit),
                                 CALL(exit_group),
                                 CALL(clock_gettime),
                                 CALL(clock_getres),
                                 CALL(clock_nanosleep),
                                 CALL(nanosleep),
                                 CALL(gettimeofday),
                                 CALL(time),
                                 CALL(times),
                                 CALL(getrusage),
                                 CALL(adjtimex),
                                 CALL(clock_adjtime),
                                 CALL(getpid),
                                 CALL(gettid),
                                 CALL(getppid),
                                 CALL(getuid),
                                 CALL(geteuid),
                                 CALL(getgid),
                                 CALL(getegid),
                                 CALL(getrandom),
                                 CALL(getrlimit),
                                 CALL(sysinfo),
                                 CALL(uname),
                                 -1}; /* adjtimex: to look, lacking the capability */

static const int file_calls[] = {CALL(open),       CALL(openat),     CALL(stat),
                                 CALL(lstat),      CALL(statx),      CALL(access),
                                 CALL(faccessat),  CALL(faccessat2), CALL(readlink),
                                 CALL(readlinkat), CALL(pread64),    CALL(preadv),
                                 CALL(getdents64), CALL(fadvise64),  CALL(statfs),
                                 CALL(fstatfs),    CALL(getcwd),     -1};

static const int watch_calls[] = {CALL(inotify_init1), CALL(inotify_add_watch),
                                  CALL(inotify_rm_watch), CALL(fchdir), -1};

static const int store_calls[] = {CALL(pwrite64),
                                  CALL(pwritev),
                                  CALL(fsync),
                                  CALL(fdatasync),
                                  CALL(ftruncate),
                                  CALL(fallocate),
                                  CALL(unlink),
                                  CALL(unlinkat),
                                  CALL(rename),
                                  CALL(renameat),
                                  CALL(renameat2),
                                  CALL(flock),
                                  CALL(fchmod),
                                  CALL(fchown),
                                  CALL(umask),
                                  CALL(msync),
                                  CALL(mlock),
                                  CALL(mlock2),
                                  CALL(munlock),
                                  CALL(memfd_secret),
                                  CALL(mkdir),
                                  CALL(mkdirat),
                                  -1};

static const int connect_calls[] = {CALL(connect), CALL(setsockopt), CALL(getsockname),
                                    CALL(getpeername), -1};

static const int accept_calls[] = {CALL(accept), CALL(accept4), CALL(setsockopt), CALL(getsockname),
                                   -1};

static const int packet_calls[] = {CALL(recvfrom), CALL(recvmsg),    CALL(recvmmsg),
                                   CALL(shutdown), CALL(getsockopt), -1};

static const int thread_calls[] = {CALL(set_robust_list), CALL(rseq), CALL(set_tid_address),
                                   CALL(sched_setaffinity), -1};

#ifdef LANEWARD_SANITIZED
static const int sanitizer_calls[] = {
    CALL(open), CALL(openat), CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(pread64),
    CALL(stat), CALL(lstat),  CALL(prctl),    CALL(prlimit64),  CALL(getpgid),    CALL(personality),
    -1};
#endif

/* No honest library tries these in a role. Whoever does ends at once, and the parent logs it. */
static const int intruder_calls[] = {CALL(execve),
                                     CALL(execveat),
                                     CALL(ptrace),
                                     CALL(process_vm_readv),
                                     CALL(process_vm_writev),
                                     CALL(mount),
                                     CALL(umount2),
                                     CALL(pivot_root),
                                     CALL(chroot),
                                     CALL(unshare),
                                     CALL(setns),
                                     CALL(bpf),
                                     CALL(init_module),
                                     CALL(finit_module),
                                     CALL(delete_module),
                                     CALL(kexec_load),
                                     CALL(kexec_file_load),
                                     CALL(keyctl),
                                     CALL(add_key),
                                     CALL(request_key),
                                     CALL(userfaultfd),
                                     CALL(perf_event_open),
                                     CALL(open_by_handle_at),
                                     CALL(io_uring_setup),
                                     CALL(reboot),
                                     CALL(swapon),
                                     CALL(modify_ldt),
                                     CALL(pidfd_getfd),
                                     -1};

static const struct {
    unsigned group; /* 0: always */
    const int *calls;
} groups_of_calls[] = {
    {0, base_calls},
    {CALLS_FILES, file_calls},
    {CALLS_WATCH, watch_calls},
    {CALLS_STORE, store_calls},
    {CALLS_CONNECT, connect_calls},
    {CALLS_ACCEPT, accept_calls},
    {CALLS_PACKETS, packet_calls},
    {CALLS_THREADS, thread_calls},
#ifdef LANEWARD_SANITIZED
    {0, sanitizer_calls},
#endif
};

bool sandbox_has_seccomp(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 &&
           seccomp_syscall_priority(SCMP_ARCH_NATIVE, CALL(read), 0) != 0 - EOPNOTSUPP &&
           seccomp_api_get() >= 1;
}

static int add_list(scmp_filter_ctx filter, uint32_t action, const int *calls)
{
    int failed = 0;
    for (; *calls != -1; calls++)
        if (*calls >= 0 && failed == 0)
            failed = seccomp_rule_add(filter, action, *calls, 0);
    return failed;
}

/* Allows a call when one of its arguments, under a mask, has a value. */
static int allow_form(scmp_filter_ctx filter, int call, unsigned argument, uint64_t mask,
                      uint64_t value)
{
    const struct scmp_arg_cmp form = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &form);
}

/* Of fcntl, what does not reach outside: F_SETOWN and F_SETSIG would send any signal to another
 * process. */
static int add_fcntl(scmp_filter_ctx filter)
{
    static const int commands[] = {
        F_DUPFD,  F_GETFD,         F_SETFD,     F_GETFL,     F_SETFL,      F_GETLK,    F_SETLK,
        F_SETLKW, F_DUPFD_CLOEXEC, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GET_SEALS};
    int failed = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        failed |= allow_form(filter, CALL(fcntl), 1, UINT32_MAX, (uint64_t)commands[i]);
    return failed;
}

/* Sending, but not so that it connects by itself: Landlock looks at connect alone. */
static int add_sending(scmp_filter_ctx filter)
{
    return allow_form(filter, CALL(sendto), 3, MSG_FASTOPEN, 0) |
           allow_form(filter, CALL(sendmsg), 2, MSG_FASTOPEN, 0) |
           allow_form(filter, CALL(sendmmsg), 3, MSG_FASTOPEN, 0);
}

/* TCP and nothing else: neither datagrams nor Multipath TCP, of whose ports Landlock knows nothing.
 */
static int add_sockets(scmp_filter_ctx filter)
{
    static const int families[] = {AF_INET, AF_INET6}, protocols[] = {0, IPPROTO_TCP};
    enum { KIND = 0xf };
    int failed = allow_form(filter, CALL(socketpair), 0, UINT64_MAX, AF_UNIX);
    for (size_t i = 0; i < 4; i++) {
        const struct scmp_arg_cmp form[] = {
            SCMP_CMP64(0, SCMP_CMP_EQ, (uint64_t)families[i / 2], 0),
            SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, KIND, SOCK_STREAM),
            SCMP_CMP64(2, SCMP_CMP_EQ, (uint64_t)protocols[i % 2], 0)};
        failed |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(socket), 3, form);
    }
    return failed;
}

static int add_forms(scmp_filter_ctx filter, unsigned groups)
{
    int failed = add_fcntl(filter);
    failed |= allow_form(filter, CALL(mmap), 2, PROT_EXEC, 0);
    failed |= allow_form(filter, CALL(mprotect), 2, PROT_EXEC, 0);
    failed |= allow_form(filter, CALL(tgkill), 0, UINT64_MAX, (uint64_t)getpid()); /* abort() */
    failed |= allow_form(filter, CALL(prlimit64), 2, UINT64_MAX, 0); /* look at limits */
    failed |= allow_form(filter, CALL(ioctl), 1, UINT32_MAX, FIONREAD);
    failed |= allow_form(filter, CALL(ioctl), 1, UINT32_MAX, FIONBIO);
    failed |= allow_form(filter, CALL(ioctl), 1, UINT32_MAX, TCGETS); /* isatty() */
    if (groups & CALLS_THREADS) {
        failed |= allow_form(filter, CALL(clone), 0, CLONE_THREAD, CLONE_THREAD);
        /* Its flags lie in memory, where a filter cannot look; libc then takes clone. */
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
    }
    if (groups & CALLS_CONNECT)
        failed |= add_sockets(filter);
    if (groups & CALLS_PACKETS)
        failed |= add_sending(filter);
    return failed;
}

enum err sandbox_calls(unsigned groups, struct fault *why)
{
    if (!sandbox_has_seccomp())
        return ERR_OK;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a seccomp filter");
    int failed = add_list(filter, SCMP_ACT_KILL_PROCESS, intruder_calls);
    for (size_t i = 0; i < sizeof groups_of_calls / sizeof *groups_of_calls && failed == 0; i++)
        if (groups_of_calls[i].group == 0 || (groups & groups_of_calls[i].group))
            failed = add_list(filter, SCMP_ACT_ALLOW, groups_of_calls[i].calls);
    if (failed == 0)
        failed = add_forms(filter, groups);
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed)
        return fault_errno(why, ERR_IO, failed < 0 ? -failed : failed,
                           "the system call filter is refused");
    return ERR_OK;
}
