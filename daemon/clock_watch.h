/* The wall clock against the one that is never set: steps of it, and the time that forgetting may
 * believe. Pure. */
#ifndef LANEWARD_DAEMON_CLOCK_WATCH_H
#define LANEWARD_DAEMON_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CLOCK_WATCH_STEP_MS = 5000,       /* a larger jump against the steady clock is a step */
    CLOCK_WATCH_ALLOWED_MS = 3600000, /* so far ahead the wall clock is believed by its own word */
};

/* Both clocks at one moment, in milliseconds, and whether the kernel says that the wall clock is
 * disciplined. */
struct clock_moment {
    int64_t wall_ms, steady_ms;
    bool synchronised;
};

/* What is destroyed cannot be brought back, so the time by which it is destroyed follows rules of
 * its own:
 * 1. It never goes back, and while the wall clock is not synchronised it goes on at least as the
 *    steady clock does: a clock that is set back keeps nothing longer.
 * 2. A synchronised wall clock is believed when it is later.
 * 3. One that is not synchronised is believed as long as it is at most an hour ahead of where the
 *    steady clock has come since the last belief of rule 2 or 4, or since the start.
 * 4. Farther ahead it is believed once it has stood so, without another step, for as long as it
 *    claims to be ahead: a clock set a day forward destroys nothing for a day. */
struct clock_watch {
    struct clock_moment last;
    int64_t believed_ms;
    int64_t trusted_ms, trusted_at_ms; /* rule 3: from here the steady clock counts */
    int64_t ahead_since_ms;            /* rule 4, steady; -1: it is not too far ahead */
};

/* `believed_ms`: what was believed last in an earlier life; 0: there was none, the wall clock is
 * taken. */
void clock_watch_begin(struct clock_watch *watch, int64_t believed_ms, struct clock_moment now);

/* To be called every few seconds. Returns the wall clock's step since the last look, in
 * milliseconds; 0: none. */
int64_t clock_watch_look(struct clock_watch *watch, struct clock_moment now);

/* The time by which may be forgotten. */
int64_t clock_watch_believed(const struct clock_watch *watch);

#endif
