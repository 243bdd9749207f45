/* The kernel's messages of devices, and a utmp file: any bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/host_watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct host_logins logins;
    (void)host_watch_is_media((const char *)bytes, size);
    host_watch_utmp(bytes, size, &logins);
    assert(logins.n <= HOST_WATCH_ROOM && host_watch_new(&logins, &logins) == 0);
    return 0;
}
