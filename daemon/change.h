/* What a new configuration means for a running daemon: what it cannot take, and which parts run on.
 * Pure. */
#ifndef LANEWARD_DAEMON_CHANGE_H
#define LANEWARD_DAEMON_CHANGE_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"

/* ERR_INPUT: another user, or other marks of the TPM for the same store: these take a restart. */
enum err change_check(const struct config *now, const struct config *next,
                      struct fault *why) MUST_USE;

/* The cameras and their lanes are the same: their counters go on. */
bool change_keeps_lanes(const struct config *a, const struct config *b);

/* The keeper runs on through a reload that does not concern it. */
bool change_keeps_keeper(const struct config *a, const struct config *b);

/* The sockets stay where they are, and whose they are. */
bool change_keeps_sockets(const struct config *a, const struct config *b);

#endif
