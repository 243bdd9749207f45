/* From the parent's process into a role's: re-execution with numbered descriptors and nothing
 * secret in argv. */
#ifndef LANEWARD_DAEMON_SPAWN_H
#define LANEWARD_DAEMON_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemon/role.h"

/* Whether this process was started by spawn_role. */
bool spawn_is_role(const char *argv0);

/* Pure: the configuration as the role may know it. Only a capture keeps a source, and only its own;
 * paths that a role does not open are emptied. */
void spawn_config(const struct role_env *env, struct config *out);

/* Parent: starts the role that `env` describes, with `env`'s descriptors (all close-on-exec here;
 * -1: none) at the numbers where spawn_receive finds them. */
enum err spawn_role(const struct role_env *env, int counters_fd, pid_t *out,
                    struct fault *why) MUST_USE;

/* Role: what it was given. Points into memory that lasts as long as the process. */
enum err spawn_receive(struct role_env *out, pid_t *parent, struct fault *why) MUST_USE;

#endif
