/* What the kinds of cameras share: the way into the mailbox, waiting, and counting. */
#ifndef LANEWARD_DAEMON_CAPTURE_H
#define LANEWARD_DAEMON_CAPTURE_H

#include <stdbool.h>

#include "daemon/mailbox.h"
#include "daemon/role.h"

enum { CAPTURE_RATE_WINDOW = 5 }; /* seconds over which frames a second are counted */

struct capture {
    const struct role_env *env;
    const struct config_camera *camera;
    struct counters_camera *counters;
    struct mailbox *mailbox;
    bool is_synchronised;                      /* the clock; looked at once a second */
    int64_t ticked_ms;                         /* CLOCK_MONOTONIC; the last alive byte */
    int64_t complained_ms;                     /* the last word about a bad picture */
    uint64_t rate_frames[CAPTURE_RATE_WINDOW]; /* of each of the last seconds */
    uint64_t rate_before;                      /* frames counted until the running second */
    unsigned rate_at;
};

/* One kind of camera. `next` waits at most a second for something to do, does it, and returns
 * ERR_OK; ERR_CLOSED: there will be no more pictures; anything else ends the role. */
struct capture_source {
    enum err (*open)(struct capture *capture, void **source, struct fault *why);
    enum err (*next)(void *source, struct fault *why);
    void (*close)(void **source);
};

extern const struct capture_source capture_replay, capture_watch, capture_mjpeg;

/* The picture of `size` bytes in the mailbox's slot is complete. `number` 0: the one after the
 * last. `cursor` "" but for watched folders. */
void capture_deliver(struct capture *capture, size_t size, uint64_t number, int64_t seen_ms,
                     const char *cursor);

/* A picture that cannot be handed over; `what` is said now and then, without names. */
void capture_bad(struct capture *capture, const char *what);

/* Waits until `fd` (-1: none) is readable or the time is over. true: the role has been asked to
 * end. */
bool capture_wait(struct capture *capture, int fd, int timeout_ms);

/* What has to be done once a second: alive byte, clock, rate. capture_wait does it by itself. */
void capture_tick(struct capture *capture);

/* CLOCK_MONOTONIC in milliseconds. */
int64_t capture_now_ms(void);

#endif
