/* How much may be asked: a bucket of tokens a user, and one for the host. Pure; the caller gives
 * the time. */
#ifndef LANEWARD_DAEMON_LIMITS_H
#define LANEWARD_DAEMON_LIMITS_H

#include "base/err.h"
#include "config/config.h"
#include "daemon/ask.h"

/* Compiled in: a configuration can only go below. */
enum {
    LIMITS_QUERIES_PER_HOUR = 60, /* of one user */
    LIMITS_IMAGES_PER_HOUR = 30,
    LIMITS_IMAGES_PER_DAY = 300, /* of the host */
    LIMITS_QUERIES_PER_DAY = 2000,
    LIMITS_LANE_MINUTES = 10,   /* of a query without a plate */
    LIMITS_FREE_AGE_HOURS = 24, /* older: with a second person only */
    LIMITS_ALARM_REFUSALS = 10, /* of one user for rate within a minute */
};

struct limits;

enum err limits_new(struct limits **out, const struct config *config, struct fault *why) MUST_USE;
void limits_free(struct limits **limits);

/* The two clocks at one moment: Unix milliseconds, and those of the clock that is never set. */
struct limits_moment {
    int64_t now_ms, steady_ms;
};

struct limits_verdict {
    bool needs_second; /* it is answered when a second person has approved it */
    bool is_robot;     /* this refusal makes a robot of the user; told once a minute */
};

/* Shape, age and rate of a FIND, IMAGE or EXPORT; `approved`: a second person has said yes. Takes
 * its tokens when ERR_OK. ERR_DENIED: the shape is never answered, or needs a second person.
 * ERR_LIMIT: too often; the sentence says when again. */
enum err limits_check(struct limits *limits, const struct ask *ask, bool approved,
                      struct limits_moment moment, struct limits_verdict *verdict,
                      struct fault *why) MUST_USE;

#endif
