/* Steps of the wall clock, and what of it is believed. */
#include "daemon/clock_watch.h"

static void trust(struct clock_watch *watch, struct clock_moment now)
{
    if (now.wall_ms > watch->believed_ms)
        watch->believed_ms = now.wall_ms;
    watch->trusted_ms = watch->believed_ms;
    watch->trusted_at_ms = now.steady_ms;
    watch->ahead_since_ms = -1;
}

static void believe(struct clock_watch *watch, struct clock_moment now, int64_t gone_ms,
                    bool is_step)
{
    if (now.synchronised) {
        trust(watch, now);
        return;
    }
    watch->believed_ms += gone_ms;
    int64_t ahead = now.wall_ms - watch->believed_ms;
    int64_t steady = watch->trusted_ms + (now.steady_ms - watch->trusted_at_ms);
    if (now.wall_ms <= steady + CLOCK_WATCH_ALLOWED_MS) {
        watch->believed_ms += ahead > 0 ? ahead : 0;
        watch->ahead_since_ms = -1;
        return;
    }
    if (watch->ahead_since_ms < 0 || is_step)
        watch->ahead_since_ms = now.steady_ms;
    if (now.steady_ms - watch->ahead_since_ms >= ahead)
        trust(watch, now);
}

void clock_watch_begin(struct clock_watch *watch, int64_t believed_ms, struct clock_moment now)
{
    int64_t first = believed_ms > 0 ? believed_ms : now.wall_ms;
    *watch = (struct clock_watch){.last = now,
                                  .believed_ms = first,
                                  .trusted_ms = first,
                                  .trusted_at_ms = now.steady_ms,
                                  .ahead_since_ms = -1};
    believe(watch, now, 0, false);
}

int64_t clock_watch_look(struct clock_watch *watch, struct clock_moment now)
{
    int64_t gone = now.steady_ms - watch->last.steady_ms;
    if (gone < 0)
        gone = 0;
    int64_t step = now.wall_ms - watch->last.wall_ms - gone;
    bool is_step = step > CLOCK_WATCH_STEP_MS || step < -CLOCK_WATCH_STEP_MS;
    believe(watch, now, gone, is_step);
    watch->last = now;
    return is_step ? step : 0;
}

int64_t clock_watch_believed(const struct clock_watch *watch)
{
    return watch->believed_ms;
}
