/* What takes a second person: requests that wait, approvals, and exports. */
#ifndef LANEWARD_DAEMON_SECOND_H
#define LANEWARD_DAEMON_SECOND_H

#include "daemon/clerk.h"

/* Each answers one question, or says why not; the refusal is then recorded by the caller. */
enum err second_pending(struct clerk *clerk, struct ask *ask, struct fault *why) MUST_USE;
enum err second_approve(struct clerk *clerk, struct ask *ask, struct fault *why) MUST_USE;
enum err second_export(struct clerk *clerk, struct ask *ask, struct fault *why) MUST_USE;

/* The next part of an exported file. */
void second_more(struct clerk *clerk, const struct message *in);

/* Drops files that nobody has taken in time, or all of them. */
void second_sweep(struct clerk *clerk, bool all);

#endif
