/* One request at a time to the witness's server: HTTPS by libcurl, which finds all that it needs in
 * memory. One a process. */
#ifndef LANEWARD_DAEMON_POST_H
#define LANEWARD_DAEMON_POST_H

#include <stddef.h>

#include "base/err.h"
#include "daemon/role.h"

/* Before rights are given up: makes TLS ready, reads authorities, certificate and key, and looks up
 * the server's name. What fails here is told by post_open. */
void post_prepare(const struct role_env *env);

/* ERR_INPUT: a file holds nothing of its kind. ERR_IO, ERR_MEMORY. */
enum err post_open(struct fault *why) MUST_USE;
void post_close(void);

/* Begins to send a line; none is under way. ERR_IO: the server's name has no number. ERR_MEMORY. */
enum err post_begin(const char *line, struct fault *why) MUST_USE;

/* Goes on with it, until one of `n` descriptors can be read or `timeout_ms` are over at the latest.
 * ERR_OK: the server has kept the line. ERR_AGAIN: nothing new. ERR_IO: the line is not kept; in
 * both cases it is no longer under way. ERR_MEMORY: libcurl cannot go on. */
enum err post_turn(const int *fds, size_t n, int timeout_ms, struct fault *why) MUST_USE;

#endif
