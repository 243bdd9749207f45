/* Counting, quantiles from counts, and the clock. */
#include "daemon/counters.h"

#include <math.h>
#include <stdbool.h>
#include <sys/timex.h>
#include <time.h>

static const double first_bucket_us = 250.0;

void counters_latency(struct counters_camera *camera, uint64_t microseconds)
{
    int bucket = 0;
    if ((double)microseconds > first_bucket_us)
        bucket = (int)(2.0 * log2((double)microseconds / first_bucket_us)) + 1;
    if (bucket >= COUNTERS_LATENCY_BUCKETS)
        bucket = COUNTERS_LATENCY_BUCKETS - 1;
    atomic_fetch_add(&camera->latency[bucket], 1);
}

double counters_quantile(const struct counters_camera *camera, double q)
{
    uint64_t count[COUNTERS_LATENCY_BUCKETS], total = 0, below = 0;
    for (int i = 0; i < COUNTERS_LATENCY_BUCKETS; i++)
        total += count[i] = atomic_load(&camera->latency[i]);
    if (total == 0)
        return 0;
    for (int i = 0; i < COUNTERS_LATENCY_BUCKETS; i++) {
        below += count[i];
        if ((double)below >= q * (double)total)
            return first_bucket_us * exp2(i / 2.0) / 1000.0;
    }
    return first_bucket_us * exp2(COUNTERS_LATENCY_BUCKETS / 2.0) / 1000.0;
}

int64_t counters_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t counters_steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool counters_clock_synchronised(void)
{
    struct timex state = {.modes = 0};
    int clock = adjtimex(&state);
    return clock >= 0 && clock != TIME_ERROR && !(state.status & STA_UNSYNC);
}
