/* The daemon on a host whose clocks the test sets. All of the daemon's own questions for the time
 * come through here (-Wl,--wrap); the file "clocks" beside the program says what is added. Each
 * process maps it before main, so that no right to open files is needed later. */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* Written by test_clock.py. */
struct clocks {
    int64_t wall_s;   /* added to the wall clock of every process */
    int64_t steady_s; /* added to the keeper's clock that is never set: time has gone by */
    int64_t is_synchronised;
};

static const volatile struct clocks *clocks;
static bool is_keeper;

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_adjtimex(struct timex *out);

__attribute__((constructor)) static void map_clocks(int argc, char **argv)
{
    char path[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
    char *name = length > 0 ? strrchr(path, '/') : NULL;
    if (name == NULL)
        abort();
    memcpy(name, "/clocks", sizeof "/clocks");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = mmap(NULL, sizeof *clocks, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || at == MAP_FAILED) {
        perror(path);
        abort();
    }
    close(fd);
    clocks = at;
    is_keeper = argc > 0 && strstr(argv[0], "keeper") != NULL;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int failed = __real_clock_gettime(clock, out);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        out->tv_sec += clocks->wall_s;
    else if (clock == CLOCK_MONOTONIC && is_keeper)
        out->tv_sec += clocks->steady_s;
    return failed;
}

/* As a kernel whose clock nobody disciplines, or somebody does. */
int __wrap_adjtimex(struct timex *out)
{
    out->status = clocks->is_synchronised != 0 ? 0 : STA_UNSYNC;
    return clocks->is_synchronised != 0 ? TIME_OK : TIME_ERROR;
}
