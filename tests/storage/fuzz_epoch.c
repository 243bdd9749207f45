/* Fuzz target: the parser of a file of keys; what it takes does not unwrap under another key. */
#include <stdlib.h>
#include <string.h>

#include "storage/epoch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct epoch epoch;
    static uint8_t copy[EPOCH_MAX_BYTES];
    struct fault why;
    if (epoch_parse(bytes, size, &epoch.head, &why) != ERR_OK)
        return 0;
    if (size > sizeof copy)
        abort();
    memcpy(copy, bytes, size);
    if (epoch_unwrap(&epoch, copy, size, &why) == ERR_OK)
        abort();
    return 0;
}
