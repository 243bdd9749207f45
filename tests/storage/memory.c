/* Reads /proc/self/maps and /proc/self/mem. */
#include "memory.h"

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 1 << 20 };

/* Not one of the searched places: it is searched through. */
static uint8_t window[WINDOW + MEMORY_WORD];

static size_t count_in(const uint8_t *bytes, size_t size, const uint8_t masked[MEMORY_WORD])
{
    size_t n = 0;
    const uint8_t first = masked[0] ^ MEMORY_MASK;
    if (size < MEMORY_WORD)
        return 0;
    for (const uint8_t *at = bytes;
         (at = memchr(at, first, size - MEMORY_WORD + 1 - (size_t)(at - bytes))) != NULL;) {
        bool same = true;
        for (int i = 1; i < MEMORY_WORD && same; i++)
            same = (at[i] ^ MEMORY_MASK) == masked[i];
        n += same;
        if (++at > bytes + size - MEMORY_WORD)
            break;
    }
    return n;
}

static size_t count_range(int fd, unsigned long from, unsigned long to, const uint8_t *masked)
{
    size_t n = 0;
    while (from < to) {
        size_t want = to - from < sizeof window ? to - from : sizeof window;
        ssize_t got = pread(fd, window, want, (off_t)from);
        if (got < MEMORY_WORD)
            break;
        n += count_in(window, (size_t)got, masked);
        if ((size_t)got == to - from)
            break;
        from += (size_t)got - MEMORY_WORD + 1;
    }
    memset(window, 0, sizeof window);
    return n;
}

size_t memory_count(const uint8_t masked[MEMORY_WORD])
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert(maps != NULL && fd >= 0);
    char line[512];
    size_t n = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w' ||
            to - from > 1UL << 30) /* a sanitizer's shadow, which holds no data */
            continue;
        unsigned long here = (unsigned long)window;
        if (from <= here && here < to) { /* the window itself is left out */
            n += count_range(fd, from, here, masked);
            from = here + sizeof window;
        }
        n += count_range(fd, from, to, masked);
    }
    (void)close(fd);
    (void)fclose(maps);
    return n;
}
