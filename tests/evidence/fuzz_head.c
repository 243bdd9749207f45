/* Any bytes as a head of the log: refused, or the same bytes when packed again. */
#include <assert.h>
#include <string.h>

#include "evidence/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct head head;
    struct fault why;
    uint8_t packed[HEAD_MAX_BYTES];
    if (head_parse(bytes, size, &head, &why) != ERR_OK)
        return 0;
    size_t packed_size = head_pack(&head, packed);
    assert(packed_size == size && memcmp(packed, bytes, size) == 0);
    return 0;
}
