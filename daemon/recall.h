/* What a keeper that starts knows of what its forerunners have answered: by the log. */
#ifndef LANEWARD_DAEMON_RECALL_H
#define LANEWARD_DAEMON_RECALL_H

#include "daemon/limits.h"
#include "daemon/vault.h"

enum {
    RECALL_MS = 2 * 86400000, /* so far back: twice what the slowest bucket takes to fill */
    RECALL_RECORDS = 65536,   /* and at most so many records */
};

/* The limits as the log leaves them: a restart fills no bucket. What lies before the records that
 * are read is taken as the worst that it can have been. ERR_IO, ERR_MEMORY. */
enum err recall_limits(struct limits **out, struct vault *vault, struct fault *why) MUST_USE;

#endif
