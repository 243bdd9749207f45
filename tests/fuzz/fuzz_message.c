/* Any bytes as a message between processes: refused, or the same bytes again when what was
 * understood is packed. */
#include <assert.h>
#include <string.h>

#include "daemon/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct message message;
    static uint8_t again[MESSAGE_MAX];
    struct fault why;
    if (message_unpack(bytes, size, &message, &why) != ERR_OK)
        return 0;
    size_t packed = message_pack(&message, again);
    assert(packed == size);
    assert(memcmp(bytes, again, size) == 0);
    return 0;
}
