/* The parent: opens what needs rights, starts the roles, keeps them running, stops them in order.
 */
#ifndef LANEWARD_DAEMON_PARENT_H
#define LANEWARD_DAEMON_PARENT_H

#include <stddef.h>

#include "base/err.h"
#include "config/config.h"

/* Reads a configuration and logs or, without a log, prints each complaint on stderr. */
enum err parent_load(const char *path, struct config *out, struct fault *why) MUST_USE;

/* The daemon's whole life, until SIGTERM or SIGINT. Anything but ERR_OK: it could not start. */
enum err parent_run(const char *config_path, struct fault *why) MUST_USE;

#endif
