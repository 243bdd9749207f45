/* Writing over the part of the stack that is not in use, and the registers that copy. */
#include "daemon/wipe.h"

#include <string.h>

enum { DEPTH = 512 * 1024 };

__attribute__((noinline)) void wipe_stack(void)
{
    char room[DEPTH];
    explicit_bzero(room, sizeof room);
    /* The wide registers still hold the last bytes that were copied; so nothing is copied in their
     * place, in each of the ways that libc has for a size. */
    for (volatile size_t size = 1; size < DEPTH / 2; size *= 2)
        memmove(room, room + DEPTH / 2, size + size / 2);
    explicit_bzero(room, sizeof room);
}
