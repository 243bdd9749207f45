/* What happens to the host beside the daemon: storage devices that are plugged in, and logins.
 * Counted, not named. */
#ifndef LANEWARD_DAEMON_HOST_WATCH_H
#define LANEWARD_DAEMON_HOST_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/counters.h"

enum { HOST_WATCH_ROOM = 256, HOST_WATCH_LOGINS_MS = 2000 };

/* Logins, each as a number of its own. */
struct host_logins {
    size_t n;
    uint64_t id[HOST_WATCH_ROOM];
};

struct host_watch {
    int uevents; /* the kernel's news of devices; -1: not to be had */
    const char *utmp_path;
    bool has_logins;
    int64_t looked_ms;
    struct host_logins known;
};

/* Opens what tells of the host; logins of before are not counted. `utmp_path`: where logins stand
 * when logind has no list of them. */
void host_watch_open(struct host_watch *watch, const char *utmp_path);

/* What cannot be told, in words, numbered from 0; NULL: no more. */
const char *host_watch_missing(const struct host_watch *watch, size_t n);

/* Takes the news, and looks at the logins when they are due; counts into media and logins. */
void host_watch_look(struct host_watch *watch, struct counters *counters, int64_t steady_ms);

void host_watch_close(struct host_watch *watch);

/* Pure: whether a message of the kernel says that a whole block device came by USB. */
bool host_watch_is_media(const char *message, size_t size);

/* Pure: the logins in the bytes of a utmp file. */
void host_watch_utmp(const uint8_t *bytes, size_t size, struct host_logins *out);

/* Pure: how many of `now` are not in `before`. */
size_t host_watch_new(const struct host_logins *before, const struct host_logins *now);

#endif
