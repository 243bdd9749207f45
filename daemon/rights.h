/* What each role may do: one row of one table a role. */
#ifndef LANEWARD_DAEMON_RIGHTS_H
#define LANEWARD_DAEMON_RIGHTS_H

#include <stddef.h>

#include "base/err.h"
#include "daemon/role.h"

/* Takes away from this process all that its role does not need, for ever. Descriptors that are open
 * stay usable. */
enum err rights_apply(const struct role_env *env, struct fault *why) MUST_USE;

/* For the parent: no new privileges, not dumpable, no core file. */
enum err rights_apply_parent(struct fault *why) MUST_USE;

/* The n-th protection that this kernel does not offer, as a sentence; NULL behind the last. */
const char *rights_missing(size_t n);

#endif
