/* What the daemon needs of its host before it starts: an ordinary user, its folders, its data. */
#ifndef LANEWARD_DAEMON_HOUSE_H
#define LANEWARD_DAEMON_HOUSE_H

#include <stddef.h>

#include "base/err.h"
#include "config/config.h"

/* Makes state_dir (mode 0700) and run_dir (0755) where they are missing, owned by the user that the
 * daemon will be. ERR_DENIED: state_dir belongs to someone else, or others may look into it. */
enum err house_folders(const struct config *config, struct fault *why) MUST_USE;

/* The file of the host's credential, where the service manager has given one; else *out = -1. A
 * role that reads it leaves its position alone: its successor is given the same. ERR_DENIED: others
 * may read it. */
enum err house_credential(int *out, struct fault *why) MUST_USE;

/* Started as root: becomes config->user for ever. ERR_NOT_FOUND: there is no such user. */
enum err house_become_user(const struct config *config, struct fault *why) MUST_USE;

/* PREFIX/share/laneward of the running program PREFIX/bin/lanewardd. */
enum err house_data_dir(char *out, size_t size, struct fault *why) MUST_USE;

#endif
