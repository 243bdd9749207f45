/* How much may be asked: buckets of tokens for each user, and for the host. Pure; the caller gives
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
    LIMITS_LANE_MINUTES = 10,        /* of a query without a plate */
    LIMITS_FREE_AGE_HOURS = 24,      /* older: with a second person only */
    LIMITS_RECORDS_PER_HOUR = 20000, /* of one auditor: pages of the log, each a record itself */
    LIMITS_POSTURES_PER_HOUR = 60,   /* of one user; each is a record and a signed head */
    LIMITS_ALARM_REFUSALS = 10,      /* of one user for rate within a minute */
    LIMITS_USERS = 1024,             /* told apart at once; those beyond share one user's buckets */
};

struct limits;

/* Every bucket is empty at since_ms, by the clock that is never set, and fills from then on: two
 * days ago they were full, whatever had been before. ERR_MEMORY. */
enum err limits_new(struct limits **out, const struct config *config, int64_t since_ms,
                    struct fault *why) MUST_USE;
void limits_free(struct limits **limits);

/* What an earlier life has answered since then: takes the tokens that it has cost at steady_ms.
 * Records come in their order, with those that cost nothing among them. */
void limits_recall(struct limits *limits, const struct entry *entry, int64_t steady_ms);

/* The clocks at one moment: Unix milliseconds, those of the clock that is never set, and the latest
 * Unix time that is believed: by it what is old stays old when the clock is set back. */
struct limits_moment {
    int64_t now_ms, steady_ms, latest_ms;
};

struct limits_verdict {
    bool needs_second; /* it is answered when a second person has approved it */
    bool is_robot;     /* this refusal makes a robot of the user; told once a minute */
};

/* Puts in what a FIND has left out, before anything is checked: with a plate, and nothing said of
 * time but perhaps a later end, `from` becomes the free age before now; without a plate `to`
 * becomes now. A `from` that is then at most a minute too early moves up. What is left open reaches
 * back for ever. */
void limits_complete(const struct limits *limits, struct ask *ask, struct limits_moment moment);

/* Rate of a LOG, PROVE or POSTURE; shape, rate and age of a FIND, IMAGE or EXPORT; `approved`: a
 * second person has said yes. Of an IMAGE find.from_ms is when the passage was, filled in by the
 * keeper (0: there is none); of an approved EXPORT the ids are its ticket's. Takes its tokens when
 * ERR_OK or needs_second: a query's or picture's of the user and of the host; an approved export's
 * pictures are the host's alone. ERR_DENIED: the shape is never answered, or needs a second person.
 * ERR_LIMIT: too often; the sentence says when again. */
enum err limits_check(struct limits *limits, const struct ask *ask, bool approved,
                      struct limits_moment moment, struct limits_verdict *verdict,
                      struct fault *why) MUST_USE;

/* Whether one refusal more is recorded: ten of a user at once, then one a second. The others are
 * counted, and *n_left_out (of all users, since a refusal was last recorded) goes with the next. */
bool limits_records(struct limits *limits, uint32_t uid, int64_t steady_ms, uint32_t *n_left_out);

#endif
