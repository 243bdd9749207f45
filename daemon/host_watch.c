/* The kernel's news of devices over netlink; logins from logind or utmp. */
#include "daemon/host_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>
#include <unistd.h>
#include <utmp.h>

enum { MESSAGE_SIZE = 8192, UTMP_SIZE = HOST_WATCH_ROOM * sizeof(struct utmp) };

static void add(struct host_logins *logins, const void *bytes, size_t size)
{
    uint64_t id = 0xcbf29ce484222325u; /* FNV-1a */
    const uint8_t *at = bytes;
    if (logins->n == HOST_WATCH_ROOM)
        return;
    for (size_t i = 0; i < size; i++)
        id = (id ^ at[i]) * 0x100000001b3u;
    logins->id[logins->n++] = id;
}

bool host_watch_is_media(const char *message, size_t size)
{
    bool is_add = false, is_block = false, is_disk = false, is_usb = false;
    const char *end = message + size;
    for (const char *at = message; at < end;) {
        const char *stop = memchr(at, '\0', (size_t)(end - at));
        if (stop == NULL)
            return false; /* each of the kernel's lines has its zero */
        is_add |= strcmp(at, "ACTION=add") == 0;
        is_block |= strcmp(at, "SUBSYSTEM=block") == 0;
        is_disk |= strcmp(at, "DEVTYPE=disk") == 0;
        is_usb |= strncmp(at, "DEVPATH=", 8) == 0 && strstr(at, "/usb") != NULL;
        at = stop + 1;
    }
    return is_add && is_block && is_disk && is_usb;
}

void host_watch_utmp(const uint8_t *bytes, size_t size, struct host_logins *out)
{
    struct utmp one;
    out->n = 0;
    for (; size >= sizeof one; bytes += sizeof one, size -= sizeof one) {
        memcpy(&one, bytes, sizeof one);
        struct {
            int64_t pid, sec, usec;
            char line[UT_LINESIZE];
        } key = {.pid = one.ut_pid, .sec = one.ut_tv.tv_sec, .usec = one.ut_tv.tv_usec};
        memcpy(key.line, one.ut_line, sizeof key.line);
        if (one.ut_type == USER_PROCESS)
            add(out, &key, sizeof key);
    }
}

size_t host_watch_new(const struct host_logins *before, const struct host_logins *now)
{
    size_t n = 0;
    for (size_t i = 0; i < now->n; i++) {
        bool is_known = false;
        for (size_t j = 0; j < before->n && !is_known; j++)
            is_known = before->id[j] == now->id[i];
        n += !is_known;
    }
    return n;
}

/* Sessions of people: not those that cron or a user's services open. */
static bool read_sessions(struct host_logins *out)
{
    char **sessions = NULL;
    int n = sd_get_sessions(&sessions);
    out->n = 0;
    for (int i = 0; i < n; i++) {
        char *class = NULL;
        if (sd_session_get_class(sessions[i], &class) >= 0 && strncmp(class, "user", 4) == 0)
            add(out, sessions[i], strlen(sessions[i]));
        free(class);
        free(sessions[i]);
    }
    free(sessions);
    return n >= 0;
}

static bool read_utmp(const char *path, struct host_logins *out)
{
    static uint8_t bytes[UTMP_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, bytes, sizeof bytes);
    close(fd);
    if (size < 0)
        return false;
    host_watch_utmp(bytes, (size_t)size, out);
    return true;
}

static bool read_logins(const struct host_watch *watch, struct host_logins *out)
{
    return read_sessions(out) || read_utmp(watch->utmp_path, out);
}

void host_watch_open(struct host_watch *watch, const char *utmp_path)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_groups = 1};
    int room = 1 << 20; /* many devices at once */
    *watch = (struct host_watch){.utmp_path = utmp_path};
    watch->uevents =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (watch->uevents >= 0 &&
        bind(watch->uevents, (const struct sockaddr *)&kernel, sizeof kernel) != 0)
        host_watch_close(watch);
    if (watch->uevents >= 0)
        (void)setsockopt(watch->uevents, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    watch->has_logins = read_logins(watch, &watch->known);
}

const char *host_watch_missing(const struct host_watch *watch, size_t n)
{
    if (watch->uevents < 0 && n-- == 0)
        return "the kernel's news of devices is not to be had: storage devices that are plugged in "
               "are not recorded";
    if (!watch->has_logins && n-- == 0)
        return "neither logind nor utmp tells of logins: they are not recorded";
    return NULL;
}

static void take_news(struct host_watch *watch, struct counters *counters)
{
    static char message[MESSAGE_SIZE];
    for (;;) {
        struct sockaddr_nl from = {0};
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(watch->uevents, message, sizeof message, MSG_DONTWAIT,
                             (struct sockaddr *)&from, &size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == ENOBUFS) { /* news was lost: it may have been a device */
            atomic_fetch_add(&counters->media, 1);
            continue;
        }
        if (n < 0)
            return;
        /* From the kernel itself, which has no number; not from a program that plays it. */
        if (from.nl_pid == 0 && host_watch_is_media(message, (size_t)n))
            atomic_fetch_add(&counters->media, 1);
    }
}

void host_watch_look(struct host_watch *watch, struct counters *counters, int64_t steady_ms)
{
    struct host_logins now;
    if (watch->uevents >= 0)
        take_news(watch, counters);
    if (watch->looked_ms != 0 && steady_ms - watch->looked_ms < HOST_WATCH_LOGINS_MS)
        return;
    watch->looked_ms = steady_ms;
    if (!read_logins(watch, &now))
        return;
    atomic_fetch_add(&counters->logins, host_watch_new(&watch->known, &now));
    watch->known = now;
}

void host_watch_close(struct host_watch *watch)
{
    if (watch->uevents >= 0)
        close(watch->uevents);
    watch->uevents = -1;
}
