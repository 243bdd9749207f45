/* What the daemon counts, in one page of memory that all roles share; numbers only. */
#ifndef LANEWARD_DAEMON_COUNTERS_H
#define LANEWARD_DAEMON_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "config/config.h"

enum { COUNTERS_LATENCY_BUCKETS = 32, COUNTERS_CONFIDENCE_BINS = 10 };

/* One camera. Times are Unix milliseconds, 0 = never. */
struct counters_camera {
    _Atomic uint64_t frames;     /* complete pictures received */
    _Atomic uint64_t dropped;    /* overwritten by a newer one before they were read */
    _Atomic uint64_t bad_frames; /* truncated, too large, not a JPEG */
    _Atomic uint64_t reconnects;
    _Atomic uint64_t recognized;     /* pictures gone through recognition */
    _Atomic uint64_t plates;         /* plates seen in them */
    _Atomic uint64_t passages;       /* vehicles */
    _Atomic uint64_t unread;         /* vehicles whose plate was not read */
    _Atomic uint64_t unacknowledged; /* passages that the keeper has not made durable yet */
    _Atomic uint64_t lost_passages;  /* given up because the ring was full */
    _Atomic int64_t last_frame_ms;
    _Atomic int64_t last_read_ms;
    _Atomic uint32_t connected; /* 0 or 1 */
    _Atomic uint32_t millifps;  /* frames a 1000 seconds over the last seconds */
    /* How well it reads, totals that tell of no vehicle. Of vehicles gone whose plate was read: how
     * many, those whose text fits a pattern, and by confidence, bin i from i / 10. Of readings:
     * where both readers gave a text, and where it was the same. */
    _Atomic uint64_t read, matched;
    _Atomic uint64_t confidence[COUNTERS_CONFIDENCE_BINS];
    _Atomic uint64_t compared, agreed;
    /* From a picture's last byte to its reading; bucket i counts [0.25 ms * 2^(i/2), next). */
    _Atomic uint64_t latency[COUNTERS_LATENCY_BUCKETS];
};

struct counters {
    _Atomic int64_t started_ms;
    _Atomic uint64_t restarts; /* children started again */
    _Atomic uint64_t store_errors;
    _Atomic uint64_t media;   /* storage devices that were plugged in */
    _Atomic uint64_t logins;  /* to the host */
    _Atomic uint64_t alarms;  /* raised by the keeper */
    /* SHA-256 of the configuration in force, and how often one was put in force: the keeper records
     * it. */
    _Atomic uint64_t config_digest[4];
    _Atomic uint32_t config_turn;
    _Atomic uint32_t binding; /* enum binding_kind, 0 = not yet known */
    struct counters_camera cameras[CONFIG_MAX_CAMERAS];
};

/* Add one latency. */
void counters_latency(struct counters_camera *camera, uint64_t microseconds);

/* The latency in milliseconds below which the share `q` (0..1) of pictures lies; 0 when none were
 * counted. */
double counters_quantile(const struct counters_camera *camera, double q);

/* Now: Unix milliseconds; and whether the kernel says that its clock is disciplined. */
int64_t counters_now_ms(void);
_Bool counters_clock_synchronised(void);

/* Milliseconds of the clock that is never set, for what lasts. */
int64_t counters_steady_ms(void);

#endif
