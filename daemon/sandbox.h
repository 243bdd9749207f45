/* The parts of a role's cell that are not files: system calls, namespaces, limits, capabilities. */
#ifndef LANEWARD_DAEMON_SANDBOX_H
#define LANEWARD_DAEMON_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Groups of system calls. All roles have the base: memory that cannot be run, time, and use of what
 * is open. */
enum {
    CALLS_FILES = 1 << 0,   /* open for reading, look, list */
    CALLS_WATCH = 1 << 1,   /* inotify */
    CALLS_STORE = 1 << 2,   /* create, write, lock, sync, remove files; lock memory */
    CALLS_CONNECT = 1 << 3, /* sockets towards others */
    CALLS_ACCEPT = 1 << 4,  /* sockets of others */
    CALLS_PACKETS = 1 << 5, /* send and receive on what is open */
    CALLS_THREADS = 1 << 6,
};

/* Allows the groups and nothing else. Other calls fail with EPERM; those that only an intruder
 * makes (execve, ptrace, mount, ...) end the process. ERR_OK without effect where the kernel has no
 * seccomp. */
enum err sandbox_calls(unsigned groups, struct fault *why) MUST_USE;

/* Whether the kernel has seccomp filters; whether this process may make namespaces. */
bool sandbox_has_seccomp(void);
bool sandbox_has_namespaces(void);

/* A network of its own, without any interface that is up. false: not permitted. */
bool sandbox_unshare(void);

/* Upper bounds: address space in MiB (0 = none), descriptors, no process or thread more unless
 * `with_threads`, and no core file ever. */
enum err sandbox_limits(unsigned memory_mib, unsigned descriptors, bool with_threads,
                        struct fault *why) MUST_USE;

/* No new privileges, no capabilities, not dumpable: nobody of this user can look inside. */
enum err sandbox_renounce(struct fault *why) MUST_USE;

#endif
