/* `lanewardd --probe`: what an intruder could do in a role's process, tried. */
#ifndef LANEWARD_DAEMON_PROBE_H
#define LANEWARD_DAEMON_PROBE_H

#include "daemon/role.h"

/* Starts processes of a role ("capture", ..., or "all") as the daemon starts them, with this
 * configuration and without a running daemon's socket or store being touched; each tries one thing.
 * Prints JSON. Returns the exit status: 0 all was as it should be, 1 something was not, or could
 * not be tried, 2 there is no such role. */
int probe_run(const char *role, const char *config_path);

/* In such a process, when its rights are in force: tries what probe_fd says, and tells. */
enum err probe_serve(const struct role_env *env, struct fault *why) MUST_USE;

#endif
