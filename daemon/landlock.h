/* Landlock by system call: which files, ports and neighbours this process can still reach. */
#ifndef LANEWARD_DAEMON_LANDLOCK_H
#define LANEWARD_DAEMON_LANDLOCK_H

#include <stdint.h>

#include "base/err.h"

/* What a path may be used for. */
enum landlock_use { LANDLOCK_READ, LANDLOCK_READ_WRITE };

/* The kernel's version of Landlock; 0: none. Files from 1, TCP ports from 4, signals and abstract
 * sockets from 6. */
int landlock_abi(void);

/* Begins a set of rules that allows nothing; -1 with errno when the kernel has no Landlock. */
int landlock_begin(void) MUST_USE;

/* Allows a file, or a folder with all below it. By path: one that does not exist is skipped. By
 * descriptor. */
enum err landlock_allow_path(int rules, const char *path, enum landlock_use use,
                             struct fault *why) MUST_USE;
enum err landlock_allow_fd(int rules, int fd, enum landlock_use use, struct fault *why) MUST_USE;

/* Allows connecting to a TCP port. ERR_OK without effect where the kernel has no rules for ports.
 */
enum err landlock_allow_port(int rules, uint16_t port, struct fault *why) MUST_USE;

/* From now on and for ever. Needs no_new_privs. Closes `rules`. */
enum err landlock_enforce(int rules, struct fault *why) MUST_USE;

#endif
